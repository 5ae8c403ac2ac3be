/*
 * What changes a domain's definition, or the same of it while it runs: autostart,
 * name, title, description, metadata, processors, memory. Rules of the verbs of
 * virt.h. Values that come back lie in reply->value.noun.
 */
#ifndef VIRTMUX_VIRT_DEFINITION_H
#define VIRTMUX_VIRT_DEFINITION_H

#include "daemon/virt/virt.h"

/*
 * What a change is made to (virDomainModificationImpact). None of the two: to the
 * running domain where it runs, else to the definition.
 */
enum virt_affect {
	VIRT_AFFECT_LIVE = 1 << 0,
	VIRT_AFFECT_CONFIG = 1 << 1,
};

/* virDomainSetAutostart. */
int virt_domain_autostart(struct virt *v, const struct virt_domain_ref *ref,
			  bool on, struct virt_done done, struct error *err);

/*
 * virDomainRename. reply->domain has the new name. ERROR_DENIED: the new name is
 * outside of the ref's scope. ERROR_STATE: it runs, or has snapshots or
 * checkpoints; ERROR_EXISTS.
 */
int virt_domain_rename(struct virt *v, const struct virt_domain_ref *ref,
		       const char *name, struct virt_done done,
		       struct error *err);

/* What virt_domain_description() gives. Owned; NULL: it has none. */
struct virt_description {
	char *title;
	char *description;
};

/* virDomainGetMetadata: a struct virt_description. AFFECT: one or none. */
int virt_domain_description(struct virt *v, const struct virt_domain_ref *ref,
			    unsigned affect, struct virt_done done,
			    struct error *err);

enum virt_text { VIRT_TEXT_TITLE, VIRT_TEXT_DESCRIPTION };

#define VIRT_TEXT_MAX 65536 /* bytes of a title or description */

/* virDomainSetMetadata. TEXT "": remove it. */
int virt_domain_set_text(struct virt *v, const struct virt_domain_ref *ref,
			 enum virt_text which, const char *text,
			 unsigned affect, struct virt_done done,
			 struct error *err);

/*
 * virDomainGetMetadata: a char *, the XML element of the namespace URI.
 * ERROR_NOT_FOUND: it has none.
 */
int virt_domain_metadata(struct virt *v, const struct virt_domain_ref *ref,
			 const char *uri, unsigned affect,
			 struct virt_done done, struct error *err);

/*
 * virDomainSetMetadata: XML, with the prefix KEY, becomes the element of the
 * namespace URI; XML NULL: that is removed. ERROR_INVALID_PARAMS: XML is not one
 * element, has a DOCTYPE or entities, or is nested too deep.
 */
int virt_domain_set_metadata(struct virt *v, const struct virt_domain_ref *ref,
			     const char *uri, const char *key, const char *xml,
			     unsigned affect, struct virt_done done,
			     struct error *err);

enum virt_vcpu_flag {
	/* and those of enum virt_affect */
	VIRT_VCPU_MAXIMUM = 1 << 2, /* the most it can have; with CONFIG */
	VIRT_VCPU_GUEST = 1 << 3,   /* by its agent */
	VIRT_VCPU_HOTPLUGGABLE = 1 << 4,
};

/* virDomainSetVcpusFlags. ERROR_INVALID_PARAMS: above the maximum. */
int virt_domain_set_vcpus(struct virt *v, const struct virt_domain_ref *ref,
			  unsigned count, unsigned flags, struct virt_done done,
			  struct error *err);

enum virt_memory_flag {
	/* and those of enum virt_affect */
	VIRT_MEMORY_MAXIMUM = 1 << 2,
};

/* virDomainSetMemoryFlags. ERROR_INVALID_PARAMS: above the maximum. */
int virt_domain_set_memory(struct virt *v, const struct virt_domain_ref *ref,
			   uint64_t kib, unsigned flags, struct virt_done done,
			   struct error *err);

/* A disk of a clone. Strings borrowed. */
struct virt_clone_disk {
	const char *target; /* "vda" */
	const char *path;   /* absolute, on the host */
};

struct virt_clone {
	const char *name;
	bool without_disks; /* those that are not told of */
	const struct virt_clone_disk *disks;
	size_t disks_count;
};

#define VIRT_CLONE_DISKS_MAX 256

/*
 * virDomainGetXMLDesc, virDomainDefineXMLFlags: another domain like this one, by
 * the rules of xml_clone.h; reply->domain names it. Nothing is copied but the
 * definition. ERROR_DENIED: the new name is outside of the ref's scope.
 * ERROR_EXISTS, ERROR_INVALID_PARAMS.
 */
int virt_domain_clone(struct virt *v, const struct virt_domain_ref *ref,
		      const struct virt_clone *clone, struct virt_done done,
		      struct error *err);

#endif
