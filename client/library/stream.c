/*
 * Streams of the library: bytes between a program and an HTTP/2 stream, with a bounded
 * buffer each way. What comes opens the peer's window only when the program has read it.
 *
 * What always holds: a stream is freed when both the program and the wire have let go of
 * it; the program is told in the turn behind the loop's input, never from within a source.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client/connect/channel.h"
#include "client/connect/local.h"
#include "client/library/library_private.h"

#define FIRST_REFUSAL 300 /* of a response's status */
#define ROOM_TOLD     (VIRTMUX_STREAM_BUFFER / 2)

/* -- life ------------------------------------------------------------------ */

struct virtmux_stream *stream_new(struct virtmux_connection *c)
{
	struct virtmux_stream *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->connection = c;
	list_init(&s->due);
	list_init(&s->node);
	list_append(&c->streams, &s->node);
	return s;
}

static void free_if_over(struct virtmux_stream *s)
{
	if (!s->released || s->h2 || s->waited)
		return;
	list_remove(&s->node);
	list_remove(&s->due);
	buf_free(&s->in);
	buf_free(&s->out);
	buf_free(&s->fields);
	free(s->end_words);
	error_clear(&s->why);
	free(s);
}

void stream_release(struct virtmux_stream *s)
{
	s->released = true;
	s->on_ready = NULL;
	list_remove(&s->due);
	if (s->h2)
		h2_stream_reset(s->h2, H2_CANCEL);
	free_if_over(s);
}

void virtmux_stream_free(virtmux_stream *s)
{
	if (s)
		stream_release(s);
}

void streams_release(struct virtmux_connection *c)
{
	list_for_each_safe (node, &c->streams)
		stream_release(list_entry(node, struct virtmux_stream, node));
}

/* -- telling the program --------------------------------------------------- */

static void on_awake(uv_idle_t *handle)
{
	/* Its being active keeps the loop from sleeping. */
}

static void mark_due(struct virtmux_stream *s, unsigned what)
{
	struct virtmux_connection *c = s->connection;

	s->told |= what;
	if (s->released || !list_empty(&s->due))
		return;
	list_append(&c->due, &s->due);
	uv_idle_start(&c->awake, on_awake);
}

void streams_turn(struct virtmux_connection *c)
{
	struct list turn;

	uv_idle_stop(&c->awake);
	list_init(&turn);
	list_take(&turn, &c->due);
	while (!list_empty(&turn) && !c->closing) {
		struct virtmux_stream *s =
			list_entry(turn.next, struct virtmux_stream, due);
		unsigned told = s->told;

		list_remove(&s->due);
		s->told = 0;
		if (s->on_ready)
			s->on_ready(s->context, s, told);
	}
	list_take(&c->due, &turn);
}

void virtmux_stream_on_ready(virtmux_stream *s, virtmux_ready_fn *on_ready,
			     void *context)
{
	s->on_ready = on_ready;
	s->context = context;
}

/* -- what the wire says ---------------------------------------------------- */

static bool is_refused(const struct virtmux_stream *s)
{
	return s->status >= FIRST_REFUSAL;
}

static void keep_fields(struct virtmux_stream *s)
{
	struct h2_header field;

	buf_reset(&s->fields);
	for (size_t i = 0; h2_stream_header_at(s->h2, i, &field); i++) {
		buf_append(&s->fields, field.name, strlen(field.name) + 1);
		buf_append(&s->fields, field.value, strlen(field.value) + 1);
	}
}

static void on_response(void *context, struct h2_stream *h2)
{
	struct virtmux_stream *s = context;

	s->status = h2_stream_status(h2);
	keep_fields(s);
	if (!is_refused(s))
		mark_due(s, VIRTMUX_OPENED | VIRTMUX_WRITABLE);
}

static void on_data(void *context, struct h2_stream *h2, const uint8_t *data,
		    size_t len)
{
	struct virtmux_stream *s = context;

	if (s->released ||
	    (is_refused(s) && s->in.len + len > LIBRARY_ERROR_MAX)) {
		h2_stream_consume(h2, len);
		return;
	}
	if (buf_append(&s->in, data, len) < 0) {
		error_set_no_memory(&s->why);
		h2_stream_reset(h2, H2_INTERNAL_ERROR);
		return;
	}
	if (is_refused(s))
		h2_stream_consume(h2, len);
	else
		mark_due(s, VIRTMUX_READABLE);
}

