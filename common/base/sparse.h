/*
 * The form in which content with holes is sent: application/vnd.virtmux.sparse
 * (doc/PROTOCOL.md). Records of a kind, a length and, but for holes, so many bytes;
 * the last one says that all is well, by a SHA-256, or what went wrong. Made and
 * read by daemon/virt and by the client.
 *
 * What always holds: the reader takes its input split anywhere and keeps nothing of
 * the data; a record that is not of this form ends it. No I/O; any thread.
 */
#ifndef VIRTMUX_BASE_SPARSE_H
#define VIRTMUX_BASE_SPARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/error.h"

#define SPARSE_MEDIA_TYPE "application/vnd.virtmux.sparse"

#define SPARSE_HEADER    8         /* bytes: a kind, and 56 bits of length */
#define SPARSE_WORDS_MAX 1024      /* bytes of a failure */
#define SPARSE_LENGTH    INT64_MAX /* at most in all; a header has 2^56-1 */

enum sparse_kind {
	SPARSE_DATA = 'D',    /* so many bytes of content follow */
	SPARSE_HOLE = 'H',    /* so many zeros that are not sent */
	SPARSE_END = 'E',     /* the SHA-256 of all that came before */
	SPARSE_FAILURE = 'X', /* "NAME: WORDS": an error's; nothing follows */
};

/* Writes the header of a record. LENGTH is below 2^56. */
void sparse_header(uint8_t to[SPARSE_HEADER], enum sparse_kind kind,
		   uint64_t length);

/* What the reader finds; each returns 0, or -1 with ERR, which ends it. */
struct sparse_events {
	int (*on_data)(void *context, const uint8_t *data, size_t n,
		       struct error *err);
	int (*on_hole)(void *context, uint64_t n, struct error *err);
	int (*on_end)(void *context, const uint8_t sha256[DIGEST_BYTES],
		      struct error *err);
};

/* All zero at first. */
struct sparse_reader {
	uint8_t header[SPARSE_HEADER];
	size_t have;                    /* bytes of the header */
	uint64_t left;                  /* of the record's bytes */
	bool ended;                     /* by an end record */
	size_t n;                       /* bytes of tail */
	uint8_t tail[SPARSE_WORDS_MAX]; /* of an end or a failure */
};

/*
 * Takes N bytes. ERROR_INVALID_REQUEST where they are not of this form; the error
 * of a failure record; that of an event.
 */
int sparse_read(struct sparse_reader *reader,
		const struct sparse_events *events, void *context,
		const uint8_t *data, size_t n, struct error *err);

#endif
