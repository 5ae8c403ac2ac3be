/*
 * One request and its response on the channel: headers, body both ways, the
 * deadline, and what its end means. Calls, gets and puts are made of it
 * (channel_call.c, channel_get.c).
 *
 * What always holds: the stream's on_closed is the only end; whatever ends an
 * exchange earlier resets the stream and leaves the reason in `why`.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client/connect/channel_private.h"
#include "client/connect/profile.h"

#define USER_AGENT  "virtmux/" VIRTMUX_VERSION
#define HEADERS_MAX 12

void exchange_touch(struct exchange *x)
{
	const struct channel *c = x->channel;

	x->deadline =
		channel_is_bounded(c)
			? UINT64_MAX
			: clock_monotonic_ns() + c->call_ms * CLOCK_NS_PER_MS;
}

/* -- the stream's events --------------------------------------------------- */

static bool succeeded(const struct exchange *x)
{
	/* 206: a range, as it was asked for. */
	return x->status == 200 || x->status == 202 || x->status == 206;
}

static void on_response(void *context, struct h2_stream *s)
{
	struct exchange *x = context;
	const char *type = h2_stream_header(s, "content-type");

	x->status = h2_stream_status(s);
	if (type)
		x->type = strdup(type);
	if (x->on_response)
		x->on_response(x->response_context, s);
	if (!succeeded(x)) {
		x->sink = NULL;
		x->body_limit = CHANNEL_ERROR_MAX;
	}
	exchange_touch(x);
}

static int take_data(struct exchange *x, const uint8_t *data, size_t len,
		     struct error *err)
{
	if (x->sink)
		return x->sink(x->sink_context, data, len, err);
	if (x->body.len + len > x->body_limit)
		return error_set(err, ERROR_TOO_LARGE,
				 "%s: the host's answer is larger than %zu "
				 "bytes",
				 x->what, x->body_limit);
	if (buf_append(&x->body, data, len) < 0)
		return error_set_no_memory(err);
	return 0;
}

static void on_data(void *context, struct h2_stream *s, const uint8_t *data,
		    size_t len)
{
	struct exchange *x = context;
	autoerror why = {0};

	exchange_touch(x);
	if (!error_is_set(&x->why) && take_data(x, data, len, &why) < 0)
		exchange_abort(x, &why);
	else
		h2_stream_consume(s, len);
}

static void on_end(void *context, struct h2_stream *s)
{
	struct exchange *x = context;

	x->ended = true;
}

/* Why the stream ended without an answer, in words. */
static void explain_end(struct exchange *x, uint32_t code)
{
	struct conn *conn = x->channel->conn;
	const struct error *why = conn ? conn_why(conn) : NULL;

	if (why && error_is_set(why))
		error_set(&x->why, why->code, "%s", error_words(why));
	else if (code == H2_REFUSED_STREAM)
		error_set(&x->why, ERROR_BUSY,
			  "%s: the host refused it, and nothing was done: it "
			  "is draining or too much is under way; try again",
			  x->what);
	else if (code == H2_CONNECT_ERROR)
		error_set(&x->why, ERROR_DISCONNECTED,
			  "%s: the session's connection to the host was cut "
			  "before it answered",
			  x->what);
	else
		error_set(&x->why, ERROR_DISCONNECTED,
			  "%s: the host broke it off (HTTP/2 code %" PRIu32
			  ") before it answered",
			  x->what, code);
}

static void on_closed(void *context, struct h2_stream *s, uint32_t code)
{
	struct exchange *x = context;

	/* This may come while the loop is about to sleep: whoever waits is woken. */
	uv_stop(x->channel->uv);
	x->stream = NULL;
	x->refused = !x->ended && code == H2_REFUSED_STREAM;
	list_remove(&x->link);
	if (!x->ended && !error_is_set(&x->why))
		explain_end(x, code);
	x->finish(x);
}

static const struct h2_handler handler = {
	.on_response = on_response,
	.on_data = on_data,
	.on_end = on_end,
	.on_closed = on_closed,
};

/* -- deadlines ------------------------------------------------------------- */

