/*
 * Statistics (stats.h): one bulk call for all domains or one, its typed
 * parameters copied as they come, and what the driver's bulk call leaves out
 * filled in by virDomainGetInfo.
 */
#include "daemon/virt/stats.h"

#include <libvirt/virterror.h>
#include <string.h>

#include "base/glob.h"
#include "daemon/virt/error.h"
#include "daemon/virt/flags.h"
#include "daemon/virt/record_make.h"

/* Of balloon.*, what is not memory (in KiB). */
static const char *const not_memory[] = {
	"balloon.major_fault",    "balloon.minor_fault",
	"balloon.last-update",    "balloon.hugetlb_pgalloc",
	"balloon.hugetlb_pgfail",
};

static bool is_memory(const char *name)
{
	if (strncmp(name, "balloon.", 8) != 0)
		return false;
	for (size_t i = 0; i < array_size(not_memory); i++)
		if (strcmp(name, not_memory[i]) == 0)
			return false;
	return true;
}

static int take_state(struct virt_record *row, virTypedParameterPtr p, int n,
		      struct error *err)
{
	int state = 0, reason = 0;

	if (virTypedParamsGetInt(p, n, "state.state", &state) != 1)
		return 0;
	virTypedParamsGetInt(p, n, "state.reason", &reason);
	if (record_number(row, (uint64_t)state, err, "state.state") < 0)
		return -1;
	return record_text(row, state_reason(state, reason), err,
			   "state.reason");
}

static int take_parameters(struct virt_record *row, virTypedParameterPtr p,
			   int n, struct error *err)
{
	size_t first = row->count;

	for (int i = 0; i < n; i++)
		if (strncmp(p[i].field, "state.", 6) != 0 &&
		    record_parameters(row, &p[i], 1, err) < 0)
			return -1;
	for (size_t i = first; i < row->count; i++)
		if (is_memory(row->fields[i].name))
			row->fields[i].number *= 1024;
	return 0;
}

static bool has_field(virTypedParameterPtr p, int n, const char *name)
{
	return virTypedParamsGet(p, n, name) != NULL;
}

/* What drivers without a bulk call of their own (test) do not tell. */
static int fill_in(struct job *job, const virDomainStatsRecord *from,
		   struct virt_record *row, struct error *err)
{
	virTypedParameterPtr p = from->params;
	int n = from->nparams;
	unsigned groups = job->request->flags ? job->request->flags : ~0u;
	bool cpu = groups & VIRT_STATS_CPU && !has_field(p, n, "cpu.time");
	bool balloon = groups & VIRT_STATS_BALLOON &&
		       !has_field(p, n, "balloon.current");
	bool vcpu =
		groups & VIRT_STATS_VCPU && !has_field(p, n, "vcpu.current");
	virDomainInfo info;

	if ((!cpu && !balloon && !vcpu) ||
	    virDomainGetInfo(from->dom, &info) < 0)
		return 0;
	if (cpu && info.cpuTime &&
	    record_number(row, info.cpuTime, err, "cpu.time") < 0)
		return -1;
	if (balloon && (record_number(row, info.memory * 1024ull, err,
				      "balloon.current") < 0 ||
			record_number(row, info.maxMem * 1024ull, err,
				      "balloon.maximum") < 0))
		return -1;
	if (!vcpu)
		return 0;
	return record_number(row, info.nrVirtCpu, err, "vcpu.current");
}

static int fill_row(struct job *job, const virDomainStatsRecord *from,
		    struct virt_record *row, struct error *err)
{
	virDomainGetUUIDString(from->dom, row->uuid);
	row->name = strdup(virDomainGetName(from->dom));
	if (!row->name)
		return error_set_no_memory(err);
	if (take_state(row, from->params, from->nparams, err) < 0 ||
	    take_parameters(row, from->params, from->nparams, err) < 0)
		return -1;
	return fill_in(job, from, row, err);
}

static int compare_records(const void *a, const void *b)
{
	const struct virt_record *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int fill(struct job *job, virDomainStatsRecordPtr *from, int count,
		struct error *err)
{
	autoptr(virt_records) records = records_new((size_t)count);
	char *const *scope = job->request->scope;

	if (!records)
		return error_set_no_memory(err);
	records->count = 0;
	for (int i = 0; i < count; i++) {
		if (scope &&
		    !glob_match_any(scope, virDomainGetName(from[i]->dom)))
			continue;
		if (fill_row(job, from[i], &records->list[records->count++],
			     err) < 0)
			return -1;
	}
	qsort(records->list, records->count, sizeof(*records->list),
	      compare_records);
	return records_reply(job, steal(&records), err);
}

static int translate(const struct request *request, unsigned *groups,
		     unsigned *options, struct error *err)
{
	static const struct flag_pair group_pairs[] = {
		{VIRT_STATS_STATE, VIR_DOMAIN_STATS_STATE},
		{VIRT_STATS_CPU, VIR_DOMAIN_STATS_CPU_TOTAL},
		{VIRT_STATS_BALLOON, VIR_DOMAIN_STATS_BALLOON},
		{VIRT_STATS_VCPU, VIR_DOMAIN_STATS_VCPU},
		{VIRT_STATS_INTERFACE, VIR_DOMAIN_STATS_INTERFACE},
		{VIRT_STATS_BLOCK, VIR_DOMAIN_STATS_BLOCK},
		{VIRT_STATS_PERF, VIR_DOMAIN_STATS_PERF},
		{VIRT_STATS_IOTHREAD, VIR_DOMAIN_STATS_IOTHREAD},
		{VIRT_STATS_DIRTYRATE, VIR_DOMAIN_STATS_DIRTYRATE},
		{VIRT_STATS_VM, VIR_DOMAIN_STATS_VM},
	};
	static const struct flag_pair option_pairs[] = {
		{VIRT_STATS_NOWAIT, VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT},
		{VIRT_STATS_BACKING, VIR_CONNECT_GET_ALL_DOMAINS_STATS_BACKING},
		{VIRT_STATS_ENFORCE,
		 VIR_CONNECT_GET_ALL_DOMAINS_STATS_ENFORCE_STATS},
		{VIRT_STATS_ACTIVE, VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE},
		{VIRT_STATS_INACTIVE,
		 VIR_CONNECT_GET_ALL_DOMAINS_STATS_INACTIVE},
		{VIRT_STATS_PERSISTENT,
		 VIR_CONNECT_GET_ALL_DOMAINS_STATS_PERSISTENT},
		{VIRT_STATS_TRANSIENT,
		 VIR_CONNECT_GET_ALL_DOMAINS_STATS_TRANSIENT},
	};

	if (flags_translate(request->flags, group_pairs,
			    array_size(group_pairs), groups, err) < 0 ||
	    flags_translate(request->number, option_pairs,
			    array_size(option_pairs), options, err) < 0)
		return -1;
	return 0;
}

int run_stats(struct job *job, struct error *err)
{
	virDomainStatsRecordPtr *records = NULL;
	unsigned groups, options;
	int count, result;

	if (translate(job->request, &groups, &options, err) < 0 ||
	    (job->request->domain && lookup_domain(job, err) < 0))
		return -1;
	if (job->domain) {
		virDomainPtr one[] = {job->domain, NULL};

		count = virDomainListGetStats(one, groups, &records, options);
	} else {
		job->kind = "statistics of the domains";
		count = virConnectGetAllDomainStats(job->conn, groups, &records,
						    options);
	}
	if (count < 0)
		return failure_set(job, err);
	result = fill(job, records, count, err);
	virDomainStatsRecordListFree(records);
	return result;
}
