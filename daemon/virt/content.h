/*
 * The content of storage volumes: opened once, then moved between the volume and a
 * socket by a worker that blocks on both, so that the caller's loop sees neither a
 * disk nor a checksum. Rules, thread and common errors: virt.h; the kind of each
 * reply is VIRT_VALUE_NOUN.
 *
 * A volume that is a plain file of this very host is read and written directly: its
 * bytes go through no other process, and its holes are seen. Anything else (block
 * devices, Ceph, a libvirt elsewhere) goes by libvirt's streams.
 */
#ifndef VIRTMUX_VIRT_CONTENT_H
#define VIRTMUX_VIRT_CONTENT_H

#include "base/digest.h"
#include "daemon/virt/storage.h"

/* A volume that was opened. */
struct virt_content {
	char *pool;
	char *name;
	char *key;
	uint64_t size; /* bytes */
	char etag[96]; /* with its quotes; "": what it has now is not known */
	int file;      /* -1: only libvirt can read or write it; owned */
};

/*
 * virStorageVolGetInfoFlags and, for a plain file, open(2) without following a
 * link: struct virt_content. With WRITE the file can only be written.
 */
int virt_content_open(struct virt *v, const struct virt_volume_ref *ref,
		      bool write, struct virt_done done, struct error *err);

/* What is to be moved. */
struct virt_content_plan {
	struct virt_volume_ref ref; /* with its pool */
	int file;   /* of the struct virt_content; -1: by libvirt's stream */
	int socket; /* blocking, a stream */
	uint64_t offset; /* bytes */
	uint64_t length; /* bytes; UINT64_MAX (receive alone): up to the end */
	bool sparse;     /* in the form of base/sparse.h, else as it is */
};

/* What was moved, also with an error as far as it went (reply->value). */
struct virt_content_moved {
	uint64_t bytes; /* of content, holes included */
	uint8_t sha256[DIGEST_BYTES];
};

/*
 * From the volume into the socket, or the other way: struct virt_content_moved.
 * Both descriptors are taken, also on failure, and closed in the end. The end of
 * the socket before all has come is ERROR_DISCONNECTED. A sum that differs from
 * the one that came along (sparse) is ERROR_FAILED. virStorageVolDownload, -Upload.
 */
int virt_content_send(struct virt *v, const struct virt_content_plan *plan,
		      struct virt_done done, struct error *err);
int virt_content_receive(struct virt *v, const struct virt_content_plan *plan,
			 struct virt_done done, struct error *err);

#define VIRT_CONTENT_BLOCKS_MAX 4096

struct virt_content_sums {
	uint64_t offset;
	uint64_t length;
	bool blocks; /* texts are of blocks, not of all */
	size_t count;
	char (*texts)[DIGEST_TEXT_SIZE]; /* of all, or of each block in turn */
};

/*
 * The SHA-256 of LENGTH bytes (at most to the end) from OFFSET; with BLOCK above 0
 * of each so many of them: struct virt_content_sums. ERROR_INVALID_PARAMS where
 * OFFSET is past the end, or for more than VIRT_CONTENT_BLOCKS_MAX blocks.
 */
int virt_content_sum(struct virt *v, const struct virt_volume_ref *ref,
		     uint64_t offset, uint64_t length, uint64_t block,
		     struct virt_done done, struct error *err);

#endif
