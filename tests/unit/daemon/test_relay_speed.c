/* The measurement's source and sink: counts, ends, and what they cost. */
#include "test_relay_pair.h"

#include "daemon/relay/speed.h"

struct sinking {
	struct speed_sink sink;
	bool end;
};

static void on_data(void *context, struct h2_stream *s, const uint8_t *data,
		    size_t len)
{
	struct sinking *sinking = context;

	speed_sink_add(&sinking->sink, s, len);
}

static void on_end(void *context, struct h2_stream *s)
{
	struct sinking *sinking = context;

	sinking->end = true;
}

static const struct h2_handler sink_handler = {
	.on_data = on_data,
	.on_end = on_end,
};

static void request(struct pair *pair, const char *method)
{
	const struct h2_header headers[] = {
		{":method", method},
		{":scheme", "https"},
		{":authority", "host"},
		{":path", "/speed?bytes=1"},
	};

	pair_request(pair, headers, array_size(headers));
}

static void sends(uint64_t bytes)
{
	struct speed_source source = {.left = bytes};
	struct pair pair;

	pair_open(&pair);
	pair.peer.end = true;
	request(&pair, "GET");
	assert_int_equal(h2_respond(pair.request, 200, NULL, 0, &speed_source,
				    &source),
			 0);
	pair_run(&pair);
	assert_true(pair.peer.got_end);
	assert_int_equal(pair.peer.got.len, bytes);
	assert_int_equal(source.left, 0);
	pair_close(&pair);
}

static void sends_what_was_asked_for(void **state)
{
	sends(0);
	sends(1);
	sends(WIRE_RECORD_PLAIN);
	sends(5 * 1024 * 1024 + 1);
}

static void takes_more_than_a_page(void **state)
{
	uint8_t bytes[3 * WIRE_RECORD_PLAIN + 1];
	struct speed_source source = {.left = sizeof(bytes) + 1};
	bool end = false;

	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(speed_source.ready(&source, &end), sizeof(bytes) + 1);
	assert_true(end);
	speed_source.take(&source, bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		assert_int_equal(bytes[i], 0);
	assert_int_equal(source.left, 1);
}

static void counts_what_comes(void **state)
{
	size_t bytes = 5 * 1024 * 1024;
	struct sinking sinking = {.end = false};
	struct pair pair;

	pair_open(&pair);
	request(&pair, "PUT");
	h2_stream_set_handler(pair.request, &sink_handler, &sinking);
	assert_int_equal(buf_reserve(&pair.peer.to_send, bytes), 0);
	memset(buf_end(&pair.peer.to_send), 0, bytes);
	buf_added(&pair.peer.to_send, bytes);
	pair_send_end(&pair);
	pair_run(&pair);
	assert_true(sinking.end);
	assert_int_equal(sinking.sink.bytes, bytes);
	assert_true(speed_sink_duration_ns(&sinking.sink) > 0);
	pair_close(&pair);
}

static void no_time_without_bytes(void **state)
{
	struct speed_sink sink = {0};

	assert_int_equal(speed_sink_duration_ns(&sink), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sends_what_was_asked_for),
		cmocka_unit_test(takes_more_than_a_page),
		cmocka_unit_test(counts_what_comes),
		cmocka_unit_test(no_time_without_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
