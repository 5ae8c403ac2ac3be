/*
 * libvirt's default event loop in a thread of its own, and tasks that other
 * threads have run on it. What libvirt calls back (close of the connection,
 * streams) comes on this thread; such callbacks are short and never block.
 *
 * Lock: events->lock guards the task list and `stop`.
 */
#ifndef VIRTMUX_VIRT_EVENTS_H
#define VIRTMUX_VIRT_EVENTS_H

#include <stdbool.h>

#include "base/error.h"
#include "base/list.h"

struct crew;
struct events;

/* Embedded in the object that is to be run; borrowed until run() is called. */
struct events_task {
	struct list node;
	void (*run)(struct events_task *task);
};

/*
 * Registers libvirt's default implementation (before any connection is opened)
 * and starts the thread in CREW's group CREW_EVENTS.
 */
int events_new(struct events **out, struct crew *crew, struct error *err);

/* After the thread has ended. NULL-safe. */
void events_free(struct events *events);

/* Runs TASK on the event thread; false: the loop has stopped, never will. */
bool events_post(struct events *events, struct events_task *task);

/* Runs what was posted and what libvirt has deferred, then ends the thread. */
void events_stop(struct events *events);

#endif
