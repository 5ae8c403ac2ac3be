/*
 * HTTP/2 input from a hostile peer: the first byte chooses our role and how the
 * rest is cut into pieces; each request or response is answered, some bodies
 * are consumed, some streams are reset, and all output is taken. Finds memory
 * errors, leaks, endless work and broken promises of h2.h.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "wire/h2.h"
#include "wire/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct peer {
	struct h2 *h2;
	unsigned opened;
	unsigned closed;
	size_t unconsumed;
};

static void on_data(void *context, struct h2_stream *s, const uint8_t *data,
		    size_t len)
{
	struct peer *p = context;
	volatile uint8_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum ^= data[i];
	if (sum & 1)
		h2_stream_consume(s, len);
	else
		p->unconsumed += len;
	if (sum == 0x42)
		h2_stream_reset(s, H2_CANCEL);
}

static void on_end(void *context, struct h2_stream *s)
{
	struct buf body = {0};

	buf_append_str(&body, "end");
	h2_respond_body(s, 200, NULL, 0, &body);
	buf_free(&body);
}

static void on_closed(void *context, struct h2_stream *s, uint32_t code)
{
	struct peer *p = context;

	p->closed++;
	assert(p->closed <= p->opened);
}

static const struct h2_handler handler = {NULL, on_data, on_end, on_closed};

static void on_request(struct peer *p, struct h2_stream *s)
{
	struct h2_header header;
	size_t n = 0;

	while (h2_stream_header_at(s, n, &header))
		n++;
	assert(n <= WIRE_HEADERS_MAX);
	p->opened++;
	h2_stream_set_handler(s, &handler, p);
	if (n % 5 == 4)
		h2_stream_reset(s, H2_REFUSED_STREAM);
}

static void drain_events(struct peer *p)
{
	struct h2_event event;

	while (h2_next_event(p->h2, &event)) {
		if (event.stream && event.type != H2_EVENT_REQUEST)
			h2_deliver(&event);
		else if (event.type == H2_EVENT_REQUEST)
			on_request(p, event.stream);
	}
}

static void take_output(struct peer *p)
{
	uint8_t record[WIRE_RECORD_PLAIN];
	ssize_t n;

	do {
		n = h2_pull(p->h2, record, sizeof(record), NULL);
		assert(n <= (ssize_t)sizeof(record));
		drain_events(p);
	} while (n > 0);
}

static void open_requests(struct peer *p)
{
	const struct h2_header headers[] = {{":method", "GET"},
					    {":scheme", "https"},
					    {":authority", "h"},
					    {":path", "/"}};
	struct h2_stream *s;

	for (int i = 0; i < 3; i++)
		if (h2_request(p->h2, headers, 4, NULL, NULL, H2_URGENCY_CALL,
			       &handler, p, &s, NULL) == 0)
			p->opened++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct peer p = {0};
	uint64_t now = 1000000000;
	size_t piece;
	int rc = 0;

	if (size < 1)
		return 0;
	if (h2_new(&p.h2, data[0] & 1 ? H2_CLIENT : H2_HOST, &h2_limits_default,
		   NULL, NULL, NULL))
		return 0;
	if (data[0] & 1)
		open_requests(&p);
	take_output(&p);
	piece = data[0] < 8 ? size : (size_t)(data[0] >> 3);
	for (size_t at = 1; at < size && rc == 0; at += piece) {
		size_t n = size - at < piece ? size - at : piece;

		now += 1000000;
		rc = h2_feed(p.h2, data + at, n, now, NULL);
		drain_events(&p);
		take_output(&p);
	}
	h2_abort(p.h2, H2_CANCEL);
	drain_events(&p);
	assert(p.closed == p.opened);
	assert(h2_stream_count(p.h2) == 0);
	h2_free(p.h2);
	return 0;
}
