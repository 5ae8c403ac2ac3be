/*
 * What a viewer says to a VNC server (RFC 6143), followed message by message, so that
 * what a user may only look at gets no key press, whatever his viewer sends. Used by
 * view for each connection; knows no socket.
 *
 * What always holds: bytes pass in order and unchanged but for the shared flag and
 * for messages that are left out whole; with rules to keep, what cannot be followed
 * does not pass. Holds at most RFB_FILTER_HEAD bytes. No allocation; any thread.
 */
#ifndef VIRTMUX_CLIENT_RFB_FILTER_H
#define VIRTMUX_CLIENT_RFB_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

/* The longest beginning by which a message is judged: SetPixelFormat, whole. */
#define RFB_FILTER_HEAD 20

enum rfb_filter_stage {
	RFB_FILTER_VERSION,  /* section 7.1.1 */
	RFB_FILTER_SECURITY, /* 7.1.2 */
	RFB_FILTER_PASSWORD, /* 7.2.2 */
	RFB_FILTER_INIT,     /* 7.3.1 */
	RFB_FILTER_MESSAGES, /* 7.5 */
	RFB_FILTER_LOST,     /* it cannot be followed, and all passes */
	RFB_FILTER_CLOSED,   /* the same, and nothing passes */
};

/* Plain; zeroed but for the first two it is at the beginning. */
struct rfb_filter {
	bool read_only; /* keys, pointer, clipboard, size and power are left out */
	bool shared;    /* other viewers stay, whatever this one asks for */
	bool asked;     /* the viewer has asked for a picture */
	uint64_t left_out; /* messages */

	enum rfb_filter_stage stage;
	uint8_t head[RFB_FILTER_HEAD];
	size_t held;   /* bytes of head */
	uint64_t body; /* bytes that follow the head, still to come */
	bool drops;    /* and are left out */
};

/*
 * What passes of DATA, appended to OUT. ERROR_UNSUPPORTED where there are rules to
 * keep and the viewer says what is not known here: nothing passes from then on.
 * Without rules (for the shared flag: behind it) all passes. ERROR_NO_MEMORY.
 */
int rfb_filter_feed(struct rfb_filter *filter, const uint8_t *data, size_t n,
		    struct buf *out, struct error *err);

#endif
