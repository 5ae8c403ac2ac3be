/*
 * The reference for lists: virConnectGetAllDomainStats with the states alone, one
 * call at a time over one libvirt connection, usually test+tls://. One result line
 * of JSON.
 *
 * usage: libvirt_list URI DOMAINS SECONDS
 */
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "bench.h"

static _Noreturn void die(const char *words)
{
	fprintf(stderr, "libvirt_list: %s\n", words);
	exit(1);
}

static void list(virConnectPtr conn, int expected)
{
	virDomainStatsRecordPtr *records = NULL;
	int count = virConnectGetAllDomainStats(conn, VIR_DOMAIN_STATS_STATE,
						&records, 0);

	if (count < 0)
		die(virGetLastErrorMessage());
	if (count != expected)
		die("it lists another number of domains");
	virDomainStatsRecordListFree(records);
}

static void measure(virConnectPtr conn, int expected, double seconds)
{
	struct samples samples = {0};
	uint64_t begin = clock_monotonic_ns(), now = begin;

	for (int warm = 0; warm < 3; warm++)
		list(conn, expected);
	for (begin = now = clock_monotonic_ns();
	     (double)(now - begin) < seconds * 1e9;) {
		uint64_t before = now;

		list(conn, expected);
		now = clock_monotonic_ns();
		samples_add(&samples, now - before);
	}
	printf("{\"p50_us\": %.1f, \"p99_us\": %.1f}\n",
	       samples_us(&samples, 0.5), samples_us(&samples, 0.99));
}

int main(int argc, char **argv)
{
	virConnectPtr conn;

	if (argc < 4) {
		fprintf(stderr, "usage: libvirt_list URI DOMAINS SECONDS\n");
		return 2;
	}
	conn = virConnectOpen(argv[1]);
	if (!conn)
		die(virGetLastErrorMessage());
	measure(conn, atoi(argv[2]), atof(argv[3]));
	virConnectClose(conn);
	return 0;
}
