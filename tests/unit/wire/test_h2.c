/*
 * The HTTP/2 engine against itself: requests, bodies, half-close, reset,
 * backpressure, drain and abuse, with the input split at every offset.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "wire/pair.h"

static const struct h2_header get[] = {
	{":method", "GET"},
	{":scheme", "https"},
	{":authority", "host"},
	{":path", "/x"},
};

/* What one side of a test saw of one stream. */
struct seen {
	struct buf body;
	unsigned status;
	unsigned ended;
	unsigned closed;
	uint32_t code;
	bool consume;
	struct h2_stream *stream;
	unsigned requests;
};

static void on_response(void *context, struct h2_stream *s)
{
	struct seen *seen = context;

	seen->status = h2_stream_status(s);
}

static void on_data(void *context, struct h2_stream *s, const uint8_t *data,
		    size_t len)
{
	struct seen *seen = context;

	buf_append(&seen->body, data, len);
	if (seen->consume)
		h2_stream_consume(s, len);
}

static void on_end(void *context, struct h2_stream *s)
{
	struct seen *seen = context;

	seen->ended++;
}

static void on_closed(void *context, struct h2_stream *s, uint32_t code)
{
	struct seen *seen = context;

	seen->closed++;
	seen->code = code;
	seen->stream = NULL;
}

static const struct h2_handler handler = {on_response, on_data, on_end,
					  on_closed};

static void answer_hello(void *context, struct h2_stream *s)
{
	const struct h2_header headers[] = {{"content-type", "text/plain"}};
	struct seen *seen = context;
	struct buf body = {0};

	seen->requests++;
	assert_string_equal(h2_stream_header(s, ":path"), "/x");
	assert_null(h2_stream_header(s, "cookie"));
	h2_stream_set_handler(s, &handler, seen);
	buf_append_str(&body, "hello");
	assert_int_equal(h2_respond_body(s, 200, headers, 1, &body), 0);
}

static void hold_request(void *context, struct h2_stream *s)
{
	struct seen *seen = context;

	seen->requests++;
	seen->stream = s;
	h2_stream_set_handler(s, &handler, seen);
}

static struct h2_stream *request(struct pair *p, struct seen *seen,
				 const struct h2_source *source, void *context)
{
	struct h2_stream *s = NULL;
	autoerror err = {0};

	seen->consume = true;
	assert_int_equal(h2_request(p->client, get, array_size(get), source,
				    context, H2_URGENCY_CALL, &handler, seen,
				    &s, &err),
			 0);
	return s;
}

/* -- tests ---------------------------------------------------------------- */

static void exchange_in_pieces(size_t piece)
{
	struct seen client = {0};
	struct seen host = {.consume = true};
	struct pair p = {
		.on_request = answer_hello, .context = &host, .piece = piece};

	assert_int_equal(pair_open(&p, &h2_limits_default), 0);
	request(&p, &client, NULL, NULL);
	pair_run(&p);
	assert_false(p.failed);
	assert_int_equal(p.settings, 2);
	assert_int_equal(client.status, 200);
	assert_int_equal(client.ended, 1);
	assert_int_equal(client.closed, 1);
	assert_int_equal(client.code, H2_NO_ERROR);
	assert_int_equal(host.closed, 1);
	assert_int_equal(host.ended, 1);
	assert_int_equal(client.body.len, 5);
	assert_memory_equal(buf_bytes(&client.body), "hello", 5);
	assert_int_equal(h2_stream_count(p.client), 0);
	assert_int_equal(h2_stream_count(p.host), 0);
	buf_free(&client.body);
	pair_close(&p);
}

static void test_exchange_split_everywhere(void **state)
{
	for (size_t piece = 0; piece < 400; piece++)
		exchange_in_pieces(piece);
}

