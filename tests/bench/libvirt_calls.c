/*
 * The reference for calls: virDomainGetInfo from a number of threads over one
 * libvirt connection, usually test+tls://. One result line of JSON; with 0
 * threads it opens IDLE connections instead, prints "ready" and ends with its
 * input.
 *
 * usage: libvirt_calls URI THREADS SECONDS [IDLE]
 */
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "bench.h"

struct caller {
	pthread_t thread;
	virDomainPtr domain;
	atomic_int *phase; /* 0 warming, 1 measuring, 2 over */
	struct samples samples;
};

static _Noreturn void die(void)
{
	fprintf(stderr, "libvirt_calls: %s\n", virGetLastErrorMessage());
	exit(1);
}

static void *call_on(void *context)
{
	struct caller *c = context;
	virDomainInfo info;
	int phase;

	while ((phase = atomic_load(c->phase)) != 2) {
		uint64_t begin = clock_monotonic_ns();

		if (virDomainGetInfo(c->domain, &info) < 0)
			die();
		if (phase == 1)
			samples_add(&c->samples, clock_monotonic_ns() - begin);
	}
	return NULL;
}

static void nap(double seconds)
{
	struct timespec t = {.tv_sec = (time_t)seconds};

	t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
	nanosleep(&t, NULL);
}

static void measure(virConnectPtr conn, size_t threads, double seconds)
{
	struct caller *callers = calloc(threads, sizeof(*callers));
	struct samples all = {0};
	atomic_int phase = 0;
	uint64_t begin;
	double took;

	for (size_t i = 0; i < threads; i++) {
		callers[i].domain = virDomainLookupByName(conn, "test");
		callers[i].phase = &phase;
		if (!callers[i].domain)
			die();
		pthread_create(&callers[i].thread, NULL, call_on, &callers[i]);
	}
	nap(seconds * 0.2 + 0.2);
	begin = clock_monotonic_ns();
	atomic_store(&phase, 1);
	nap(seconds);
	atomic_store(&phase, 2);
	took = (double)(clock_monotonic_ns() - begin) / 1e9;
	for (size_t i = 0; i < threads; i++) {
		pthread_join(callers[i].thread, NULL);
		for (size_t k = 0; k < callers[i].samples.n; k++)
			samples_add(&all, callers[i].samples.ns[k]);
	}
	printf("{\"calls_per_second\": %.0f, \"p50_us\": %.1f, \"p99_us\": "
	       "%.1f}\n",
	       (double)all.n / took, samples_us(&all, 0.5),
	       samples_us(&all, 0.99));
}

static void hold(const char *uri, int n)
{
	for (int i = 0; i < n; i++)
		if (!virConnectOpen(uri))
			die();
	printf("ready\n");
	fflush(stdout);
	while (getchar() != EOF)
		;
}

int main(int argc, char **argv)
{
	virConnectPtr conn;

	if (argc < 4) {
		fprintf(stderr, "usage: libvirt_calls URI THREADS SECONDS "
				"[IDLE]\n");
		return 2;
	}
	if (atoi(argv[2]) == 0) {
		hold(argv[1], argc > 4 ? atoi(argv[4]) : 1);
		return 0;
	}
	conn = virConnectOpen(argv[1]);
	if (!conn)
		die();
	measure(conn, (size_t)atoi(argv[2]), atof(argv[3]));
	virConnectClose(conn);
	return 0;
}
