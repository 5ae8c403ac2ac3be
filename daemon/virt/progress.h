/*
 * How far libvirt is with the one job that a domain has (a save, a dump, a
 * migration), and its abort. Values only; threads and errors as virt.h says.
 */
#ifndef VIRTMUX_VIRT_PROGRESS_H
#define VIRTMUX_VIRT_PROGRESS_H

#include "daemon/virt/virt.h"

/* The data of a VIRT_VALUE_NOUN. All zero: it has no job. */
struct virt_progress {
	bool active;
	uint64_t elapsed_ns;
	uint64_t done; /* bytes, of memory and disks together */
	uint64_t total;
	uint64_t speed;        /* bytes a second; 0: not known */
	uint64_t remaining_ns; /* 0: not known */
	uint64_t iteration;
	uint64_t downtime_ns; /* expected; 0: not known */
};

/* virDomainGetJobStats. */
int virt_domain_progress(struct virt *v, const struct virt_domain_ref *ref,
			 struct virt_done done, struct error *err);

/* virDomainAbortJob: VIRT_VALUE_NONE. ERROR_STATE: it has no job. */
int virt_domain_abort(struct virt *v, const struct virt_domain_ref *ref,
		      struct virt_done done, struct error *err);

#endif
