/*
 * Receive windows against a line of the test's own: bytes that arrive at a rate
 * with a delay. The windows must follow the line, up and down, and keep within
 * their limits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "wire/h2_private.h"
#include "wire/pair.h"

static void on_data(void *context, struct h2_stream *s, const uint8_t *data,
		    size_t len)
{
	h2_stream_consume(s, len);
}

static const struct h2_handler handler = {.on_data = on_data};

static size_t endless_ready(void *context, bool *end)
{
	return 1024 * 1024;
}

static void endless_take(void *context, uint8_t *to, size_t n)
{
	memset(to, 0, n);
}

static const struct h2_source endless = {endless_ready, endless_take};

static void accept_upload(void *context, struct h2_stream *s)
{
	h2_stream_set_handler(s, &handler, NULL);
}

static void open_uploads(struct pair *p, unsigned n)
{
	static const struct h2_header headers[] = {{":method", "PUT"},
						   {":scheme", "https"},
						   {":authority", "h"},
						   {":path", "/"}};
	struct h2_stream *s;

	for (unsigned i = 0; i < n; i++)
		assert_int_equal(h2_request(p->client, headers, 4, &endless,
					    NULL, H2_URGENCY_BULK, NULL, NULL,
					    &s, NULL),
				 0);
}

/* What the host has said and the client has not heard yet. */
struct late {
	struct buf bytes;
	uint64_t due_ns[4096];
	size_t len[4096];
	size_t head, count;
	uint64_t delay_ns;
};

static void say_later(struct pair *p, struct late *late)
{
	uint8_t record[WIRE_RECORD_PLAIN];
	ssize_t n = h2_pull(p->host, record, sizeof(record), NULL);
	size_t at = (late->head + late->count) % array_size(late->len);

	if (n <= 0)
		return;
	assert_true(late->count < array_size(late->len));
	buf_append(&late->bytes, record, (size_t)n);
	late->len[at] = (size_t)n;
	late->due_ns[at] = p->now + late->delay_ns;
	late->count++;
}

static void hear(struct pair *p, struct late *late)
{
	while (late->count > 0 && late->due_ns[late->head] <= p->now) {
		size_t n = late->len[late->head];

		pair_feed(p, p->client, buf_bytes(&late->bytes), n, NULL);
		buf_consume(&late->bytes, n);
		late->head = (late->head + 1) % array_size(late->len);
		late->count--;
	}
}

/* Lets the client send, at most RATE bytes a second, for SECONDS. */
static void run_line(struct pair *p, uint64_t rate, uint64_t delay_ns,
		     double seconds)
{
	uint64_t end = p->now + (uint64_t)(seconds * 1e9);
	struct late *late = calloc(1, sizeof(*late));
	uint8_t record[WIRE_RECORD_PLAIN];

	late->delay_ns = delay_ns;
	h2_ping(p->host, p->now);
	while (p->now < end) {
		ssize_t n = h2_pull(p->client, record, sizeof(record), NULL);

		p->now += n > 0 ? (uint64_t)n * CLOCK_NS_PER_S / rate
				: CLOCK_NS_PER_MS / 10;
		if (n > 0)
			pair_feed(p, p->host, record, (size_t)n, NULL);
		say_later(p, late);
		hear(p, late);
	}
	p->now += delay_ns;
	hear(p, late);
	assert_int_equal(late->count, 0);
	buf_free(&late->bytes);
	free(late);
}

static int64_t sum_of_windows(struct pair *p, int32_t *largest)
{
	int64_t sum = 0;

	*largest = 0;
	list_for_each (node, &p->host->streams) {
		struct h2_stream *s = list_entry(node, struct h2_stream, node);

		sum += s->window;
		if (s->window > *largest)
			*largest = s->window;
	}
	return sum;
}

static int64_t windows_after(uint64_t rate, uint64_t delay_ns, unsigned streams,
			     int32_t *largest)
{
	struct pair p = {.on_request = accept_upload};
	int64_t sum;

	assert_int_equal(pair_open(&p, &h2_limits_default), 0);
	pair_run(&p);
	open_uploads(&p, streams);
	run_line(&p, rate, delay_ns, 5);
	sum = sum_of_windows(&p, largest);
	assert_int_equal(sum, p.host->flow.granted);
	pair_close(&p);
	return sum;
}

/* 20 Mbit/s and 40 ms hold 100 KB; twice that keeps the line full. */
static void test_slow_line_is_not_flooded(void **state)
{
	int32_t largest;
	int64_t sum = windows_after(2500000, 40 * CLOCK_NS_PER_MS, 8, &largest);

	assert_true(sum >= 150000);
	assert_true(sum <= 350000);
}

static void test_long_fast_line_is_filled(void **state)
{
	int32_t largest;
	int64_t sum =
		windows_after(50000000, 40 * CLOCK_NS_PER_MS, 2, &largest);

	assert_true(sum >= 3500000);
	assert_true(largest <= WIRE_WINDOW_MOST);
}

static void test_limits_hold(void **state)
{
	int32_t largest;
	int64_t sum =
		windows_after(1000000000, 200 * CLOCK_NS_PER_MS, 16, &largest);

	assert_true(sum <= WIRE_WINDOW_ALL);
	assert_true(largest <= WIRE_WINDOW_MOST);
}

static void test_closed_streams_give_back(void **state)
{
	struct pair p = {.on_request = accept_upload};

	assert_int_equal(pair_open(&p, &h2_limits_default), 0);
	pair_run(&p);
	open_uploads(&p, 4);
	run_line(&p, 100000000, CLOCK_NS_PER_MS, 0.5);
	h2_abort(p.host, H2_CANCEL);
	pair_drain(&p, p.host);
	assert_int_equal(p.host->flow.granted, 0);
	pair_close(&p);
}

/* Windows that shrink and grow by turns must leave the peer some credit. */
static void test_changing_line_never_starves(void **state)
{
	static const uint64_t rates[] = {1000000000, 500000, 50000000, 100000};
	struct pair p = {.on_request = accept_upload};

	assert_int_equal(pair_open(&p, &h2_limits_default), 0);
	pair_run(&p);
	open_uploads(&p, 8);
	for (size_t i = 0; i < 40; i++) {
		uint64_t before = h2_bytes_in(p.host);
		uint64_t rate = rates[i % array_size(rates)];

		run_line(&p, rate, CLOCK_NS_PER_MS / 10, 0.2);
		assert_true(h2_bytes_in(p.host) - before >= rate / 50);
	}
	pair_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slow_line_is_not_flooded),
		cmocka_unit_test(test_long_fast_line_is_filled),
		cmocka_unit_test(test_limits_hold),
		cmocka_unit_test(test_closed_streams_give_back),
		cmocka_unit_test(test_changing_line_never_starves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
