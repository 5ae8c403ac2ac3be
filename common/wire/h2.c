/*
 * The HTTP/2 engine: its events, its bytes in and out, its connection. No I/O,
 * no loop; see h2.h. What nghttp2 says stands in h2_frames.c, the verbs on
 * streams in h2_stream.c, windows in h2_flow.c, the count of abuse in
 * h2_abuse.c.
 */
#include "wire/h2_private.h"

#include <stdlib.h>
#include <string.h>

#define EVENTS_AT_FIRST 8u
/* A larger queue is given back when it is empty. */
#define EVENTS_KEPT 64u
/* Entries of the first SETTINGS. */
#define SETTINGS_MOST 6

const struct h2_limits h2_limits_default = {
	.streams = WIRE_STREAMS,
	.header_list = WIRE_HEADER_LIST,
	.window_first = WIRE_WINDOW_FIRST,
	.window_most = WIRE_WINDOW_MOST,
	.window_all = WIRE_WINDOW_ALL,
};

/* -- events --------------------------------------------------------------- */

static void free_text_of(struct h2_event *event)
{
	if (event->type == H2_EVENT_GOAWAY)
		free((void *)event->data);
	event->data = NULL;
}

/* A GOAWAY's text is its event's own, until the next event is taken. */
static void free_text(struct h2_events *e)
{
	if (e->head > 0)
		free_text_of(&e->ring[e->head - 1]);
}

static void free_events(struct h2_events *e)
{
	free_text(e);
	for (size_t i = e->head; i < e->head + e->count; i++)
		free_text_of(&e->ring[i]);
	free(e->ring);
}

static int grow_events(struct h2_events *e)
{
	size_t cap = e->cap ? e->cap * 2 : EVENTS_AT_FIRST;
	struct h2_event *ring;

	if (e->head > 0) {
		free_text(e);
		memmove(e->ring, e->ring + e->head,
			e->count * sizeof(*e->ring));
		e->head = 0;
		return 0;
	}
	ring = realloc(e->ring, cap * sizeof(*ring));
	if (!ring)
		return -1;
	e->ring = ring;
	e->cap = cap;
	return 0;
}

int h2_push_event(struct h2 *h2, const struct h2_event *event)
{
	struct h2_events *e = &h2->events;

	if (e->head + e->count == e->cap && grow_events(e)) {
		h2->no_memory = true;
		return -1;
	}
	e->ring[e->head + e->count++] = *event;
	return 0;
}

bool h2_next_event(struct h2 *h2, struct h2_event *event)
{
	struct h2_events *e = &h2->events;

	h2_stream_free(h2->dead);
	h2->dead = NULL;
	free_text(e);
	if (e->count == 0) {
		e->head = 0;
		if (e->cap > EVENTS_KEPT) {
			free(e->ring);
			*e = (struct h2_events){0};
		}
		return false;
	}
	*event = e->ring[e->head++];
	e->count--;
	if (event->type == H2_EVENT_CLOSED)
		h2->dead = event->stream;
	return true;
}

bool h2_deliver(const struct h2_event *event)
{
	struct h2_stream *s = event->stream;
	const struct h2_handler *h = s ? s->handler : NULL;

	if (!h)
		return false;
	if (event->type == H2_EVENT_RESPONSE && h->on_response)
		h->on_response(s->context, s);
	else if (event->type == H2_EVENT_DATA && h->on_data)
		h->on_data(s->context, s, event->data, event->len);
	else if (event->type == H2_EVENT_END && h->on_end)
		h->on_end(s->context, s);
	else if (event->type == H2_EVENT_CLOSED && h->on_closed)
		h->on_closed(s->context, s, event->code);
	return true;
}

void h2_touch(struct h2 *h2)
{
	if (h2->wants_write && !h2->feeding)
		h2->wants_write(h2->wants_write_context);
}

/* -- making one ------------------------------------------------------------ */

