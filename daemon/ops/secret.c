/*
 * libvirt's secrets: handlers that rpc calls for secret.*. Each is one verb of virt.
 * What always holds: no answer has a value, and neither has an error or a log line.
 */
#include "daemon/ops/room.h"

#include "daemon/virt/secret.h"

static void on_list(void *context, struct virt_reply *reply)
{
	bool good = ops_succeeded(context, reply);
	const struct virt_secrets *value = good ? virt_secrets_of(reply) : NULL;
	size_t n = value ? value->count : 0;
	autofree struct secret_info *rows = calloc(n + 1, sizeof(*rows));
	autoerror err = {0};

	if (!good)
		return;
	if (!rows) {
		error_set_no_memory(&err);
		call_fail(context, &err);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const struct virt_secret *row = &value->rows[i];

		rows[i] = (struct secret_info){
			.secret = ops_borrow(row->uuid),
			.usage = ops_borrow(row->usage),
			.usage_id = row->usage_id,
			.has_usage_id = row->usage_id != NULL,
			.description = row->description,
			.has_description = row->description != NULL,
			.ephemeral = row->ephemeral,
			.private = row->private,
		};
	}
	call_return(context, &(const struct secret_list){.secrets = rows,
							 .secrets_count = n});
}

void op_secret_list(struct call *call, const struct secret_list_params *params)
{
	autoerror err = {0};

	ops_submitted(call,
		      virt_secret_list(ops_virt(call), ops_then(call, on_list),
				       &err),
		      &err);
}

static void on_acted(void *context, struct virt_reply *reply)
{
	const struct virt_secret *row;

	if (!ops_succeeded(context, reply))
		return;
	row = &virt_secrets_of(reply)->rows[0];
	call_set_target(context, row->uuid, NULL);
	call_return(context, &(const struct secret_ref){
				     .secret = ops_borrow(row->uuid)});
}

void op_secret_define(struct call *call,
		      const struct secret_define_params *params)
{
	autoerror err = {0};

	ops_submitted(call,
		      virt_secret_define(ops_virt(call), params->xml,
					 params->validate,
					 ops_then(call, on_acted), &err),
		      &err);
}

void op_secret_undefine(struct call *call,
			const struct secret_undefine_params *params)
{
	autoerror err = {0};

	ops_submitted(call,
		      virt_secret_undefine(ops_virt(call), params->secret,
					   ops_then(call, on_acted), &err),
		      &err);
}

void op_secret_set_value(struct call *call,
			 const struct secret_set_value_params *params)
{
	autoerror err = {0};

	ops_submitted(call,
		      virt_secret_set_value(ops_virt(call), params->secret,
					    params->value,
					    ops_then(call, on_acted), &err),
		      &err);
}
