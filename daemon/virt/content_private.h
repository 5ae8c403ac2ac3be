/*
 * What the files of content share: a volume that is being read or written, as a
 * file or by a stream of libvirt (content_side.c), for the loops of content.c.
 * Nobody else includes it. Thread: one worker, which blocks.
 */
#ifndef VIRTMUX_VIRT_CONTENT_PRIVATE_H
#define VIRTMUX_VIRT_CONTENT_PRIVATE_H

#include "daemon/virt/content.h"
#include "daemon/virt/storage_private.h"

#define CONTENT_CHUNK (256 * 1024) /* bytes of one read or write */

struct content_side {
	struct job *job;
	int file; /* borrowed; -1: the stream */
	virStreamPtr stream;
	const char *name; /* of the volume, for errors; borrowed */
	uint64_t at;      /* the next byte of the volume */
	uint64_t end;     /* UINT64_MAX: as much as comes */
	uint64_t extent;  /* file: where the known data or hole ends */
	bool hole;        /* and which of the two it is */
	bool sparse;      /* holes are to be seen or made */
	bool broken;      /* the stream is over already */
};

/* Opens the volume of the job's request for reading, or for writing. */
int content_side_read(struct content_side *side, virStorageVolPtr volume,
		      struct error *err);
int content_side_write(struct content_side *side, virStorageVolPtr volume,
		       struct error *err);

/*
 * The next piece, at most ROOM bytes: *N bytes of data in TO, or *HOLE zeros; both
 * 0 at the end.
 */
int content_next(struct content_side *side, uint8_t *to, size_t room, size_t *n,
		 uint64_t *hole, struct error *err);

int content_put(struct content_side *side, const uint8_t *data, size_t n,
		struct error *err);
int content_put_hole(struct content_side *side, uint64_t n, struct error *err);

/* All was moved. */
int content_side_finish(struct content_side *side, struct error *err);
/* Gives up what is still open; always called. */
void content_side_clear(struct content_side *side);

#endif
