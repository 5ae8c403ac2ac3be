/*
 * Receive windows that follow the line. At the end of each epoch a stream that
 * carries data gets its share of rate x (2 x round trip + a hold): enough to
 * keep the line full, little enough that a call does not queue behind seconds
 * of bulk. Round trips are measured by PING, since a relay or a jump host hides
 * the line from TCP, and on an empty line: a PONG that comes behind bulk tells
 * the windows' own length. Called by h2.c.
 */
#include "wire/h2_private.h"

#include <string.h>

#include "base/clock.h"

#define EPOCH_LEAST_NS (10 * CLOCK_NS_PER_MS)
/* How long a round trip holds; a probe costs two of them. */
#define RTT_PERIOD_NS (30 * CLOCK_NS_PER_S)
/* PINGs after which a line that never empties is believed. */
#define PROBE_PINGS 16
/*
 * Round trips on the empty line, of which the least is taken; one is enough
 * where it is so long that the machines' own turns do not count.
 */
#define PROBE_SAMPLES 3
#define PROBE_LONG_US 2000
/* A stream counts as bulk once it has carried this much. */
#define BULK_BYTES (32 * 1024)
/*
 * How long the line's content is beyond two round trips: for the peers' turns,
 * and so that many streams on a fast line do not drown in WINDOW_UPDATEs.
 */
#define HOLD_US          700
#define HOLD_US_A_STREAM 16
/*
 * The rate is the largest one seen of late: an epoch in which a peer did not get
 * its turn must not make windows smaller, which would make the next one slower.
 * It forgets this part of itself each epoch.
 */
#define RATE_FORGOTTEN 32
/* Bytes below which giving back is not worth a frame. */
#define UPDATE_LEAST (16 * 1024)

uint32_t h2_rtt_us(const struct h2 *h2)
{
	uint32_t now = h2->flow.rtt_us[0];
	uint32_t before = h2->flow.rtt_us[1];

	if (!now || !before)
		return now ? now : before;
	return now < before ? now : before;
}

int h2_ping(struct h2 *h2, uint64_t now)
{
	uint8_t opaque[8];

	memcpy(opaque, &now, sizeof(opaque));
	if (nghttp2_submit_ping(h2->session, NGHTTP2_FLAG_NONE, opaque))
		return -1;
	h2->flow.ping_ns = now;
	h2->flow.ping_pending = true;
	h2_touch(h2);
	return 0;
}

uint64_t h2_ping_pending_since(const struct h2 *h2)
{
	return h2->flow.ping_pending ? h2->flow.ping_ns : 0;
}

void h2_flow_opened(struct h2 *h2, struct h2_stream *s)
{
	s->window = h2->limits.window_first;
	h2->flow.granted += s->window;
}

void h2_flow_closed(struct h2 *h2, struct h2_stream *s)
{
	h2->flow.granted -= s->window;
	s->window = 0;
}

void h2_flow_received(struct h2 *h2, struct h2_stream *s, size_t n)
{
	if (!h2->flow.epoch_bytes)
		h2->flow.epoch_ns = h2->now;
	h2->bytes_in += n;
	h2->flow.epoch_bytes += n;
	if (s) {
		s->bytes_in += n;
		s->epoch_bytes += n;
		s->unconsumed += n;
	}
}

/*
 * A client's bulk from a peer on this machine: there is no line to be measured, and
 * nobody waits for what is behind it, so a large window that is given back seldom
 * costs least. A client's uploads have windows that follow their rate as ever: with
 * more it would fill the socket and be woken for each piece of room in it.
 */
static bool is_steady(const struct h2_stream *s)
{
	return s->h2->limits.local && s->urgency == H2_URGENCY_BULK;
}

/*
 * A quarter of the window is given back at a time: with a half, as nghttp2 does
 * it, a round trip carries little more than that half, and a window that
 * follows the measured rate never grows to the line's.
 */
static bool is_worth_a_frame(const struct h2_stream *s, int64_t bytes)
{
	int32_t half = s->window / 2;
	int32_t part = is_steady(s) ? half : s->window / 4;

	if (part < UPDATE_LEAST)
		part = UPDATE_LEAST < half ? UPDATE_LEAST : half;
	return bytes >= part;
}

/*
 * What the peer may send and what waits here shall make up the window. A window
 * that has shrunk is given back later; none is ever taken back, so the peer
 * always gets something once all is consumed.
 */
static void give_back(struct h2 *h2, struct h2_stream *s)
{
	int64_t credit = nghttp2_session_get_stream_local_window_size(
		h2->session, s->id);
	int64_t bytes = s->window - credit - (int64_t)s->unconsumed;

	if (h2->flow.probe_pings > 0 || credit < 0 ||
	    !is_worth_a_frame(s, bytes))
		return;
	nghttp2_submit_window_update(h2->session, NGHTTP2_FLAG_NONE, s->id,
				     (int32_t)bytes);
	h2_touch(h2);
}

static bool is_active(const struct h2_stream *s)
{
	return !is_steady(s) && s->bytes_in >= BULK_BYTES &&
	       (s->epoch_bytes || s->was_active);
}

static void set_window(struct h2 *h2, struct h2_stream *s, int64_t window)
{
	int64_t room = h2->limits.window_all - h2->flow.granted + s->window;

	if (window > room)
		window = room;
	if (window < WIRE_WINDOW_LEAST)
		return;
	h2->flow.granted += window - s->window;
	s->window = (int32_t)window;
	give_back(h2, s);
}

