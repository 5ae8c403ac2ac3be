/*
 * Checkpoints of domains, and backups: verbs of the room as in virt.h, whose rules hold
 * here too. A reply about checkpoints is VIRT_VALUE_NOUN with a struct
 * virt_checkpoints; a backup's is VIRT_VALUE_NONE or _XML.
 */
#ifndef VIRTMUX_VIRT_CHECKPOINT_H
#define VIRTMUX_VIRT_CHECKPOINT_H

#include "daemon/virt/virt.h"

/* Strings owned; NULL: none. */
struct virt_checkpoint {
	char *name;
	char *parent;
	char *description;
	int64_t created; /* seconds since 1970; 0: not known */
};

/* List: all, by name. The other verbs: the one that it was about. */
struct virt_checkpoints {
	struct virt_checkpoint *rows;
	size_t count;
	char *xml; /* of virt_checkpoint_show() */
};

static inline struct virt_checkpoints *
virt_checkpoints_of(const struct virt_reply *reply)
{
	return reply->value.noun.data;
}

/* virDomainListAllCheckpoints, virDomainCheckpointGetXMLDesc. */
int virt_checkpoint_list(struct virt *v, const struct virt_domain_ref *ref,
			 struct virt_done done, struct error *err);

enum virt_checkpoint_xml_flag {
	VIRT_CHECKPOINT_SECURE = 1 << 0,
	VIRT_CHECKPOINT_NO_DOMAIN = 1 << 1,
	VIRT_CHECKPOINT_SIZE = 1 << 2,
};

/* One, with its XML. ERROR_NOT_FOUND, _STATE. */
int virt_checkpoint_show(struct virt *v, const struct virt_domain_ref *ref,
			 const char *name, unsigned flags,
			 struct virt_done done, struct error *err);

enum virt_checkpoint_create_flag {
	VIRT_CHECKPOINT_REDEFINE = 1 << 0,
	VIRT_CHECKPOINT_QUIESCE = 1 << 1,
};

/* XML, or else NAME and DESCRIPTION, which may both be NULL. */
struct virt_checkpoint_new {
	const char *name;
	const char *description;
	const char *xml;
	unsigned flags;
};

/* virDomainCheckpointCreateXML. ERROR_EXISTS, _STATE, _UNSUPPORTED. */
int virt_checkpoint_create(struct virt *v, const struct virt_domain_ref *ref,
			   const struct virt_checkpoint_new *checkpoint,
			   struct virt_done done, struct error *err);

enum virt_checkpoint_delete_flag {
	VIRT_CHECKPOINT_DELETE_CHILDREN = 1 << 0,
	VIRT_CHECKPOINT_DELETE_CHILDREN_ONLY = 1 << 1,
	VIRT_CHECKPOINT_DELETE_METADATA = 1 << 2,
};

/* virDomainCheckpointDelete. */
int virt_checkpoint_delete(struct virt *v, const struct virt_domain_ref *ref,
			   const char *name, unsigned flags,
			   struct virt_done done, struct error *err);

/* virDomainBackupBegin; both XML may be NULL. ERROR_STATE, _UNSUPPORTED. */
int virt_backup_begin(struct virt *v, const struct virt_domain_ref *ref,
		      const char *xml, const char *checkpoint_xml, bool reuse,
		      struct virt_done done, struct error *err);

/* virDomainBackupGetXMLDesc: VIRT_VALUE_XML. ERROR_NOT_FOUND: none goes on. */
int virt_backup_info(struct virt *v, const struct virt_domain_ref *ref,
		     struct virt_done done, struct error *err);

#endif
