/*
 * One HTTP/2 stream: its received header list, its outgoing source, the verbs
 * that rpc, relay and the client use. A stream is owned by its engine and lives
 * until the CLOSED event has been taken.
 */
#include "wire/h2_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/copy.h"

#define HEADER_OVERHEAD  32u /* RFC 9113 section 6.5.2 */
#define HEADERS_AT_FIRST 384u

struct h2_stream *h2_stream_new(struct h2 *h2, int32_t id)
{
	struct h2_stream *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->h2 = h2;
	s->id = id;
	s->urgency = H2_URGENCY_CONSOLE;
	list_append(&h2->streams, &s->node);
	h2->stream_count++;
	h2_flow_opened(h2, s);
	return s;
}

void h2_stream_free(struct h2_stream *s)
{
	if (!s)
		return;
	h2_flow_closed(s->h2, s);
	s->h2->stream_count--;
	list_remove(&s->node);
	buf_free(&s->body);
	buf_free(&s->headers);
	buf_free(&s->informed);
	free(s);
}

int h2_stream_add_header(struct h2_stream *s, const uint8_t *name,
			 size_t name_len, const uint8_t *value,
			 size_t value_len)
{
	s->header_list += name_len + value_len + HEADER_OVERHEAD;
	if (s->header_list > s->h2->limits.header_list ||
	    ++s->header_count > WIRE_HEADERS_MAX) {
		s->too_large = true;
		return 0;
	}
	if (!s->headers.cap && buf_reserve(&s->headers, HEADERS_AT_FIRST))
		return -1;
	buf_append(&s->headers, name, name_len);
	buf_append_char(&s->headers, '\0');
	buf_append(&s->headers, value, value_len);
	buf_append_char(&s->headers, '\0');
	return buf_ok(&s->headers) ? 0 : -1;
}

bool h2_stream_header_at(const struct h2_stream *s, size_t i,
			 struct h2_header *header)
{
	const char *at = (const char *)buf_bytes(&s->headers);
	const char *end = at ? at + s->headers.len : NULL;

	for (; at < end; i--) {
		header->name = at;
		header->value = at + strlen(at) + 1;
		if (i == 0)
			return true;
		at = header->value + strlen(header->value) + 1;
	}
	return false;
}

static const char *find_value(const struct buf *headers, const char *name)
{
	const char *at = (const char *)buf_bytes(headers);
	const char *end = at ? at + headers->len : NULL;

	while (at < end) {
		const char *value = at + strlen(at) + 1;

		if (strcmp(at, name) == 0)
			return value;
		at = value + strlen(value) + 1;
	}
	return NULL;
}

const char *h2_stream_header(const struct h2_stream *s, const char *name)
{
	return find_value(&s->headers, name);
}

const char *h2_stream_informed(const struct h2_stream *s, const char *name)
{
	return find_value(&s->informed, name);
}

/* -- outgoing bodies ------------------------------------------------------ */

static size_t body_ready(void *context, bool *end)
{
	struct h2_stream *s = context;

	*end = true;
	return s->body.len;
}

static void body_take(void *context, uint8_t *to, size_t n)
{
	struct h2_stream *s = context;

	copy_bulk(to, buf_bytes(&s->body), n);
	buf_consume(&s->body, n);
}

static const struct h2_source body_source = {.ready = body_ready,
					     .take = body_take};

/* The body's end; where a trailer follows it is the stream's. */
static uint32_t end_flags(struct h2_stream *s)
{
	struct h2_header field;
	nghttp2_nv nv = {.flags = NGHTTP2_NV_FLAG_NONE};

	if (!s->source || !s->source->trailer ||
	    !s->source->trailer(s->source_context, &field))
		return NGHTTP2_DATA_FLAG_EOF;
	nv.name = (uint8_t *)field.name;
	nv.value = (uint8_t *)field.value;
	nv.namelen = strlen(field.name);
	nv.valuelen = strlen(field.value);
	if (nghttp2_submit_trailer(s->h2->session, s->id, &nv, 1) != 0)
		return NGHTTP2_DATA_FLAG_EOF;
	return NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
}

