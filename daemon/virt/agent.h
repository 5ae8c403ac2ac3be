/*
 * What the agent inside a guest is asked for. Rules for all verbs: virt.h. All of
 * them need a running domain (ERROR_STATE), a channel for the agent in its
 * definition (ERROR_UNSUPPORTED), and an agent that answers (ERROR_TIMED_OUT).
 */
#ifndef VIRTMUX_VIRT_AGENT_H
#define VIRTMUX_VIRT_AGENT_H

#include "daemon/virt/record.h"
#include "daemon/virt/virt.h"

/* The groups of virDomainGetGuestInfo. */
enum virt_agent_group {
	VIRT_AGENT_USERS = 1 << 0,
	VIRT_AGENT_OS = 1 << 1,
	VIRT_AGENT_TIMEZONE = 1 << 2,
	VIRT_AGENT_HOSTNAME = 1 << 3,
	VIRT_AGENT_FILESYSTEM = 1 << 4,
	VIRT_AGENT_DISKS = 1 << 5,
	VIRT_AGENT_INTERFACES = 1 << 6,
};

/*
 * virDomainQemuAgentCommand: COMMAND is JSON as the agent takes it, the reply's
 * value.noun.data its answer as text, which the guest may have made up. The worker
 * waits PAUSE_MS before it asks (VIRT_AGENT_PAUSE_MS at most): an agent tells of
 * nothing by itself.
 */
int virt_agent_command(struct virt *v, const struct virt_domain_ref *ref,
		       const char *command, unsigned pause_ms,
		       struct virt_done done, struct error *err);

/* virDomainGetTime, and how long it took: struct virt_records of one: "latency". */
int virt_agent_ping(struct virt *v, const struct virt_domain_ref *ref,
		    struct virt_done done, struct error *err);

/* virDomainGetTime: "seconds" since 1970, "nanoseconds". */
int virt_agent_time(struct virt *v, const struct virt_domain_ref *ref,
		    struct virt_done done, struct error *err);

/* virDomainSetTime; SYNC: from the guest's own hardware clock instead. */
int virt_agent_set_time(struct virt *v, const struct virt_domain_ref *ref,
			uint64_t seconds, uint32_t nanoseconds, bool sync,
			struct virt_done done, struct error *err);

/*
 * virDomainGetGuestInfo: the names of the fields are libvirt's, but for
 * "interface." instead of "if." GROUPS 0: all that the agent knows.
 */
int virt_agent_info(struct virt *v, const struct virt_domain_ref *ref,
		    unsigned groups, struct virt_done done, struct error *err);

/* virDomainGetFSInfo: "fs.N.mountpoint", .name, .fstype, .disk.M.alias. */
int virt_agent_filesystems(struct virt *v, const struct virt_domain_ref *ref,
			   struct virt_done done, struct error *err);

enum virt_hostname_source {
	VIRT_HOSTNAME_ANY, /* the hypervisor chooses */
	VIRT_HOSTNAME_AGENT,
	VIRT_HOSTNAME_LEASE, /* DHCP leases of libvirt's networks */
};

/* virDomainGetHostname: "hostname". */
int virt_agent_hostname(struct virt *v, const struct virt_domain_ref *ref,
			enum virt_hostname_source source, struct virt_done done,
			struct error *err);

/*
 * virDomainFSFreeze, virDomainFSThaw: "count" of file systems. MOUNTPOINTS: N of
 * them, without line feeds; 0: all.
 */
int virt_agent_freeze(struct virt *v, const struct virt_domain_ref *ref,
		      char *const *mountpoints, size_t n, struct virt_done done,
		      struct error *err);
int virt_agent_thaw(struct virt *v, const struct virt_domain_ref *ref,
		    char *const *mountpoints, size_t n, struct virt_done done,
		    struct error *err);

/* virDomainFSTrim; MINIMUM: bytes of a free range that is worth it. */
int virt_agent_trim(struct virt *v, const struct virt_domain_ref *ref,
		    uint64_t minimum, struct virt_done done, struct error *err);

/* virDomainSetUserPassword. ENCRYPTED: it is a hash as the guest keeps it. */
int virt_agent_set_password(struct virt *v, const struct virt_domain_ref *ref,
			    const char *user, const char *password,
			    bool encrypted, struct virt_done done,
			    struct error *err);

#endif
