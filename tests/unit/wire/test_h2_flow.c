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

static const struct h2_source endless = {.ready = endless_ready,
					 .take = endless_take};

static void accept_upload(void *context, struct h2_stream *s)
{
	h2_stream_set_handler(s, &handler, NULL);
}

static struct h2_stream *
open_upload(struct pair *p, const struct h2_source *source, void *context)
{
	static const struct h2_header headers[] = {{":method", "PUT"},
						   {":scheme", "https"},
						   {":authority", "h"},
						   {":path", "/"}};
	struct h2_stream *s;

	assert_int_equal(h2_request(p->client, headers, 4, source, context,
				    H2_URGENCY_BULK, NULL, NULL, &s, NULL),
			 0);
	return s;
}

static void open_uploads(struct pair *p, unsigned n)
{
	while (n-- > 0)
		open_upload(p, &endless, NULL);
}

/* What one side has said and the other has not heard yet. */
struct late {
	struct buf bytes;
	uint64_t due_ns[4096];
	size_t len[4096];
	size_t head, count;
	uint64_t delay_ns;
	uint64_t rate;    /* bytes a second, 0: no brake */
	uint64_t free_ns; /* when the line has sent what it was given */
};

static bool say_later(struct pair *p, struct h2 *from, struct late *late)
{
	uint8_t record[WIRE_RECORD_PLAIN];
	ssize_t n = h2_pull(from, record, sizeof(record), NULL);
	size_t at = (late->head + late->count) % array_size(late->len);

	if (n <= 0)
		return false;
	assert_true(late->count < array_size(late->len));
	buf_append(&late->bytes, record, (size_t)n);
	if (late->free_ns < p->now)
		late->free_ns = p->now;
	if (late->rate)
		late->free_ns += (uint64_t)n * CLOCK_NS_PER_S / late->rate;
	late->len[at] = (size_t)n;
	late->due_ns[at] = late->free_ns + late->delay_ns;
	late->count++;
	return true;
}

static void hear(struct pair *p, struct h2 *to, struct late *late)
{
	while (late->count > 0 && late->due_ns[late->head] <= p->now) {
		size_t n = late->len[late->head];

		pair_feed(p, to, buf_bytes(&late->bytes), n, NULL);
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
		say_later(p, p->host, late);
		hear(p, p->client, late);
	}
	p->now += delay_ns;
	hear(p, p->client, late);
	assert_int_equal(late->count, 0);
	buf_free(&late->bytes);
	free(late);
}

/*
 * The same with a queue before the line, as a kernel has one: the client says
 * all that its windows allow, and TRICKLE, where there is one, a little at each
 * step. The first PING goes out when the queue stands already.
 */
