/*
 * Migration of a domain to another libvirt, which the libvirt of this host reaches by
 * itself. Values only; threads and errors as virt.h says.
 */
#ifndef VIRTMUX_VIRT_MIGRATE_H
#define VIRTMUX_VIRT_MIGRATE_H

#include "daemon/virt/virt.h"

enum virt_migrate_flag {
	VIRT_MIGRATE_LIVE = 1 << 0,
	VIRT_MIGRATE_OFFLINE = 1 << 1,
	VIRT_MIGRATE_TUNNELLED = 1 << 2,
	VIRT_MIGRATE_PERSISTENT = 1 << 3,
	VIRT_MIGRATE_UNDEFINE_SOURCE = 1 << 4,
	VIRT_MIGRATE_PAUSED = 1 << 5,
	VIRT_MIGRATE_COPY_ALL = 1 << 6, /* one of these two */
	VIRT_MIGRATE_COPY_INC = 1 << 7,
	VIRT_MIGRATE_SYNCHRONOUS = 1 << 8,
	VIRT_MIGRATE_PROTECT = 1 << 9,
	VIRT_MIGRATE_UNSAFE = 1 << 10,
	VIRT_MIGRATE_ABORT_ON_ERROR = 1 << 11,
	VIRT_MIGRATE_AUTO_CONVERGE = 1 << 12,
	VIRT_MIGRATE_POSTCOPY = 1 << 13,
	VIRT_MIGRATE_COMPRESSED = 1 << 14,
	VIRT_MIGRATE_TLS = 1 << 15,
};

/* Where to and how; NULL or 0: libvirt chooses. Copied. */
struct virt_migration {
	const char *uri; /* never NULL */
	const char *migrate_uri;
	const char *listen_address;
	const char *name;
	const char *xml;
	const char *persistent_xml;
	char *const *disks; /* disks_count of them */
	size_t disks_count;
	uint64_t bandwidth; /* MiB a second */
	unsigned parallel;  /* connections; 0: one, the ordinary way */
	unsigned flags;     /* enum virt_migrate_flag */
};

/*
 * virDomainMigrateToURI3, peer to peer: VIRT_VALUE_NONE. ERROR_STATE, _EXISTS,
 * _UNSUPPORTED.
 */
int virt_domain_migrate(struct virt *v, const struct virt_domain_ref *ref,
			const struct virt_migration *how, struct virt_done done,
			struct error *err);

/* The data of a VIRT_VALUE_NOUN: MiB a second, or milliseconds. */
struct virt_migrate_number {
	uint64_t value;
};

/* virDomainMigrateGetMaxSpeed, -GetMaxDowntime. */
int virt_domain_migrate_speed(struct virt *v, const struct virt_domain_ref *ref,
			      struct virt_done done, struct error *err);
int virt_domain_migrate_downtime(struct virt *v,
				 const struct virt_domain_ref *ref,
				 struct virt_done done, struct error *err);

/* virDomainMigrateSetMaxSpeed, -SetMaxDowntime, -StartPostCopy: _NONE. */
int virt_domain_migrate_set_speed(struct virt *v,
				  const struct virt_domain_ref *ref,
				  uint64_t mib, struct virt_done done,
				  struct error *err);
int virt_domain_migrate_set_downtime(struct virt *v,
				     const struct virt_domain_ref *ref,
				     uint64_t ms, struct virt_done done,
				     struct error *err);
int virt_domain_migrate_postcopy(struct virt *v,
				 const struct virt_domain_ref *ref,
				 struct virt_done done, struct error *err);

#endif
