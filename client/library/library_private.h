/*
 * What the files of the library share: the connection with the objects that belong to it,
 * and the way in which the functions that run its loop are entered and left. Nobody else
 * includes it.
 *
 * What always holds: a callback of the program comes only between connection_enter() and
 * connection_leave(), and none once `closing` is set; memory that a callback may give up
 * while it is in use is freed by who uses it (`waited`, `closing`).
 */
#ifndef VIRTMUX_CLIENT_LIBRARY_PRIVATE_H
#define VIRTMUX_CLIENT_LIBRARY_PRIVATE_H

#include <stdbool.h>
#include <uv.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/list.h"
#include "client/connect/key.h"
#include "client/library/virtmux-client.h"
#include "wire/h2.h"

#define LIBRARY_ERROR_MAX 65536u /* bytes of a refusal's body */
#define LIBRARY_LINE_MAX  65536u /* bytes of one event */
#define LIBRARY_EVENT_WAIT                                                     \
	500u /* ms before a stream of events is asked for again */
#define LIBRARY_EVENT_ENDS 6u /* in a row, without an event between */

struct channel;

/* -- error.c --------------------------------------------------------------- */

struct virtmux_error {
	struct error inner;
};

/* Moves WHY to *OUT (may be NULL), as a virtmux_error. Returns -1. */
int error_give(virtmux_error **out, struct error *why);

/* -- options.c ------------------------------------------------------------- */

struct virtmux_options {
	char *config;
	char *address;
	char *ca;
	char *certificate;
	char *key;
	enum virtmux_route route;
	unsigned timeout_ms;
	virtmux_passphrase_fn *ask;
	void *ask_context;
	int log_fd;
	int log_debug;
};

/* Copies FROM (NULL: the defaults) to TO, which is all zero. 0, or -1 without memory. */
int options_copy(struct virtmux_options *to,
		 const struct virtmux_options *from);
void options_clear(struct virtmux_options *options);

/* The way of struct key_sources to ask; CONTEXT is a struct virtmux_options. */
int options_ask(void *context, struct secret *answer,
		const struct key_question *q, bool again, struct error *err);

/* -- connection.c ---------------------------------------------------------- */

struct virtmux_connection {
	struct virtmux_options options;
	struct key_sources sources;
	struct profile *profile;
	struct log *log;
	struct channel *channel;
	struct list requests;
	struct list streams;
	struct list events;
	struct list due;  /* streams that are to tell their program something */
	uv_check_t turn;  /* does it, after the loop's input */
	uv_idle_t awake;  /* so that the loop does not sleep before */
	uv_timer_t timer; /* of a wait */
	bool busy;        /* the loop runs */
	virtmux_connected_fn *on_connected; /* NULL: nothing is begun */
	void *context;
	bool stopping; /* virtmux_stop() was called */
	bool closing;  /* virtmux_close() was called; no callback any more */
};

/* Before the loop is run; -1 (ERROR_STATE) where it runs already. WHAT: the function. */
int connection_enter(struct virtmux_connection *c, const char *what,
		     struct error *err);
/* Behind it. Where the connection was closed meanwhile it is gone then. */
void connection_leave(struct virtmux_connection *c);

/*
 * One turn of the loop, which sleeps at most MS milliseconds (-1: without end). -1
 * (ERROR_INTERRUPTED) after virtmux_interrupt() or virtmux_close().
 */
int connection_turn(struct virtmux_connection *c, int64_t ms,
		    struct error *err);

/* -- stream.c -------------------------------------------------------------- */

/* The turn of the streams that are due. */
void streams_turn(struct virtmux_connection *c);
/* The connection is being closed: the program has no stream any more. */
void streams_release(struct virtmux_connection *c);

struct virtmux_stream {
	struct list node; /* connection->streams */
	struct list due;
	struct virtmux_connection *connection;
	struct h2_stream *h2; /* NULL: over */
	struct buf in;  /* has come and is not read; or the body of a refusal */
	struct buf out; /* is written and has not left */
	struct buf fields; /* NAME\0VALUE\0… */
	char *end_words;
	struct error why;
	unsigned status;
	bool ended;    /* the peer sends no more */
	bool finished; /* nor do we, behind `out` */
	bool full;     /* the program waits until it can write */
	bool released; /* the program has none any more: it goes with `h2` */
	bool waited;   /* virtmux_stream_wait() looks at it */
	unsigned told; /* of enum virtmux_ready, for the next turn */
	virtmux_ready_fn *on_ready;
	void *context;
};

/* A stream of C without h2; NULL without memory. */
struct virtmux_stream *stream_new(struct virtmux_connection *c);
void stream_release(struct virtmux_stream *s);

extern const struct h2_handler stream_handler;
extern const struct h2_source stream_source;

/* -- events.c -------------------------------------------------------------- */

/* The connection is a new one: goes on with those that were cut. */
void events_resume(struct virtmux_connection *c);
/* As streams_release(). */
void events_release(struct virtmux_connection *c);

/* -- call.c ---------------------------------------------------------------- */

void requests_release(struct virtmux_connection *c);

#endif
