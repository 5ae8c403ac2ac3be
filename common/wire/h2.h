/*
 * HTTP/2 (RFC 9113, with RFC 8441 and RFC 9218) as an engine that does no I/O:
 * bytes in, events out; verbs in, bytes out. nghttp2 does the framing. conn
 * feeds it and takes its output; rpc, relay and the client use its streams.
 *
 * What always holds: no event is delivered from inside a verb or a source; a
 * window is opened only by h2_stream_consume(); every stream ends with exactly
 * one H2_EVENT_CLOSED. Thread: that of the loop which owns the connection.
 */
#ifndef VIRTMUX_WIRE_H2_H
#define VIRTMUX_WIRE_H2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"

struct h2;
struct h2_stream;

enum h2_role { H2_HOST, H2_CLIENT };

/* RFC 9113 section 7, the codes that we send. */
enum h2_code {
	H2_NO_ERROR = 0x0,
	H2_PROTOCOL_ERROR = 0x1,
	H2_INTERNAL_ERROR = 0x2,
	H2_FLOW_CONTROL_ERROR = 0x3,
	H2_SETTINGS_TIMEOUT = 0x4, /* and of a console that keeps silent */
	H2_REFUSED_STREAM = 0x7,
	H2_CANCEL = 0x8,
	H2_CONNECT_ERROR = 0xa,
	H2_ENHANCE_YOUR_CALM = 0xb,
	H2_INADEQUATE_SECURITY = 0xc,
};

struct h2_limits {
	unsigned streams;     /* open at once, opened by the peer */
	size_t header_list;   /* bytes of one header list */
	int32_t window_first; /* bytes a stream */
	int32_t window_most;  /* bytes a stream */
	int32_t window_all;   /* bytes, sum over all streams */
	bool local;           /* the peer is on this machine: WIRE_*_LOCAL */
};

extern const struct h2_limits h2_limits_default;

/* RFC 9218 urgencies that virtmux uses: lower is sooner. */
enum h2_urgency {
	H2_URGENCY_CALL = 0,
	H2_URGENCY_CONSOLE = 3,
	H2_URGENCY_BULK = 6
};

/* A header field; NUL-terminated. Names are lower case. */
struct h2_header {
	const char *name;
	const char *value;
};

/*
 * Where a stream's outgoing body comes from. Both functions are called only by
 * h2_pull(), on the loop's thread, and must not call back into h2. After
 * H2_EVENT_CLOSED, or a local h2_stream_reset(), they are called no more.
 */
struct h2_source {
	/*
	 * Bytes that take() can give now, 0 for none: then h2_stream_resume()
	 * is needed. *END is set true where nothing follows these bytes.
	 */
	size_t (*ready)(void *context, bool *end);
	/* Copies N bytes, at most what ready() told, to TO. */
	void (*take)(void *context, uint8_t *to, size_t n);
	/*
	 * Host, may be NULL: whether a field follows behind the last byte
	 * (RFC 9113 8.1). Asked once, when ready() has told the end; FIELD's
	 * strings are copied at once.
	 */
	bool (*trailer)(void *context, struct h2_header *field);
};

enum h2_event_type {
	H2_EVENT_NONE,
	H2_EVENT_SETTINGS, /* the peer's first SETTINGS: it speaks HTTP/2 */
	H2_EVENT_REQUEST,  /* host: header list of a new stream is complete */
	H2_EVENT_INFORMED, /* client: one before it, 1xx: h2_stream_informed() */
	H2_EVENT_RESPONSE, /* client: final header list */
	H2_EVENT_DATA,     /* body bytes; valid until the next h2_feed() */
	H2_EVENT_END,      /* the peer will send no more on this stream */
	H2_EVENT_CLOSED, /* the stream is over; freed when the next is taken */
	H2_EVENT_GOAWAY, /* the peer drains; no new streams */
};

struct h2_event {
	enum h2_event_type type;
	struct h2_stream *stream; /* NULL for SETTINGS and GOAWAY */
	const uint8_t *data;      /* DATA; GOAWAY: debug text, or NULL */
	size_t len;
	uint32_t code; /* CLOSED and GOAWAY: enum h2_code or other */
};

/*
 * How a stream's events reach their owner: h2_deliver() calls these. Any may be
 * NULL. After on_closed the stream pointer is dead.
 */
struct h2_handler {
	void (*on_response)(void *context, struct h2_stream *s);
	void (*on_data)(void *context, struct h2_stream *s, const uint8_t *data,
			size_t len);
	void (*on_end)(void *context, struct h2_stream *s);
	void (*on_closed)(void *context, struct h2_stream *s, uint32_t code);
};

/*
 * LIMITS is copied. WANTS_WRITE (may be NULL) is called with CONTEXT by any
 * verb that makes h2_pull() worth calling. 0 or -1 (ERROR_NO_MEMORY).
 */
int h2_new(struct h2 **h2, enum h2_role role, const struct h2_limits *limits,
	   void (*wants_write)(void *context), void *context,
	   struct error *err);

/* Frees all streams without further events. NULL-safe. */
void h2_free(struct h2 *h2);

DEFINE_CLEANUP(h2, h2_free);

/* -- bytes ---------------------------------------------------------------- */