/* nghttp2's question how much the next DATA frame may carry. */
ssize_t h2_stream_read(nghttp2_session *session, int32_t id, uint8_t *buf,
		       size_t length, uint32_t *flags,
		       nghttp2_data_source *source, void *context)
{
	struct h2_stream *s = source->ptr;
	bool end = false;
	size_t n = 0;

	if (s->source)
		n = s->source->ready(s->source_context, &end);
	if (n == 0 && !end)
		return NGHTTP2_ERR_DEFERRED;
	*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	if (n <= length && end)
		*flags |= end_flags(s);
	return (ssize_t)(n < length ? n : length);
}

void h2_stream_resume(struct h2_stream *s)
{
	if (s->closed || s->reset)
		return;
	/* Fails where nothing was deferred: then nghttp2 asks by itself. */
	nghttp2_session_resume_data(s->h2->session, s->id);
	h2_touch(s->h2);
}

size_t h2_stream_room(const struct h2_stream *s)
{
	int32_t window;

	if (s->closed || s->reset)
		return 0;
	window = nghttp2_session_get_stream_remote_window_size(s->h2->session,
							       s->id);
	return window > 0 ? (size_t)window : 0;
}

void h2_stream_consume(struct h2_stream *s, size_t n)
{
	if (n > s->unconsumed)
		n = s->unconsumed;
	if (s->closed || n == 0)
		return;
	nghttp2_session_consume_connection(s->h2->session, n);
	h2_flow_consumed(s->h2, s, n);
	if (nghttp2_session_want_write(s->h2->session))
		h2_touch(s->h2);
}

void h2_stream_reset(struct h2_stream *s, uint32_t code)
{
	if (s->closed || s->reset)
		return;
	s->reset = true;
	s->source = NULL;
	nghttp2_submit_rst_stream(s->h2->session, NGHTTP2_FLAG_NONE, s->id,
				  code);
	h2_touch(s->h2);
}

/* -- header lists --------------------------------------------------------- */

struct fields {
	nghttp2_nv nv[WIRE_HEADERS_MAX];
	size_t n;
};

static int add_field(struct fields *f, const char *name, const char *value)
{
	if (f->n == WIRE_HEADERS_MAX)
		return -1;
	f->nv[f->n++] = (nghttp2_nv){
		.name = (uint8_t *)name,
		.value = (uint8_t *)value,
		.namelen = strlen(name),
		.valuelen = strlen(value),
		.flags = NGHTTP2_NV_FLAG_NONE,
	};
	return 0;
}

static int add_fields(struct fields *f, const struct h2_header *headers,
		      size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (add_field(f, headers[i].name, headers[i].value))
			return -1;
	return 0;
}

/* Its client never ends its side by itself. */
static bool is_connect(const struct h2_stream *s)
{
	const char *method = h2_stream_header(s, ":method");

	return method && strcmp(method, "CONNECT") == 0;
}

int h2_respond(struct h2_stream *s, unsigned status,
	       const struct h2_header *headers, size_t n,
	       const struct h2_source *source, void *source_context)
{
	nghttp2_data_provider provider = {.source.ptr = s,
					  .read_callback = h2_stream_read};
	struct fields f = {.n = 0};
	char digits[8];

	if (s->closed || s->reset || s->responded)
		return -1;
	snprintf(digits, sizeof(digits), "%u", status % 1000);
	if (add_field(&f, ":status", digits) || add_fields(&f, headers, n))
		return -1;
	if (nghttp2_submit_response(s->h2->session, s->id, f.nv, f.n,
				    source ? &provider : NULL))
		return -1;
	s->responded = true;
	s->refused = status >= 300 && is_connect(s);
	s->source = source;
	s->source_context = source_context;
	h2_touch(s->h2);
	return 0;
}

