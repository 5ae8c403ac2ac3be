/*
 * What nghttp2 says, as events: its callbacks for received and sent frames, and
 * the copy of a DATA frame from its source into the record. Called by nghttp2
 * inside h2_feed() and h2_pull() of h2.c. What always holds: nothing here calls
 * back into the user of the engine but a source's two functions.
 */
#include "wire/h2_private.h"

#include <stdlib.h>
#include <string.h>

static int push(struct h2 *h2, enum h2_event_type type, struct h2_stream *s)
{
	struct h2_event event = {.type = type, .stream = s};

	return h2_push_event(h2, &event) ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

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

	/* What a client says behind a body means nothing. */
	if (!s || (s->headers_done && h2->role == H2_HOST))
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
	/* Its message is malformed (RFC 9113 section 8.2.1); nghttp2 would skip it. */
	nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE,
				  frame->hd.stream_id, H2_PROTOCOL_ERROR);
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
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

/* More headers follow; these stand beside them. */
static int informed(struct h2 *h2, struct h2_stream *s)
{
	buf_free(&s->informed);
	s->informed = s->headers;
	s->headers = (struct buf){0};
	s->header_count = 0;
	s->header_list = 0;
	if (!h2_bucket_charge(h2, 1, "1xx response"))
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	return s->reset ? 0 : push(h2, H2_EVENT_INFORMED, s);
}

static int on_headers(struct h2 *h2, struct h2_stream *s,
		      const nghttp2_frame *frame)
{
	if (s->headers_done)
		return 0; /* a trailer: its fields stand beside the others */
	if (h2->role == H2_HOST)
		return headers_complete(h2, s, H2_EVENT_REQUEST);
	if (s->status >= 200)
		return headers_complete(h2, s, H2_EVENT_RESPONSE);
	return informed(h2, s);
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

static uint8_t *memdup(const uint8_t *data, size_t n)
{
	uint8_t *copy = malloc(n);

	return copy ? memcpy(copy, data, n) : NULL;
}

static int on_goaway(struct h2 *h2, const nghttp2_goaway *frame)
{
	struct h2_event event = {
		.type = H2_EVENT_GOAWAY,
		.code = frame->error_code,
	};

	/* A drain may still end in an error; each is told once. */
	if (h2->goaway_seen && !event.code)
		return 0;
	h2->goaway_seen = true;
	if (frame->opaque_data_len > 0 && event.code) {
		event.data = memdup(frame->opaque_data, frame->opaque_data_len);
		event.len = event.data ? frame->opaque_data_len : 0;
	}
	if (h2_push_event(h2, &event) == 0)
		return 0;
	free((void *)event.data);
	return NGHTTP2_ERR_CALLBACK_FAILURE;
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

int h2_close_stream(struct h2 *h2, struct h2_stream *s, uint32_t code)
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
	return h2_close_stream(h2, s, code);
}

/*
 * The refusal of a console is whole, but the peer's side is open and would stay
 * so: end it, RFC 9113 section 8.1. A request with a body ends by itself, and
 * curl 7.88 would lose the answer.
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
			return h2_close_stream(h2, s, H2_REFUSED_STREAM);
	}
	return 0;
}

static ssize_t frame_length(nghttp2_session *session, uint8_t type, int32_t id,
			    int32_t session_window, int32_t stream_window,
			    uint32_t max_frame, void *context)
{
	struct h2 *h2 = context;

	return (ssize_t)(h2->room - h2->used - WIRE_FRAME_HEADER);
}

static int send_data(nghttp2_session *session, nghttp2_frame *frame,
		     const uint8_t *header, size_t length,
		     nghttp2_data_source *source, void *context)
{
	struct h2 *h2 = context;
	struct h2_stream *s = source->ptr;

	if (h2->room - h2->used < WIRE_FRAME_HEADER + length)
		return NGHTTP2_ERR_WOULDBLOCK;
	if (!s->source)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	memcpy(h2->to + h2->used, header, WIRE_FRAME_HEADER);
	if (length)
		s->source->take(s->source_context,
				h2->to + h2->used + WIRE_FRAME_HEADER, length);
	h2->used += WIRE_FRAME_HEADER + length;
	s->bytes_out += length;
	h2->bytes_out += length;
	h2->paused = true;
	return NGHTTP2_ERR_PAUSE;
}

/* -- registering --------------------------------------------------------- */

void h2_set_callbacks(nghttp2_session_callbacks *cb)
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
