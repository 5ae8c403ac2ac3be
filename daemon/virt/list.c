/*
 * The list of domains, in few calls however many there are: one bulk call for
 * names, states and sizes, one each for who is transient (few are, most are
 * persistent) and who starts by itself. What the bulk call of a driver does not
 * tell is asked for each domain.
 */
#include "daemon/virt/job.h"

#include <libvirt/virterror.h>
#include <string.h>

#include "base/glob.h"
#include "daemon/virt/error.h"

/*
 * Domains of one kind, sorted by name. By name, since each call of libvirt that
 * yields a UUID prints it for its debug log, at 1 us a time.
 */
struct kind {
	virDomainPtr *domains;
	int count;
};

static void cleanup_kind(struct kind *kind)
{
	for (int i = 0; i < kind->count; i++)
		virDomainFree(kind->domains[i]);
	free(kind->domains);
}

static int compare_domains(const void *a, const void *b)
{
	return strcmp(virDomainGetName(*(const virDomainPtr *)a),
		      virDomainGetName(*(const virDomainPtr *)b));
}

static int compare_to_name(const void *name, const void *domain)
{
	return strcmp(name, virDomainGetName(*(const virDomainPtr *)domain));
}

/* The domains that have FLAGS (virConnectListAllDomainsFlags). */
static int collect(struct job *job, unsigned flags, struct kind *kind,
		   struct error *err)
{
	int count = virConnectListAllDomains(job->conn, &kind->domains, flags);

	if (count < 0)
		return failure_set(job, err);
	kind->count = count;
	qsort(kind->domains, (size_t)count, sizeof(*kind->domains),
	      compare_domains);
	return 0;
}

static bool contains(const struct kind *kind, const char *name)
{
	return bsearch(name, kind->domains, (size_t)kind->count,
		       sizeof(*kind->domains), compare_to_name);
}

/* libvirt's typed parameters of one domain; false where sizes are missing. */
static bool take_stats(const virDomainStatsRecord *record,
		       struct virt_domain *row)
{
	virTypedParameterPtr p = record->params;
	unsigned long long memory = 0, max = 0;
	int n = record->nparams, state = 0, reason = 0;
	unsigned vcpus = 0;

	/* In virDomainStatsTypes the state is the one group never left out. */
	virTypedParamsGetInt(p, n, "state.state", &state);
	virTypedParamsGetInt(p, n, "state.reason", &reason);
	row->state = (enum virt_state)state;
	row->reason = state_reason(state, reason);
	if (virTypedParamsGetUInt(p, n, "vcpu.current", &vcpus) != 1 ||
	    virTypedParamsGetULLong(p, n, "balloon.current", &memory) != 1 ||
	    virTypedParamsGetULLong(p, n, "balloon.maximum", &max) != 1)
		return false;
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

	if (inspect_names(job, record->dom, row, err) < 0)
		return -1;
	if (!take_stats(record, row) &&
	    inspect_sizes(job, record->dom, row, NULL, &failed) < 0) {
		if (failed.code == ERROR_NOT_FOUND ||
		    failed.code == ERROR_DENIED)
			return 0;
		return error_move(err, &failed);
	}
	return 1;
}

static int compare_rows(const void *a, const void *b)
{
	const struct virt_domain *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int fill_rows(struct job *job, virDomainStatsRecordPtr *records,
		     int count, const struct kind *transient,
		     const struct kind *autostart, struct error *err)
{
	struct virt_reply *reply = job->reply;
	char *const *scope = job->request->scope;

	for (int i = 0; i < count; i++) {
		size_t at = reply->value.list.count;
		struct virt_domain *row = &reply->value.list.rows[at];
		const char *name = virDomainGetName(records[i]->dom);
		int filled;

		if (scope && !glob_match_any(scope, name))
			continue;
		filled = fill_row(job, records[i], row, err);
		row->persistent = !contains(transient, name);
		row->autostart = contains(autostart, name);
		if (filled > 0)
			reply->value.list.count++;
		else
			domain_clear(row);
		if (filled < 0)
			return -1;
	}
	return 0;
}

static int fill_list(struct job *job, virDomainStatsRecordPtr *records,
		     int count, struct error *err)
{
	cleanup(cleanup_kind) struct kind transient = {0};
	cleanup(cleanup_kind) struct kind autostart = {0};
	struct virt_reply *reply = job->reply;
	struct virt_domain *rows = calloc((size_t)count + 1, sizeof(*rows));

	if (!rows)
		return error_set_no_memory(err);
	reply->kind = VIRT_VALUE_LIST;
	reply->value.list.rows = rows;
	if (collect(job, VIR_CONNECT_LIST_DOMAINS_TRANSIENT, &transient, err) <
		    0 ||
	    collect(job, VIR_CONNECT_LIST_DOMAINS_AUTOSTART, &autostart, err) <
		    0 ||
	    fill_rows(job, records, count, &transient, &autostart, err) < 0)
		return -1;
	qsort(rows, reply->value.list.count, sizeof(*rows), compare_rows);
	return 0;
}

/*
 * What the bulk call is asked for. Sizes there cost the driver more than a call
 * for each domain does inside this process, but far less than a round trip.
 */
static unsigned stats_of(const struct job *job)
{
	unsigned stats = VIR_DOMAIN_STATS_STATE;

	if (job->remote)
		stats |= VIR_DOMAIN_STATS_VCPU | VIR_DOMAIN_STATS_BALLOON;
	return stats;
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
		job->conn, stats_of(job), &records,
		VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT);
	if (count < 0)
		return failure_set(job, err);
	result = fill_list(job, records, count, err);
	virDomainStatsRecordListFree(records);
	return result;
}
