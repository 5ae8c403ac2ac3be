/*
 * What a domain is called and how large it is: the handlers of domain.autostart,
 * rename, description, metadata, set-* and their like. What always holds: an
 * operator changes what runs and never a definition, also where he does not say
 * which of the two he means.
 */
#include "daemon/ops/room.h"
#include "daemon/virt/definition.h"

/*
 * What a change is made to. Where nothing is said libvirt would take the running
 * domain or else the definition, which takes an admin.
 */
static unsigned affect(const struct call *call, bool live, bool config)
{
	if (!live && !config && call_caller(call)->role < ROLE_ADMIN)
		return VIRT_AFFECT_LIVE;
	return (live ? VIRT_AFFECT_LIVE : 0u) |
	       (config ? VIRT_AFFECT_CONFIG : 0u);
}

/* Of the two whichever is read: false where CALL has failed. */
static bool one_source(struct call *call, bool live, bool config,
		       unsigned *affects)
{
	autoerror err = {0};

	*affects = (live ? VIRT_AFFECT_LIVE : 0u) |
		   (config ? VIRT_AFFECT_CONFIG : 0u);
	if (!live || !config)
		return true;
	error_set(&err, ERROR_INVALID_PARAMS,
		  "live is what runs and config what is defined: give one of "
		  "them");
	call_fail(call, &err);
	return false;
}

void op_domain_autostart(struct call *call,
			 const struct domain_autostart_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_domain_autostart(ops_virt(call), &ref,
					    !params->disable,
					    ops_then_domain(call), &err),
		      &err);
}

void op_domain_rename(struct call *call,
		      const struct domain_rename_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_domain_rename(ops_virt(call), &ref, params->name,
					 ops_then_domain(call), &err),
		      &err);
}

static int submit_clone(struct call *call, const struct domain_clone_params *p,
			struct error *err)
{
	struct virt_domain_ref ref = ops_ref(call, p->domain);
	autofree struct virt_clone_disk *disks =
		calloc(p->disks_count + 1, sizeof(*disks));
	const struct virt_clone clone = {
		.name = p->name,
		.without_disks = p->without_disks,
		.disks = disks,
		.disks_count = p->disks_count,
	};

	if (!disks)
		return error_set_no_memory(err);
	for (size_t i = 0; i < p->disks_count; i++) {
		disks[i].target = p->disks[i].target;
		disks[i].path = p->disks[i].path;
	}
	return virt_domain_clone(ops_virt(call), &ref, &clone,
				 ops_then_domain(call), err);
}

void op_domain_clone(struct call *call,
		     const struct domain_clone_params *params)
{
	autoerror err = {0};

	ops_submitted(call, submit_clone(call, params, &err), &err);
}

/* -- title, description, metadata ------------------------------------------ */

static void on_description(void *context, struct virt_reply *reply)
{
	const struct virt_description *d;
	struct domain_description result;

	if (!ops_succeeded(context, reply))
		return;
	d = reply->value.noun.data;
	result = (struct domain_description){
		.uuid = reply->domain.uuid,
		.name = reply->domain.name,
		.title = d->title,
		.has_title = d->title != NULL,
		.description = d->description,
		.has_description = d->description != NULL,
	};
	call_return(context, &result);
}

void op_domain_description(struct call *call,
			   const struct domain_description_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	unsigned affects;
	autoerror err = {0};

	if (!one_source(call, params->live, params->config, &affects))
		return;
	ops_submitted(call,
		      virt_domain_description(ops_virt(call), &ref, affects,
					      ops_then(call, on_description),
					      &err),
		      &err);
}

void op_domain_set_title(struct call *call,
			 const struct domain_set_title_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	unsigned affects = affect(call, params->live, params->config);
	autoerror err = {0};

	ops_submitted(call,
		      virt_domain_set_text(ops_virt(call), &ref,
					   VIRT_TEXT_TITLE, params->text,
					   affects, ops_then_domain(call),
					   &err),
		      &err);
}

void op_domain_set_description(
	struct call *call, const struct domain_set_description_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	unsigned affects = affect(call, params->live, params->config);
	autoerror err = {0};

	ops_submitted(call,
		      virt_domain_set_text(ops_virt(call), &ref,
					   VIRT_TEXT_DESCRIPTION, params->text,
					   affects, ops_then_domain(call),
					   &err),
		      &err);
}

static void on_metadata(void *context, struct virt_reply *reply)
{
	struct domain_xml_text result;

	if (!ops_succeeded(context, reply))
		return;
	result = (struct domain_xml_text){
		.uuid = reply->domain.uuid,
		.name = reply->domain.name,
		.xml = reply->value.noun.data,
	};
	call_return(context, &result);
}

void op_domain_metadata(struct call *call,
			const struct domain_metadata_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	unsigned affects;
	autoerror err = {0};

	if (!one_source(call, params->live, params->config, &affects))
		return;
	ops_submitted(call,
		      virt_domain_metadata(ops_virt(call), &ref, params->uri,
					   affects, ops_then(call, on_metadata),
					   &err),
		      &err);
}

void op_domain_set_metadata(struct call *call,
			    const struct domain_set_metadata_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	unsigned affects = affect(call, params->live, params->config);
	autoerror err = {0};

	ops_submitted(call,
		      virt_domain_set_metadata(ops_virt(call), &ref,
					       params->uri, params->key,
					       params->xml, affects,
					       ops_then_domain(call), &err),
		      &err);
}

void op_domain_remove_metadata(
	struct call *call, const struct domain_remove_metadata_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	unsigned affects = affect(call, params->live, params->config);
	autoerror err = {0};

	ops_submitted(call,
		      virt_domain_set_metadata(ops_virt(call), &ref,
					       params->uri, NULL, NULL, affects,
					       ops_then_domain(call), &err),
		      &err);
}

/* -- processors and memory ------------------------------------------------- */

void op_domain_set_vcpus(struct call *call,
			 const struct domain_set_vcpus_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	unsigned flags = affect(call, params->live, params->config) |
			 (params->maximum ? VIRT_VCPU_MAXIMUM : 0u) |
			 (params->guest ? VIRT_VCPU_GUEST : 0u) |
			 (params->hotpluggable ? VIRT_VCPU_HOTPLUGGABLE : 0u);
	autoerror err = {0};

	ops_submitted(call,
		      virt_domain_set_vcpus(ops_virt(call), &ref,
					    (unsigned)params->count, flags,
					    ops_then_domain(call), &err),
		      &err);
}

static uint64_t kib(uint64_t bytes)
{
	return (bytes + 1023) / 1024;
}

void op_domain_set_memory(struct call *call,
			  const struct domain_set_memory_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	unsigned flags = affect(call, params->live, params->config);
	autoerror err = {0};

	ops_submitted(call,
		      virt_domain_set_memory(ops_virt(call), &ref,
					     kib(params->memory), flags,
					     ops_then_domain(call), &err),
		      &err);
}

void op_domain_set_max_memory(struct call *call,
			      const struct domain_set_max_memory_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	unsigned flags = affect(call, params->live, params->config) |
			 VIRT_MEMORY_MAXIMUM;
	autoerror err = {0};

	ops_submitted(call,
		      virt_domain_set_memory(ops_virt(call), &ref,
					     kib(params->memory), flags,
					     ops_then_domain(call), &err),
		      &err);
}
