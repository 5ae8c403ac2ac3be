/*
 * Statistics of domains: the handler of domain.stats. One request to virt for
 * all of them; the fields come by their names (fields.h).
 */
#include "daemon/virt/stats.h"

#include "api/codec.h"
#include "daemon/ops/fields.h"

static unsigned group_bits(const struct domain_stats_params *p)
{
	static const unsigned bits[] = {
		[STATS_GROUP_STATE] = VIRT_STATS_STATE,
		[STATS_GROUP_CPU] = VIRT_STATS_CPU,
		[STATS_GROUP_BALLOON] = VIRT_STATS_BALLOON,
		[STATS_GROUP_VCPU] = VIRT_STATS_VCPU,
		[STATS_GROUP_INTERFACE] = VIRT_STATS_INTERFACE,
		[STATS_GROUP_BLOCK] = VIRT_STATS_BLOCK,
		[STATS_GROUP_PERF] = VIRT_STATS_PERF,
		[STATS_GROUP_IOTHREAD] = VIRT_STATS_IOTHREAD,
		[STATS_GROUP_DIRTYRATE] = VIRT_STATS_DIRTYRATE,
		[STATS_GROUP_VM] = VIRT_STATS_VM,
	};
	unsigned groups = 0;

	for (size_t i = 0; i < p->groups_count; i++)
		groups |= bits[p->groups[i]];
	return groups;
}

static unsigned option_bits(const struct domain_stats_params *p)
{
	unsigned options = 0;

	if (p->nowait)
		options |= VIRT_STATS_NOWAIT;
	if (p->backing)
		options |= VIRT_STATS_BACKING;
	if (p->enforce)
		options |= VIRT_STATS_ENFORCE;
	if (p->has_active)
		options |= p->active ? VIRT_STATS_ACTIVE : VIRT_STATS_INACTIVE;
	if (p->has_persistent)
		options |= p->persistent ? VIRT_STATS_PERSISTENT
					 : VIRT_STATS_TRANSIENT;
	return options;
}

static int put_all(struct domain_stats_list *list,
		   const struct virt_records *records, struct error *err)
{
	list->domains = calloc(records->count + 1, sizeof(*list->domains));
	if (!list->domains)
		return error_set_no_memory(err);
	for (size_t i = 0; i < records->count; i++)
		if (fields_put(&api_type_domain_stats,
			       &list->domains[list->domains_count++],
			       &records->list[i], err) < 0)
			return -1;
	return 0;
}

static void on_stats(void *context, struct virt_reply *reply)
{
	struct domain_stats_list list = {0};
	autoerror err = {0};

	if (!ops_succeeded(context, reply))
		return;
	if (put_all(&list, reply->value.noun.data, &err) < 0)
		call_fail(context, &err);
	else
		call_return(context, &list);
	result_free(method_by_id(METHOD_domain_stats), &list);
}

void op_domain_stats(struct call *call,
		     const struct domain_stats_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	if (params->domain && (params->has_active || params->has_persistent)) {
		error_set(&err, ERROR_INVALID_PARAMS,
			  "active and persistent select among all domains: "
			  "leave them out where one is named");
		call_fail(call, &err);
		return;
	}
	ops_submitted(call,
		      virt_domain_stats(ops_virt(call), &ref,
					group_bits(params), option_bits(params),
					ops_then(call, on_stats), &err),
		      &err);
}
