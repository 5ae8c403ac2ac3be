/*
 * A domain's serial line as its user sees it: one line, over as many streams and
 * connections as it takes. After a cut it comes back and goes on where it was
 * (serial_book.h). Used by console and wait-serial.
 *
 * What always holds: no byte of the guest is given twice, and what is missing is
 * told; the stream's window is opened only by bytes that the user has consumed. Loop
 * thread only; serial_line_run() runs the loop, all else may be called from it.
 */
#ifndef VIRTMUX_CLIENT_SERIAL_LINE_H
#define VIRTMUX_CLIENT_SERIAL_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "client/consoles/serial_book.h"
#include "wire/h2.h"

struct channel;
struct serial_line;

#define SERIAL_AHEAD (64u * 1024) /* bytes typed and not sent yet */

/*
 * Before the first attempt to come back, then twice as long each time up to the most;
 * of each time between half and all is waited. Milliseconds.
 */
#define SERIAL_RETRY_MS      100
#define SERIAL_RETRY_MOST_MS 1000

struct serial_events {
	/* The host has opened it; S has the response's headers. Once. */
	void (*on_open)(void *context, struct h2_stream *s);
	/* Bytes of the guest: serial_line_consumed() when they are used. */
	void (*on_data)(void *context, const uint8_t *data, size_t n);
	/* Typed bytes were handed to the stream: more may be typed. */
	void (*on_sent)(void *context);
	/* The channel is cut, WHY; attempts to come back begin. */
	void (*on_cut)(void *context, const struct error *why);
	/* It is back. */
	void (*on_back)(void *context, const struct serial_news *news);
	/*
	 * Before an attempt that asks for a passphrase (true), and after it; may be
	 * NULL.
	 */
	void (*on_asking)(void *context, bool asking);
	/* serial_line_settle(): the host has taken all; may be NULL. */
	void (*on_settled)(void *context);
};

struct serial_options {
	struct channel *channel;
	struct serial_ask ask;              /* domain is copied */
	const struct serial_events *events; /* borrowed */
	void *context;
	uint64_t return_ms; /* for how long it tries to come back; 0: never */
};

enum serial_end_reason {
	SERIAL_STOPPED, /* serial_line_stop(), or all has left */
	SERIAL_ENDED,   /* the host ended it; why is set where it said why */
	SERIAL_REFUSED, /* it never stood: why */
	SERIAL_BROKEN,  /* cut off, and it could not come back: why */
	SERIAL_FAILED,  /* on this side: why */
};

struct serial_end {
	enum serial_end_reason reason;
	struct error why;
};

/* ERROR_NO_MEMORY, ERROR_SYSTEM. */
int serial_line_new(struct serial_line **line,
		    const struct serial_options *options, struct error *err);

/* Runs the loop until all of it is over. NULL-safe. */
void serial_line_free(struct serial_line *line);

/*
 * Opens the line and runs the loop until the end: 0, and *END (owned by LINE) tells
 * which. -1 with ERROR_INTERRUPTED after a signal.
 */
int serial_line_run(struct serial_line *line, const struct serial_end **end,
		    struct error *err);

/* Types N bytes, whether it stands just now or not. -1 without memory. */
int serial_line_type(struct serial_line *line, const uint8_t *data, size_t n);

/* How many bytes may be typed now so that no more than SERIAL_AHEAD wait. */
size_t serial_line_room(const struct serial_line *line);

/* Nothing more will be typed: the host is told behind the last byte. */
void serial_line_finish(struct serial_line *line);

/*
 * Asks the host whether it has taken all that was typed, by coming back once more,
 * and sends what it has not; on_settled follows. Nothing more is typed then.
 */
void serial_line_settle(struct serial_line *line);

/* Bytes typed that the host is not known to have taken. */
uint64_t serial_line_unsettled(const struct serial_line *line);

void serial_line_consumed(struct serial_line *line, size_t n);

/* Whether bytes can go both ways just now. */
bool serial_line_stands(const struct serial_line *line);

/* Ends it: what was typed leaves first, for MS at most; 0: at once. */
void serial_line_stop(struct serial_line *line, uint64_t ms);

/* Ends it with WHY (moved). */
void serial_line_fail(struct serial_line *line, struct error *why);

#endif
