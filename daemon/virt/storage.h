/*
 * Storage pools and volumes: the verbs of daemon/virt about them. Rules, thread
 * and common errors: virt.h. Every reply has the kind VIRT_VALUE_NOUN; what its
 * data are stands at the verb.
 *
 * A POOL is a name or a UUID. A volume is named by VOLUME within POOL, or, where
 * POOL is NULL, by its key or path. ERROR_NOT_FOUND where there is none.
 */
#ifndef VIRTMUX_VIRT_STORAGE_H
#define VIRTMUX_VIRT_STORAGE_H

#include "daemon/virt/virt.h"

#define VIRT_VOLUME_NAME_MAX 4096 /* a key or path, bytes without NUL */

/* virStoragePoolState, same order. */
enum virt_pool_state {
	VIRT_POOL_INACTIVE,
	VIRT_POOL_BUILDING,
	VIRT_POOL_RUNNING,
	VIRT_POOL_DEGRADED,
	VIRT_POOL_INACCESSIBLE,
};

/* Sizes in bytes; 0 while the pool is inactive. */
struct virt_pool {
	char uuid[VIRT_UUID_SIZE];
	char *name;
	enum virt_pool_state state;
	uint64_t capacity;
	uint64_t allocation;
	uint64_t available;
	bool persistent;
	bool autostart;
};

struct virt_pool_list {
	struct virt_pool *rows; /* by name, bytewise */
	size_t count;
};

/* Of which pool or volume, and its XML. */
struct virt_storage_xml {
	char uuid[VIRT_UUID_SIZE]; /* of a pool; else "" */
	char *pool;
	char *volume; /* NULL: of a pool */
	char *xml;
};

/* virStorageVolType, same order. */
enum virt_volume_type {
	VIRT_VOLUME_FILE,
	VIRT_VOLUME_BLOCK,
	VIRT_VOLUME_DIR,
	VIRT_VOLUME_NETWORK,
	VIRT_VOLUME_NETDIR,
	VIRT_VOLUME_PLOOP,
};

struct virt_volume {
	char *pool;
	char *name;
	char *key;
	char *path;
	bool sized; /* what follows was asked for */
	enum virt_volume_type type;
	uint64_t capacity;   /* bytes */
	uint64_t allocation; /* bytes */
};

struct virt_volume_list {
	char *pool;
	struct virt_volume *rows; /* by name, bytewise */
	size_t count;
};

/* -- pools ---------------------------------------------------------------- */

/* What a list is to show; ORed, 0: all. Bits of one line exclude each other. */
enum virt_pool_filter {
	VIRT_POOLS_ACTIVE = 1 << 0,
	VIRT_POOLS_INACTIVE = 1 << 1,
	VIRT_POOLS_PERSISTENT = 1 << 2,
	VIRT_POOLS_TRANSIENT = 1 << 3,
	VIRT_POOLS_AUTOSTART = 1 << 4,
	VIRT_POOLS_NO_AUTOSTART = 1 << 5,
	VIRT_POOLS_TYPE = 1 << 6, /* << n: the n-th type of VIRT_POOL_TYPES */
};

/* dir, fs, netfs, logical, disk, iscsi, scsi, mpath, rbd, sheepdog, gluster, zfs,
 * vstorage, iscsi-direct: the order of libvirt's flags. */
#define VIRT_POOL_TYPES 14

/* virConnectListAllStoragePools…: struct virt_pool_list. */
int virt_pool_list(struct virt *v, unsigned filter, struct virt_done done,
		   struct error *err);

/* virStoragePoolGetInfo…: struct virt_pool. */
int virt_pool_info(struct virt *v, const char *pool, struct virt_done done,
		   struct error *err);

/* virStoragePoolGetXMLDesc: struct virt_storage_xml. */
int virt_pool_xml(struct virt *v, const char *pool, bool inactive,
		  struct virt_done done, struct error *err);

enum virt_pool_flag {
	VIRT_POOL_BUILD = 1 << 0,
	VIRT_POOL_OVERWRITE = 1 << 1,
	VIRT_POOL_NO_OVERWRITE = 1 << 2,
	VIRT_POOL_VALIDATE = 1 << 3, /* define alone */
	VIRT_POOL_DISABLE = 1 << 4,  /* autostart alone */
};

/*
 * virStoragePoolDefineXML, virStoragePoolCreateXML: struct virt_pool, of which
 * only name and UUID are set. XML: at most VIRT_XML_MAX bytes. ERROR_EXISTS.
 */
