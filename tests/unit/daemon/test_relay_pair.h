/*
 * A client and a host in memory, for tests of what joins streams and other
 * things: two HTTP/2 engines whose output is the other's input, and a loop that
 * runs in between. Included by test_relay_*.c alone.
 */
#ifndef VIRTMUX_TEST_RELAY_PAIR_H
#define VIRTMUX_TEST_RELAY_PAIR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

#include "base/buf.h"
#include "base/clock.h"
#include "wire/block.h"
#include "wire/h2.h"

/* The client's end of the one stream of a test. */
struct peer {
	struct h2_stream
		*stream; /* NULL before it is made, and after its end */
	struct buf to_send;
	bool end;       /* nothing follows to_send */
	struct buf got; /* body bytes received */
	bool stalled;   /* the window is not opened again */
	size_t owed;    /* received while stalled */
	unsigned status;
	bool got_end;
	bool closed;
	uint32_t code;
};

struct pair {
	uv_loop_t uv;
	struct block_pool blocks;
	struct h2 *client;
	struct h2 *host;
	struct h2_stream *request; /* the host's: came in, not answered */
	struct peer peer;
};

static inline size_t peer_ready(void *context, bool *end)
{
	struct peer *p = context;

	*end = p->end;
	return p->to_send.len;
}

static inline void peer_take(void *context, uint8_t *to, size_t n)
{
	struct peer *p = context;

	memcpy(to, buf_bytes(&p->to_send), n);
	buf_consume(&p->to_send, n);
}

static inline void peer_on_response(void *context, struct h2_stream *s)
{
	struct peer *p = context;

	p->status = h2_stream_status(s);
}

static inline void peer_on_data(void *context, struct h2_stream *s,
				const uint8_t *data, size_t len)
{
	struct peer *p = context;

	assert_int_equal(buf_append(&p->got, data, len), 0);
	if (p->stalled)
		p->owed += len;
	else
		h2_stream_consume(s, len);
}

static inline void peer_on_end(void *context, struct h2_stream *s)
{
	struct peer *p = context;

	p->got_end = true;
}

static inline void peer_on_closed(void *context, struct h2_stream *s,
				  uint32_t code)
{
	struct peer *p = context;

	p->closed = true;
	p->code = code;
	p->stream = NULL;
}

static const struct h2_source peer_source = {
	.ready = peer_ready,
	.take = peer_take,
};

static const struct h2_handler peer_handler = {
	.on_response = peer_on_response,
	.on_data = peer_on_data,
	.on_end = peer_on_end,
	.on_closed = peer_on_closed,
};

/* What FROM has to say, to TO; true where that was anything. */
static inline bool pair_carry(struct pair *pair, struct h2 *from, struct h2 *to)
{
	uint8_t bytes[WIRE_RECORD_PLAIN];
	struct h2_event event;
	bool any = false;
	ssize_t n;

	while ((n = h2_pull(from, bytes, sizeof(bytes), NULL)) > 0) {
		any = true;
		assert_int_equal(h2_feed(to, bytes, (size_t)n,
					 clock_monotonic_ns(), NULL),
				 0);
		while (h2_next_event(to, &event))
			if (!h2_deliver(&event) &&
			    event.type == H2_EVENT_REQUEST)
				pair->request = event.stream;
	}
	while (h2_next_event(from, &event))
		h2_deliver(&event);
	return any;
}

/* Runs until nothing moves any more. */
static inline void pair_run(struct pair *pair)
{
	unsigned idle = 0;

	while (idle < 3) {
		bool any = pair_carry(pair, pair->client, pair->host);

		any |= pair_carry(pair, pair->host, pair->client);
		uv_run(&pair->uv, UV_RUN_NOWAIT);
		idle = any ? 0 : idle + 1;
	}
}

/* When whatever begins now must have happened. */
static inline uint64_t pair_limit(void)
{
	return clock_monotonic_ns() + 10 * CLOCK_NS_PER_S;
}

static inline void pair_run_within(struct pair *pair, uint64_t limit)
{
	assert_true(clock_monotonic_ns() < limit);
	pair_run(pair);
}

/* Runs until *FLAG; fails after ten seconds. */
static inline void pair_run_until(struct pair *pair, const bool *flag)
{
	uint64_t limit = pair_limit();

	while (!*flag)
		pair_run_within(pair, limit);
}

/* WINDOW: bytes that the client gives each stream at first; 0: as usual. */
static inline void pair_open_wide(struct pair *pair, int32_t window)
{
	struct h2_limits limits = h2_limits_default;

	if (window)
		limits.window_first = window;
	memset(pair, 0, sizeof(*pair));
	uv_loop_init(&pair->uv);
	assert_int_equal(
		h2_new(&pair->client, H2_CLIENT, &limits, NULL, NULL, NULL), 0);
	assert_int_equal(h2_new(&pair->host, H2_HOST, &h2_limits_default, NULL,
				NULL, NULL),
			 0);
	pair_run(pair);
}

static inline void pair_open(struct pair *pair)
{
	pair_open_wide(pair, 0);
}

/* Opens the stream; pair->request is then what the host must answer. */
static inline void pair_request(struct pair *pair,
				const struct h2_header *headers, size_t n)
{
	struct error err = {0};

	assert_int_equal(h2_request(pair->client, headers, n, &peer_source,
				    &pair->peer, H2_URGENCY_CONSOLE,
				    &peer_handler, &pair->peer,
				    &pair->peer.stream, &err),
			 0);
	pair_run(pair);
	assert_non_null(pair->request);
}

static inline void pair_connect(struct pair *pair)
{
	static const struct h2_header headers[] = {
		{":method", "CONNECT"},
		{":protocol", "virtmux"},
		{":scheme", "https"},
		{":authority", "host"},
		{":path", "/domains/x/serial/0"},
	};

	pair_request(pair, headers, array_size(headers));
}

static inline void pair_send(struct pair *pair, const void *data, size_t n)
{
	assert_int_equal(buf_append(&pair->peer.to_send, data, n), 0);
	h2_stream_resume(pair->peer.stream);
}

static inline void pair_send_end(struct pair *pair)
{
	pair->peer.end = true;
	h2_stream_resume(pair->peer.stream);
}

/* The stalled peer takes what it has got, and reads on. */
static inline void pair_unstall(struct pair *pair)
{
	pair->peer.stalled = false;
	if (pair->peer.stream)
		h2_stream_consume(pair->peer.stream, pair->peer.owed);
	pair->peer.owed = 0;
}

/* The host's connection ends: so does its stream. */
static inline void pair_abort(struct pair *pair)
{
	struct h2_event event;

	h2_abort(pair->host, H2_INTERNAL_ERROR);
	while (h2_next_event(pair->host, &event))
		h2_deliver(&event);
}

static inline void pair_close(struct pair *pair)
{
	h2_free(pair->client);
	h2_free(pair->host);
	uv_run(&pair->uv, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&pair->uv), 0);
	block_pool_clear(&pair->blocks);
	buf_free(&pair->peer.to_send);
	buf_free(&pair->peer.got);
}

#endif
