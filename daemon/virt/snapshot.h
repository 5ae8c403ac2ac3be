/*
 * Snapshots of domains: verbs of the room as in virt.h, whose rules hold here too. A
 * reply is VIRT_VALUE_NOUN with a struct virt_snapshots. NAME NULL means the current
 * snapshot, the one that the domain goes on from; one that does not exist is
 * ERROR_NOT_FOUND.
 */
#ifndef VIRTMUX_VIRT_SNAPSHOT_H
#define VIRTMUX_VIRT_SNAPSHOT_H

#include "daemon/virt/virt.h"

/* Strings owned. */
struct virt_snapshot {
	char *name;
	char *parent; /* NULL: none */
	char *description;
	char *state;     /* "running", "shutoff", "disk-snapshot" */
	int64_t created; /* seconds since 1970; 0: not known */
	unsigned children;
	unsigned descendants;
	bool current;
	bool external; /* its memory or a disk is in a file of its own */
	bool metadata;
};

/* List: all, by name. The other verbs: the one that it was about. */
struct virt_snapshots {
	struct virt_snapshot *rows;
	size_t count;
	char *xml; /* of virt_snapshot_xml() */
};

static inline struct virt_snapshots *
virt_snapshots_of(const struct virt_reply *reply)
{
	return reply->value.noun.data;
}

/* virDomainListAllSnapshots, virDomainSnapshotGetXMLDesc. */
int virt_snapshot_list(struct virt *v, const struct virt_domain_ref *ref,
		       struct virt_done done, struct error *err);
int virt_snapshot_info(struct virt *v, const struct virt_domain_ref *ref,
		       const char *name, struct virt_done done,
		       struct error *err);

/* virDomainSnapshotGetXMLDesc; SECURE: with passwords. */
int virt_snapshot_xml(struct virt *v, const struct virt_domain_ref *ref,
		      const char *name, bool secure, struct virt_done done,
		      struct error *err);

enum virt_snapshot_flag {
	VIRT_SNAPSHOT_REDEFINE = 1 << 0,
	VIRT_SNAPSHOT_CURRENT = 1 << 1,
	VIRT_SNAPSHOT_NO_METADATA = 1 << 2,
	VIRT_SNAPSHOT_HALT = 1 << 3,
	VIRT_SNAPSHOT_DISK_ONLY = 1 << 4,
	VIRT_SNAPSHOT_REUSE = 1 << 5,
	VIRT_SNAPSHOT_QUIESCE = 1 << 6,
	VIRT_SNAPSHOT_ATOMIC = 1 << 7,
	VIRT_SNAPSHOT_LIVE = 1 << 8,
	VIRT_SNAPSHOT_VALIDATE = 1 << 9,
};

/* XML, or else NAME and DESCRIPTION, which may both be NULL. */
struct virt_snapshot_new {
	const char *name;
	const char *description;
	const char *xml;
	unsigned flags;
};

/* virDomainSnapshotCreateXML. ERROR_EXISTS, _STATE, _UNSUPPORTED, _TIMED_OUT. */
int virt_snapshot_create(struct virt *v, const struct virt_domain_ref *ref,
			 const struct virt_snapshot_new *snapshot,
			 struct virt_done done, struct error *err);

enum virt_revert_flag {
	VIRT_REVERT_RUNNING = 1 << 0,
	VIRT_REVERT_PAUSED = 1 << 1,
	VIRT_REVERT_FORCE = 1 << 2,
};

/* virDomainRevertToSnapshot. ERROR_STATE, _UNSUPPORTED. */
int virt_snapshot_revert(struct virt *v, const struct virt_domain_ref *ref,
			 const char *name, unsigned flags,
			 struct virt_done done, struct error *err);

enum virt_snapshot_delete_flag {
	VIRT_SNAPSHOT_DELETE_CHILDREN = 1 << 0,
	VIRT_SNAPSHOT_DELETE_CHILDREN_ONLY = 1 << 1,
	VIRT_SNAPSHOT_DELETE_METADATA = 1 << 2,
};

/* virDomainSnapshotDelete. ERROR_UNSUPPORTED. */
int virt_snapshot_delete(struct virt *v, const struct virt_domain_ref *ref,
			 const char *name, unsigned flags,
			 struct virt_done done, struct error *err);

#endif
