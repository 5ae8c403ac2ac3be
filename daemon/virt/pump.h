/*
 * Serial lines: bytes between a guest's end (far.h) and one end of a socket
 * pair, whose other end the caller gets. Bounded buffers both ways; neither side
 * is read while the other has not taken what came before.
 *
 * Thread: start by workers; all bytes move on libvirt's event thread. Lock:
 * pumps->lock guards the list, the count and `ended`.
 */
#ifndef VIRTMUX_VIRT_PUMP_H
#define VIRTMUX_VIRT_PUMP_H

#include <stddef.h>

#include "base/error.h"
#include "base/log.h"

struct events;
struct far;
struct pumps;

/* EVENTS and LOG are borrowed until pumps_free(). */
int pumps_new(struct pumps **out, struct events *events, struct log *log,
	      struct error *err);

/* After the event thread has ended. NULL-safe. */
void pumps_free(struct pumps *pumps);

/*
 * Starts moving bytes. Takes *FAR over where it returns 0; NAME is copied, for
 * the log; *FD: the caller's end, non-blocking, close-on-exec. ERROR_BUSY above
 * VIRT_PUMPS_MAX, ERROR_DRAINING, ERROR_SYSTEM.
 */
int pump_start(struct pumps *pumps, struct far **far, const char *name, int *fd,
	       struct error *err);

/* Ends all lines, on the event thread, and refuses new ones. */
void pumps_end_all(struct pumps *pumps);

#endif
