/*
 * The host's machine: handlers of host.capabilities, host.domain-capabilities,
 * host.stats and nodedev.*. Each is one verb of virt; strings are borrowed from the
 * reply.
 */
#include "daemon/ops/room.h"

#include <limits.h>
#include <string.h>

#include "daemon/virt/node.h"

/* -- host.* ---------------------------------------------------------------- */

static void on_host_xml(void *context, struct virt_reply *reply)
{
	if (ops_succeeded(context, reply))
		call_return(context,
			    &(const struct host_xml){.xml = reply->value.xml});
}

void op_host_capabilities(struct call *call,
			  const struct host_capabilities_params *params)
{
	autoerror err = {0};

	ops_submitted(call,
		      virt_node_capabilities(ops_virt(call),
					     ops_then(call, on_host_xml), &err),
		      &err);
}

void op_host_domain_capabilities(
	struct call *call, const struct host_domain_capabilities_params *params)
{
	const struct virt_domain_kind kind = {
		.virttype = params->virttype,
		.arch = params->arch,
		.machine = params->machine,
		.emulator = params->emulator,
	};
	autoerror err = {0};

	ops_submitted(call,
		      virt_node_domain_capabilities(ops_virt(call), &kind,
						    ops_then(call, on_host_xml),
						    &err),
		      &err);
}

static void on_stats(void *context, struct virt_reply *reply)
{
	const struct virt_node_stats *s;

	if (!ops_succeeded(context, reply))
		return;
	s = reply->value.noun.data;
	call_return(context,
		    &(const struct host_stats){
			    .cpu_user = s->user,
			    .has_cpu_user = s->has_cpu,
			    .cpu_system = s->system,
			    .has_cpu_system = s->has_cpu,
			    .cpu_idle = s->idle,
			    .has_cpu_idle = s->has_cpu,
			    .cpu_iowait = s->iowait,
			    .has_cpu_iowait = s->has_cpu,
			    .cpu_intr = s->intr,
			    .has_cpu_intr = s->has_cpu,
			    .memory_total = ops_bytes(s->total_kib),
			    .has_memory_total = s->has_memory,
			    .memory_free = ops_bytes(s->free_kib),
			    .has_memory_free = s->has_memory,
			    .memory_buffers = ops_bytes(s->buffers_kib),
			    .has_memory_buffers = s->has_memory,
			    .memory_cached = ops_bytes(s->cached_kib),
			    .has_memory_cached = s->has_memory,
			    .load_1 = s->load[0],
			    .has_load_1 = s->has_load,
			    .load_5 = s->load[1],
			    .has_load_5 = s->has_load,
			    .load_15 = s->load[2],
			    .has_load_15 = s->has_load});
}

/* A number that no host has stands for one that it has not. */
static int place(bool given, uint64_t number)
{
	if (!given)
		return -1;
	return number < INT_MAX - 1 ? (int)number : INT_MAX - 1;
}

void op_host_stats(struct call *call, const struct host_stats_params *params)
{
	autoerror err = {0};

	ops_submitted(call,
		      virt_node_stats(ops_virt(call),
				      place(params->has_cpu, params->cpu),
				      place(params->has_cell, params->cell),
				      ops_then(call, on_stats), &err),
		      &err);
}

/* -- nodedev.* ------------------------------------------------------------- */

static struct nodedev_info describe(const struct virt_node_device *row)
{
	return (struct nodedev_info){
		.device = row->name,
		.parent = row->parent,
		.has_parent = row->parent != NULL,
		.capabilities = row->capabilities,
		.capabilities_count = row->count,
	};
}

/* What on_list() needs beside the reply. */
struct listing {
	struct call *call;
	const struct nodedev_list_params *params; /* the call's */
};

static bool passes(const struct nodedev_list_params *p,
		   const struct virt_node_device *row)
{
	for (size_t i = 0; i < p->cap_count; i++)
		for (size_t k = 0; k < row->count; k++)
			if (strcmp(p->cap[i], row->capabilities[k]) == 0)
				return true;
	return !p->has_cap;
}

static void answer_list(const struct listing *l,
			const struct virt_node_devices *value)
{
	autofree struct nodedev_info *rows =
		calloc(value->count + 1, sizeof(*rows));
	struct nodedev_list result = {.devices = rows};
	autoerror err = {0};

	if (!rows) {
		error_set_no_memory(&err);
		call_fail(l->call, &err);
		return;
	}
	for (size_t i = 0; i < value->count; i++)
		if (passes(l->params, &value->rows[i]))
			rows[result.devices_count++] =
				describe(&value->rows[i]);
	call_return(l->call, &result);
}

static void on_list(void *context, struct virt_reply *reply)
{
	autofree struct listing *l = context;

	if (ops_succeeded(l->call, reply))
		answer_list(l, virt_node_devices_of(reply));
}

static int submit_list(struct call *call,
		       const struct nodedev_list_params *params,
		       struct error *err)
{
	autofree struct listing *l = malloc(sizeof(*l));
	struct virt_done done = {.fn = on_list, .context = l};

	if (!l)
		return error_set_no_memory(err);
	*l = (struct listing){.call = call, .params = params};
	if (virt_node_devices(ops_virt(call), done, err) < 0)
		return -1;
	steal(&l);
	return 0;
}

void op_nodedev_list(struct call *call,
		     const struct nodedev_list_params *params)
{
	autoerror err = {0};

	ops_submitted(call, submit_list(call, params, &err), &err);
}

static void on_info(void *context, struct virt_reply *reply)
{
	struct nodedev_info result;

	if (!ops_succeeded(context, reply))
		return;
	result = describe(&virt_node_devices_of(reply)->rows[0]);
	call_return(context, &result);
}

void op_nodedev_info(struct call *call,
		     const struct nodedev_info_params *params)
{
	autoerror err = {0};

	ops_submitted(call,
		      virt_node_device(ops_virt(call), params->device,
				       ops_then(call, on_info), &err),
		      &err);
}

static void on_xml(void *context, struct virt_reply *reply)
{
	const struct virt_node_devices *value;

	if (!ops_succeeded(context, reply))
		return;
	value = virt_node_devices_of(reply);
	call_return(context,
		    &(const struct nodedev_xml_text){
			    .device = value->rows[0].name, .xml = value->xml});
}

void op_nodedev_xml(struct call *call, const struct nodedev_xml_params *params)
{
	autoerror err = {0};

	ops_submitted(call,
		      virt_node_device(ops_virt(call), params->device,
				       ops_then(call, on_xml), &err),
		      &err);
}
