/*
 * What is done to a guest from outside of it: reset, keys, NMI, power management.
 * Rules of the verbs of virt.h.
 */
#ifndef VIRTMUX_VIRT_GUEST_H
#define VIRTMUX_VIRT_GUEST_H

#include "daemon/virt/virt.h"

/* virDomainReset. ERROR_STATE: not running. */
int virt_domain_reset(struct virt *v, const struct virt_domain_ref *ref,
		      struct virt_done done, struct error *err);

#define VIRT_KEYS_MAX 16 /* pressed at once; VIR_DOMAIN_SEND_KEY_MAX_KEYS */

/* virKeycodeSet, same order. */
enum virt_codeset {
	VIRT_CODESET_LINUX,
	VIRT_CODESET_XT,
	VIRT_CODESET_ATSET1,
	VIRT_CODESET_ATSET2,
	VIRT_CODESET_ATSET3,
	VIRT_CODESET_OSX,
	VIRT_CODESET_XT_KBD,
	VIRT_CODESET_USB,
	VIRT_CODESET_WIN32,
	VIRT_CODESET_QNUM,
};

struct virt_keys {
	enum virt_codeset codeset;
	unsigned hold_ms; /* 0: the hypervisor's usual */
	unsigned count;   /* 1 to VIRT_KEYS_MAX */
	uint16_t codes[VIRT_KEYS_MAX];
};

/* virDomainSendKey: all of them down, then all up. ERROR_INVALID_PARAMS. */
int virt_domain_send_key(struct virt *v, const struct virt_domain_ref *ref,
			 const struct virt_keys *keys, struct virt_done done,
			 struct error *err);

/* virDomainInjectNMI. */
int virt_domain_inject_nmi(struct virt *v, const struct virt_domain_ref *ref,
			   struct virt_done done, struct error *err);

/* virNodeSuspendTarget, same order. */
enum virt_suspend_target {
	VIRT_SUSPEND_MEM,
	VIRT_SUSPEND_DISK,
	VIRT_SUSPEND_HYBRID,
};

/* virDomainPMSuspendForDuration, by its agent. SECONDS 0: for good. */
int virt_domain_pm_suspend(struct virt *v, const struct virt_domain_ref *ref,
			   enum virt_suspend_target target, uint64_t seconds,
			   struct virt_done done, struct error *err);

/* virDomainPMWakeup. */
int virt_domain_pm_wakeup(struct virt *v, const struct virt_domain_ref *ref,
			  struct virt_done done, struct error *err);

#endif
