/*
 * A guest's serial line, found in its live XML. A worker, or the thread of hubs.c.
 */
#ifndef VIRTMUX_VIRT_SERIAL_H
#define VIRTMUX_VIRT_SERIAL_H

#include "base/error.h"

struct far_line;
struct job;
struct virt_serial_ask;

/*
 * Opens the line that the job's request names, and a console on it where ASK is
 * given: hubs_open(). ERROR_STATE, ERROR_NOT_FOUND, ERROR_UNSUPPORTED.
 */
int serial_open(struct job *job, const struct virt_serial_ask *ask,
		struct error *err);

/* A line that was opened is still what LINE tells. ERROR_STATE. */
int serial_check_unchanged(struct job *job, const struct far_line *line,
			   struct error *err);

#endif
