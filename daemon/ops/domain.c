/*
 * What changes a domain: handlers that rpc calls for the actions of domain.*.
 * Each turns its parameters into one verb of virt, and all share one answer: the
 * domain that it was, and its state now. What shows domains is in domain_list.c
 * and domain_show.c.
 *
 * What always holds: once virt has acted the call succeeds, also where the state
 * cannot be had.
 */
#include "daemon/ops/room.h"

#include <string.h>

/* The action is done; its domain's state is being asked for. */
struct acted {
	struct call *call;
	char uuid[VIRT_UUID_SIZE];
	char *name;
};

static void answer(struct acted *a, const struct virt_domain *now)
{
	const struct domain_ref result = {
		.uuid = a->uuid,
		.name = a->name,
		.state = now ? ops_domain_state(now->state) : DOMAIN_STATE_NONE,
		.has_state = now != NULL,
	};

	call_return(a->call, &result);
	free(a->name);
	free(a);
}

/* An error is no news: the domain may be gone, as after an undefine. */
static void on_state(void *context, struct virt_reply *reply)
{
	bool known = !error_is_set(&reply->error);

	answer(context, known ? &reply->value.info.domain : NULL);
}

static void ask_state(struct acted *a)
{
	struct virt_domain_ref ref = ops_ref(a->call, a->uuid);
	struct virt_done done = {.fn = on_state, .context = a};

	if (virt_domain_info(ops_virt(a->call), &ref, done, NULL) < 0)
		answer(a, NULL);
}

static void on_acted(void *context, struct virt_reply *reply)
{
	struct acted *a;

	if (!ops_succeeded(context, reply))
		return;
	a = calloc(1, sizeof(*a));
	if (!a) {
		call_return(context, &(const struct domain_ref){
					     .uuid = reply->domain.uuid,
					     .name = reply->domain.name});
		return;
	}
	a->call = context;
	memcpy(a->uuid, reply->domain.uuid, sizeof(a->uuid));
	a->name = steal(&reply->domain.name);
	ask_state(a);
}

struct virt_done ops_then_domain(struct call *call)
{
	return ops_then(call, on_acted);
}

static unsigned flag(bool given, unsigned bit)
{
	return given ? bit : 0;
}

/* -- definitions ---------------------------------------------------------- */

void op_domain_define(struct call *call,
		      const struct domain_define_params *params)
{
	unsigned flags = flag(params->validate, VIRT_DEFINE_VALIDATE);
	autoerror err = {0};

	ops_submitted(call,
		      virt_domain_define(ops_virt(call), params->xml,
					 call_scope(call), flags,
					 ops_then_domain(call), &err),
		      &err);
}

void op_domain_create(struct call *call,
		      const struct domain_create_params *params)
{
	unsigned flags = flag(params->paused, VIRT_CREATE_PAUSED) |
			 flag(params->validate, VIRT_CREATE_VALIDATE) |
			 flag(params->reset_nvram, VIRT_CREATE_RESET_NVRAM);
	autoerror err = {0};

	ops_submitted(call,
		      virt_domain_create(ops_virt(call), params->xml,
					 call_scope(call), flags,
					 ops_then_domain(call), &err),
		      &err);
}

static unsigned undefine_flags(const struct domain_undefine_params *p)
{
	return flag(p->managed_save, VIRT_UNDEFINE_MANAGED_SAVE) |
	       flag(p->snapshots_metadata, VIRT_UNDEFINE_SNAPSHOTS_METADATA) |
	       flag(p->checkpoints_metadata,
		    VIRT_UNDEFINE_CHECKPOINTS_METADATA) |
	       flag(p->nvram, VIRT_UNDEFINE_NVRAM) |
	       flag(p->keep_nvram, VIRT_UNDEFINE_KEEP_NVRAM) |
	       flag(p->tpm, VIRT_UNDEFINE_TPM) |
	       flag(p->keep_tpm, VIRT_UNDEFINE_KEEP_TPM);
}

void op_domain_undefine(struct call *call,
			const struct domain_undefine_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	if (params->nvram && params->keep_nvram) {
		error_set(&err, ERROR_INVALID_PARAMS,
			  "nvram removes the NVRAM file and keep_nvram keeps "
			  "it: give one of them");
		call_fail(call, &err);
		return;
	}
	if (params->tpm && params->keep_tpm) {
		error_set(&err, ERROR_INVALID_PARAMS,
			  "tpm removes the TPM's state and keep_tpm keeps it: "
			  "give one of them");
		call_fail(call, &err);
		return;
	}
	ops_submitted(call,
		      virt_domain_undefine(ops_virt(call), &ref,
					   undefine_flags(params),
					   ops_then_domain(call), &err),
		      &err);
}

/* -- power ---------------------------------------------------------------- */

void op_domain_start(struct call *call,
		     const struct domain_start_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	unsigned flags = flag(params->paused, VIRT_START_PAUSED) |
			 flag(params->force_boot, VIRT_START_FORCE_BOOT) |
			 flag(params->bypass_cache, VIRT_START_BYPASS_CACHE) |
			 flag(params->reset_nvram, VIRT_START_RESET_NVRAM);
	autoerror err = {0};

	ops_submitted(call,
		      virt_domain_start(ops_virt(call), &ref, flags,
					ops_then_domain(call), &err),
		      &err);
}

/* 0, where the hypervisor is to choose. */
static unsigned power_mode(bool given, enum shutdown_mode mode)
{
	static const unsigned modes[] = {
		[SHUTDOWN_MODE_ACPI] = VIRT_POWER_ACPI,
		[SHUTDOWN_MODE_AGENT] = VIRT_POWER_AGENT,
		[SHUTDOWN_MODE_INITCTL] = VIRT_POWER_INITCTL,
		[SHUTDOWN_MODE_SIGNAL] = VIRT_POWER_SIGNAL,
		[SHUTDOWN_MODE_PARAVIRT] = VIRT_POWER_PARAVIRT,
	};

	return given ? modes[mode] : 0;
}

void op_domain_shutdown(struct call *call,
			const struct domain_shutdown_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	unsigned modes = power_mode(params->has_mode, params->mode);
	autoerror err = {0};

	ops_submitted(call,
		      virt_domain_shutdown(ops_virt(call), &ref, modes,
					   ops_then_domain(call), &err),
		      &err);
}

void op_domain_reboot(struct call *call,
		      const struct domain_reboot_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	unsigned modes = power_mode(params->has_mode, params->mode);
	autoerror err = {0};

	ops_submitted(call,
		      virt_domain_reboot(ops_virt(call), &ref, modes,
					 ops_then_domain(call), &err),
		      &err);
}

void op_domain_destroy(struct call *call,
		       const struct domain_destroy_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	unsigned flags = flag(params->graceful, VIRT_DESTROY_GRACEFUL);
	autoerror err = {0};

	ops_submitted(call,
		      virt_domain_destroy(ops_virt(call), &ref, flags,
					  ops_then_domain(call), &err),
		      &err);
}

void op_domain_suspend(struct call *call,
		       const struct domain_suspend_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_domain_suspend(ops_virt(call), &ref,
					  ops_then_domain(call), &err),
		      &err);
}

void op_domain_resume(struct call *call,
		      const struct domain_resume_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_domain_resume(ops_virt(call), &ref,
					 ops_then_domain(call), &err),
		      &err);
}
