/*
 * A domain's memory in a file: managed save, save and restore, dump; the job that
 * writes it, and whether the hypervisor can be spoken to. Rules of the verbs of
 * virt.h. Values that come back lie in reply->value.noun. A PATH is absolute, on
 * the host, at most VIRT_PATH_MAX bytes.
 */
#ifndef VIRTMUX_VIRT_SAVED_H
#define VIRTMUX_VIRT_SAVED_H

#include "daemon/virt/virt.h"

enum virt_save_flag {
	VIRT_SAVE_BYPASS_CACHE = 1 << 0,
	VIRT_SAVE_RUNNING = 1 << 1, /* when it is restored */
	VIRT_SAVE_PAUSED = 1 << 2,
	VIRT_SAVE_RESET_NVRAM = 1 << 3, /* of a restore */
};

/* virDomainManagedSave. ERROR_STATE: not running, or transient. */
int virt_domain_managed_save(struct virt *v, const struct virt_domain_ref *ref,
			     unsigned flags, struct virt_done done,
			     struct error *err);

/* virDomainManagedSaveRemove. ERROR_STATE: it has none. */
int virt_domain_managed_save_remove(struct virt *v,
				    const struct virt_domain_ref *ref,
				    struct virt_done done, struct error *err);

/* virDomainSaveFlags. XML: what to restore it with; or NULL. */
int virt_domain_save(struct virt *v, const struct virt_domain_ref *ref,
		     const char *path, const char *xml, unsigned flags,
		     struct virt_done done, struct error *err);

/*
 * virDomainSaveImageGetXMLDesc, virDomainRestoreFlags: reply->domain names what
 * was restored. Rules of define for XML (or NULL) and for the image's own.
 * ERROR_DENIED: outside of SCOPE. ERROR_STATE: it runs already.
 */
int virt_domain_restore(struct virt *v, const char *path, const char *xml,
			char *const *scope, unsigned flags,
			struct virt_done done, struct error *err);

enum virt_dump_flag {
	VIRT_DUMP_LIVE = 1 << 0,
	VIRT_DUMP_CRASH = 1 << 1,
	VIRT_DUMP_RESET = 1 << 2,
	VIRT_DUMP_BYPASS_CACHE = 1 << 3,
	VIRT_DUMP_MEMORY_ONLY = 1 << 4,
};

/* virDomainCoreDumpFormat, same order. */
enum virt_dump_format {
	VIRT_DUMP_RAW,
	VIRT_DUMP_KDUMP_ZLIB,
	VIRT_DUMP_KDUMP_LZO,
	VIRT_DUMP_KDUMP_SNAPPY,
	VIRT_DUMP_WIN_DMP,
};

/* virDomainCoreDumpWithFormat. */
int virt_domain_dump(struct virt *v, const struct virt_domain_ref *ref,
		     const char *path, enum virt_dump_format format,
		     unsigned flags, struct virt_done done, struct error *err);

/* virDomainJobType and virDomainJobOperation, by their numbers; times in ns,
 * sizes in bytes. A figure whose bit is not in KNOWN is 0. */
enum virt_job_figure {
	VIRT_JOB_ELAPSED,
	VIRT_JOB_REMAINING,
	VIRT_JOB_DOWNTIME,
	VIRT_JOB_SETUP,
	VIRT_JOB_DATA_TOTAL,
	VIRT_JOB_DATA_PROCESSED,
	VIRT_JOB_DATA_REMAINING,
	VIRT_JOB_MEMORY_TOTAL,
	VIRT_JOB_MEMORY_PROCESSED,
	VIRT_JOB_MEMORY_REMAINING,
	VIRT_JOB_MEMORY_SPEED,
	VIRT_JOB_MEMORY_ITERATION,
	VIRT_JOB_DISK_TOTAL,
	VIRT_JOB_DISK_PROCESSED,
	VIRT_JOB_DISK_REMAINING,
	VIRT_JOB_DISK_SPEED,
	VIRT_JOB_FIGURES
};

struct virt_job_stats {
	unsigned type;
	unsigned operation;
	unsigned known; /* 1 << enum virt_job_figure */
	uint64_t figures[VIRT_JOB_FIGURES];
	char *message; /* why it failed; or NULL */
};

/*
 * virDomainGetJobStats: a struct virt_job_stats of the job that goes on, or
 * (COMPLETED) of the last one, which stays known.
 */
int virt_domain_job_stats(struct virt *v, const struct virt_domain_ref *ref,
			  bool completed, struct virt_done done,
			  struct error *err);

/* virDomainAbortJobFlags. ERROR_STATE: no job goes on. */
int virt_domain_job_abort(struct virt *v, const struct virt_domain_ref *ref,
			  bool postcopy, struct virt_done done,
			  struct error *err);

/* virDomainControlInfo: virDomainControlState by its number. */
struct virt_control {
	unsigned state;
	unsigned details;  /* virDomainControlErrorReason */
	uint64_t since_ns; /* how long it has been so */
};

/* virDomainGetControlInfo: a struct virt_control. */
int virt_domain_control(struct virt *v, const struct virt_domain_ref *ref,
			struct virt_done done, struct error *err);

#endif
