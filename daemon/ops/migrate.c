/*
 * Migration: handlers that rpc calls for domain.migrate and its like. What always
 * holds: the host's libvirt does it; nothing of a guest passes through here.
 */
#include "daemon/ops/room.h"

#include "daemon/virt/migrate.h"

/* The domain as it was; where it is now, its state cannot be asked for. */
static void on_done(void *context, struct virt_reply *reply)
{
	struct domain_ref result;

	if (!ops_succeeded(context, reply))
		return;
	result = (struct domain_ref){.uuid = reply->domain.uuid,
				     .name = reply->domain.name};
	call_return(context, &result);
}

static unsigned flag(bool given, unsigned bit)
{
	return given ? bit : 0;
}

static unsigned flags_of(const struct domain_migrate_params *p)
{
	return flag(p->live, VIRT_MIGRATE_LIVE) |
	       flag(p->offline, VIRT_MIGRATE_OFFLINE) |
	       flag(p->tunnelled, VIRT_MIGRATE_TUNNELLED) |
	       flag(p->persistent, VIRT_MIGRATE_PERSISTENT) |
	       flag(p->undefine_source, VIRT_MIGRATE_UNDEFINE_SOURCE) |
	       flag(p->suspend, VIRT_MIGRATE_PAUSED) |
	       flag(p->copy_storage_all, VIRT_MIGRATE_COPY_ALL) |
	       flag(p->copy_storage_inc, VIRT_MIGRATE_COPY_INC) |
	       flag(p->copy_storage_synchronous_writes,
		    VIRT_MIGRATE_SYNCHRONOUS) |
	       flag(p->change_protection, VIRT_MIGRATE_PROTECT) |
	       flag(p->unsafe, VIRT_MIGRATE_UNSAFE) |
	       flag(p->abort_on_error, VIRT_MIGRATE_ABORT_ON_ERROR) |
	       flag(p->auto_converge, VIRT_MIGRATE_AUTO_CONVERGE) |
	       flag(p->postcopy, VIRT_MIGRATE_POSTCOPY) |
	       flag(p->compressed, VIRT_MIGRATE_COMPRESSED) |
	       flag(p->tls, VIRT_MIGRATE_TLS);
}

static bool copies(const struct domain_migrate_params *p)
{
	return p->copy_storage_all || p->copy_storage_inc;
}

static int check(const struct domain_migrate_params *p, struct error *err)
{
	if (p->offline && !p->persistent)
		return error_set(err, ERROR_INVALID_PARAMS,
				 "offline moves a definition: say persistent "
				 "too");
	if (p->offline && (p->live || copies(p)))
		return error_set(err, ERROR_INVALID_PARAMS,
				 "offline moves a domain that is off: neither "
				 "live nor copied storage goes with it");
	if (p->disks_count && !copies(p))
		return error_set(err, ERROR_INVALID_PARAMS,
				 "disks names those that copy_storage_all "
				 "copies: give that too");
	if (p->copy_storage_all && p->copy_storage_inc)
		return error_set(err, ERROR_INVALID_PARAMS,
				 "copy_storage_all copies all of a disk, "
				 "copy_storage_inc its top image: give one");
	return 0;
}

void op_domain_migrate(struct call *call,
		       const struct domain_migrate_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	const struct virt_migration how = {
		.uri = params->uri,
		.migrate_uri = params->migrate_uri,
		.listen_address = params->listen_address,
		.name = params->name,
		.xml = params->xml,
		.persistent_xml = params->persistent_xml,
		.disks = params->disks,
		.disks_count = params->disks_count,
		.bandwidth = params->bandwidth,
		.parallel = (unsigned)params->parallel,
		.flags = flags_of(params),
	};
	autoerror err = {0};

	if (check(params, &err) < 0) {
		call_fail(call, &err);
		return;
	}
	ops_submitted(call,
		      virt_domain_migrate(ops_virt(call), &ref, &how,
					  ops_then(call, on_done), &err),
		      &err);
}

void op_domain_migrate_postcopy(
	struct call *call, const struct domain_migrate_postcopy_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_domain_migrate_postcopy(ops_virt(call), &ref,
						   ops_then(call, on_done),
						   &err),
		      &err);
}

/* -- limits ---------------------------------------------------------------- */

static void on_speed(void *context, struct virt_reply *reply)
{
	const struct virt_migrate_number *n = reply->value.noun.data;
	struct migrate_speed result;

	if (!ops_succeeded(context, reply))
		return;
	result = (struct migrate_speed){.uuid = reply->domain.uuid,
					.name = reply->domain.name,
					.bandwidth = n->value};
	call_return(context, &result);
}

static void on_downtime(void *context, struct virt_reply *reply)
{
	const struct virt_migrate_number *n = reply->value.noun.data;
	struct migrate_downtime result;

	if (!ops_succeeded(context, reply))
		return;
	result = (struct migrate_downtime){.uuid = reply->domain.uuid,
					   .name = reply->domain.name,
					   .downtime = n->value};
	call_return(context, &result);
}

void op_domain_migrate_speed(struct call *call,
			     const struct domain_migrate_speed_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_domain_migrate_speed(ops_virt(call), &ref,
						ops_then(call, on_speed), &err),
		      &err);
}

void op_domain_migrate_downtime(
	struct call *call, const struct domain_migrate_downtime_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_domain_migrate_downtime(ops_virt(call), &ref,
						   ops_then(call, on_downtime),
						   &err),
		      &err);
}

void op_domain_migrate_set_speed(
	struct call *call, const struct domain_migrate_set_speed_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_domain_migrate_set_speed(
			      ops_virt(call), &ref, params->bandwidth,
			      ops_then(call, on_done), &err),
		      &err);
}

void op_domain_migrate_set_downtime(
	struct call *call,
	const struct domain_migrate_set_downtime_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_domain_migrate_set_downtime(
			      ops_virt(call), &ref, params->downtime,
			      ops_then(call, on_done), &err),
		      &err);
}