/* "NAME: WORDS" */
static void keep_end_words(struct virtmux_stream *s)
{
	const char *value = h2_stream_header(s->h2, CONSOLE_END);
	autofree char *text = value ? local_unescape(value) : NULL;
	const char *words = text ? strstr(text, ": ") : NULL;

	if (words)
		s->end_words = strdup(words + 2);
}

static void on_end(void *context, struct h2_stream *h2)
{
	struct virtmux_stream *s = context;

	s->ended = true;
	keep_fields(s);
	keep_end_words(s);
	mark_due(s, VIRTMUX_READABLE);
	if (!is_refused(s))
		return;
	channel_read_error(s->status, buf_bytes(&s->in), s->in.len, &s->why);
	h2_stream_reset(h2, H2_CANCEL); /* a body of ours may be under way */
}

static void explain_break(struct virtmux_stream *s, uint32_t code)
{
	struct conn *conn = channel_conn(s->connection->channel);
	const struct error *end = conn ? conn_why(conn) : NULL;

	if (end && error_is_set(end))
		error_copy(&s->why, end);
	else if (code == H2_REFUSED_STREAM)
		error_set(&s->why, ERROR_BUSY,
			  "the host refused the stream, and nothing was done: "
			  "it is draining or "
			  "too much is under way; try again");
	else if (code == H2_INADEQUATE_SECURITY)
		error_set(&s->why, ERROR_DENIED,
			  "the host's administrator has taken the right to it "
			  "away");
	else
		error_set(&s->why, ERROR_DISCONNECTED,
			  "the stream broke off (HTTP/2 code %u)",
			  (unsigned)code);
}

static void on_closed(void *context, struct h2_stream *h2, uint32_t code)
{
	struct virtmux_stream *s = context;

	s->h2 = NULL;
	if (is_refused(s) && !error_is_set(&s->why))
		channel_read_error(s->status, buf_bytes(&s->in), s->in.len,
				   &s->why);
	else if (!s->ended && !error_is_set(&s->why))
		explain_break(s, code);
	mark_due(s, VIRTMUX_READABLE | VIRTMUX_WRITABLE | VIRTMUX_OPENED);
	/* This may come while the loop is about to sleep: whoever waits is woken. */
	uv_stop(channel_loop(s->connection->channel));
	free_if_over(s);
}

const struct h2_handler stream_handler = {
	.on_response = on_response,
	.on_data = on_data,
	.on_end = on_end,
	.on_closed = on_closed,
};

/* -- reading --------------------------------------------------------------- */

static int tell_why(const struct virtmux_stream *s, struct error *err)
{
	return error_copy(err, &s->why);
}

static ssize_t read_some(struct virtmux_stream *s, void *to, size_t size,
			 struct error *err)
{
	if (s->in.len > 0 && !is_refused(s)) {
		size_t n = s->in.len < size ? s->in.len : size;

		memcpy(to, buf_bytes(&s->in), n);
		buf_consume(&s->in, n);
		if (s->h2)
			h2_stream_consume(s->h2, n);
		return (ssize_t)n;
	}
	if (error_is_set(&s->why))
		return tell_why(s, err);
	return s->ended && !is_refused(s) ? 0 : VIRTMUX_AGAIN;
}

ssize_t virtmux_stream_read(virtmux_stream *s, void *to, size_t size,
			    virtmux_error **error)
{
	autoerror why = {0};
	ssize_t n = read_some(s, to, size, &why);

	return n == -1 ? error_give(error, &why) : n;
}

/* -- writing --------------------------------------------------------------- */