static void expire_all(struct channel *c, uint64_t now)
{
	list_for_each (node, &c->exchanges) {
		struct exchange *x = list_entry(node, struct exchange, link);
		autoerror why = {0};

		if (now < x->deadline || error_is_set(&x->why))
			continue;
		if (!x->withdrawn && channel_begin_withdrawal(c)) {
			x->withdrawn = true;
			x->deadline =
				now + CHANNEL_WITHDRAW_MS * CLOCK_NS_PER_MS;
			continue;
		}
		error_set(&why, ERROR_TIMED_OUT,
			  "%s: the host did not answer within %" PRIu64 " ms",
			  x->what, c->call_ms);
		exchange_abort(x, &why);
	}
}

static void arm_timer(struct channel *c);

static void on_timer(uv_timer_t *handle)
{
	struct channel *c = handle->data;

	expire_all(c, clock_monotonic_ns());
	arm_timer(c);
}

/* Makes the one timer run to the nearest deadline. */
static void arm_timer(struct channel *c)
{
	uint64_t now = clock_monotonic_ns();
	uint64_t nearest = UINT64_MAX;

	list_for_each (node, &c->exchanges) {
		struct exchange *x = list_entry(node, struct exchange, link);

		if (x->deadline < nearest && !error_is_set(&x->why))
			nearest = x->deadline;
	}
	if (nearest == UINT64_MAX) {
		uv_timer_stop(&c->timer);
		return;
	}
	nearest = nearest > now ? nearest - now : 0;
	uv_timer_start(&c->timer, on_timer, nearest / CLOCK_NS_PER_MS + 1, 0);
}

/* -- begin and end --------------------------------------------------------- */

static size_t fill_headers(struct h2_header *h, const struct channel *c,
			   const struct exchange_request *r)
{
	size_t n = 0;

	h[n++] = (struct h2_header){":method", r->method};
	h[n++] = (struct h2_header){":scheme", "https"};
	h[n++] = (struct h2_header){":authority", c->options.profile->address};
	h[n++] = (struct h2_header){":path", r->path};
	h[n++] = (struct h2_header){"user-agent", USER_AGENT};
	for (size_t i = 0; i < r->headers_count && n < HEADERS_MAX; i++)
		h[n++] = r->headers[i];
	return n;
}

static int not_open(const struct channel *c, struct error *err)
{
	if (error_is_set(&c->why))
		return error_set(err, c->why.code, "%s", error_words(&c->why));
	return error_set(err, ERROR_DISCONNECTED, "the connection has ended");
}

int exchange_begin(struct exchange *x, struct channel *c,
		   const struct exchange_request *r, struct error *err)
{
	struct h2_header headers[HEADERS_MAX];
	size_t n = fill_headers(headers, c, r);
	int rc = 0;

	if (!c->conn)
		return not_open(c, err);
	list_init(&x->link);
	x->channel = c;
	if (r->body)
		rc = h2_request_body(conn_h2(c->conn), headers, n, r->body,
				     r->urgency, &handler, x, &x->stream, err);
	else
		rc = h2_request(conn_h2(c->conn), headers, n, r->source,
				r->source_context, r->urgency, &handler, x,
				&x->stream, err);
	if (rc < 0)
		return -1;
	list_append(&c->exchanges, &x->link);
	exchange_touch(x);
	arm_timer(c);
	return 0;
}

void exchange_abort(struct exchange *x, struct error *why)
{
	if (why && !error_is_set(&x->why))
		error_move(&x->why, why);
	x->sink = NULL;
	if (x->stream)
		h2_stream_reset(x->stream, H2_CANCEL);
}

bool exchange_was_cut(const struct exchange *x)
{
	return !x->ended && (x->why.code == ERROR_DISCONNECTED ||
			     x->why.code == ERROR_CONNECT);
}

bool exchange_was_refused(const struct exchange *x)
{
	return x->refused;
}

/* A mutation that was sent and has no answer may have taken place. */
static bool outcome_unknown(const struct exchange *x)
{
	return x->mutates && (exchange_was_cut(x) ||
			      (!x->ended && x->why.code == ERROR_TIMED_OUT));
}

int exchange_outcome(struct exchange *x, struct error *err)
{
	if (outcome_unknown(x))
		return error_set(err, ERROR_UNKNOWN_OUTCOME,
				 "%s: whether it took place is not known. %s",
				 x->what, error_words(&x->why));
	if (error_is_set(&x->why))
		return error_move(err, &x->why);
	if (!succeeded(x))
		return channel_read_error(x->status, buf_bytes(&x->body),
					  x->body.len, err);
	return 0;
}

void exchange_clear(struct exchange *x)
{
	buf_free(&x->body);
	free(x->type);
	x->type = NULL;
	error_clear(&x->why);
}
