/*
 * Networks: handlers that rpc calls for network.*. Each is one verb of virt; what
 * changes something answers with the network that it was. Strings are borrowed
 * from the reply.
 */
#include "daemon/ops/room.h"

#include "base/clock.h"
#include "daemon/virt/network.h"

/* The network that the reply is about, told to the audit; NULL: CALL failed. */
static const struct virt_network *succeeded(struct call *call,
					    struct virt_reply *reply)
{
	const struct virt_network *row;

	if (!ops_succeeded(call, reply))
		return NULL;
	row = &virt_networks_of(reply)->rows[0];
	call_set_target(call, row->uuid, row->name);
	return row;
}

static struct network_info describe(const struct virt_network *row)
{
	return (struct network_info){
		.uuid = ops_borrow(row->uuid),
		.name = row->name,
		.active = row->active,
		.persistent = row->persistent,
		.autostart = row->autostart,
		.bridge = row->bridge,
		.has_bridge = row->bridge != NULL,
	};
}

/* -- reading --------------------------------------------------------------- */

/* What on_list() needs beside the reply. */
struct listing {
	struct call *call;
	const struct network_list_params *params; /* the call's */
};

static bool passes(const struct network_list_params *p,
		   const struct virt_network *row)
{
	if (p->has_active && p->active != row->active)
		return false;
	if (p->has_persistent && p->persistent != row->persistent)
		return false;
	return !p->has_autostart || p->autostart == row->autostart;
}

static void answer_list(const struct listing *l,
			const struct virt_networks *value)
{
	autofree struct network_info *rows =
		calloc(value->count + 1, sizeof(*rows));
	struct network_list result = {.networks = rows};
	autoerror err = {0};

	if (!rows) {
		error_set_no_memory(&err);
		call_fail(l->call, &err);
		return;
	}
	for (size_t i = 0; i < value->count; i++)
		if (passes(l->params, &value->rows[i]))
			rows[result.networks_count++] =
				describe(&value->rows[i]);
	call_return(l->call, &result);
}

static void on_list(void *context, struct virt_reply *reply)
{
	autofree struct listing *l = context;

	if (ops_succeeded(l->call, reply))
		answer_list(l, virt_networks_of(reply));
}

static int submit_list(struct call *call,
		       const struct network_list_params *params,
		       struct error *err)
{
	autofree struct listing *l = malloc(sizeof(*l));
	struct virt_done done = {.fn = on_list, .context = l};

	if (!l)
		return error_set_no_memory(err);
	*l = (struct listing){.call = call, .params = params};
	if (virt_network_list(ops_virt(call), done, err) < 0)
		return -1;
	steal(&l);
	return 0;
}

void op_network_list(struct call *call,
		     const struct network_list_params *params)
{
	autoerror err = {0};

	ops_submitted(call, submit_list(call, params, &err), &err);
}

static void on_info(void *context, struct virt_reply *reply)
{
	const struct virt_network *row = succeeded(context, reply);
	struct network_info result;

	if (!row)
		return;
	result = describe(row);
	call_return(context, &result);
}

void op_network_info(struct call *call,
		     const struct network_info_params *params)
{
	autoerror err = {0};

	ops_submitted(call,
		      virt_network_info(ops_virt(call), params->network,
					ops_then(call, on_info), &err),
		      &err);
}

static void on_xml(void *context, struct virt_reply *reply)
{
	const struct virt_network *row = succeeded(context, reply);

	if (row)
		call_return(context,
			    &(const struct network_xml_text){
				    .uuid = ops_borrow(row->uuid),
				    .name = row->name,
				    .xml = virt_networks_of(reply)->xml});
}

void op_network_xml(struct call *call, const struct network_xml_params *params)
{
	autoerror err = {0};

	ops_submitted(call,
		      virt_network_xml(ops_virt(call), params->network,
				       params->inactive, ops_then(call, on_xml),
				       &err),
		      &err);
}

/* EXPIRES: CLOCK_TEXT_SIZE bytes, borrowed by the result. */
static struct network_lease describe_lease(const struct virt_lease *lease,
					   char *expires)
{
	return (struct network_lease){
		.interface = lease->interface,
		.expires = expires,
		.has_expires = ops_time(lease->expires, expires),
		.type = ops_borrow(lease->ipv6 ? "ipv6" : "ipv4"),
		.mac = lease->mac,
		.has_mac = lease->mac != NULL,
		.address = lease->address,
		.prefix = lease->prefix,
		.hostname = lease->hostname,
		.has_hostname = lease->hostname != NULL,
		.client_id = lease->client_id,
		.has_client_id = lease->client_id != NULL,
		.iaid = lease->iaid,
		.has_iaid = lease->iaid != NULL,
	};
}

