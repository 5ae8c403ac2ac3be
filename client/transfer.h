/*
 * The content of a volume and a file of this machine: one way or the other, in the
 * form of base/sparse.h, over as many connections as it takes. Used by the verbs
 * vol-upload and vol-download.
 *
 * What always holds: after a cut both sides' blocks are compared, and what is the
 * same is not sent again; a transfer that was ever cut is compared as a whole in the
 * end. Nothing is kept between two commands but what lies on the disks.
 */
#ifndef VIRTMUX_CLIENT_TRANSFER_H
#define VIRTMUX_CLIENT_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/error.h"

struct command_call;

#define TRANSFER_TRIES     10u                 /* without a byte of progress */
#define TRANSFER_WAIT_MS   250u                /* before the second; doubles */
#define TRANSFER_WAIT_MOST 8000u               /* up to this */
#define TRANSFER_BLOCK     (UINT64_C(4) << 20) /* bytes that are compared */
#define TRANSFER_BLOCKS    64u                 /* of one call */

struct transfer {
	struct command_call *call;
	const char *pool;
	const char *volume;
	const char *path; /* of the resource, escaped */
	int fd;           /* of the file; its first byte is the range's */
	bool upload;
	bool sparse;     /* upload: holes of the file become holes */
	bool resume;     /* compare first: something may be there already */
	uint64_t offset; /* in the volume */
	uint64_t
		length; /* download: UINT64_MAX: to the volume's end, at first */
	bool progress;  /* a line on standard error */
	/* what came of it */
	uint64_t done; /* bytes of the range, from its first, that are there */
	uint64_t skipped; /* of them: were there already */
	unsigned cuts;
	char sha256[DIGEST_TEXT_SIZE]; /* of all; "" where it came in parts */
};

/*
 * Runs the channel's loop, and connects anew where needed. -1 with ERR: T says how
 * far it came. ERROR_INTERRUPTED after a signal.
 */
int transfer_run(struct transfer *t, struct error *err);

#endif
