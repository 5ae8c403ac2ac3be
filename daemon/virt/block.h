/*
 * Disks of running domains: their size, and the jobs that move their contents.
 * Rules for all verbs: virt.h. A disk is named by its target (vda) or its source.
 */
#ifndef VIRTMUX_VIRT_BLOCK_H
#define VIRTMUX_VIRT_BLOCK_H

#include "daemon/virt/record.h"
#include "daemon/virt/virt.h"

enum virt_block_flag {
	VIRT_BLOCK_ASYNC = 1 << 0, /* abort: do not wait for its end */
	VIRT_BLOCK_PIVOT = 1 << 1, /* abort: use the copy from now on */
	VIRT_BLOCK_SHALLOW = 1 << 2,
	VIRT_BLOCK_ACTIVE = 1 << 3,        /* commit the top image */
	VIRT_BLOCK_DELETE = 1 << 4,        /* commit: remove what is merged */
	VIRT_BLOCK_KEEP_RELATIVE = 1 << 5, /* names in the backing chain */
	VIRT_BLOCK_REUSE = 1 << 6,         /* copy: the destination exists */
	VIRT_BLOCK_TRANSIENT = 1 << 7,
	VIRT_BLOCK_SYNCHRONOUS = 1 << 8,
	VIRT_BLOCK_DEVICE = 1 << 9, /* copy: it is a block device */
};

/* What a job is about; NULL and 0: libvirt's own choice. */
struct virt_block {
	const char *disk;
	const char *base;
	const char *top;
	const char *xml;  /* copy: of the destination; or: */
	const char *path; /* copy: of the destination */
	const char *format;
	uint64_t bandwidth; /* bytes a second */
	uint64_t granularity;
	uint64_t buffer; /* bytes */
	unsigned flags;
};

/* virDomainBlockResize; SIZE in bytes. ERROR_STATE: not running. */
int virt_block_resize(struct virt *v, const struct virt_domain_ref *ref,
		      const char *disk, uint64_t size, struct virt_done done,
		      struct error *err);

/*
 * virDomainGetBlockJobInfo: struct virt_records of one: "active"; where it is 1
 * also "type" (virDomainBlockJobType), "bandwidth" (bytes a second, 0: no limit),
 * "cur", "end" (bytes or so), "ready" (it keeps up, and can be pivoted).
 */
int virt_block_job(struct virt *v, const struct virt_domain_ref *ref,
		   const char *disk, struct virt_done done, struct error *err);

/* virDomainBlockJobAbort, virDomainBlockJobSetSpeed. ERROR_STATE: no job. */
int virt_block_abort(struct virt *v, const struct virt_domain_ref *ref,
		     const struct virt_block *block, struct virt_done done,
		     struct error *err);
int virt_block_set_speed(struct virt *v, const struct virt_domain_ref *ref,
			 const struct virt_block *block, struct virt_done done,
			 struct error *err);

/*
 * virDomainBlockRebase, virDomainBlockCommit, virDomainBlockCopy: the job has
 * begun when the reply comes. ERROR_STATE: not running, or a job goes on.
 */
int virt_block_pull(struct virt *v, const struct virt_domain_ref *ref,
		    const struct virt_block *block, struct virt_done done,
		    struct error *err);
int virt_block_commit(struct virt *v, const struct virt_domain_ref *ref,
		      const struct virt_block *block, struct virt_done done,
		      struct error *err);
int virt_block_copy(struct virt *v, const struct virt_domain_ref *ref,
		    const struct virt_block *block, struct virt_done done,
		    struct error *err);

#endif