static int open_session(struct h2 *h2, nghttp2_session_callbacks *cb,
			nghttp2_option *option)
{
	nghttp2_option_set_no_auto_window_update(option, 1);
	nghttp2_option_set_no_closed_streams(option, 1);
	/* The bucket of h2_abuse.c counts resets, and tells why it cuts. */
	nghttp2_option_set_stream_reset_rate_limit(option, WIRE_ABUSE_BURST,
						   WIRE_ABUSE_RATE);
	nghttp2_option_set_builtin_recv_extension_type(option,
						       NGHTTP2_PRIORITY_UPDATE);
	nghttp2_option_set_max_deflate_dynamic_table_size(option,
							  WIRE_HEADER_TABLE);
	for (unsigned type = NGHTTP2_CONTINUATION + 1; type <= UINT8_MAX;
	     type++)
		if (type != NGHTTP2_PRIORITY_UPDATE)
			nghttp2_option_set_user_recv_extension_type(
				option, (uint8_t)type);
	h2_set_callbacks(cb);
	if (h2->role == H2_HOST)
		return nghttp2_session_server_new2(&h2->session, cb, h2,
						   option);
	return nghttp2_session_client_new2(&h2->session, cb, h2, option);
}

static int submit_settings(struct h2 *h2)
{
	bool host = h2->role == H2_HOST;
	nghttp2_settings_entry s[SETTINGS_MOST] = {
		{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
		 host ? h2->limits.streams : 0},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
		 (uint32_t)h2->limits.window_first},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
		 (uint32_t)h2->limits.header_list},
		{host ? NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL
		      : NGHTTP2_SETTINGS_ENABLE_PUSH,
		 host ? 1 : 0},
	};
	size_t n = 4;

	/* A client that said this would send its uploads first in, first out;
	 * see doc/PROTOCOL.md. */
	if (host)
		s[n++] = (nghttp2_settings_entry){
			NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1};
	if (h2->limits.local)
		s[n++] = (nghttp2_settings_entry){
			NGHTTP2_SETTINGS_MAX_FRAME_SIZE, WIRE_FRAME_LOCAL};
	if (nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, s, n))
		return -1;
	return nghttp2_session_set_local_window_size(
		h2->session, NGHTTP2_FLAG_NONE, 0, WIRE_WINDOW_CONNECTION);
}

static int start(struct h2 *h2)
{
	nghttp2_session_callbacks *cb = NULL;
	nghttp2_option *option = NULL;
	int rc = -1;

	if (nghttp2_session_callbacks_new(&cb) == 0 &&
	    nghttp2_option_new(&option) == 0 &&
	    open_session(h2, cb, option) == 0)
		rc = submit_settings(h2);
	nghttp2_option_del(option);
	nghttp2_session_callbacks_del(cb);
	return rc;
}

int h2_new(struct h2 **result, enum h2_role role,
	   const struct h2_limits *limits, void (*wants_write)(void *context),
	   void *context, struct error *err)
{
	autoptr(h2) h2 = calloc(1, sizeof(*h2));

	if (!h2)
		return error_set_no_memory(err);
	h2->role = role;
	h2->limits = *limits;
	h2->wants_write = wants_write;
	h2->wants_write_context = context;
	list_init(&h2->streams);
	h2_bucket_init(&h2->bucket);
	if (start(h2))
		return error_set_no_memory(err);
	*result = steal(&h2);
	return 0;
}

void h2_free(struct h2 *h2)
{
	if (!h2)
		return;
	nghttp2_session_del(h2->session);
	list_for_each_safe (node, &h2->streams)
		h2_stream_free(list_entry(node, struct h2_stream, node));
	free_events(&h2->events);
	free(h2);
}

void h2_abort(struct h2 *h2, uint32_t code)
{
	list_for_each (node, &h2->streams) {
		struct h2_stream *s = list_entry(node, struct h2_stream, node);

		if (s->closed)
			continue;
		nghttp2_session_set_stream_user_data(h2->session, s->id, NULL);
		h2_close_stream(h2, s, code);
	}
}

/* -- bytes ------------------------------------------------------------------ */

static int explain_failure(struct h2 *h2, ssize_t rc, struct error *err)
{
	if (h2->no_memory || rc == NGHTTP2_ERR_NOMEM)
		return error_set_no_memory(err);
	if (rc == NGHTTP2_ERR_FLOODED && !h2->bucket.empty)
		h2->bucket.empty = "PING or SETTINGS";
	if (h2->bucket.empty) {
		nghttp2_session_terminate_session(h2->session,
						  H2_ENHANCE_YOUR_CALM);
		return error_set(err, ERROR_BUSY,
				 "the peer sent too many %s frames",
				 h2->bucket.empty);
	}
	if (rc == NGHTTP2_ERR_BAD_CLIENT_MAGIC)
		return error_set(err, ERROR_CONNECT,
				 "the peer does not speak HTTP/2 (RFC 9113)");
	return error_set(err, ERROR_CONNECT, "HTTP/2 protocol error: %s",
			 nghttp2_strerror((int)rc));
}

