/*
 * The signals that ask the process to end (SIGINT, SIGTERM, SIGHUP), noticed over
 * several channels and in the pauses between them: a channel notices them only for as
 * long as it lives. Used by the verbs that connect again by themselves.
 *
 * What always holds: from interrupt_watch() to interrupt_free() none of them is lost,
 * whoever else watches for it too. One thread.
 */
#ifndef VIRTMUX_CLIENT_INTERRUPT_H
#define VIRTMUX_CLIENT_INTERRUPT_H

#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"

struct deadline;
struct interrupt;

/* Begins to watch; DEADLINE is borrowed, may be NULL. ERROR_NO_MEMORY, ERROR_SYSTEM. */
int interrupt_watch(struct interrupt **out, const struct deadline *deadline,
		    struct error *err);

/* Signals have their former effect again. NULL-safe. */
void interrupt_free(struct interrupt *i);

DEFINE_CLEANUP(interrupt, interrupt_free);

/*
 * Waits for MS milliseconds, which may be 0. ERROR_INTERRUPTED at once where a signal
 * has come, now or at any time since interrupt_watch(); ERROR_TIMED_OUT as soon as the
 * deadline is over.
 */
int interrupt_pause(struct interrupt *i, uint64_t ms, struct error *err);

#endif
