/*
 * What the files of storage share (storage_pool.c, storage_volume.c, and content.c with
 * its side): look-ups of pools and volumes, and errors about them. Nobody else
 * includes it. Thread: one worker.
 */
#ifndef VIRTMUX_VIRT_STORAGE_PRIVATE_H
#define VIRTMUX_VIRT_STORAGE_PRIVATE_H

#include "daemon/virt/job.h"
#include "daemon/virt/storage.h"

static inline void cleanup_pool(virStoragePoolPtr *pool)
{
	if (*pool)
		virStoragePoolFree(*pool);
}

#define autopool cleanup(cleanup_pool) virStoragePoolPtr

static inline void cleanup_volume(virStorageVolPtr *volume)
{
	if (*volume)
		virStorageVolFree(*volume);
}

#define autovolume cleanup(cleanup_volume) virStorageVolPtr

/* The request's pool, by UUID or name; NULL with ERR. job->name is set. */
virStoragePoolPtr storage_find_pool(struct job *job, struct error *err);

/* The request's volume: of its pool, else by key or path; NULL with ERR. */
virStorageVolPtr storage_find_volume(struct job *job, struct error *err);

/* VOLUME in *POOL, or else, or where POOL is NULL, by its key or path. */
virStorageVolPtr storage_look_up(struct job *job, virStoragePoolPtr pool,
				 const char *volume, struct error *err);

/* From libvirt's last error, and POOL's state (may be NULL). Returns -1. */
int storage_failure(struct job *job, virStoragePoolPtr pool, struct error *err);

/* A struct virt_volume of VOLUME as the reply. */
int storage_reply_volume(struct job *job, virStorageVolPtr volume,
			 struct error *err);

/* Fills names, key and path. */
int storage_name_volume(struct job *job, virStorageVolPtr volume,
			struct virt_volume *row, struct error *err);

void storage_free_volume(void *data);

#endif