static void inform_and_hold(void *context, struct h2_stream *s)
{
	const struct h2_header first[] = {{"x-held", "1"}, {"x-once", "2"}};
	const struct h2_header second = {"x-held", "3"};

	hold_request(context, s);
	assert_int_equal(h2_inform(s, 102, first, 2), 0);
	assert_int_equal(h2_inform(s, 102, &second, 1), 0);
}

static void informed_in_pieces(size_t piece)
{
	const struct h2_header headers[] = {{"content-type", "text/plain"}};
	struct seen client = {0};
	struct seen host = {.consume = true};
	struct pair p = {.on_request = inform_and_hold,
			 .context = &host,
			 .piece = piece};
	struct buf body = {0};
	struct h2_stream *s;

	assert_int_equal(pair_open(&p, &h2_limits_default), 0);
	s = request(&p, &client, NULL, NULL);
	pair_run(&p);
	assert_int_equal(p.informed, 2);
	assert_int_equal(client.status, 0);
	assert_string_equal(h2_stream_informed(s, "x-held"), "3");
	assert_null(h2_stream_informed(s, "x-once"));
	assert_null(h2_stream_header(s, "x-held"));
	buf_append_str(&body, "hello");
	assert_int_equal(h2_respond_body(host.stream, 200, headers, 1, &body),
			 0);
	assert_int_equal(h2_inform(host.stream, 102, NULL, 0), -1);
	pair_run(&p);
	assert_false(p.failed);
	assert_int_equal(client.status, 200);
	assert_int_equal(client.closed, 1);
	assert_int_equal(client.body.len, 5);
	buf_free(&client.body);
	pair_close(&p);
}

static void test_informed_before_the_answer(void **state)
{
	for (size_t piece = 0; piece < 200; piece++)
		informed_in_pieces(piece);
}

/* A source of LEFT bytes that counts what was taken. */
struct flood {
	size_t left;
	size_t taken;
};

static size_t flood_ready(void *context, bool *end)
{
	struct flood *f = context;

	*end = true;
	return f->left;
}

static void flood_take(void *context, uint8_t *to, size_t n)
{
	struct flood *f = context;

	memset(to, 'x', n);
	f->left -= n;
	f->taken += n;
}

static const struct h2_source flood = {.ready = flood_ready,
				       .take = flood_take};

static void test_window_opens_only_by_consuming(void **state)
{
	struct flood f = {.left = 1024 * 1024};
	struct seen client = {0};
	struct seen host = {0};
	struct pair p = {.on_request = hold_request, .context = &host};

	assert_int_equal(pair_open(&p, &h2_limits_default), 0);
	pair_run(&p);
	request(&p, &client, &flood, &f);
	pair_run(&p);
	assert_int_equal(f.taken, WIRE_WINDOW_FIRST);
	h2_stream_consume(host.stream, 40 * 1024);
	pair_run(&p);
	assert_int_equal(f.taken, WIRE_WINDOW_FIRST + 40 * 1024);
	host.consume = true;
	h2_stream_consume(host.stream, host.body.len);
	for (int i = 0; f.left > 0 && i < 1000; i++) {
		p.now += CLOCK_NS_PER_MS;
		pair_run(&p);
	}
	assert_int_equal(f.left, 0);
	assert_int_equal(host.body.len, 1024 * 1024);
	assert_int_equal(host.ended, 1);
	buf_free(&host.body);
	pair_close(&p);
}

/* One stream that nobody reads must not stop the others. */
static void test_unread_stream_stops_nobody(void **state)
{
	struct flood f = {.left = 64 * 1024 * 1024};
	struct seen bulk = {0};
	struct seen call = {0};
	struct seen host = {0};
	struct pair p = {.on_request = hold_request, .context = &host};

	assert_int_equal(pair_open(&p, &h2_limits_default), 0);
	request(&p, &bulk, &flood, &f);
	pair_run(&p);
	assert_int_equal(f.taken, WIRE_WINDOW_FIRST);
	p.on_request = answer_hello;
	request(&p, &call, NULL, NULL);
	pair_run(&p);
	assert_int_equal(call.status, 200);
	assert_int_equal(call.closed, 1);
	buf_free(&call.body);
	buf_free(&host.body);
	pair_close(&p);
}

