/*
 * The records of the journal and their form on disk: bytes in and out, no file.
 * journal.c keeps them in a file, idempotency.c says what is written.
 *
 * What always holds: what journal_read() gives was written by journal_encode(),
 * byte for byte, or it is told where it was not. No state; any thread.
 *
 * The file begins with JOURNAL_HEAD. A record is a head of 12 bytes (length of its
 * body, CRC-32C of the body, CRC-32C of these 8 bytes; little-endian) and its
 * body. The head has a sum of its own so that a damaged length is not taken for
 * a file that ends early.
 */
#ifndef VIRTMUX_DAEMON_RPC_JOURNAL_RECORD_H
#define VIRTMUX_DAEMON_RPC_JOURNAL_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

#define JOURNAL_HEAD      "virtmux keys 2\r\n"
#define JOURNAL_HEAD_OLD  "virtmux keys 1\r\n" /* its hashes have no key */
#define JOURNAL_HEAD_SIZE 16u
#define JOURNAL_SUM_SIZE  12u /* before each record's body */

enum journal_kind {
	JOURNAL_BEGIN = 1,     /* about to be done */
	JOURNAL_END = 2,       /* what came of it */
	JOURNAL_WITHDRAWN = 3, /* it was not done, and is forgotten */
};

/* Texts are NUL-terminated; borrowed by whoever is given a record. */
struct journal_record {
	enum journal_kind kind;
	uint32_t index;  /* place in a batch */
	int64_t time_us; /* since 1970, of what the kind says */
	const char *identity;
	const char *key;
	/* BEGIN */
	const char *method; /* its name: ids change between versions */
	uint64_t params;    /* keyed hash of their text; 0: not known */
	uint64_t params_len;
	/* END */
	const char *error; /* name of the error's code; "" with a result */
	const char *text;  /* words of the error, or the result's JSON */
	size_t text_len;
};

/* Appends RECORD in its form on disk. 0, or -1 without memory. */
int journal_encode(struct buf *out, const struct journal_record *record);

/* -1 (ERR set) ends the reading. */
typedef int journal_record_fn(void *context,
			      const struct journal_record *record,
			      struct error *err);

/*
 * Gives the records of a file's whole content to FN. *GOOD becomes the offset behind
 * the last whole one: what follows is the begin of a record whose writing was cut
 * (or blocks that were never written: zeros), and is to be cut off. ERROR_SYSTEM
 * where it is damaged before that, or is no such file; the words tell the offset.
 */
int journal_read(const uint8_t *data, size_t size, journal_record_fn *fn,
		 void *context, size_t *good, struct error *err);

/* Whether it begins with JOURNAL_HEAD_OLD; the records have the same form. */
bool journal_is_old(const uint8_t *data, size_t size);

#endif