int h2_inform(struct h2_stream *s, unsigned status,
	      const struct h2_header *headers, size_t n)
{
	struct fields f = {.n = 0};
	char digits[8];

	if (s->closed || s->reset || s->responded)
		return -1;
	snprintf(digits, sizeof(digits), "%u", status % 1000);
	if (add_field(&f, ":status", digits) || add_fields(&f, headers, n) ||
	    nghttp2_submit_headers(s->h2->session, NGHTTP2_FLAG_NONE, s->id,
				   NULL, f.nv, f.n, NULL))
		return -1;
	h2_touch(s->h2);
	return 0;
}

int h2_respond_body(struct h2_stream *s, unsigned status,
		    const struct h2_header *headers, size_t n, struct buf *body)
{
	buf_free(&s->body);
	s->body = *body;
	*body = (struct buf){0};
	return h2_respond(s, status, headers, n, &body_source, s);
}

/* RFC 9218: calls go first, bulk streams take turns. */
static const char *priority_of(enum h2_urgency urgency)
{
	switch (urgency) {
	case H2_URGENCY_CALL:
		return "u=0";
	case H2_URGENCY_CONSOLE:
		return "u=3, i";
	default:
		return "u=6, i";
	}
}

static int submit_request(struct h2 *h2, struct h2_stream *s,
			  const struct h2_header *headers, size_t n)
{
	nghttp2_data_provider provider = {.source.ptr = s,
					  .read_callback = h2_stream_read};
	struct fields f = {.n = 0};

	if (add_fields(&f, headers, n) ||
	    add_field(&f, "priority", priority_of(s->urgency)))
		return NGHTTP2_ERR_INVALID_ARGUMENT;
	return nghttp2_submit_request(h2->session, NULL, f.nv, f.n,
				      s->source ? &provider : NULL, s);
}

int h2_request(struct h2 *h2, const struct h2_header *headers, size_t n,
	       const struct h2_source *source, void *source_context,
	       enum h2_urgency urgency, const struct h2_handler *handler,
	       void *context, struct h2_stream **stream, struct error *err)
{
	struct h2_stream *s;

	if (h2->goaway_seen || h2->draining)
		return error_set(err, ERROR_DRAINING,
				 "the host is shutting down and takes no new "
				 "requests; try again in a moment");
	s = h2_stream_new(h2, -1);
	if (!s)
		return error_set_no_memory(err);
	s->source = source;
	s->source_context = source_context;
	s->urgency = urgency;
	s->handler = handler;
	s->context = context;
	s->id = submit_request(h2, s, headers, n);
	if (s->id < 0) {
		int rc = s->id;

		h2_stream_free(s);
		return error_set(err, ERROR_INTERNAL,
				 "the request cannot be sent: %s",
				 nghttp2_strerror(rc));
	}
	*stream = s;
	h2_touch(h2);
	return 0;
}

int h2_request_body(struct h2 *h2, const struct h2_header *headers, size_t n,
		    struct buf *body, enum h2_urgency urgency,
		    const struct h2_handler *handler, void *context,
		    struct h2_stream **stream, struct error *err)
{
	if (h2_request(h2, headers, n, &body_source, NULL, urgency, handler,
		       context, stream, err))
		return -1;
	(*stream)->source_context = *stream;
	(*stream)->body = *body;
	*body = (struct buf){0};
	return 0;
}

/* -- plain reads ---------------------------------------------------------- */

void h2_stream_set_handler(struct h2_stream *s,
			   const struct h2_handler *handler, void *context)
{
	s->handler = handler;
	s->context = context;
}

unsigned h2_stream_status(const struct h2_stream *s)
{
	return s->status;
}

int32_t h2_stream_id(const struct h2_stream *s)
{
	return s->id;
}

uint64_t h2_stream_bytes_in(const struct h2_stream *s)
{
	return s->bytes_in;
}

uint64_t h2_stream_bytes_out(const struct h2_stream *s)
{
	return s->bytes_out;
}