/*
 * Processes LEN received bytes at time NOW (clock_monotonic_ns). Events are
 * queued; take them all with h2_next_event() before the next call. -1 where the
 * connection must end (protocol error, abuse): flush h2_pull() once more, so
 * that the GOAWAY leaves, then close.
 */
int h2_feed(struct h2 *h2, const uint8_t *data, size_t len, uint64_t now,
	    struct error *err);

/* Takes the next event; false where none is left. */
bool h2_next_event(struct h2 *h2, struct h2_event *event);

/* Calls the stream's handler; false where it has none (a new request). */
bool h2_deliver(const struct h2_event *event);

/*
 * Writes up to ROOM bytes of output to TO; ROOM wants WIRE_RECORD_PLAIN. 0:
 * nothing to send now. -1: the connection is broken.
 */
ssize_t h2_pull(struct h2 *h2, uint8_t *to, size_t room, struct error *err);

/*
 * Ends every stream with CODE: a CLOSED event is queued for each. For the end
 * of the connection; nothing is sent.
 */
void h2_abort(struct h2 *h2, uint32_t code);

/* False once both sides are done after GOAWAY, or after an error. */
bool h2_alive(const struct h2 *h2);

/* -- the connection ------------------------------------------------------- */

/* A PING now; h2_last_heard() tells of its answer. RTT is measured by it. */
int h2_ping(struct h2 *h2, uint64_t now);

/* Smallest PING round trip of late, in microseconds; 0 before the first. */
uint32_t h2_rtt_us(const struct h2 *h2);

/* When a PING that is not answered yet was sent; 0 where there is none. */
uint64_t h2_ping_pending_since(const struct h2 *h2);

/* First step of a drain: the peer opens no more streams (GOAWAY 2^31-1). */
int h2_drain_begin(struct h2 *h2);
/* Second step, a round trip later: GOAWAY with the last stream and CODE. */
int h2_drain_end(struct h2 *h2, uint32_t code, const char *debug);

unsigned h2_stream_count(const struct h2 *h2);

/* Bytes of DATA received and sent since the start. */
uint64_t h2_bytes_in(const struct h2 *h2);
uint64_t h2_bytes_out(const struct h2 *h2);

/* -- streams -------------------------------------------------------------- */

/*
 * Client: opens a stream. HEADERS (N, pseudo headers first) are copied;
 * "priority" is added from URGENCY. SOURCE NULL: no body, the stream is
 * half-closed at once. HANDLER and CONTEXT are borrowed until on_closed.
 * ERROR_DRAINING after GOAWAY.
 */
int h2_request(struct h2 *h2, const struct h2_header *headers, size_t n,
	       const struct h2_source *source, void *source_context,
	       enum h2_urgency urgency, const struct h2_handler *handler,
	       void *context, struct h2_stream **stream, struct error *err);

/*
 * Host: answers with STATUS (100 to 599) and HEADERS, once. SOURCE NULL: no
 * body. The source is borrowed until the stream is closed. -1 where the stream
 * is over already (nothing to do then: on_closed follows).
 */
int h2_respond(struct h2_stream *s, unsigned status,
	       const struct h2_header *headers, size_t n,
	       const struct h2_source *source, void *source_context);

/* Host: the same with a whole body, whose memory is taken from BODY. */
int h2_respond_body(struct h2_stream *s, unsigned status,
		    const struct h2_header *headers, size_t n,
		    struct buf *body);

/*
 * Host: says something before the answer, with STATUS (100 to 199) and HEADERS (RFC
 * 9110 15.2), as often as wanted. -1 where it is too late for that.
 */
int h2_inform(struct h2_stream *s, unsigned status,
	      const struct h2_header *headers, size_t n);

/* Client: a request whose whole body is taken from BODY. */
int h2_request_body(struct h2 *h2, const struct h2_header *headers, size_t n,
		    struct buf *body, enum h2_urgency urgency,
		    const struct h2_handler *handler, void *context,
		    struct h2_stream **stream, struct error *err);

/* The source has bytes again, or has ended. */
void h2_stream_resume(struct h2_stream *s);

/* Bytes that the peer's window for the stream has room for; 0 once it is over. */
size_t h2_stream_room(const struct h2_stream *s);

/* N received bytes have left for their sink: the peer may send as many. */
void h2_stream_consume(struct h2_stream *s, size_t n);

/* Ends the stream at once both ways; H2_EVENT_CLOSED follows. */
void h2_stream_reset(struct h2_stream *s, uint32_t code);

/* The handler of a request that came in; both borrowed until on_closed. */
void h2_stream_set_handler(struct h2_stream *s,
			   const struct h2_handler *handler, void *context);

/*
 * A received header's value, or NULL. Pseudo headers with their colon. On a client
 * the trailer's fields are among them from on_end on: earlier values are dead then.
 */
const char *h2_stream_header(const struct h2_stream *s, const char *name);
/* The I-th received header field; false past the last. */
bool h2_stream_header_at(const struct h2_stream *s, size_t i,
			 struct h2_header *header);

/* The same of the last 1xx response. */
const char *h2_stream_informed(const struct h2_stream *s, const char *name);

/* Client: the response's status, 0 before it came. */
unsigned h2_stream_status(const struct h2_stream *s);
int32_t h2_stream_id(const struct h2_stream *s);
uint64_t h2_stream_bytes_in(const struct h2_stream *s);
uint64_t h2_stream_bytes_out(const struct h2_stream *s);

#endif
