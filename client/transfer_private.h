/*
 * What the files of transfers share: the two ways of one request (transfer_body.c),
 * the comparison of both sides (transfer_compare.c), the line that tells how it goes
 * (transfer_progress.c). Nobody else includes it. One thread.
 */
#ifndef VIRTMUX_CLIENT_TRANSFER_PRIVATE_H
#define VIRTMUX_CLIENT_TRANSFER_PRIVATE_H

#include <stddef.h>

#include "client/transfer.h"

struct channel;

struct progress {
	bool shown;
	bool line; /* something stands on the terminal's line */
	uint64_t begun_ns;
	uint64_t told_ns;
	uint64_t first; /* bytes that were there when it began */
};

void progress_begin(struct progress *p, bool shown, uint64_t first);
/* DONE of ALL bytes; several times a second at most. */
void progress_tell(struct progress *p, uint64_t done, uint64_t all);
/* Clears the line. */
void progress_end(struct progress *p);

/*
 * One request from t->done on, to the end or to a cut; moves t->done. *WHOLE: it
 * carried all of the range, and its checksum is t->sha256.
 */
int transfer_send(struct transfer *t, struct channel *channel,
		  struct progress *progress, struct error *err);
int transfer_receive(struct transfer *t, struct channel *channel,
		     struct progress *progress, struct error *err);

/*
 * How many of the first LENGTH bytes of the range are the same on both sides, by
 * blocks: *SAME. Where WORDS is not NULL, a difference is written there.
 */
int transfer_compare(struct transfer *t, struct channel *channel,
		     uint64_t length, uint64_t *same, struct error *difference,
		     struct error *err);

/* The next data or hole of FD from AT, before END: its kind and its end. */
bool transfer_extent(int fd, uint64_t at, uint64_t end, bool *hole,
		     uint64_t *until);

#endif