static void run_queue(struct pair *p, uint64_t rate, uint64_t delay_ns,
		      double seconds, struct h2_stream *trickle)
{
	uint64_t end = p->now + (uint64_t)(seconds * 1e9);
	struct late *up = calloc(1, sizeof(*up));
	struct late *down = calloc(1, sizeof(*down));

	up->rate = rate;
	up->delay_ns = down->delay_ns = delay_ns;
	while (p->now < end || up->count > 0 || down->count > 0) {
		if (trickle)
			h2_stream_resume(trickle);
		while (p->now < end && say_later(p, p->client, up))
			;
		if (!p->host->flow.ping_ns)
			h2_ping(p->host, p->now);
		while (say_later(p, p->host, down))
			;
		p->now += CLOCK_NS_PER_MS / 20;
		hear(p, p->host, up);
		hear(p, p->client, down);
	}
	buf_free(&up->bytes);
	buf_free(&down->bytes);
	free(up);
	free(down);
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

/* A peer that misses a turn or two is not slower for it; a slow line is found. */
static void test_rate_outlives_a_missed_turn(void **state)
{
	struct pair p = {.on_request = accept_upload};
	int64_t before, after;
	int32_t largest;

	assert_int_equal(pair_open(&p, &h2_limits_default), 0);
	pair_run(&p);
	open_uploads(&p, 2);
	run_line(&p, 400000000, CLOCK_NS_PER_MS / 2, 0.5);
	before = sum_of_windows(&p, &largest);
	run_line(&p, 40000000, CLOCK_NS_PER_MS / 2, 0.022);
	after = sum_of_windows(&p, &largest);
	assert_true(after >= before / 10 * 8);
	run_line(&p, 40000000, CLOCK_NS_PER_MS / 2, 3);
	after = sum_of_windows(&p, &largest);
	assert_true(after <= before / 4);
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

/* The first round trip stands behind 1.3 ms of bulk; the line's own is 0.4. */
static void test_round_trip_is_that_of_the_empty_line(void **state)
{
	struct pair p = {.on_request = accept_upload};
	const uint64_t rate = 400000000;
	uint64_t before;

	assert_int_equal(pair_open(&p, &h2_limits_default), 0);
	pair_run(&p);
	open_uploads(&p, 8);
	run_queue(&p, rate, CLOCK_NS_PER_MS / 5, 0.05, NULL);
	assert_in_range(p.host->flow.rtt_us[1], 1000, 2000);
	assert_in_range(p.host->flow.rtt_us[0], 300, 700);
	before = h2_bytes_in(p.host);
	run_queue(&p, rate, CLOCK_NS_PER_MS / 5, 2, NULL);
	assert_true(h2_bytes_in(p.host) - before >= rate / 100 * 194);
	pair_close(&p);
}

/*
 * On a slow line, behind 200 ms of bulk: believed at first, then measured; the
 * probes cost no throughput worth speaking of.
 */
static void test_long_round_trip_is_measured_later(void **state)
{
	struct pair p = {.on_request = accept_upload};
	const uint64_t rate = 2500000;

	assert_int_equal(pair_open(&p, &h2_limits_default), 0);
	pair_run(&p);
	open_uploads(&p, 8);
	run_queue(&p, rate, CLOCK_NS_PER_MS * 20, 10, NULL);
	assert_true(p.host->flow.rtt_us[0] >= 100000);
	assert_true(h2_bytes_in(p.host) >= rate / 100 * 985);
	run_queue(&p, rate, CLOCK_NS_PER_MS * 20, 60, NULL);
	assert_in_range(p.host->flow.rtt_us[0], 40000, 60000);
	assert_true(h2_bytes_in(p.host) >= rate / 100 * 6930);
	pair_close(&p);
}

/* Some bytes at each step, so that no PONG ever finds the line empty. */
struct trickle {
	const struct pair *pair;
	uint64_t said_ns;
};

static size_t trickle_ready(void *context, bool *end)
{
	struct trickle *t = context;

	if (t->pair->now == t->said_ns)
		return 0;
	t->said_ns = t->pair->now;
	return 200;
}

static const struct h2_source trickle = {.ready = trickle_ready,
					 .take = endless_take};

static void test_probe_ends_on_a_line_that_never_empties(void **state)
{
	const uint64_t rate = 200000000;
	struct pair p = {.on_request = accept_upload};
	struct trickle t = {.pair = &p};
	struct h2_stream *s;
	uint64_t before;

	assert_int_equal(pair_open(&p, &h2_limits_default), 0);
	pair_run(&p);
	s = open_upload(&p, &trickle, &t);
	run_queue(&p, rate, CLOCK_NS_PER_MS / 20, 0.1, s);
	assert_true(p.host->flow.rtt_period_ns > 0);
	assert_int_equal(p.host->flow.probe_pings, 0);
	assert_int_equal(p.host->flow.probe_samples, 0);
	for (unsigned i = 0; i < 4; i++)
		open_upload(&p, &endless, NULL);
	before = h2_bytes_in(p.host);
	run_queue(&p, rate, CLOCK_NS_PER_MS / 20, 1, s);
	assert_true(h2_bytes_in(p.host) - before >= rate / 10 * 9);
	pair_close(&p);
}

/* -- a peer on the same machine --------------------------------------------- */

struct counted {
	size_t left;
	size_t largest; /* that was taken at once */
};

static size_t counted_ready(void *context, bool *end)
{
	struct counted *c = context;

	*end = true;
	return c->left;
}

static void counted_take(void *context, uint8_t *to, size_t n)
{
	struct counted *c = context;

	memset(to, 0, n);
	c->left -= n;
	if (n > c->largest)
		c->largest = n;
}

static const struct h2_source counted = {.ready = counted_ready,
					 .take = counted_take};

static void send_counted(void *context, struct h2_stream *s)
{
	assert_int_equal(h2_respond(s, 200, NULL, 0, &counted, context), 0);
}

static void open_local(struct pair *p)
{
	struct h2_limits limits = h2_limits_default;

	limits.local = true;
	assert_int_equal(pair_open(p, &limits), 0);
	pair_run(p);
}

static struct h2_stream *download(struct pair *p, const struct h2_handler *to,
				  enum h2_urgency urgency)
{
	static const struct h2_header headers[] = {{":method", "GET"},
						   {":scheme", "http"},
						   {":authority", "h"},
						   {":path", "/"}};
	struct h2_stream *s;

	assert_int_equal(h2_request(p->client, headers, 4, NULL, NULL, urgency,
				    to, NULL, &s, NULL),
			 0);
	return s;
}

/* Moves all that both say, and tells the bytes that the client said. */
static size_t count_said(struct pair *p)
{
	uint8_t frame[WIRE_FRAME_LOCAL + WIRE_FRAME_HEADER];
	size_t said = 0;
	ssize_t up, down;

	do {
		up = pair_move(p, p->client, p->host, NULL);
		said += (size_t)up;
		down = h2_pull(p->host, frame, sizeof(frame), NULL);
		if (down > 0)
			pair_feed(p, p->client, frame, (size_t)down, NULL);
		pair_drain(p, p->host);
		p->now += CLOCK_NS_PER_MS;
	} while (up > 0 || down > 0);
	return said;
}

/* 64 MiB in frames of four records, for a WINDOW_UPDATE each 256 KiB. */
static void test_local_bulk_costs_little(void **state)
{
	struct counted c = {.left = 64u << 20};
	struct pair p = {.on_request = send_counted, .context = &c};

	open_local(&p);
	download(&p, &handler, H2_URGENCY_BULK);
	assert_in_range(count_said(&p), 1, (64 * 4 + 16) * 13);
	assert_int_equal(c.left, 0);
	assert_int_equal(c.largest, WIRE_FRAME_LOCAL);
	assert_int_equal(h2_bytes_in(p.client), 64u << 20);
	pair_close(&p);
}

static const struct h2_handler takes_nothing = {.on_data = NULL};

static void test_local_bulk_that_nobody_takes_gets_no_more(void **state)
{
	struct counted c = {.left = 64u << 20};
	struct pair p = {.on_request = send_counted, .context = &c};
	struct h2_stream *s;

	open_local(&p);
	s = download(&p, &takes_nothing, H2_URGENCY_BULK);
	count_said(&p);
	assert_int_equal(h2_bytes_in(p.client), WIRE_WINDOW_FIRST);
	h2_stream_consume(s, 1000);
	count_said(&p);
	assert_int_equal(s->window, WIRE_WINDOW_FIRST);
	h2_stream_consume(s, WIRE_WINDOW_FIRST - 1000);
	count_said(&p);
	assert_int_equal(s->window, WIRE_WINDOW_LOCAL);
	assert_int_equal(h2_bytes_in(p.client),
			 WIRE_WINDOW_FIRST + WIRE_WINDOW_LOCAL);
	pair_close(&p);
}

static void test_local_windows_keep_the_limit_of_all(void **state)
{
	struct counted c = {.left = 512u << 20};
	struct pair p = {.on_request = send_counted, .context = &c};
	int64_t most = 0;

	open_local(&p);
	for (size_t i = 0; i < WIRE_STREAMS; i++)
		download(&p, &handler, H2_URGENCY_BULK);
	while (c.left > 0) {
		p.now += CLOCK_NS_PER_MS;
		pair_move(&p, p.client, p.host, NULL);
		pair_move(&p, p.host, p.client, NULL);
		if (p.client->flow.granted > most)
			most = p.client->flow.granted;
	}
	assert_in_range(most, WIRE_WINDOW_ALL / 2, WIRE_WINDOW_ALL);
	pair_close(&p);
}

/* A console's or a display's: a person waits behind what is on its way. */
static void test_local_console_keeps_to_its_rate(void **state)
{
	struct counted c = {.left = 4u << 20};
	struct pair p = {.on_request = send_counted, .context = &c};
	struct h2_stream *s;

	open_local(&p);
	s = download(&p, &handler, H2_URGENCY_CONSOLE);
	while (c.left > 2u << 20) {
		p.now += 10 * CLOCK_NS_PER_MS;
		pair_move(&p, p.client, p.host, NULL);
		pair_move(&p, p.host, p.client, NULL);
	}
	assert_in_range(s->window, WIRE_WINDOW_LEAST, WIRE_WINDOW_FIRST);
	pair_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slow_line_is_not_flooded),
		cmocka_unit_test(test_long_fast_line_is_filled),
		cmocka_unit_test(test_limits_hold),
		cmocka_unit_test(test_closed_streams_give_back),
		cmocka_unit_test(test_rate_outlives_a_missed_turn),
		cmocka_unit_test(test_changing_line_never_starves),
		cmocka_unit_test(test_round_trip_is_that_of_the_empty_line),
		cmocka_unit_test(test_long_round_trip_is_measured_later),
		cmocka_unit_test(test_probe_ends_on_a_line_that_never_empties),
		cmocka_unit_test(test_local_bulk_costs_little),
		cmocka_unit_test(
			test_local_bulk_that_nobody_takes_gets_no_more),
		cmocka_unit_test(test_local_windows_keep_the_limit_of_all),
		cmocka_unit_test(test_local_console_keeps_to_its_rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
