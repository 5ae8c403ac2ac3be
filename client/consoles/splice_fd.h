/*
 * One direction of a descriptor on the loop: whatever it is (terminal, pipe,
 * socket, file, device), it is read or written without blocking the loop. Used by
 * splice.c alone.
 *
 * What always holds: a descriptor that is shared with other processes (standard
 * input and output) gets its flags back; a terminal's are never changed, since it
 * is opened once more for us; nothing is called back from inside a verb. Loop
 * thread only.
 */
#ifndef VIRTMUX_CLIENT_SPLICE_FD_H
#define VIRTMUX_CLIENT_SPLICE_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "base/error.h"

struct splice_fd {
	int fd;     /* -1: not open */
	bool owned; /* closed at the end */
	bool socket;
	bool polled;  /* uv_poll can wait for it */
	bool restore; /* O_NONBLOCK is to be taken away at the end */
	bool careful; /* it blocks: asked by poll(2) before each small piece */
	bool wanted;
	bool started;      /* the handle waits now */
	int events;        /* UV_READABLE or UV_WRITABLE */
	uint64_t pause_ms; /* between tries, where it is not polled */
	uv_poll_t poll;
	uv_timer_t timer;
	void (*on_ready)(void *context);
	void (*on_closed)(void *context);
	void *context;
};

/* What the caller sets; the rest of struct splice_fd is splice_fd_open()'s. */
struct splice_fd_options {
	int fd;
	bool owned;
	int events;                       /* UV_READABLE or UV_WRITABLE */
	void (*on_ready)(void *context);  /* it is worth a try */
	void (*on_closed)(void *context); /* the last handle is closed */
	void *context;
};

/*
 * F stays where it is until on_closed. On failure nothing is open, and an owned
 * descriptor is closed. ERROR_SYSTEM.
 */
int splice_fd_open(struct splice_fd *f, uv_loop_t *uv,
		   const struct splice_fd_options *options, struct error *err);

/* Whether on_ready is wanted; it comes again and again while it is. */
void splice_fd_want(struct splice_fd *f, bool wanted);

/* Bytes moved, 0 at the end (read), or -errno, -EAGAIN among them. */
ssize_t splice_fd_read(struct splice_fd *f, uint8_t *to, size_t room);
ssize_t splice_fd_write(struct splice_fd *f, const uint8_t *from, size_t n);

/* Tells the other end that nothing follows, where the descriptor can. */
void splice_fd_finish(struct splice_fd *f);

/* The descriptor is let go at once; on_closed follows from the loop. */
void splice_fd_close(struct splice_fd *f);

#endif
