/*
 * Standard input and output of a console, whatever they are: chunks as they are read,
 * and bytes that are written as soon as they can be. Used by console.c.
 *
 * What always holds: input is read only while it is wanted; what cannot be written at
 * once is held, in its order. Loop thread only.
 */
#ifndef VIRTMUX_CLIENT_CONSOLE_IO_H
#define VIRTMUX_CLIENT_CONSOLE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "base/error.h"
#include "client/consoles/splice_fd.h"

struct console_io_events {
	/* N bytes were read; 0: nothing follows. */
	void (*on_read)(void *context, const uint8_t *data, size_t n);
	/* N bytes were written: these. */
	void (*on_shown)(void *context, const uint8_t *data, size_t n);
	/* Once: neither is used any more. */
	void (*on_failed)(void *context, struct error *why);
};

/* Zeroed at first. */
struct console_io {
	const struct console_io_events *events;
	void *context;
	uv_loop_t *uv;
	struct splice_fd in, out;
	struct buf held; /* to be written */
	bool ended;      /* nothing more is read */
	bool failed;
	unsigned handles; /* of the loop, open ones */
};

/* EVENTS is borrowed. ERROR_SYSTEM; console_io_close() also then. */
int console_io_open(struct console_io *io, uv_loop_t *uv,
		    const struct console_io_events *events, void *context,
		    struct error *err);

/* Whether input is wanted. */
void console_io_want(struct console_io *io, bool wanted);

void console_io_show(struct console_io *io, const uint8_t *data, size_t n);

/* Runs the loop until its handles are closed; what is held is thrown away. */
void console_io_close(struct console_io *io);

#endif
