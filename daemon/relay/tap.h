/*
 * A tap: everything that passes a stream, both ways, is written to a file before it
 * is passed on. It stands between the stream and whoever serves it (a relay): that
 * one's handler and source are called by the tap's, so that neither knows of it, and
 * the tap knows nothing of what the bytes mean. Used by daemon/ops for the
 * recordings that access.conf demands.
 *
 * What always holds: a byte reaches the peer, or the one who serves, only after
 * write(2) of it has returned: a daemon that is killed leaves a file with at least
 * what was seen. Where it cannot be written the stream ends, with words; a peer that
 * does not follow is reset with H2_INTERNAL_ERROR. At most one read of the server's
 * side, and the stream's window, wait for the disk; the loop does not (lane.h). What
 * the peer sent and what was not written yet when the stream closed is dropped. Loop
 * thread only.
 */
#ifndef VIRTMUX_RELAY_TAP_H
#define VIRTMUX_RELAY_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "daemon/relay/lane.h"
#include "daemon/relay/limits.h"
#include "wire/h2.h"

struct tap;

/* How bytes stand in the file. Each appends to OUT; 0, or -1 without memory. */
struct tap_format {
	/*
	 * N bytes, at most RELAY_TAP_CHUNK, NS nanoseconds after the tap was
	 * made. *USED: how many of them; those at the end that need what
	 * follows come again with it, or as the LAST.
	 */
	int (*data)(void *context, struct buf *out, uint64_t ns, bool to_peer,
		    const uint8_t *data, size_t n, bool last, size_t *used);
	/* What closes the file, or nothing. */
	int (*end)(void *context, struct buf *out, uint64_t ns);
	/*
	 * It cannot be written: ERRNUM. What the peer is told of it, as the
	 * trailer virtmux-end; valid until free.
	 */
	const char *(*failed)(void *context, int errnum);
	/* The last call. */
	void (*free)(void *context);
};

struct tap_options {
	struct lane *lane; /* borrowed */
	/* the one who serves; handler and source have the same context */
	const struct h2_handler *handler;
	const struct h2_source *source;
	void *context;
	const struct tap_format *format;
	void *format_context; /* taken, also on failure */
	uint64_t linger_ms;   /* for a peer to follow; 0: RELAY_LINGER_MS */
};

/*
 * FD, open for writing at its end, is taken, also on failure. ERROR_NO_MEMORY. To be
 * started or cancelled; it frees itself after that.
 */
int tap_new(struct tap **tap, uv_loop_t *uv, const struct tap_options *options,
	    int fd, struct error *err);

/* Gives up a tap that was not started: FD is closed, nobody is called. */
void tap_cancel(struct tap *tap);

/* For the stream, both with the tap as their context. */
extern const struct h2_handler tap_handler;
extern const struct h2_source tap_source;

/*
 * Begins. The stream has tap_handler, and was answered with tap_source. DATA (copied)
 * came on it already; END: and nothing follows. The server was begun without them.
 */
void tap_start(struct tap *tap, struct h2_stream *stream, const uint8_t *data,
	       size_t len, bool end);

#endif