int virt_pool_define(struct virt *v, const char *xml, unsigned flags,
		     struct virt_done done, struct error *err);
int virt_pool_create(struct virt *v, const char *xml, unsigned flags,
		     struct virt_done done, struct error *err);

/*
 * virStoragePoolSetAutostart, -Build, -Delete, -Destroy, -Refresh, -Create,
 * -Undefine: struct virt_pool, name and UUID. ERROR_STATE.
 */
enum virt_pool_action {
	VIRT_POOL_DO_AUTOSTART,
	VIRT_POOL_DO_BUILD,
	VIRT_POOL_DO_DELETE,
	VIRT_POOL_DO_DESTROY,
	VIRT_POOL_DO_REFRESH,
	VIRT_POOL_DO_START,
	VIRT_POOL_DO_UNDEFINE,
};
int virt_pool_act(struct virt *v, enum virt_pool_action action,
		  const char *pool, unsigned flags, struct virt_done done,
		  struct error *err);

/* -- volumes -------------------------------------------------------------- */

/* virStoragePoolListAllVolumes, with SIZES virStorageVolGetInfo of each: struct
 * virt_volume_list. ERROR_STATE: the pool is not active. */
int virt_volume_list(struct virt *v, const char *pool, bool sizes,
		     struct virt_done done, struct error *err);

struct virt_volume_ref {
	const char *pool; /* NULL: by key or path */
	const char *volume;
};

/* virStorageVolGetInfoFlags: struct virt_volume. */
int virt_volume_info(struct virt *v, const struct virt_volume_ref *ref,
		     bool physical, struct virt_done done, struct error *err);

/* struct virt_volume, without sizes. */
int virt_volume_lookup(struct virt *v, const struct virt_volume_ref *ref,
		       struct virt_done done, struct error *err);

/* virStorageVolGetXMLDesc: struct virt_storage_xml. */
int virt_volume_xml(struct virt *v, const struct virt_volume_ref *ref,
		    struct virt_done done, struct error *err);

/* The changes that follow give a struct virt_volume without sizes. */

enum virt_volume_flag {
	VIRT_VOLUME_PREALLOC_METADATA = 1 << 0,
	VIRT_VOLUME_REFLINK = 1 << 1,
	VIRT_VOLUME_VALIDATE = 1 << 2,
	VIRT_VOLUME_SNAPSHOTS = 1 << 3, /* delete */
	VIRT_VOLUME_DELTA = 1 << 4,     /* resize */
	VIRT_VOLUME_ALLOCATE = 1 << 5,
	VIRT_VOLUME_SHRINK = 1 << 6,
};

/* virStorageVolCreateXMLFrom: the new volume. ERROR_EXISTS. */
int virt_volume_clone(struct virt *v, const struct virt_volume_ref *ref,
		      const char *name, unsigned flags, struct virt_done done,
		      struct error *err);

/* virStorageVolCreateXML. ERROR_EXISTS. */
int virt_volume_create(struct virt *v, const char *pool, const char *xml,
		       unsigned flags, struct virt_done done,
		       struct error *err);

/* Strings are copied; NULL: not given. */
struct virt_volume_plan {
	const char *pool;
	const char *name;
	uint64_t capacity;   /* bytes */
	uint64_t allocation; /* bytes; UINT64_MAX: libvirt's own choice */
	const char *format;  /* "qcow2"; NULL: the pool's */
	const char *backing; /* a name in the pool, a key or a path */
	const char *backing_format;
	unsigned flags;
};
int virt_volume_create_as(struct virt *v, const struct virt_volume_plan *plan,
			  struct virt_done done, struct error *err);

/* virStorageVolDelete. */
int virt_volume_delete(struct virt *v, const struct virt_volume_ref *ref,
		       unsigned flags, struct virt_done done,
		       struct error *err);

/* virStorageVolResize; CAPACITY in bytes. */
int virt_volume_resize(struct virt *v, const struct virt_volume_ref *ref,
		       uint64_t capacity, unsigned flags, struct virt_done done,
		       struct error *err);

/* virStorageVolWipePattern; ALGORITHM in the order of libvirt's. */
int virt_volume_wipe(struct virt *v, const struct virt_volume_ref *ref,
		     unsigned algorithm, struct virt_done done,
		     struct error *err);

#endif
