/*
 * A stream and a file descriptor, joined: what the one gives, the other gets,
 * both ways, until both have ended. Used by daemon/ops for consoles, later for
 * the libvirt tunnel and the jump.
 *
 * What always holds: nothing blocks; the descriptor is read at most RELAY_READ
 * bytes beyond what the peer's window has room for; the stream's window is
 * opened only by bytes that the descriptor has taken, so that a stalled side
 * holds at most one window. Loop thread only.
 */
#ifndef VIRTMUX_RELAY_RELAY_H
#define VIRTMUX_RELAY_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"
#include "base/log.h"
#include "daemon/relay/limits.h"
#include "wire/block.h"
#include "wire/h2.h"

struct relay;

enum relay_reason {
	RELAY_ENDED,      /* properly: at least the descriptor's end arrived */
	RELAY_PEER,       /* the peer reset the stream, or its channel ended */
	RELAY_DESCRIPTOR, /* read or write failed: errnum */
	RELAY_CUT,        /* relay_cut() */
	RELAY_SILENT,     /* the descriptor gave nothing within first_ms */
};

/* How it ended. */
struct relay_end {
	enum relay_reason reason;
	uint32_t code;      /* of the stream's end: enum h2_code or other */
	int errnum;         /* RELAY_DESCRIPTOR: errno, else 0 */
	uint64_t bytes_in;  /* from the stream into the descriptor */
	uint64_t bytes_out; /* from the descriptor into the stream */
};

/*
 * Called once and last for a relay that was started, from the loop, never from
 * inside a verb. The descriptor is closed; the relay must not be used again.
 */
typedef void relay_done_fn(void *context, const struct relay_end *end);

/*
 * The descriptor has ended: what the peer is told of it, as the trailer
 * virtmux-end. NULL: nothing. Valid until done. Must not call h2.
 */
typedef const char *relay_last_words_fn(void *context);

struct relay_options {
	uv_loop_t *uv;
	struct block_pool *blocks; /* of that loop; borrowed */
	struct log *log;           /* borrowed; NULL: none */
	uint64_t linger_ms;        /* 0: RELAY_LINGER_MS */
	size_t ahead; /* bytes to be read ahead of the stream, as far as the
			 peer's window has room for them; 0: RELAY_READ */
	uint64_t first_ms; /* for the descriptor's first byte; 0: any time. Then
			      the stream is reset by H2_SETTINGS_TIMEOUT */
	relay_done_fn *done;
	relay_last_words_fn *last_words; /* NULL: none */
	void *context;                   /* for both; borrowed */
};

/*
 * A relay for FD, a stream socket or a terminal (pty), which is taken, also on
 * failure, and made non-blocking. ERROR_NO_MEMORY; ERROR_SYSTEM where FD cannot
 * be polled. To be started or cancelled; it frees itself after that.
 */
int relay_new(struct relay **relay, const struct relay_options *options, int fd,
	      struct error *err);

/* Gives up a relay that was not started: FD is closed, done is not called. */
void relay_cancel(struct relay *relay);

/* For the stream, both with the relay as their context. */
extern const struct h2_handler relay_handler;
extern const struct h2_source relay_source;

/*
 * Begins. The stream has relay_handler and was answered with relay_source. DATA
 * (LEN bytes, copied where the descriptor does not take them at once) came on
 * it already; END: and nothing follows them.
 */
void relay_start(struct relay *relay, struct h2_stream *stream,
		 const uint8_t *data, size_t len, bool end);

/*
 * Ends a started relay from our side: the stream is reset with CODE, done
 * follows from the loop. Further calls do nothing.
 */
void relay_cut(struct relay *relay, uint32_t code);

/* Bytes moved so far; see struct relay_end. */
uint64_t relay_bytes_in(const struct relay *relay);
uint64_t relay_bytes_out(const struct relay *relay);

/*
 * The end as an error for audit and log: ERR stays empty, and 0 is returned,
 * where it was a proper one, which a peer that cancels (it closed its viewer)
 * is too. Else -1 and ERROR_DISCONNECTED (the peer), ERROR_SYSTEM (the
 * descriptor), ERROR_TIMED_OUT (silent) or ERROR_INTERRUPTED (cut).
 */
int relay_end_error(const struct relay_end *end, struct error *err);

#endif
