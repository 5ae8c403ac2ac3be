/*
 * Devices of domains: the handlers of device.* and of domain.interfaces. What
 * always holds: XML from the caller goes to virt as it came; whoever may not
 * give XML has these handlers' own, closed set of changes.
 */
#include "daemon/virt/device.h"

#include "daemon/ops/fields.h"

void op_device_list(struct call *call, const struct device_list_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_device_list(ops_virt(call), &ref, params->inactive,
				       ops_then(call, fields_answer), &err),
		      &err);
}

void op_domain_interfaces(struct call *call,
			  const struct domain_interfaces_params *params)
{
	static const enum virt_address_source sources[] = {
		[INTERFACE_SOURCE_LEASE] = VIRT_ADDRESS_LEASE,
		[INTERFACE_SOURCE_AGENT] = VIRT_ADDRESS_AGENT,
		[INTERFACE_SOURCE_ARP] = VIRT_ADDRESS_ARP,
	};
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_device_addresses(
			      ops_virt(call), &ref, sources[params->source],
			      ops_then(call, fields_answer), &err),
		      &err);
}

/* -- changes --------------------------------------------------------------- */

static unsigned affect(bool live, bool config, bool persistent)
{
	return (live ? VIRT_AFFECT_LIVE : 0u) |
	       (config ? VIRT_AFFECT_CONFIG : 0u) |
	       (persistent ? VIRT_AFFECT_PERSISTENT : 0u);
}

static unsigned force(bool given)
{
	return given ? VIRT_AFFECT_FORCE : 0;
}

static struct virt_done then_answer(struct call *call)
{
	return ops_then(call, fields_answer_ref);
}

static void refuse(struct call *call, const char *words)
{
	autoerror err = {0};

	error_set(&err, ERROR_INVALID_PARAMS, "%s", words);
	call_fail(call, &err);
}

void op_device_attach(struct call *call,
		      const struct device_attach_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	unsigned flags =
		affect(params->live, params->config, params->persistent);
	autoerror err = {0};

	ops_submitted(call,
		      virt_device_attach(ops_virt(call), &ref, params->xml,
					 flags, then_answer(call), &err),
		      &err);
}

void op_device_update(struct call *call,
		      const struct device_update_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	unsigned flags =
		affect(params->live, params->config, params->persistent) |
		force(params->force);
	autoerror err = {0};

	ops_submitted(call,
		      virt_device_update(ops_virt(call), &ref, params->xml,
					 flags, then_answer(call), &err),
		      &err);
}

void op_device_detach(struct call *call,
		      const struct device_detach_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	struct virt *v = ops_virt(call);
	unsigned flags =
		affect(params->live, params->config, params->persistent);
	autoerror err = {0};

	if (params->has_xml == params->has_alias)
		refuse(call, "give the device's xml or its alias, and not "
			     "both");
	else if (params->has_xml)
		ops_submitted(call,
			      virt_device_detach(v, &ref, params->xml, flags,
						 then_answer(call), &err),
			      &err);
	else
		ops_submitted(call,
			      virt_device_detach_alias(v, &ref, params->alias,
						       flags, then_answer(call),
						       &err),
			      &err);
}

/* NULL: the parameters fit each other. */
static const char *fault_of(const struct device_change_media_params *p)
{
	if (p->has_pool != p->has_volume)
		return "a volume is named by pool and volume";
	if (p->has_action && p->action == MEDIA_ACTION_EJECT)
		return p->has_pool || p->has_source
			       ? "eject takes no volume and no source"
			       : NULL;
	return p->has_pool == p->has_source
		       ? "give a volume (pool and volume) or a source, and not "
			 "both"
		       : NULL;
}

void op_device_change_media(struct call *call,
			    const struct device_change_media_params *params)
{
	static const enum virt_media_action actions[] = {
		[MEDIA_ACTION_INSERT] = VIRT_MEDIA_INSERT,
		[MEDIA_ACTION_EJECT] = VIRT_MEDIA_EJECT,
		[MEDIA_ACTION_UPDATE] = VIRT_MEDIA_UPDATE,
	};
	const struct virt_media media = {
		.action = params->has_action ? actions[params->action]
					     : VIRT_MEDIA_UPDATE,
		.drive = params->path,
		.pool = params->pool,
		.volume = params->volume,
		.source = params->source,
	};
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	bool admin = call_caller(call)->role >= ROLE_ADMIN;
	const char *fault = fault_of(params);
	unsigned flags =
		affect(params->live, params->config, params->persistent) |
		force(params->force) | (admin ? 0u : VIRT_AFFECT_SAFE);
	autoerror err = {0};

	if (fault)
		refuse(call, fault);
	else
		ops_submitted(call,
			      virt_device_change_media(ops_virt(call), &ref,
						       &media, flags,
						       then_answer(call), &err),
			      &err);
}

void op_device_set_link(struct call *call,
			const struct device_set_link_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	unsigned flags =
		affect(params->live, params->config, params->persistent);
	autoerror err = {0};

	ops_submitted(call,
		      virt_device_set_link(ops_virt(call), &ref,
					   params->interface,
					   params->state == LINK_STATE_UP,
					   flags, then_answer(call), &err),
		      &err);
}
