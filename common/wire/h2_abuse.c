/*
 * What a peer may waste: each frame that does no work is paid from a token
 * bucket; time and useful bytes fill it. nghttp2 1.52 itself limits only resets
 * and CONTINUATION. Called by h2.c for every received frame.
 */
#include "wire/h2_private.h"

#include "base/clock.h"

/* WINDOW_UPDATE is honest work as long as it follows what we have sent. */
#define BYTES_A_TOKEN 2048u

void h2_bucket_init(struct h2_bucket *b)
{
	b->tokens = WIRE_ABUSE_BURST;
}

void h2_bucket_refill(struct h2 *h2)
{
	struct h2_bucket *b = &h2->bucket;
	uint64_t step = CLOCK_NS_PER_S / WIRE_ABUSE_RATE;
	uint64_t tokens = (h2->now - b->refilled_ns) / step;
	uint64_t paid = (h2->bytes_out - b->paid_bytes) / BYTES_A_TOKEN;

	if (!b->refilled_ns) {
		b->refilled_ns = h2->now;
		return;
	}
	b->refilled_ns += tokens * step;
	b->paid_bytes += paid * BYTES_A_TOKEN;
	b->tokens += (int64_t)(tokens + paid);
	if (b->tokens > WIRE_ABUSE_BURST)
		b->tokens = WIRE_ABUSE_BURST;
}

bool h2_bucket_charge(struct h2 *h2, unsigned tokens, const char *kind)
{
	struct h2_bucket *b = &h2->bucket;

	b->tokens -= tokens;
	if (b->tokens >= 0)
		return true;
	if (!b->empty)
		b->empty = kind;
	return false;
}

void h2_bucket_refund(struct h2 *h2)
{
	if (h2->bucket.tokens < WIRE_ABUSE_BURST)
		h2->bucket.tokens += WIRE_ABUSE_REFUND;
}

bool h2_charge_frame(struct h2 *h2, const nghttp2_frame *frame)
{
	bool ack = frame->hd.flags & NGHTTP2_FLAG_ACK;

	switch (frame->hd.type) {
	case NGHTTP2_DATA:
		if (frame->hd.length > 0 ||
		    (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
			return true;
		return h2_bucket_charge(h2, 1, "empty DATA");
	case NGHTTP2_HEADERS:
		return true;
	case NGHTTP2_PRIORITY:
		return h2_bucket_charge(h2, 1, "PRIORITY");
	case NGHTTP2_RST_STREAM:
		return h2_bucket_charge(h2, 2, "RST_STREAM");
	case NGHTTP2_SETTINGS:
		return ack || h2_bucket_charge(h2, 4, "SETTINGS");
	case NGHTTP2_PING:
		return ack || h2_bucket_charge(h2, 1, "PING");
	case NGHTTP2_WINDOW_UPDATE:
		return h2_bucket_charge(h2, 1, "WINDOW_UPDATE");
	case NGHTTP2_PRIORITY_UPDATE:
		return h2_bucket_charge(h2, 1, "PRIORITY_UPDATE");
	default:
		return true; /* on_unknown_frame() charges those */
	}
}
