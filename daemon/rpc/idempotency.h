/*
 * Exactly once: a mutation's idempotency-key is remembered with its result, for
 * each identity by itself, so that a retry after a cut gets the first result and
 * acts no second time. rpc asks before it starts a mutation and tells the result
 * after it.
 *
 * Keys live in memory, and with idem_set_journal() on disk too (journal.h): then
 * they outlive the daemon. What always holds: an entry is running, with calls that
 * wait for it, or done with a result; what the journal began and never ended is
 * done with ERROR_UNKNOWN_OUTCOME. Loop thread only.
 */
#ifndef VIRTMUX_DAEMON_RPC_IDEMPOTENCY_H
#define VIRTMUX_DAEMON_RPC_IDEMPOTENCY_H

#include <stddef.h>
#include <stdint.h>

#include "api/method.h"
#include "base/error.h"
#include "base/list.h"
#include "daemon/rpc/journal.h"

struct idem_store;
struct idem_entry;

struct idem_limits {
	unsigned keys;          /* in all */
	unsigned keys_identity; /* of one identity */
	size_t bytes;           /* of all results */
	uint64_t age_ms;        /* of a result */
};

/*
 * What an identity remembers; embedded in the object that stands for it.
 * Zeroed and then initialised by idem_owner_init(); idem_forget_owner() before
 * its memory goes.
 */
struct idem_owner {
	const char *name; /* the identity, borrowed; as the journal has it */
	struct list done; /* entries with a result, oldest first */
	unsigned count;   /* entries, running ones included */
};

/* What the key was used for: the same key with anything else is refused. */
struct idem_request {
	const char *key; /* 1 to RPC_KEY_MAX visible ASCII characters */
	unsigned index;  /* place in a batch: one header serves all of it */
	enum method_id method;
	const char *params; /* their JSON text */
	size_t params_len;
};

enum idem_found {
	IDEM_NEW,     /* *ENTRY is the caller's: complete or withdraw it */
	IDEM_RUNNING, /* the first one is not answered yet: idem_wait() */
	IDEM_DONE,    /* *ENTRY has the result, until the next verb */
	IDEM_REFUSED, /* ERR is set: INVALID_REQUEST, BUSY or NO_MEMORY */
};

int idem_new(struct idem_store **store, const struct idem_limits *limits,
	     struct error *err);
void idem_free(struct idem_store *store); /* forgets all; NULL-safe */
void idem_set_limits(struct idem_store *store,
		     const struct idem_limits *limits);

void idem_owner_init(struct idem_owner *owner, const char *name);
/* Forgets the results of OWNER; none of his entries may be running. */
void idem_forget_owner(struct idem_store *store, struct idem_owner *owner);

/* NOW: clock_monotonic_ns(). */
enum idem_found idem_begin(struct idem_store *store, struct idem_owner *owner,
			   const struct idem_request *request, uint64_t now,
			   struct idem_entry **entry, struct error *err);

/*
 * Before ENTRY is acted on: it is written to the journal (where there is one), and
 * WAIT is told when it is on the disk. 0; 1 where there is no journal and nothing to
 * wait for; -1 where it cannot be written: withdraw it.
 */
int idem_record(struct idem_store *store, struct idem_entry *entry,
		struct journal_wait *wait, journal_written_fn *fn,
		struct error *err);

/* Puts NODE behind the calls that wait for ENTRY; list_remove() takes it off. */
void idem_wait(struct idem_entry *entry, struct list *node);

/*
 * The result: ERROR (borrowed) or JSON text (copied). Those who wait are moved to
 * WAITERS, to be answered with the same at once. Where memory runs out ERROR_UNKNOWN_OUTCOME
 * is remembered instead.
 */
void idem_complete(struct idem_store *store, struct idem_entry *entry,
		   const struct error *error, const char *json, size_t len,
		   uint64_t now, struct list *waiters);

/* It was not done: forgets ENTRY; those who wait are moved to WAITERS. */
void idem_withdraw(struct idem_store *store, struct idem_entry *entry,
		   struct list *waiters);

/* Of an entry that is done: the error, or NULL for a result. Borrowed. */
const struct error *idem_error(const struct idem_entry *entry);
const char *idem_result(const struct idem_entry *entry, size_t *len);

/* -- the journal ----------------------------------------------------------- */

/*
 * JOURNAL (borrowed; NULL: none) from now on has what comes. Before that its old
 * records go through idem_restore(), each with the owner that its identity is, and
 * idem_restored() ends that: what has no end then has an unknown outcome.
 */
void idem_set_journal(struct idem_store *store, struct journal *journal);
int idem_restore(struct idem_store *store, struct idem_owner *owner,
		 const struct journal_record *record, uint64_t now,
		 struct error *err);
void idem_restored(struct idem_store *store, uint64_t now);

/* Whether a failure of that code says that nothing was done: not remembered. */
bool idem_nothing_done(enum error_code code);

#endif
