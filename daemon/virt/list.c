/*
 * The list of domains (list.h): the inventory's rows, which come from libvirt in
 * few calls however many there are: one bulk call for names, states and sizes, one
 * each for who is transient (few are, most are persistent) and who starts by
 * itself. What the bulk call of a driver does not tell is asked for each domain.
 */
#include "daemon/virt/job.h"

#include <libvirt/virterror.h>
#include <string.h>

#include "base/clock.h"
#include "base/glob.h"
#include "daemon/virt/error.h"
#include "daemon/virt/inventory.h"
#include "daemon/virt/list.h"
#include "daemon/virt/rows.h"

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

static int add_rows(struct job *job, virDomainStatsRecordPtr *records,
		    int count, const struct kind *transient,
		    const struct kind *autostart, struct rows *rows,
		    struct error *err)
{
	for (int i = 0; i < count; i++) {
		const char *name = virDomainGetName(records[i]->dom);
		struct virt_domain row = {0};
		int filled = fill_row(job, records[i], &row, err);

		row.persistent = !contains(transient, name);
		row.autostart = contains(autostart, name);
		if (filled > 0 && rows_add(rows, &row) < 0)
			filled = error_set_no_memory(err);
		domain_clear(&row);
		if (filled < 0)
			return -1;
	}
	rows_sort(rows);
	return 0;
}

static struct rows *make_rows(struct job *job, virDomainStatsRecordPtr *records,
			      int count, struct error *err)
{
	cleanup(cleanup_kind) struct kind transient = {0};
	cleanup(cleanup_kind) struct kind autostart = {0};
	autoptr(rows) rows = rows_new((size_t)count);

	if (!rows) {
		error_set_no_memory(err);
		return NULL;
	}
	rows->as_of_us = clock_realtime_us();
	if (collect(job, VIR_CONNECT_LIST_DOMAINS_TRANSIENT, &transient, err) <
		    0 ||
	    collect(job, VIR_CONNECT_LIST_DOMAINS_AUTOSTART, &autostart, err) <
		    0 ||
	    add_rows(job, records, count, &transient, &autostart, rows, err) <
		    0)
		return NULL;
	return steal(&rows);
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
struct rows *list_read_all(struct job *job, struct error *err)
{
	virDomainStatsRecordPtr *records = NULL;
	struct rows *rows;
	int count;

	count = virConnectGetAllDomainStats(
		job->conn, stats_of(job), &records,
		VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT);
	if (count < 0) {
		failure_set(job, err);
		return NULL;
	}
	rows = make_rows(job, records, count, err);
	virDomainStatsRecordListFree(records);
	return rows;
}

/* 0: it went away while it was asked for. */
static int unless_gone(struct job *job, struct error *err)
{
	autoerror failed = {0};

	failure_set(job, &failed);
	if (failed.code == ERROR_NOT_FOUND || failed.code == ERROR_DENIED)
		return 0;
	return error_move(err, &failed);
}

static int fill_kinds(virDomainPtr domain, struct virt_domain *row)
{
	int persistent = virDomainIsPersistent(domain);
	int autostart = 0;

	if (persistent < 0)
		return -1;
	/* Not every driver has it; those list none with autostart either. */
	virDomainGetAutostart(domain, &autostart);
	row->persistent = persistent > 0;
	row->autostart = autostart > 0;
	return 0;
}

static int read_domain(struct job *job, virDomainPtr domain,
		       struct virt_domain *row, struct error *err)
{
	virDomainPtr one[] = {domain, NULL};
	virDomainStatsRecordPtr *records = NULL;
	int count =
		virDomainListGetStats(one, stats_of(job), &records,
				      VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT);
	int found = 0;

	if (count < 0)
		return unless_gone(job, err);
	if (count > 0)
		found = fill_row(job, records[0], row, err);
	virDomainStatsRecordListFree(records);
	if (found > 0 && fill_kinds(domain, row) < 0)
		return unless_gone(job, err);
	return found;
}

int list_read_one(struct job *job, const char *uuid, struct virt_domain *row,
		  struct error *err)
{
	autodomain domain = virDomainLookupByUUIDString(job->conn, uuid);
	int found = domain ? read_domain(job, domain, row, err)
			   : unless_gone(job, err);

	if (found <= 0)
		domain_clear(row);
	return found;
}

/* Those that the caller may know of; their strings stay the inventory's. */
static int reply_scope(struct virt_reply *reply, const struct rows *rows,
		       char *const *scope, struct error *err)
{
	struct virt_domain *seen = calloc(rows->count + 1, sizeof(*seen));
	size_t count = 0;

	if (!seen)
		return error_set_no_memory(err);
	for (size_t i = 0; i < rows->count; i++)
		if (glob_match_any(scope, rows->list[i].name))
			seen[count++] = rows->list[i];
	reply->value.list.rows = seen;
	reply->value.list.count = count;
	return 0;
}

int run_list(struct job *job, struct error *err)
{
	struct virt_reply *reply = job->reply;
	char *const *scope = job->request->scope;
	struct rows *rows = inventory_rows(job->inventory, job, err);

	if (!rows)
		return -1;
	reply->kind = VIRT_VALUE_LIST;
	reply->value.list.shared = rows;
	reply->value.list.as_of_us = rows->as_of_us;
	if (scope)
		return reply_scope(reply, rows, scope, err);
	reply->value.list.rows = rows->list;
	reply->value.list.count = rows->count;
	return 0;
}
