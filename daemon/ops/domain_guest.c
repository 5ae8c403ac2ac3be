/*
 * What is done to a guest from outside of it: the handlers of domain.reset,
 * send-key, inject-nmi and pm-*. All are answered as the actions of domain.c are.
 */
#include "daemon/ops/domain_keys.h"
#include "daemon/ops/room.h"
#include "daemon/virt/guest.h"

void op_domain_reset(struct call *call,
		     const struct domain_reset_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_domain_reset(ops_virt(call), &ref,
					ops_then_domain(call), &err),
		      &err);
}

static int read_keys(const struct domain_send_key_params *p,
		     struct virt_keys *keys, struct error *err)
{
	bool names = !p->has_codeset || p->codeset == KEY_CODESET_LINUX;

	if (p->keys_count < 1 || p->keys_count > VIRT_KEYS_MAX)
		return error_set(err, ERROR_INVALID_PARAMS,
				 "1 to %d keys can be pressed at once",
				 VIRT_KEYS_MAX);
	/* same order; a unit test holds it */
	keys->codeset = p->has_codeset ? (enum virt_codeset)p->codeset
				       : VIRT_CODESET_LINUX;
	keys->hold_ms = (unsigned)p->holdtime;
	for (; keys->count < p->keys_count; keys->count++)
		if (domain_key(p->keys[keys->count], names,
			       &keys->codes[keys->count], err) < 0)
			return -1;
	return 0;
}

static int send_keys(struct call *call, const struct domain_send_key_params *p,
		     struct error *err)
{
	struct virt_domain_ref ref = ops_ref(call, p->domain);
	struct virt_keys keys = {.count = 0};

	if (read_keys(p, &keys, err) < 0)
		return -1;
	return virt_domain_send_key(ops_virt(call), &ref, &keys,
				    ops_then_domain(call), err);
}

void op_domain_send_key(struct call *call,
			const struct domain_send_key_params *params)
{
	autoerror err = {0};

	ops_submitted(call, send_keys(call, params, &err), &err);
}

void op_domain_inject_nmi(struct call *call,
			  const struct domain_inject_nmi_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_domain_inject_nmi(ops_virt(call), &ref,
					     ops_then_domain(call), &err),
		      &err);
}

void op_domain_pm_suspend(struct call *call,
			  const struct domain_pm_suspend_params *params)
{
	static const enum virt_suspend_target targets[] = {
		[SUSPEND_TARGET_MEM] = VIRT_SUSPEND_MEM,
		[SUSPEND_TARGET_DISK] = VIRT_SUSPEND_DISK,
		[SUSPEND_TARGET_HYBRID] = VIRT_SUSPEND_HYBRID,
	};
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_domain_pm_suspend(ops_virt(call), &ref,
					     targets[params->target], 0,
					     ops_then_domain(call), &err),
		      &err);
}

void op_domain_pm_wakeup(struct call *call,
			 const struct domain_pm_wakeup_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_domain_pm_wakeup(ops_virt(call), &ref,
					    ops_then_domain(call), &err),
		      &err);
}