static void test_reset_reaches_both(void **state)
{
	struct flood f = {.left = 1024 * 1024};
	struct seen client = {0};
	struct seen host = {0};
	struct pair p = {.on_request = hold_request, .context = &host};
	struct h2_stream *s;

	assert_int_equal(pair_open(&p, &h2_limits_default), 0);
	s = request(&p, &client, &flood, &f);
	pair_run(&p);
	h2_stream_reset(s, H2_CANCEL);
	h2_stream_reset(s, H2_CANCEL);
	pair_run(&p);
	assert_int_equal(client.closed, 1);
	assert_int_equal(host.closed, 1);
	assert_int_equal(host.code, H2_CANCEL);
	assert_int_equal(h2_stream_count(p.host), 0);
	buf_free(&host.body);
	pair_close(&p);
}

static void test_cancel_before_sending(void **state)
{
	struct seen client = {0};
	struct seen host = {0};
	struct pair p = {.on_request = hold_request, .context = &host};

	assert_int_equal(pair_open(&p, &h2_limits_default), 0);
	h2_stream_reset(request(&p, &client, NULL, NULL), H2_CANCEL);
	pair_run(&p);
	assert_int_equal(client.closed, 1);
	assert_int_equal(host.requests, 0);
	assert_int_equal(h2_stream_count(p.client), 0);
	pair_close(&p);
}

static void test_more_requests_than_streams(void **state)
{
	struct h2_limits limits = h2_limits_default;
	struct seen client = {0};
	struct seen host = {0};
	struct pair p = {.on_request = answer_hello, .context = &host};

	limits.streams = 4;
	assert_int_equal(pair_open(&p, &limits), 0);
	pair_run(&p);
	for (int i = 0; i < 100; i++)
		request(&p, &client, NULL, NULL);
	pair_run(&p);
	assert_false(p.failed);
	assert_int_equal(client.closed, 100);
	assert_int_equal(client.code, H2_NO_ERROR);
	assert_int_equal(host.requests, 100);
	buf_free(&client.body);
	pair_close(&p);
}

static void test_header_list_too_large(void **state)
{
	static char value[20 * 1024];
	struct h2_header headers[5];
	struct seen client = {0};
	struct seen host = {0};
	struct pair p = {.on_request = hold_request, .context = &host};
	struct h2_stream *s = NULL;

	memset(value, 'v', sizeof(value) - 1);
	memcpy(headers, get, sizeof(get));
	headers[4] = (struct h2_header){"x-large", value};
	assert_int_equal(pair_open(&p, &h2_limits_default), 0);
	assert_int_equal(h2_request(p.client, headers, 5, NULL, NULL,
				    H2_URGENCY_CALL, &handler, &client, &s,
				    NULL),
			 0);
	pair_run(&p);
	assert_int_equal(client.status, 431);
	assert_int_equal(client.closed, 1);
	assert_int_equal(host.requests, 0);
	assert_int_equal(h2_stream_count(p.host), 0);
	assert_false(p.failed);
	pair_close(&p);
}

static void refuse_request(void *context, struct h2_stream *s)
{
	struct seen *seen = context;
	struct buf body = {0};

	seen->requests++;
	h2_stream_set_handler(s, &handler, seen);
	buf_append_str(&body, "no");
	h2_respond_body(s, 403, NULL, 0, &body);
}

