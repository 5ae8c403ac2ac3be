/*
 * What the files of the relay share: relay.c (its life and its verbs),
 * relay_in.c (stream to descriptor) and relay_out.c (descriptor to stream).
 * Nobody else includes it. Rules and thread: relay.h.
 */
#ifndef VIRTMUX_RELAY_RELAY_PRIVATE_H
#define VIRTMUX_RELAY_RELAY_PRIVATE_H

#include "base/buf.h"
#include "daemon/relay/relay.h"

/* One direction, from where its bytes come to where they go. */
enum half {
	HALF_OPEN,
	HALF_DRAIN,  /* the giver has ended; bytes, or its end, are due */
	HALF_CLOSED, /* the end was passed on, or the taker is gone */
	HALVES
};

enum life {
	LIFE_NEW,
	LIFE_RUNNING,
	LIFE_RESET,    /* we have reset the stream; its end is due */
	LIFE_FLUSHING, /* no stream any more; its last bytes go to the fd */
	LIFE_CLOSING,  /* done was called; the loop's handles close */
	LIVES
};

struct relay {
	uv_poll_t poll;
	uv_timer_t timer; /* an end to act on, or the linger */
	unsigned handles; /* open ones of the loop */
	int fd;
	bool socket; /* send() and shutdown() are possible */
	bool local;  /* an end without ceremony is usual: AF_UNIX, pty */
	int events;  /* that the poll handle waits for */

	enum life life;
	enum half in;             /* stream to descriptor */
	enum half out;            /* descriptor to stream */
	struct h2_stream *stream; /* NULL before the start and after its end */

	struct buf held; /* in: what the descriptor did not take yet */
	/* out: what was read, in order by `next`; NULL: nothing */
	struct block *ahead, *ahead_last;
	size_t ahead_len;     /* bytes of all of them */
	bool wants_read;      /* out: there is room for more */
	bool read_more;       /* out: read() is tried before the poll */
	int read_errnum;      /* out: to fail with behind what was read, or 0 */
	uint64_t linger_seen; /* bytes moved when the timer was set */

	struct relay_options options;
	struct relay_end end;
	bool ending; /* end.reason is final: nothing moves any more */
};

/* -- relay.c -------------------------------------------------------------- */

void relay_set_half(struct relay *r, enum half *half, enum half to);

/* Waits for what is wanted now; each change costs two system calls. */
void relay_update_poll(struct relay *r);

/* The end for REASON, from the loop's next turn; the first reason counts. */
void relay_end_soon(struct relay *r, enum relay_reason reason, int errnum);

/* The descriptor is at an end: the peer must follow within linger_ms. */
void relay_linger(struct relay *r);

/* Whether an error of read or write is nothing but the other end's going. */
bool relay_is_plain_end(const struct relay *r, int errnum);

/* -- relay_in.c: may call h2 ---------------------------------------------- */

void relay_in_data(struct relay *r, const uint8_t *data, size_t len);
void relay_in_end(struct relay *r);
/* The descriptor is writable: gives it what is held. */
void relay_in_flush(struct relay *r);

/* -- relay_out.c ---------------------------------------------------------- */

/* The descriptor is readable. May call h2. */
void relay_out_readable(struct relay *r);
/* The loop reports an error: finds it in read(). May call h2. */
void relay_out_failed(struct relay *r);
/* Gives back what was read ahead. */
void relay_out_drop(struct relay *r);

#endif
