/*
 * The end of a command whose --timeout is over and that still does not come to its end,
 * since it waits for something of this machine that nobody can interrupt: a name server
 * that is asked in a thread, a standard input that nobody closes, a reader that does not
 * read. Used by the command engine alone, beside the deadline that all else obeys.
 *
 * What always holds: it acts GUARD_GRACE_MS after the deadline, not before; what it says
 * was made ready before.
 */
#ifndef VIRTMUX_CLIENT_GUARD_H
#define VIRTMUX_CLIENT_GUARD_H

#include "base/error.h"

struct deadline;
struct guard;

#define GUARD_GRACE_MS 2000u /* for an end with words of its own */

/*
 * Begins; DEADLINE is borrowed. WORDS, a line with its end, are copied, and said on
 * standard error before the process ends with STATUS. ERROR_SYSTEM, ERROR_NO_MEMORY.
 */
int guard_new(struct guard **guard, const struct deadline *deadline,
	      const char *words, int status, struct error *err);

/* The command's own words were said: it ends with STATUS, and without more. */
void guard_told(struct guard *guard, int status);

/* NULL-safe. */
void guard_free(struct guard *guard);

#endif
