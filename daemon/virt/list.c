/*
 * The list of domains, in few calls however many there are: one bulk call for
 * names, states and sizes, one each for who is persistent and who starts by
 * itself. What the bulk call of a driver does not tell is asked for each domain.
 */
#include "daemon/virt/job.h"

#include <libvirt/virterror.h>
#include <string.h>

#include "base/glob.h"
#include "daemon/virt/error.h"

/* A sorted set of UUIDs. */
struct uuids {
	unsigned char (*bytes)[VIR_UUID_BUFLEN];
	size_t count;
};

static void cleanup_uuids(struct uuids *uuids)
{
	free(uuids->bytes);
}

static int compare_uuids(const void *a, const void *b)
{
	return memcmp(a, b, VIR_UUID_BUFLEN);
}

static void free_domains(virDomainPtr *domains, int count)
{
	for (int i = 0; i < count; i++)
		virDomainFree(domains[i]);
	free(domains);
}

/* The domains that have FLAGS (virConnectListAllDomainsFlags). */
static int collect(struct job *job, unsigned flags, struct uuids *out,
		   struct error *err)
{
	virDomainPtr *domains = NULL;
	int count = virConnectListAllDomains(job->conn, &domains, flags);

	if (count < 0)
		return failure_set(job, err);
	out->bytes = calloc((size_t)count + 1, sizeof(*out->bytes));
	for (int i = 0; out->bytes && i < count; i++)
		if (virDomainGetUUID(domains[i], out->bytes[out->count]) == 0)
			out->count++;
	free_domains(domains, count);
	if (!out->bytes)
		return error_set_no_memory(err);
	qsort(out->bytes, out->count, sizeof(*out->bytes), compare_uuids);
	return 0;
}

static bool contains(const struct uuids *uuids, virDomainPtr domain)
{
	unsigned char uuid[VIR_UUID_BUFLEN];

	return virDomainGetUUID(domain, uuid) == 0 &&
	       bsearch(uuid, uuids->bytes, uuids->count, sizeof(uuid),
		       compare_uuids);
}

/* libvirt's typed parameters of one domain; false where any is missing. */
static bool take_stats(const virDomainStatsRecord *record,
		       struct virt_domain *row)
{
	virTypedParameterPtr p = record->params;
	unsigned long long memory = 0, max = 0;
	int n = record->nparams, state = 0, reason = 0;
	unsigned vcpus = 0;

	if (virTypedParamsGetInt(p, n, "state.state", &state) != 1 ||
	    virTypedParamsGetInt(p, n, "state.reason", &reason) != 1 ||
	    virTypedParamsGetUInt(p, n, "vcpu.current", &vcpus) != 1 ||
	    virTypedParamsGetULLong(p, n, "balloon.current", &memory) != 1 ||
	    virTypedParamsGetULLong(p, n, "balloon.maximum", &max) != 1)
		return false;
	row->state = (enum virt_state)state;
	row->reason = state_reason(state, reason);
	row->vcpus = vcpus;
	row->memory_kib = memory;
	row->max_memory_kib = max;
	return true;
}

/* 1: ROW is set; 0: the domain went away, or is not ours to see; -1: ERR. */
static int fill_row(struct job *job, const virDomainStatsRecord *record,
		    struct virt_domain *row, struct error *err)
{
	autoerror failed = {0};

	if (inspect_names(record->dom, row, err) < 0)
		return -1;
	if (!take_stats(record, row) &&
	    inspect_sizes(job, record->dom, row, NULL, &failed) < 0) {
		if (failed.code == ERROR_NOT_FOUND ||
		    failed.code == ERROR_DENIED)
			return 0;
		return error_move(err, &failed);
	}
	inspect_title(record->dom, row);
	return 1;
}

static int compare_rows(const void *a, const void *b)
{
	const struct virt_domain *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int fill_list(struct job *job, virDomainStatsRecordPtr *records,
		     int count, struct error *err)
{
	cleanup(cleanup_uuids) struct uuids persistent = {0};
	cleanup(cleanup_uuids) struct uuids autostart = {0};
	struct virt_reply *reply = job->reply;
	struct virt_domain *rows = calloc((size_t)count + 1, sizeof(*rows));

	if (!rows)
		return error_set_no_memory(err);
	reply->kind = VIRT_VALUE_LIST;
	reply->value.list.rows = rows;
	if (collect(job, VIR_CONNECT_LIST_DOMAINS_PERSISTENT, &persistent,
		    err) < 0 ||
	    collect(job, VIR_CONNECT_LIST_DOMAINS_AUTOSTART, &autostart, err) <
		    0)
		return -1;
	for (int i = 0; i < count; i++) {
		struct virt_domain *row = &rows[reply->value.list.count];
		virDomainPtr domain = records[i]->dom;
		int filled;

		if (job->request->scope &&
		    !glob_match_any(job->request->scope,
				    virDomainGetName(domain)))
			continue;
		filled = fill_row(job, records[i], row, err);
		row->persistent = contains(&persistent, domain);
		row->autostart = contains(&autostart, domain);
		if (filled > 0)
			reply->value.list.count++;
		else
			domain_clear(row);
		if (filled < 0)
			return -1;
	}
	qsort(rows, reply->value.list.count, sizeof(*rows), compare_rows);
	return 0;
}

/*
 * NOWAIT: a domain that is busy (migrating) tells what is known without it,
 * instead of holding up the whole list.
 */
int run_list(struct job *job, struct error *err)
{
	virDomainStatsRecordPtr *records = NULL;
	int count, result;

	count = virConnectGetAllDomainStats(
		job->conn,
		VIR_DOMAIN_STATS_STATE | VIR_DOMAIN_STATS_VCPU |
			VIR_DOMAIN_STATS_BALLOON,
		&records, VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT);
	if (count < 0)
		return failure_set(job, err);
	result = fill_list(job, records, count, err);
	virDomainStatsRecordListFree(records);
	return result;
}
