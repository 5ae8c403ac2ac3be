/*
 * The audit: one JSON line for each call and stream, and for a mutation one
 * before it and one after it; to a file, to standard error or to the system's
 * journal. rpc writes it, core opens, reopens and flushes it.
 *
 * What always holds: lines go out whole and in order; a line holds no control
 * character of its own; the loop is not blocked by a reader that sleeps.
 * Loop thread only.
 */
#ifndef VIRTMUX_DAEMON_RPC_AUDIT_H
#define VIRTMUX_DAEMON_RPC_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"

struct audit;

/* The words of "event" in a line. */
enum audit_event {
	AUDIT_BEGIN, /* "begin": a mutation or stream is about to be done */
	AUDIT_END,   /* "end": what came of it, or of a read */
};

/* Strings are borrowed for the call; NULL: left out. */
struct audit_record {
	enum audit_event event;
	const char *id;     /* the call's */
	const char *caller; /* JSON members, made by audit_caller() */
	const char *method;
	const char *target; /* as the caller gave it */
	const char *uuid;   /* what it turned out to be */
	const char *name;
	const char *outcome;   /* "ok" or the error's name; END only */
	const char *words;     /* of the error */
	bool replayed;         /* a remembered result was given again */
	const char *recording; /* the file's name; END only */
	bool stream;           /* bytes_in and bytes_out are told */
	uint64_t bytes_in;     /* content from the peer */
	uint64_t bytes_out;    /* content to the peer */
	uint64_t duration_ns;  /* END only */
};

/*
 * WHERE: an absolute path (made with mode 0600 where it does not exist),
 * "stderr", or "journal". LOG is borrowed. ERROR_SYSTEM where it cannot be
 * opened, ERROR_CONFIG for another form.
 */
int audit_open(struct audit **audit, const char *where, struct log *log,
	       struct error *err);
void audit_free(struct audit *audit); /* flushes; NULL-safe */

/*
 * Opens the file anew, after it was renamed for rotation. On failure the old one
 * stays. Nothing to do for the others.
 */
int audit_reopen(struct audit *audit, struct error *err);

/*
 * The members of a caller for the records of his calls, appended to OUT as JSON:
 * "identity":…,"serial":…,"address":…. 0, or -1 without memory.
 */
int audit_caller(struct buf *out, const char *identity, const char *serial,
		 const char *address);

/*
 * Adds a record. NOW: it is written, with all before it, before this returns.
 * -1 (ERROR_SYSTEM) where it is not, or where no room is left for lines that
 * wait; the log then says why, once.
 */
int audit_add(struct audit *audit, const struct audit_record *record, bool now,
	      struct error *err);

/* Bytes that wait for audit_flush(). */
size_t audit_waiting(const struct audit *audit);

/* Writes what waits, as far as it can be written now. */
int audit_flush(struct audit *audit, struct error *err);

#endif
