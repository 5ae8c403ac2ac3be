/*
 * The HTTP/2 engine: nghttp2's callbacks become queued events, its output goes
 * into the caller's record buffer with DATA copied once. No I/O, no loop; see
 * h2.h. The verbs on streams stand in h2_stream.c, windows in h2_flow.c, the
 * count of abuse in h2_abuse.c.
 */
#include "wire/h2_private.h"

#include <stdlib.h>
#include <string.h>

#define FRAME_HEADER    9u
#define EVENTS_AT_FIRST 8u
/* A larger queue is given back when it is empty. */
#define EVENTS_KEPT 64u

const struct h2_limits h2_limits_default = {
	.streams = WIRE_STREAMS,
	.header_list = WIRE_HEADER_LIST,
	.window_first = WIRE_WINDOW_FIRST,
	.window_most = WIRE_WINDOW_MOST,
	.window_all = WIRE_WINDOW_ALL,
};

/* -- events --------------------------------------------------------------- */

static int grow_events(struct h2_events *e)
{
	size_t cap = e->cap ? e->cap * 2 : EVENTS_AT_FIRST;
	struct h2_event *ring;

	if (e->head > 0) {
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

static int push(struct h2 *h2, enum h2_event_type type, struct h2_stream *s)
{
	struct h2_event event = {.type = type, .stream = s};

	return h2_push_event(h2, &event) ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

void h2_touch(struct h2 *h2)
{
	if (h2->wants_write && !h2->feeding)
		h2->wants_write(h2->wants_write_context);
}

/* -- nghttp2's callbacks --------------------------------------------------- */

static struct h2_stream *stream_of(nghttp2_session *session, int32_t id)
{
	return nghttp2_session_get_stream_user_data(session, id);
}

static int on_begin_headers(nghttp2_session *session,
			    const nghttp2_frame *frame, void *context)
{
	struct h2 *h2 = context;
	struct h2_stream *s;

	if (frame->hd.type != NGHTTP2_HEADERS ||
	    frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	s = h2_stream_new(h2, frame->hd.stream_id);
	if (!s) {
		h2->no_memory = true;
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	}
	nghttp2_session_set_stream_user_data(session, s->id, s);
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame,
		     const uint8_t *name, size_t name_len, const uint8_t *value,
		     size_t value_len, uint8_t flags, void *context)
{
	struct h2_stream *s = stream_of(session, frame->hd.stream_id);
	struct h2 *h2 = context;

	if (!s || s->headers_done)
		return 0;
	if (h2->role == H2_CLIENT && name_len == 7 &&
	    memcmp(name, ":status", 7) == 0)
		s->status = (unsigned)strtoul((const char *)value, NULL, 10);
	if (h2_stream_add_header(s, name, name_len, value, value_len)) {
		h2->no_memory = true;
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	}
	if (s->too_large && !h2_bucket_charge(h2, 1, "oversized header"))
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	return 0;
}

static int on_invalid_header(nghttp2_session *session,
			     const nghttp2_frame *frame, const uint8_t *name,
			     size_t name_len, const uint8_t *value,
			     size_t value_len, uint8_t flags, void *context)
{
	if (!h2_bucket_charge(context, 1, "invalid header"))
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	return 0;
}

/* The header list of S is whole: an event, or the answer 431. */
static int headers_complete(struct h2 *h2, struct h2_stream *s,
			    enum h2_event_type type)
{
	s->headers_done = true;
	if (!s->too_large)
		return push(h2, type, s);
	if (h2->role == H2_HOST)
		h2_respond(s, 431, NULL, 0, NULL, NULL);
	else
		nghttp2_submit_rst_stream(h2->session, NGHTTP2_FLAG_NONE, s->id,
					  H2_PROTOCOL_ERROR);
	s->reset = true; /* a body that may follow is dropped */
	return 0;
}

static int on_headers(struct h2 *h2, struct h2_stream *s,
		      const nghttp2_frame *frame)
{
	if (s->headers_done)
		return 0; /* trailers carry nothing for us */
	if (h2->role == H2_HOST)
		return headers_complete(h2, s, H2_EVENT_REQUEST);
	if (s->status >= 200)
		return headers_complete(h2, s, H2_EVENT_RESPONSE);
	buf_reset(&s->headers);
	s->header_count = 0;
	s->header_list = 0;
	return 0;
}

static int on_stream_frame(struct h2 *h2, const nghttp2_frame *frame)
{
	struct h2_stream *s = stream_of(h2->session, frame->hd.stream_id);
	int rc = 0;

	if (!s)
		return 0;
	if (frame->hd.type == NGHTTP2_HEADERS)
		rc = on_headers(h2, s, frame);
	if (!rc && !s->reset && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		rc = push(h2, H2_EVENT_END, s);
	return rc;
}

static int on_goaway(struct h2 *h2, const nghttp2_goaway *frame)
{
	struct h2_event event = {
		.type = H2_EVENT_GOAWAY,
		.code = frame->error_code,
	};

	if (h2->goaway_seen)
		return 0;
	h2->goaway_seen = true;
	return h2_push_event(h2, &event) ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

/* Types that nobody has defined: nghttp2 asks us, so that they cost. */
static int on_unknown_frame(nghttp2_session *session, void **payload,
			    const nghttp2_frame_hd *hd, void *context)
{
	return h2_bucket_charge(context, 1, "unknown")
		       ? NGHTTP2_ERR_CANCEL
		       : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame,
		    void *context)
{
	struct h2 *h2 = context;
	bool ack = frame->hd.flags & NGHTTP2_FLAG_ACK;
	uint64_t sent;

	if (!h2_charge_frame(h2, frame))
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	switch (frame->hd.type) {
	case NGHTTP2_DATA:
	case NGHTTP2_HEADERS:
		return on_stream_frame(h2, frame);
	case NGHTTP2_SETTINGS:
		if (ack || h2->settings_seen)
			return 0;
		h2->settings_seen = true;
		return push(h2, H2_EVENT_SETTINGS, NULL);
	case NGHTTP2_PING:
		memcpy(&sent, frame->ping.opaque_data, sizeof(sent));
		if (ack)
			h2_flow_pong(h2, sent);
		return 0;
	case NGHTTP2_GOAWAY:
		return on_goaway(h2, &frame->goaway);
	default:
		return 0;
	}
}

static int on_invalid_frame(nghttp2_session *session,
			    const nghttp2_frame *frame, int code, void *context)
{
	if (!h2_bucket_charge(context, 4, "invalid frame"))
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id,
		   const uint8_t *data, size_t len, void *context)
{
	struct h2 *h2 = context;
	struct h2_stream *s = stream_of(session, id);
	struct h2_event event = {
		.type = H2_EVENT_DATA, .stream = s, .data = data, .len = len};

	h2_flow_received(h2, s, len);
	if (!s || s->reset) {
		if (s)
			s->unconsumed -= len;
		nghttp2_session_consume_connection(session, len);
		return 0;
	}
	if (h2_push_event(h2, &event))
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	return 0;
}

static int close_stream(struct h2 *h2, struct h2_stream *s, uint32_t code)
{
	struct h2_event event = {
		.type = H2_EVENT_CLOSED, .stream = s, .code = code};

	if (s->closed)
		return 0;
	s->closed = true;
	s->source = NULL;
	s->unconsumed = 0;
	if (h2->reweigh == s)
		h2->reweigh = NULL;
	return h2_push_event(h2, &event) ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code,
			   void *context)
{
	struct h2 *h2 = context;
	struct h2_stream *s = stream_of(session, id);

	if (!s)
		return 0;
	if (s->unconsumed)
		nghttp2_session_consume_connection(session, s->unconsumed);
	if (code == NGHTTP2_NO_ERROR)
		h2_bucket_refund(h2);
	return close_stream(h2, s, code);
}

/*
 * A refusal is whole, but the peer's side is still open (a console that was
 * denied, a body that is too large): end it, RFC 9113 section 8.1.
 */
static void end_refused(struct h2 *h2, struct h2_stream *s)
{
	if (nghttp2_session_get_stream_remote_close(h2->session, s->id) == 0)
		nghttp2_submit_rst_stream(h2->session, NGHTTP2_FLAG_NONE, s->id,
					  H2_NO_ERROR);
}

static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame,
			 void *context)
{
	struct h2 *h2 = context;
	struct h2_stream *s;

	if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
		return 0;
	s = stream_of(session, frame->hd.stream_id);
	if (h2->role == H2_CLIENT && frame->hd.type == NGHTTP2_HEADERS)
		h2->reweigh = s;
	if (s && s->refused && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		end_refused(h2, s);
	return 0;
}

/* A request that nghttp2 could not send (too many ids, GOAWAY). */
static int on_frame_not_sent(nghttp2_session *session,
			     const nghttp2_frame *frame, int code,
			     void *context)
{
	struct h2 *h2 = context;

	if (frame->hd.type != NGHTTP2_HEADERS ||
	    frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	list_for_each (node, &h2->streams) {
		struct h2_stream *s = list_entry(node, struct h2_stream, node);

		if (s->id == frame->hd.stream_id && !s->closed)
			return close_stream(h2, s, H2_REFUSED_STREAM);
	}
	return 0;
}

static ssize_t frame_length(nghttp2_session *session, uint8_t type, int32_t id,
			    int32_t session_window, int32_t stream_window,
			    uint32_t max_frame, void *context)
{
	struct h2 *h2 = context;

	return (ssize_t)(h2->room - h2->used - FRAME_HEADER);
}

static int send_data(nghttp2_session *session, nghttp2_frame *frame,
		     const uint8_t *header, size_t length,
		     nghttp2_data_source *source, void *context)
{
	struct h2 *h2 = context;
	struct h2_stream *s = source->ptr;

	if (h2->room - h2->used < FRAME_HEADER + length)
		return NGHTTP2_ERR_WOULDBLOCK;
	if (!s->source)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	memcpy(h2->to + h2->used, header, FRAME_HEADER);
	if (length)
		s->source->take(s->source_context,
				h2->to + h2->used + FRAME_HEADER, length);
	h2->used += FRAME_HEADER + length;
	s->bytes_out += length;
	h2->bytes_out += length;
	h2->paused = true;
	return NGHTTP2_ERR_PAUSE;
}

/* -- making one ------------------------------------------------------------ */

static void set_callbacks(nghttp2_session_callbacks *cb)
{
	nghttp2_session_callbacks_set_on_begin_headers_callback(
		cb, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_invalid_header_callback(
		cb, on_invalid_header);
	nghttp2_session_callbacks_set_unpack_extension_callback(
		cb, on_unknown_frame);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(
		cb, on_invalid_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb,
							       on_stream_close);
	nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_frame_sent);
	nghttp2_session_callbacks_set_on_frame_not_send_callback(
		cb, on_frame_not_sent);
	nghttp2_session_callbacks_set_data_source_read_length_callback(
		cb, frame_length);
	nghttp2_session_callbacks_set_send_data_callback(cb, send_data);
}

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
	set_callbacks(cb);
	if (h2->role == H2_HOST)
		return nghttp2_session_server_new2(&h2->session, cb, h2,
						   option);
	return nghttp2_session_client_new2(&h2->session, cb, h2, option);
}

static int submit_settings(struct h2 *h2)
{
	bool host = h2->role == H2_HOST;
	nghttp2_settings_entry s[] = {
		{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
		 host ? h2->limits.streams : 0},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
		 (uint32_t)h2->limits.window_first},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
		 (uint32_t)h2->limits.header_list},
		{host ? NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL
		      : NGHTTP2_SETTINGS_ENABLE_PUSH,
		 host ? 1 : 0},
		{NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
	};

	/* A client that said the last would send its uploads first in, first
	 * out; see doc/PROTOCOL.md. */
	if (nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, s,
				    array_size(s) - (host ? 0 : 1)))
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
	free(h2->events.ring);
	free(h2);
}

void h2_abort(struct h2 *h2, uint32_t code)
{
	list_for_each (node, &h2->streams) {
		struct h2_stream *s = list_entry(node, struct h2_stream, node);

		if (s->closed)
			continue;
		nghttp2_session_set_stream_user_data(h2->session, s->id, NULL);
		close_stream(h2, s, code);
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
