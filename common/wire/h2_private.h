/*
 * What the h2_*.c files share: the engine's and a stream's body. Included by
 * them alone.
 */
#ifndef VIRTMUX_WIRE_H2_PRIVATE_H
#define VIRTMUX_WIRE_H2_PRIVATE_H

#include <nghttp2/nghttp2.h>

#include "base/list.h"
#include "wire/h2.h"
#include "wire/limits.h"

/* Least room in the plaintext buffer for which nghttp2 is asked for more. */
#define H2_PULL_LEAST 256u

struct h2_events {
	struct h2_event *ring; /* [head, head + count), no wrap */
	size_t head;
	size_t count;
	size_t cap;
};

/* A token bucket against frames that do no work; see limits.h. */
struct h2_bucket {
	uint64_t refilled_ns;
	int64_t tokens;
	uint64_t paid_bytes; /* bytes sent that were turned into tokens */
	const char *empty;   /* the kind of frame that emptied it, or NULL */
};

/* Receive windows that follow the bandwidth-delay product. */
struct h2_flow {
	uint64_t epoch_ns;    /* begin of the running epoch */
	uint64_t epoch_bytes; /* DATA received in it */
	uint64_t rate;        /* bytes a second, the most of late */
	int64_t granted;      /* sum of the streams' windows, bytes */
	uint64_t ping_ns;     /* last PING, 0: none yet */
	bool ping_pending;
	uint32_t rtt_us[2];     /* minimum of this and of the last period */
	uint64_t rtt_period_ns; /* begin of this period, 0: none yet */
	unsigned probe_pings;   /* sent by the running probe, 0: none runs */
	unsigned probe_samples; /* of these: on the empty line */
	uint64_t probe_bytes;   /* bytes_in when the last of them was sent */
};

struct h2 {
	nghttp2_session *session;
	enum h2_role role;
	struct h2_limits limits;
	void (*wants_write)(void *context);
	void *wants_write_context;
	struct h2_events events;
	struct h2_stream *dead; /* CLOSED was taken; freed with the next */
	struct list streams;
	unsigned stream_count;
	struct h2_bucket bucket;
	struct h2_flow flow;
	uint64_t now; /* of the running or last h2_feed() */
	uint64_t bytes_in;
	uint64_t bytes_out;
	/* h2_pull()'s place */
	uint8_t *to;
	size_t room;
	size_t used;
	bool paused;
	const uint8_t *chunk; /* nghttp2's, valid until its next mem_send */
	size_t chunk_len;
	struct h2_stream *reweigh; /* client: HEADERS just serialised */
	bool settings_seen;
	bool goaway_seen;
	bool draining;
	bool feeding;
	bool no_memory;
};

struct h2_stream {
	struct list node;
	struct h2 *h2;
	int32_t id;
	unsigned status;
	enum h2_urgency urgency;
	const struct h2_handler *handler;
	void *context;
	const struct h2_source *source;
	void *source_context;
	struct buf body;     /* of h2_respond_body() and h2_request_body() */
	struct buf headers;  /* received: "name\0value\0"… */
	struct buf informed; /* the same, of the last 1xx response */
	size_t header_list;  /* bytes as RFC 9113 6.5.2 counts them */
	unsigned header_count;
	uint64_t bytes_in;
	uint64_t bytes_out;
	uint64_t unconsumed;
	int32_t window;
	uint64_t epoch_bytes; /* in the running epoch */
	bool was_active;      /* received in the epoch before */
	bool responded;
	bool refused; /* a CONNECT: what the peer still sends is unwanted */
	bool reset;   /* locally, no more events but CLOSED */
	bool closed;  /* nghttp2 knows it no more */
	bool headers_done;
	bool too_large; /* header list over the limit */
};

/* h2_stream.c */
struct h2_stream *h2_stream_new(struct h2 *h2, int32_t id);
void h2_stream_free(struct h2_stream *s);
int h2_stream_add_header(struct h2_stream *s, const uint8_t *name,
			 size_t name_len, const uint8_t *value,
			 size_t value_len);
ssize_t h2_stream_read(nghttp2_session *session, int32_t id, uint8_t *buf,
		       size_t length, uint32_t *flags,
		       nghttp2_data_source *source, void *context);

/* h2.c */
int h2_push_event(struct h2 *h2, const struct h2_event *event);
void h2_touch(struct h2 *h2);

/* h2_frames.c */
void h2_set_callbacks(nghttp2_session_callbacks *cb);
int h2_close_stream(struct h2 *h2, struct h2_stream *s, uint32_t code);

/* h2_abuse.c: false where the bucket is empty. KIND names the frame. */
void h2_bucket_init(struct h2_bucket *b);
void h2_bucket_refill(struct h2 *h2);
bool h2_bucket_charge(struct h2 *h2, unsigned tokens, const char *kind);
void h2_bucket_refund(struct h2 *h2);
bool h2_charge_frame(struct h2 *h2, const nghttp2_frame *frame);

/* h2_flow.c */
void h2_flow_received(struct h2 *h2, struct h2_stream *s, size_t n);
void h2_flow_consumed(struct h2 *h2, struct h2_stream *s, size_t n);
void h2_flow_turn(struct h2 *h2);
void h2_flow_pong(struct h2 *h2, uint64_t sent_ns);
void h2_flow_opened(struct h2 *h2, struct h2_stream *s);
void h2_flow_closed(struct h2 *h2, struct h2_stream *s);

#endif
