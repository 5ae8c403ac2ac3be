/*
 * Statistics of domains, in bulk. Rules for all verbs: virt.h.
 */
#ifndef VIRTMUX_VIRT_STATS_H
#define VIRTMUX_VIRT_STATS_H

#include "daemon/virt/record.h"
#include "daemon/virt/virt.h"

/* Groups, as virConnectGetAllDomainStats has them. */
enum virt_stats_group {
	VIRT_STATS_STATE = 1 << 0,
	VIRT_STATS_CPU = 1 << 1,
	VIRT_STATS_BALLOON = 1 << 2,
	VIRT_STATS_VCPU = 1 << 3,
	VIRT_STATS_INTERFACE = 1 << 4,
	VIRT_STATS_BLOCK = 1 << 5,
	VIRT_STATS_PERF = 1 << 6,
	VIRT_STATS_IOTHREAD = 1 << 7,
	VIRT_STATS_DIRTYRATE = 1 << 8,
	VIRT_STATS_VM = 1 << 9,
};

enum virt_stats_option {
	VIRT_STATS_NOWAIT = 1 << 0,  /* what a busy domain cannot tell: none */
	VIRT_STATS_BACKING = 1 << 1, /* block: with the backing chain */
	VIRT_STATS_ENFORCE = 1 << 2, /* a group that is not known: an error */
	VIRT_STATS_ACTIVE = 1 << 3,
	VIRT_STATS_INACTIVE = 1 << 4,
	VIRT_STATS_PERSISTENT = 1 << 5,
	VIRT_STATS_TRANSIENT = 1 << 6,
};

/*
 * VIRT_VALUE_NOUN, struct virt_records: one record a domain in scope, the names
 * of its fields those of virConnectGetAllDomainStats, but: "state.reason" is a
 * text (virsh's words), and the memory of "balloon." is bytes. Where the driver's
 * bulk call does not know a domain's processor time, memory or vcpus,
 * virDomainGetInfo does. GROUPS 0: all that the driver has. REF's name NULL: all
 * domains; with one the options that select are refused (INVALID_PARAMS).
 */
int virt_domain_stats(struct virt *v, const struct virt_domain_ref *ref,
		      unsigned groups, unsigned options, struct virt_done done,
		      struct error *err);

#endif