/* A refused console does not stay, though its client would go on sending. */
static void test_refusal_ends_the_stream(void **state)
{
	const struct h2_header connect[] = {
		{":method", "CONNECT"},  {":protocol", "virtmux"},
		{":scheme", "https"},    {":authority", "host"},
		{":path", "/domains/x"},
	};
	struct h2_stream *s;
	struct flood f = {.left = 1024 * 1024};
	struct seen client = {0};
	struct seen host = {0};
	struct pair p = {.on_request = refuse_request, .context = &host};

	assert_int_equal(pair_open(&p, &h2_limits_default), 0);
	pair_run(&p);
	client.consume = true;
	assert_int_equal(h2_request(p.client, connect, array_size(connect),
				    &flood, &f, H2_URGENCY_CONSOLE, &handler,
				    &client, &s, NULL),
			 0);
	pair_run(&p);
	assert_int_equal(client.status, 403);
	assert_int_equal(client.body.len, 2);
	assert_int_equal(client.closed, 1);
	assert_int_equal(client.code, H2_NO_ERROR);
	assert_int_equal(h2_stream_count(p.host), 0);
	assert_int_equal(h2_stream_count(p.client), 0);
	buf_free(&client.body);
	buf_free(&host.body);
	pair_close(&p);
}

static void test_drain(void **state)
{
	struct seen client = {0};
	struct seen host = {0};
	struct pair p = {.on_request = hold_request, .context = &host};
	struct h2_stream *s = NULL;
	struct buf body = {0};
	autoerror err = {0};

	assert_int_equal(pair_open(&p, &h2_limits_default), 0);
	request(&p, &client, NULL, NULL);
	pair_run(&p);
	assert_int_equal(h2_drain_begin(p.host), 0);
	pair_run(&p);
	assert_int_equal(p.goaways, 1);
	assert_int_equal(h2_request(p.client, get, array_size(get), NULL, NULL,
				    H2_URGENCY_CALL, &handler, &client, &s,
				    &err),
			 -1);
	assert_int_equal(err.code, ERROR_DRAINING);
	h2_drain_end(p.host, H2_NO_ERROR, "bye");
	buf_append_str(&body, "last");
	h2_respond_body(host.stream, 200, NULL, 0, &body);
	pair_run(&p);
	assert_int_equal(client.status, 200);
	assert_int_equal(client.closed, 1);
	assert_false(h2_alive(p.host));
	buf_free(&client.body);
	pair_close(&p);
}

static void test_abort_closes_all(void **state)
{
	struct seen client = {0};
	struct seen host = {0};
	struct pair p = {.on_request = hold_request, .context = &host};

	assert_int_equal(pair_open(&p, &h2_limits_default), 0);
	for (int i = 0; i < 3; i++)
		request(&p, &client, NULL, NULL);
	pair_run(&p);
	h2_abort(p.client, H2_CANCEL);
	pair_drain(&p, p.client);
	assert_int_equal(client.closed, 3);
	assert_int_equal(h2_stream_count(p.client), 0);
	pair_close(&p);
}

static void test_round_trip_is_measured(void **state)
{
	struct pair p = {0};
	uint8_t record[WIRE_RECORD_PLAIN];
	ssize_t n;

	assert_int_equal(pair_open(&p, &h2_limits_default), 0);
	pair_run(&p);
	assert_int_equal(h2_rtt_us(p.client), 0);
	assert_int_equal(h2_ping(p.client, p.now), 0);
	assert_int_equal(h2_ping_pending_since(p.client), p.now);
	n = h2_pull(p.client, record, sizeof(record), NULL);
	assert_true(pair_feed(&p, p.host, record, (size_t)n, NULL));
	p.now += 40 * CLOCK_NS_PER_MS;
	n = h2_pull(p.host, record, sizeof(record), NULL);
	assert_true(pair_feed(&p, p.client, record, (size_t)n, NULL));
	assert_int_equal(h2_rtt_us(p.client), 40000);
	assert_int_equal(h2_ping_pending_since(p.client), 0);
	pair_close(&p);
}

/* -- abuse ------------------------------------------------------------------ */

static void feed_frames(struct pair *p, const uint8_t *frame, size_t n,
			unsigned count, int *result)
{
	*result = 0;
	for (unsigned i = 0; i < count && !*result; i++) {
		*result = h2_feed(p->host, frame, n, p->now, &p->host_error);
		pair_drain(p, p->host);
	}
}