/* Not before as much has left: who takes nothing is sent no more. */
static bool is_to_grow(const struct h2_stream *s)
{
	return is_steady(s) && s->window < WIRE_WINDOW_LOCAL &&
	       s->bytes_in - s->unconsumed >= BULK_BYTES;
}

void h2_flow_consumed(struct h2 *h2, struct h2_stream *s, size_t n)
{
	s->unconsumed -= n;
	if (is_to_grow(s))
		set_window(h2, s, WIRE_WINDOW_LOCAL);
	else
		give_back(h2, s);
}

/*
 * Shares the line's content out between the streams that carry data; false where
 * there is none.
 */
static bool share_windows(struct h2 *h2)
{
	unsigned active = 0;
	uint64_t hold_us;
	uint64_t total;
	int64_t share;

	list_for_each (node, &h2->streams)
		active += is_active(list_entry(node, struct h2_stream, node));
	if (!active)
		return false;
	hold_us = 2ull * h2_rtt_us(h2) + HOLD_US +
		  (uint64_t)active * HOLD_US_A_STREAM;
	total = h2->flow.rate * hold_us / 1000000;
	if (total < WIRE_WINDOW_FIRST)
		total = WIRE_WINDOW_FIRST;
	share = (int64_t)(total / active);
	if (share < WIRE_WINDOW_LEAST)
		share = WIRE_WINDOW_LEAST;
	if (share > h2->limits.window_most)
		share = h2->limits.window_most;
	list_for_each (node, &h2->streams) {
		struct h2_stream *s = list_entry(node, struct h2_stream, node);

		if (is_active(s) && !s->reset && !s->closed)
			set_window(h2, s, share);
	}
	return true;
}

static void begin_epoch(struct h2 *h2)
{
	list_for_each (node, &h2->streams) {
		struct h2_stream *s = list_entry(node, struct h2_stream, node);

		s->was_active = s->epoch_bytes > 0;
		s->epoch_bytes = 0;
	}
	h2->flow.epoch_ns = h2->now;
	h2->flow.epoch_bytes = 0;
}

static void end_probe(struct h2 *h2)
{
	h2->flow.probe_pings = 0;
	list_for_each (node, &h2->streams) {
		struct h2_stream *s = list_entry(node, struct h2_stream, node);

		if (!s->reset && !s->closed)
			give_back(h2, s);
	}
	begin_epoch(h2);
}

static void probe_again(struct h2 *h2)
{
	struct h2_flow *f = &h2->flow;

	f->probe_bytes = h2->bytes_in;
	f->probe_pings++;
	if (h2_ping(h2, h2->now))
		end_probe(h2);
}

/*
 * Gives nothing back until the peers' windows are used up and the line is
 * empty. That is so when no DATA came between a PING and its PONG; as PONGs
 * always come, a probe always ends.
 */
static void begin_probe(struct h2 *h2)
{
	struct h2_flow *f = &h2->flow;

	f->rtt_us[1] = f->rtt_us[0];
	f->rtt_us[0] = 0;
	f->rtt_period_ns = h2->now;
	f->probe_samples = 0;
	probe_again(h2);
}

static void go_on_probing(struct h2 *h2, uint64_t us)
{
	struct h2_flow *f = &h2->flow;

	if (h2->bytes_in == f->probe_bytes)
		f->probe_samples += us < PROBE_LONG_US ? 1 : PROBE_SAMPLES;
	if (f->probe_samples < PROBE_SAMPLES && f->probe_pings < PROBE_PINGS)
		probe_again(h2);
	else
		end_probe(h2);
}

void h2_flow_pong(struct h2 *h2, uint64_t sent_ns)
{
	struct h2_flow *f = &h2->flow;
	uint64_t us = (h2->now - sent_ns) / 1000;

	if (!f->ping_pending || sent_ns != f->ping_ns)
		return;
	f->ping_pending = false;
	if (us < 1)
		us = 1;
	if (us > UINT32_MAX)
		us = UINT32_MAX;
	if (!f->rtt_us[0] || us < f->rtt_us[0])
		f->rtt_us[0] = (uint32_t)us;
	if (f->probe_pings > 0)
		go_on_probing(h2, us);
}

/*
 * A long round trip was measured before there was bulk to stand behind, most
 * likely, and a probe of it would cost as much: it is believed for a period.
 */
static bool is_probe_due(struct h2 *h2)
{
	struct h2_flow *f = &h2->flow;

	if (f->ping_pending)
		return false;
	if (!f->rtt_period_ns && h2_rtt_us(h2) >= PROBE_LONG_US)
		f->rtt_period_ns = h2->now;
	return !f->rtt_period_ns || h2->now - f->rtt_period_ns > RTT_PERIOD_NS;
}

/* After each feed: where an epoch with data has ended, draw the sum. */
void h2_flow_turn(struct h2 *h2)
{
	struct h2_flow *f = &h2->flow;
	uint64_t least = EPOCH_LEAST_NS;
	uint64_t passed = h2->now - f->epoch_ns;
	uint64_t rate;

	if (!f->epoch_bytes || f->probe_pings > 0)
		return;
	if (2000ull * h2_rtt_us(h2) > least)
		least = 2000ull * h2_rtt_us(h2);
	if (passed < least)
		return;
	f->rate -= f->rate / RATE_FORGOTTEN;
	rate = f->epoch_bytes * CLOCK_NS_PER_S / passed;
	if (rate > f->rate)
		f->rate = rate;
	if (f->epoch_bytes >= BULK_BYTES && share_windows(h2) &&
	    is_probe_due(h2))
		begin_probe(h2);
	begin_epoch(h2);
}
