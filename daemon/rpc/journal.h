/*
 * The journal of mutations that carry a key: a file in the daemon's state folder,
 * so that exactly once holds over the daemon's own end. Made by core; written by
 * idempotency.c; admit.c waits for the disk before a mutation is begun.
 *
 * What always holds: whoever journal_sync() has told of success finds his records
 * again after a crash of the machine; what journal_append() took is found again
 * after a crash of the daemon. One daemon at a time has the folder. The loop's thread
 * writes into the kernel's cache; a thread of libuv's waits for the disk and writes
 * the file anew when most of it is history.
 */
#ifndef VIRTMUX_DAEMON_RPC_JOURNAL_H
#define VIRTMUX_DAEMON_RPC_JOURNAL_H

#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "daemon/rpc/journal_record.h"

struct journal;

/* All borrowed as long as the journal lives, but FOLDER: it is copied. */
struct journal_config {
	const char *folder; /* made with mode 0700 where it is not there */
	uv_loop_t *uv;
	struct log *log;
	size_t spare; /* bytes of history, at least, before it is written anew; 0:
			 RPC_JOURNAL_SPARE */
};

/*
 * Locks the folder and opens the file in it. ERROR_SYSTEM: another daemon has the
 * folder, it cannot be written, or the file is damaged; the words name file, offset
 * and cure.
 */
int journal_open(struct journal **journal, const struct journal_config *config,
		 struct error *err);

/*
 * Gives the records that the file holds to FN, in their order. Once, before the first
 * append. What was cut in the middle of its writing is taken off the file, with a
 * warning.
 */
int journal_load(struct journal *journal, journal_record_fn *fn, void *context,
		 struct error *err);

/* What the parameters of its records are hashed with: DIGEST_BYTES, the journal's. */
const uint8_t *journal_key(const struct journal *journal);

/*
 * SNAPSHOT appends, encoded, all records that still matter: the running ones and
 * those with an outcome. 0, or -1 without memory. Before the first append. The file
 * of an earlier version, or without its key, is written anew at once.
 */
typedef int journal_snapshot_fn(void *context, struct buf *out);
void journal_set_snapshot(struct journal *journal,
			  journal_snapshot_fn *snapshot, void *context);

/*
 * Writes RECORD. A BEGIN that could not be written fails (ERROR_SYSTEM: the disk is
 * full…), and the file is as before. An END or WITHDRAWN that could not be written is
 * logged, and the next BEGIN writes the file anew from the snapshot, or fails.
 */
int journal_append(struct journal *journal, const struct journal_record *record,
		   struct error *err);

/*
 * WHY is NULL where all that was appended before journal_sync() is on the disk;
 * else it may be borrowed. Called from the loop, never from within journal_sync().
 */
struct journal_wait;
typedef void journal_written_fn(struct journal_wait *wait,
				const struct error *why);

struct journal_wait {
	struct list node;
	uint64_t place; /* what has to be on the disk */
	journal_written_fn *fn;
};

/* WAIT is the caller's until FN is called. */
void journal_sync(struct journal *journal, struct journal_wait *wait,
		  journal_written_fn *fn);

/* Closes its handles: run the loop until it ends, then free. Nobody waits. */
void journal_close(struct journal *journal);
void journal_free(struct journal *journal); /* NULL-safe */

#endif
