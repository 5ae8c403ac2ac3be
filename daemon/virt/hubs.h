/*
 * All serial lines of the host: finds or makes the hub (hub.h) that a console asks
 * for, attaches the first line of each guest when it starts, or when libvirt is
 * there (again), and tells hubs that their guest has stopped.
 *
 * What holds: one hub for each run of a line; a thread of its own looks at guests
 * that libvirt's events name, since that may block.
 */
#ifndef VIRTMUX_VIRT_HUBS_H
#define VIRTMUX_VIRT_HUBS_H

#include <stdbool.h>

#include "base/error.h"
#include "base/log.h"

struct connection;
struct crew;
struct events;
struct far_line;
struct hubs;
struct job;
struct virt_serial_ask;

struct hubs_config {
	struct events *events; /* borrowed until hubs_free() */
	struct log *log;       /* borrowed until hubs_free() */
	bool on_use;           /* nothing is attached before it is asked for */
};

int hubs_new(struct hubs **out, const struct hubs_config *config,
	     struct error *err);

/* Starts the thread; CONNECTION is borrowed until it has ended. */
int hubs_start(struct hubs *hubs, struct connection *connection,
	       struct crew *crew, struct error *err);

/* Ends all consoles and the thread; nothing new begins. Not waited for. */
void hubs_stop(struct hubs *hubs);

/* After all threads have ended. NULL-safe. */
void hubs_free(struct hubs *hubs);

/* -- libvirt's news: any thread, never blocks -------------------------------- */

/* The guest has started, or has stopped: WHY (constant), else NULL. */
void hubs_heard(struct hubs *hubs, const char *uuid, const char *why);

/* libvirt is there (again), or has gone. */
void hubs_up(struct hubs *hubs);
void hubs_down(struct hubs *hubs);

/* -- a worker ---------------------------------------------------------------- */

/*
 * The line INDEX of the job's domain, as LINE tells of it; opened where it is not.
 * ASK: and a console on it, which becomes the job's reply; NULL: none. What
 * hub_join() and far_open() say.
 */
int hubs_open(struct hubs *hubs, struct job *job, unsigned index,
	      const struct far_line *line, const struct virt_serial_ask *ask,
	      struct error *err);

#endif