static void expect_cut(const uint8_t *frame, size_t n, const char *kind)
{
	struct pair p = {0};
	int rc;

	assert_int_equal(pair_open(&p, &h2_limits_default), 0);
	pair_run(&p);
	feed_frames(&p, frame, n, 10 * WIRE_ABUSE_BURST, &rc);
	assert_int_equal(rc, -1);
	assert_int_equal(p.host_error.code, ERROR_BUSY);
	assert_non_null(strstr(p.host_error.words, kind));
	pair_close(&p);
}

static void test_useless_frames_are_cut(void **state)
{
	static const uint8_t ping[17] = {0, 0, 8, 6};
	static const uint8_t settings[9] = {0, 0, 0, 4};
	static const uint8_t window[13] = {0, 0, 4, 8, 0, 0, 0,
					   0, 0, 0, 0, 0, 1};
	static const uint8_t unknown[9] = {0, 0, 0, 0x42};

	expect_cut(ping, sizeof(ping), "PING");
	expect_cut(settings, sizeof(settings), "SETTINGS");
	expect_cut(window, sizeof(window), "WINDOW_UPDATE");
	expect_cut(unknown, sizeof(unknown), "unknown");
}

static void test_rapid_reset_is_cut(void **state)
{
	struct seen client = {0};
	struct seen host = {0};
	struct pair p = {.on_request = hold_request, .context = &host};
	unsigned i;

	assert_int_equal(pair_open(&p, &h2_limits_default), 0);
	pair_run(&p);
	for (i = 0; i < 10 * WIRE_ABUSE_BURST && !p.failed; i++) {
		struct h2_stream *s = request(&p, &client, NULL, NULL);

		pair_move(&p, p.client, p.host, &p.host_error);
		h2_stream_reset(s, H2_CANCEL);
		pair_run(&p);
	}
	assert_true(i <= WIRE_ABUSE_BURST);
	assert_true(p.failed || p.goaways);
	pair_close(&p);
}

/* Honest calls may come as fast as they like. */
static void test_many_calls_are_no_abuse(void **state)
{
	struct seen client = {0};
	struct seen host = {0};
	struct pair p = {.on_request = answer_hello, .context = &host};

	assert_int_equal(pair_open(&p, &h2_limits_default), 0);
	for (int i = 0; i < 20000; i++) {
		request(&p, &client, NULL, NULL);
		pair_run(&p);
		buf_reset(&client.body);
	}
	assert_false(p.failed);
	assert_int_equal(client.closed, 20000);
	buf_free(&client.body);
	pair_close(&p);
}

static void test_no_http2_at_all(void **state)
{
	struct pair p = {0};
	const char *text = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

	assert_int_equal(pair_open(&p, &h2_limits_default), 0);
	assert_int_equal(h2_feed(p.host, (const uint8_t *)text, strlen(text),
				 p.now, &p.host_error),
			 -1);
	assert_int_equal(p.host_error.code, ERROR_CONNECT);
	pair_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exchange_split_everywhere),
		cmocka_unit_test(test_informed_before_the_answer),
		cmocka_unit_test(test_window_opens_only_by_consuming),
		cmocka_unit_test(test_unread_stream_stops_nobody),
		cmocka_unit_test(test_reset_reaches_both),
		cmocka_unit_test(test_cancel_before_sending),
		cmocka_unit_test(test_more_requests_than_streams),
		cmocka_unit_test(test_header_list_too_large),
		cmocka_unit_test(test_refusal_ends_the_stream),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_abort_closes_all),
		cmocka_unit_test(test_round_trip_is_measured),
		cmocka_unit_test(test_useless_frames_are_cut),
		cmocka_unit_test(test_rapid_reset_is_cut),
		cmocka_unit_test(test_many_calls_are_no_abuse),
		cmocka_unit_test(test_no_http2_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
