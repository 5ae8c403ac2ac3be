/*
 * The index: one line a certificate that was ever issued, as text that a person
 * can read. This file is its form in memory and its reader and writer; store
 * owns the file. What always holds: a serial occurs once, and lines are only
 * ever added or their state changed, never taken away.
 *
 * A line has eight fields with a tab between: kind, name, serial, issued,
 * expires, state, since, reason. Times are RFC 3339 in UTC; "-" is empty. Before
 * them stands a line "crl", number, issued, expires, once there is a list.
 */
#ifndef VIRTMUX_PKI_INDEX_H
#define VIRTMUX_PKI_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/buf.h"
#include "base/error.h"
#include "pki/certificate.h"

/* The revocation list that goes with the index; number 0: none was made yet. */
struct index_crl {
	uint64_t number;        /* grows with each list */
	time_t issued, expires; /* seconds since 1970 UTC */
};

enum index_state {
	INDEX_VALID,
	INDEX_REPLACED, /* a newer one of that name was issued */
	INDEX_REVOKED,
	INDEX_STATES
};

struct index_entry {
	enum certificate_kind kind;
	enum index_state state;
	time_t issued, expires; /* seconds since 1970 UTC */
	time_t since;           /* of the state; 0 while valid */
	char *name;             /* owned */
	char *reason;           /* owned; NULL for none */
	char serial[SERIAL_TEXT_SIZE];
};

/* A zeroed struct index is empty. Pointers into it end with the next change. */
struct index {
	struct index_entry *entries; /* oldest first */
	size_t count, room;
	struct index_crl crl;
};

void index_clear(struct index *index);

/* "valid", "replaced", "revoked"; or "expired" where NOW is past its end. */
const char *index_state_name(const struct index_entry *entry, time_t now);

/* Reads lines; FILE is for errors (ERROR_CONFIG with the line's number). */
int index_parse(struct index *index, const char *text, size_t len,
		const char *file, struct error *err);

/* The whole text; check buf_ok(). */
void index_print(const struct index *index, struct buf *out);

/*
 * Adds a copy of ENTRY; ERROR_EXISTS where its serial is there already.
 * A valid entry of the same kind and name becomes INDEX_REPLACED.
 */
int index_add(struct index *index, const struct index_entry *entry,
	      struct error *err);

/*
 * Marks the entry of that SERIAL as revoked at SINCE; REASON may be NULL.
 * ERROR_NOT_FOUND, ERROR_STATE where it is revoked already.
 */
int index_revoke(struct index *index, const char *serial, time_t since,
		 const char *reason, struct error *err);

/* The latest entry of that kind and name that is INDEX_VALID, or NULL. */
struct index_entry *index_find(const struct index *index,
			       enum certificate_kind kind, const char *name);

/* The latest entry of that kind and name in any state, or NULL. */
struct index_entry *index_find_last(const struct index *index,
				    enum certificate_kind kind,
				    const char *name);

/* NULL for none. */
struct index_entry *index_find_serial(const struct index *index,
				      const char *serial);

/*
 * The same, but upper and lower case count as one: a file system may take
 * "Ann" for "ann", and so may a person.
 */
struct index_entry *index_find_alike(const struct index *index,
				     enum certificate_kind kind,
				     const char *name);

/* "2026-11-21T08:45:12Z" into TEXT of INDEX_TIME_SIZE bytes. */
#define INDEX_TIME_SIZE 32
void index_time_text(time_t seconds, char *text);

#endif
