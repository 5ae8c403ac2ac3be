/*
 * What a recording tells of itself: who saw which console of which host when. Both
 * formats (cast.h, capture.h) carry it as one JSON object, and so do the answers of
 * `virtmux replay --info`. No state; any thread.
 */
#ifndef VIRTMUX_RECORD_ABOUT_H
#define VIRTMUX_RECORD_ABOUT_H

#include <stdint.h>

#include "base/buf.h"

/* All borrowed; what is NULL is left out. */
struct record_about {
	int64_t time_us; /* of the first byte, since 1970, UTC */
	const char *by;  /* "client" or "host": who wrote it */
	const char *host;
	const char *domain; /* its name */
	const char *uuid;
	const char *kind; /* "serial", "vnc" or "spice" */
	const char *n;    /* which of them, as the request had it */
	const char *identity;
	const char *call; /* the id of the stream in the host's log and audit */
	const char *note; /* for those who read it, such as what is missing */
};

/* The members, without braces, appended to OUT. 0, or -1 without memory. */
int record_about_append(struct buf *out, const struct record_about *about);

#endif
