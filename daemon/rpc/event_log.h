/*
 * The bounded journal of events, for readers who come back: finished lines, each
 * with a word by which a reader goes on behind it. The words are random, so that
 * nobody learns from them how much happened that he may not see, and those of an
 * earlier run of the daemon are not known. Filled and read by daemon/ops/event.c.
 *
 * What always holds: a place is a number that only grows; the entries from
 * event_log_first() up to event_log_next() are there. Loop thread only.
 */
#ifndef VIRTMUX_DAEMON_RPC_EVENT_LOG_H
#define VIRTMUX_DAEMON_RPC_EVENT_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

struct event_log;

#define EVENT_WORD_SIZE 17 /* with NUL */

enum event_audience {
	EVENT_FOR_ALL,    /* of the agent itself */
	EVENT_FOR_HOST,   /* who may see all domains */
	EVENT_FOR_DOMAIN, /* who may see the domain `name` */
};

struct event_entry {
	char word[EVENT_WORD_SIZE];
	enum event_audience audience;
	unsigned type;   /* the caller's */
	char *name;      /* owned; of the domain, or NULL */
	char *uuid;      /* owned; of the domain, or NULL */
	struct buf line; /* with its line feed; empty: it is for no reader */
};

int event_log_new(struct event_log **out, struct error *err);
void event_log_free(struct event_log *log); /* NULL-safe */

DEFINE_CLEANUP(event_log, event_log_free);

/* Takes what ENTRY owns; the oldest ones go where the limits ask for it. */
void event_log_add(struct event_log *log, struct event_entry *entry);

uint64_t event_log_first(const struct event_log *log);
uint64_t event_log_next(const struct event_log *log);

/* The entry at that place, from first to before next; borrowed until the next
 * event_log_add(). */
const struct event_entry *event_log_at(const struct event_log *log,
				       uint64_t place);

/* The word of the line before PLACE; borrowed like an entry. */
const char *event_log_word(const struct event_log *log, uint64_t place);

/* *PLACE is the one behind the line with that word; false: it is not known. */
bool event_log_find(const struct event_log *log, const char *word,
		    uint64_t *place);

#endif
