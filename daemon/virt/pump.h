/*
 * Serial lines: bytes between a guest's end (far.h) and one end of a socket
 * pair, whose other end the caller gets. Bounded buffers both ways; neither side
 * is read while the other has not taken what came before.
 *
 * Thread: start by workers; all bytes move on libvirt's event thread. Lock:
 * pumps->lock guards the list, the count, `ended` and each pump's key.
 */
#ifndef VIRTMUX_VIRT_PUMP_H
#define VIRTMUX_VIRT_PUMP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/log.h"

struct events;
struct far;
struct pumps;

struct pump_line {
	const char *name; /* of the domain, for words */
	const char *key;  /* one pump holds a key; NULL: libvirt sees to it */
	bool force;       /* end the one that holds it */
};

/* EVENTS and LOG are borrowed until pumps_free(). */
int pumps_new(struct pumps **out, struct events *events, struct log *log,
	      struct error *err);

/* After the event thread has ended. NULL-safe. */
void pumps_free(struct pumps *pumps);

/*
 * Starts moving bytes. Takes *FAR over where it returns 0; LINE is copied; *FD:
 * the caller's end, non-blocking, close-on-exec. ERROR_BUSY where someone holds
 * the line and above VIRT_PUMPS_MAX, ERROR_DRAINING, ERROR_SYSTEM.
 */
int pump_start(struct pumps *pumps, struct far **far,
	       const struct pump_line *line, int *fd, struct error *err);

/* Ends all lines, on the event thread, and refuses new ones. */
void pumps_end_all(struct pumps *pumps);

#endif