static ssize_t write_some(struct virtmux_stream *s, const void *from,
			  size_t size, struct error *err)
{
	size_t room = VIRTMUX_STREAM_BUFFER - s->out.len;

	if (error_is_set(&s->why))
		return tell_why(s, err);
	if (s->finished)
		return error_set(err, ERROR_STATE,
				 "virtmux_stream_finish() has said that "
				 "nothing follows");
	if (!s->h2)
		return error_set(err, ERROR_DISCONNECTED,
				 "the stream has ended");
	if (size > room)
		size = room;
	s->full = room == 0;
	if (s->full)
		return VIRTMUX_AGAIN;
	if (buf_append(&s->out, from, size) < 0)
		return error_set_no_memory(err);
	h2_stream_resume(s->h2);
	return (ssize_t)size;
}

ssize_t virtmux_stream_write(virtmux_stream *s, const void *from, size_t size,
			     virtmux_error **error)
{
	autoerror why = {0};
	ssize_t n = write_some(s, from, size, &why);

	return n == -1 ? error_give(error, &why) : n;
}

void virtmux_stream_finish(virtmux_stream *s)
{
	s->finished = true;
	if (s->h2)
		h2_stream_resume(s->h2);
}

static size_t out_ready(void *context, bool *end)
{
	struct virtmux_stream *s = context;

	*end = s->finished;
	return s->out.len;
}

static void out_take(void *context, uint8_t *to, size_t n)
{
	struct virtmux_stream *s = context;

	memcpy(to, buf_bytes(&s->out), n);
	buf_consume(&s->out, n);
	if (s->full && VIRTMUX_STREAM_BUFFER - s->out.len >= ROOM_TOLD) {
		s->full = false;
		mark_due(s, VIRTMUX_WRITABLE);
	}
}

const struct h2_source stream_source = {.ready = out_ready, .take = out_take};

/* -- waiting --------------------------------------------------------------- */

static unsigned readiness(const struct virtmux_stream *s)
{
	unsigned ready = 0;

	if (!s->h2)
		return VIRTMUX_READABLE | VIRTMUX_WRITABLE | VIRTMUX_OPENED;
	if (s->status && !is_refused(s)) {
		ready |= VIRTMUX_OPENED;
		if (s->in.len || s->ended)
			ready |= VIRTMUX_READABLE;
	}
	if (!s->full && s->out.len < VIRTMUX_STREAM_BUFFER)
		ready |= VIRTMUX_WRITABLE;
	return ready;
}

/* Those of WANTED that hold; 0 after the time; -1. */
static int await(struct virtmux_stream *s, unsigned wanted, int timeout_ms,
		 struct error *err)
{
	uint64_t begun = clock_monotonic_ns();
	int64_t left = timeout_ms;

	for (;;) {
		unsigned ready = readiness(s) & wanted;
		uint64_t passed;

		if (s->released)
			return error_set(err, ERROR_INTERRUPTED,
					 "the stream was freed in a callback");
		if (ready || left == 0)
			return (int)ready;
		if (connection_turn(s->connection, left, err) < 0)
			return -1;
		passed = (clock_monotonic_ns() - begun) / CLOCK_NS_PER_MS;
		if (timeout_ms > 0)
			left = passed < (uint64_t)timeout_ms
				       ? timeout_ms - (int64_t)passed
				       : 0;
	}
}

int virtmux_stream_wait(virtmux_stream *s, unsigned wanted, int timeout_ms,
			virtmux_error **error)
{
	struct virtmux_connection *c = s->connection;
	autoerror why = {0};
	int rc;

	if (connection_enter(c, __func__, &why) < 0)
		return error_give(error, &why);
	s->waited = true;
	rc = await(s, wanted, timeout_ms, &why);
	s->waited = false;
	free_if_over(s);
	connection_leave(c);
	return rc < 0 ? error_give(error, &why) : rc;
}

/* -- what is known of it --------------------------------------------------- */

const char *virtmux_stream_header(const virtmux_stream *s, const char *name)
{
	const char *at = (const char *)buf_bytes(&s->fields);
	const char *end = at ? at + s->fields.len : NULL;

	while (at < end) {
		const char *value = at + strlen(at) + 1;

		if (strcmp(at, name) == 0)
			return value;
		at = value + strlen(value) + 1;
	}
	return NULL;
}

const char *virtmux_stream_end_words(const virtmux_stream *s)
{
	return s->end_words;
}