int h2_feed(struct h2 *h2, const uint8_t *data, size_t len, uint64_t now,
	    struct error *err)
{
	ssize_t rc;

	h2->now = now;
	h2_bucket_refill(h2);
	h2->feeding = true;
	rc = nghttp2_session_mem_recv(h2->session, data, len);
	if (rc >= 0)
		h2_flow_turn(h2);
	h2->feeding = false;
	if (nghttp2_session_want_write(h2->session))
		h2_touch(h2);
	if (rc < 0 || h2->bucket.empty)
		return explain_failure(h2, rc, err);
	if (!nghttp2_session_want_read(h2->session) && !h2->draining &&
	    !h2->goaway_seen)
		return error_set(err, ERROR_CONNECT,
				 "the peer broke the rules of HTTP/2");
	return 0;
}

/* RFC 7540 weights order a client's own uploads; see limits of RFC 9218. */
static void reweigh(struct h2 *h2)
{
	struct h2_stream *s = steal(&h2->reweigh);
	nghttp2_priority_spec spec;

	if (!s || s->closed)
		return;
	nghttp2_priority_spec_init(&spec, 0,
				   s->urgency == H2_URGENCY_CALL      ? 256
				   : s->urgency == H2_URGENCY_CONSOLE ? 64
								      : 1,
				   0);
	nghttp2_session_change_stream_priority(h2->session, s->id, &spec);
}

static void copy_chunk(struct h2 *h2)
{
	size_t n = h2->room - h2->used;

	if (n > h2->chunk_len)
		n = h2->chunk_len;
	if (n == 0)
		return;
	memcpy(h2->to + h2->used, h2->chunk, n);
	h2->used += n;
	h2->chunk += n;
	h2->chunk_len -= n;
}

ssize_t h2_pull(struct h2 *h2, uint8_t *to, size_t room, struct error *err)
{
	h2->to = to;
	h2->room = room;
	h2->used = 0;
	copy_chunk(h2);
	while (h2->room - h2->used >= H2_PULL_LEAST) {
		ssize_t n;

		h2->paused = false;
		n = nghttp2_session_mem_send(h2->session, &h2->chunk);
		if (h2->reweigh)
			reweigh(h2);
		if (n < 0)
			return error_set(err, ERROR_NO_MEMORY,
					 "HTTP/2 output failed: %s",
					 nghttp2_strerror((int)n));
		h2->chunk_len = (size_t)n;
		if (n == 0 && !h2->paused)
			break;
		copy_chunk(h2);
	}
	return (ssize_t)h2->used;
}

bool h2_alive(const struct h2 *h2)
{
	return nghttp2_session_want_read(h2->session) ||
	       nghttp2_session_want_write(h2->session) || h2->chunk_len;
}

/* -- the connection --------------------------------------------------------- */

int h2_drain_begin(struct h2 *h2)
{
	h2->draining = true;
	if (h2->role == H2_HOST && nghttp2_submit_shutdown_notice(h2->session))
		return -1;
	h2_touch(h2);
	return 0;
}

int h2_drain_end(struct h2 *h2, uint32_t code, const char *debug)
{
	int32_t last = nghttp2_session_get_last_proc_stream_id(h2->session);

	h2->draining = true;
	if (nghttp2_submit_goaway(h2->session, NGHTTP2_FLAG_NONE, last, code,
				  (const uint8_t *)debug,
				  debug ? strlen(debug) : 0))
		return -1;
	h2_touch(h2);
	return 0;
}

unsigned h2_stream_count(const struct h2 *h2)
{
	return h2->stream_count;
}

uint64_t h2_bytes_in(const struct h2 *h2)
{
	return h2->bytes_in;
}

uint64_t h2_bytes_out(const struct h2 *h2)
{
	return h2->bytes_out;
}
