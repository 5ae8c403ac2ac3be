/*
 * The list of domains. The handler of domain.list: one request to virt for all
 * of them, then the caller's filters. What always holds: rows come sorted by
 * name and within the caller's scope, and are borrowed from the reply.
 */
#include "daemon/ops/room.h"

#include "base/clock.h"
#include "base/glob.h"

static bool has_state(const struct domain_list_params *p,
		      enum domain_state state)
{
	for (size_t i = 0; i < p->state_count; i++)
		if (p->state[i] == state)
			return true;
	return false;
}

/* Whether the row passes every filter that is given. */
static bool passes(const struct domain_list_params *p,
		   const struct virt_domain *row)
{
	if (p->has_active && p->active != (row->id >= 0))
		return false;
	if (p->has_state && !has_state(p, ops_domain_state(row->state)))
		return false;
	if (p->has_name && !glob_match(p->name, row->name))
		return false;
	if (p->has_persistent && p->persistent != row->persistent)
		return false;
	return !p->has_autostart || p->autostart == row->autostart;
}

static struct domain_summary summarize(const struct virt_domain *row)
{
	return (struct domain_summary){
		.uuid = ops_borrow(row->uuid),
		.name = row->name,
		.id = row->id >= 0 ? (uint64_t)row->id : 0,
		.has_id = row->id >= 0,
		.state = ops_domain_state(row->state),
		.vcpus = row->vcpus,
		.memory = ops_bytes(row->memory_kib),
		.memory_max = ops_bytes(row->max_memory_kib),
		.title = row->title,
		.has_title = row->title != NULL,
		.persistent = row->persistent,
		.has_persistent = true,
		.autostart = row->autostart,
		.has_autostart = true,
	};
}

static void answer(struct call *call, const struct domain_list_params *params,
		   const struct virt_reply *reply)
{
	const struct virt_domain *rows = reply->value.list.rows;
	size_t count = reply->value.list.count;
	autofree struct domain_summary *list =
		count ? malloc(count * sizeof(*list)) : NULL;
	char as_of[CLOCK_TEXT_SIZE];
	struct domain_list result = {.domains = list, .as_of = as_of};
	autoerror err = {0};

	if (count && !list) {
		error_set_no_memory(&err);
		call_fail(call, &err);
		return;
	}
	result.has_as_of = reply->value.list.as_of_us != 0;
	clock_format_us(reply->value.list.as_of_us, as_of);
	for (size_t i = 0; i < count; i++)
		if (passes(params, &rows[i]))
			list[result.domains_count++] = summarize(&rows[i]);
	call_return(call, &result);
}

/* What on_list() needs beside the reply. */
struct listing {
	struct call *call;
	const struct domain_list_params *params; /* the call's */
};

static void on_list(void *context, struct virt_reply *reply)
{
	autofree struct listing *l = context;

	if (ops_succeeded(l->call, reply))
		answer(l->call, l->params, reply);
}

static int submit(struct call *call, const struct domain_list_params *params,
		  struct error *err)
{
	autofree struct listing *l = malloc(sizeof(*l));
	struct virt_done done = {.fn = on_list, .context = l};

	if (!l)
		return error_set_no_memory(err);
	*l = (struct listing){.call = call, .params = params};
	if (virt_domain_list(ops_virt(call), call_scope(call), done, err) < 0)
		return -1;
	steal(&l);
	return 0;
}

void op_domain_list(struct call *call, const struct domain_list_params *params)
{
	autoerror err = {0};

	ops_submitted(call, submit(call, params, &err), &err);
}