static void on_leases(void *context, struct virt_reply *reply)
{
	const struct virt_network *row = succeeded(context, reply);
	const struct virt_networks *value =
		row ? virt_networks_of(reply) : NULL;
	size_t n = value ? value->leases_count : 0;
	autofree struct network_lease *leases = calloc(n + 1, sizeof(*leases));
	autofree char(*times)[CLOCK_TEXT_SIZE] = calloc(n + 1, sizeof(*times));
	autoerror err = {0};

	if (!row)
		return;
	if (!leases || !times) {
		error_set_no_memory(&err);
		call_fail(context, &err);
		return;
	}
	for (size_t i = 0; i < n; i++)
		leases[i] = describe_lease(&value->leases[i], times[i]);
	call_return(context, &(const struct network_leases){
				     .uuid = ops_borrow(row->uuid),
				     .name = row->name,
				     .leases = leases,
				     .leases_count = n});
}

void op_network_leases(struct call *call,
		       const struct network_leases_params *params)
{
	autoerror err = {0};

	ops_submitted(call,
		      virt_network_leases(ops_virt(call), params->network,
					  params->mac,
					  ops_then(call, on_leases), &err),
		      &err);
}

/* -- changing -------------------------------------------------------------- */

static void on_acted(void *context, struct virt_reply *reply)
{
	const struct virt_network *row = succeeded(context, reply);

	if (row)
		call_return(context, &(const struct network_ref){
					     .uuid = ops_borrow(row->uuid),
					     .name = row->name});
}

static struct virt_done then_answer(struct call *call)
{
	return ops_then(call, on_acted);
}

void op_network_define(struct call *call,
		       const struct network_define_params *params)
{
	autoerror err = {0};

	ops_submitted(call,
		      virt_network_define(ops_virt(call), params->xml,
					  params->validate, then_answer(call),
					  &err),
		      &err);
}

void op_network_create(struct call *call,
		       const struct network_create_params *params)
{
	autoerror err = {0};

	ops_submitted(call,
		      virt_network_create(ops_virt(call), params->xml,
					  params->validate, then_answer(call),
					  &err),
		      &err);
}

void op_network_undefine(struct call *call,
			 const struct network_undefine_params *params)
{
	autoerror err = {0};

	ops_submitted(call,
		      virt_network_undefine(ops_virt(call), params->network,
					    then_answer(call), &err),
		      &err);
}

void op_network_start(struct call *call,
		      const struct network_start_params *params)
{
	autoerror err = {0};

	ops_submitted(call,
		      virt_network_start(ops_virt(call), params->network,
					 then_answer(call), &err),
		      &err);
}

void op_network_destroy(struct call *call,
			const struct network_destroy_params *params)
{
	autoerror err = {0};

	ops_submitted(call,
		      virt_network_destroy(ops_virt(call), params->network,
					   then_answer(call), &err),
		      &err);
}

void op_network_autostart(struct call *call,
			  const struct network_autostart_params *params)
{
	autoerror err = {0};

	ops_submitted(call,
		      virt_network_autostart(ops_virt(call), params->network,
					     !params->disable,
					     then_answer(call), &err),
		      &err);
}

void op_network_update(struct call *call,
		       const struct network_update_params *params)
{
	static const unsigned commands[] = {
		[NETWORK_COMMAND_MODIFY] = VIRT_NETWORK_MODIFY,
		[NETWORK_COMMAND_DELETE] = VIRT_NETWORK_DELETE,
		[NETWORK_COMMAND_ADD_LAST] = VIRT_NETWORK_ADD_LAST,
		[NETWORK_COMMAND_ADD_FIRST] = VIRT_NETWORK_ADD_FIRST,
	};
	static const unsigned sections[] = {
		[NETWORK_SECTION_BRIDGE] = VIRT_NETWORK_BRIDGE,
		[NETWORK_SECTION_DOMAIN] = VIRT_NETWORK_DOMAIN,
		[NETWORK_SECTION_IP] = VIRT_NETWORK_IP,
		[NETWORK_SECTION_IP_DHCP_HOST] = VIRT_NETWORK_IP_DHCP_HOST,
		[NETWORK_SECTION_IP_DHCP_RANGE] = VIRT_NETWORK_IP_DHCP_RANGE,
		[NETWORK_SECTION_FORWARD] = VIRT_NETWORK_FORWARD,
		[NETWORK_SECTION_FORWARD_INTERFACE] =
			VIRT_NETWORK_FORWARD_INTERFACE,
		[NETWORK_SECTION_FORWARD_PF] = VIRT_NETWORK_FORWARD_PF,
		[NETWORK_SECTION_PORTGROUP] = VIRT_NETWORK_PORTGROUP,
		[NETWORK_SECTION_DNS_HOST] = VIRT_NETWORK_DNS_HOST,
		[NETWORK_SECTION_DNS_TXT] = VIRT_NETWORK_DNS_TXT,
		[NETWORK_SECTION_DNS_SRV] = VIRT_NETWORK_DNS_SRV,
	};
	const struct virt_network_update update = {
		.command = commands[params->command],
		.section = sections[params->section],
		.parent = params->has_parent_index ? (int)params->parent_index
						   : -1,
		.xml = params->xml,
		.live = params->live,
		.config = params->config,
	};
	autoerror err = {0};

	ops_submitted(call,
		      virt_network_update(ops_virt(call), params->network,
					  &update, then_answer(call), &err),
		      &err);
}
