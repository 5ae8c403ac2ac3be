/*
 * Waiting for what comes first: a moment, a descriptor, the end of a viewer, or a
 * signal that ends the verb. Used by replay, which is no more than a sequence of such
 * waits. A loop of its own; one thread.
 */
#ifndef VIRTMUX_CLIENT_PACE_H
#define VIRTMUX_CLIENT_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct pace;

enum pace_event {
	PACE_TIME,  /* the moment has come */
	PACE_READY, /* the descriptor can be read, or written */
	PACE_GONE,  /* the process has ended */
};

#define PACE_FOR_EVER UINT64_MAX

/* SIGINT, SIGTERM and SIGHUP are its own from here on. ERROR_SYSTEM. */
int pace_new(struct pace **pace, struct error *err);
void pace_free(struct pace *pace); /* NULL-safe; the process goes on */

DEFINE_CLEANUP(pace, pace_free);

/*
 * Until UNTIL_NS (clock_monotonic_ns), or FD (-1: none) can be read or, where
 * WRITES, written. ERROR_INTERRUPTED after a signal.
 */
int pace_wait(struct pace *pace, int fd, bool writes, uint64_t until_ns,
	      enum pace_event *event, struct error *err);

/* Starts ARGUMENTS (NULL-terminated); its end is told by PACE_GONE, again and again. */
int pace_start(struct pace *pace, char **arguments, struct error *err);

/* Tells the process to end, where it runs, and waits for it for MS. */
void pace_end_process(struct pace *pace, uint64_t ms);

/* Its exit status once it is gone; 128 and more: a signal. */
int pace_status(const struct pace *pace);

#endif
