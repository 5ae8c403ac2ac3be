/* The channel's measurement: downloads, uploads, and peers that go. */
#include "test_ops_fakes.h"

#define BULK (3u * 1024 * 1024 + 5)

static const struct host_speed_upload_params no_params = {.given = 0};

static void open_stream(struct test *t, enum method_id method, const char *verb)
{
	const struct h2_header headers[] = {
		{":method", verb},
		{":scheme", "https"},
		{":authority", "host"},
		{":path", "/speed"},
	};

	test_open(t, method);
	pair_request(&t->pair, headers, array_size(headers));
	t->call.stream = t->pair.request;
}

static void download(struct test *t, uint64_t bytes)
{
	op_host_speed_download(
		&t->call,
		&(const struct host_speed_download_params){.bytes = bytes});
	pair_run(&t->pair);
}

static void downloads(void **state)
{
	struct test t;

	open_stream(&t, METHOD_host_speed_download, "GET");
	pair_send_end(&t.pair);
	download(&t, BULK);
	assert_int_equal(t.pair.peer.status, 200);
	assert_int_equal(t.pair.peer.got.len, BULK);
	assert_true(t.pair.peer.got_end);
	assert_int_equal(t.call.outcome, FINISHED);
	assert_false(error_is_set(&t.call.error));
	assert_int_equal(t.call.bytes_out, BULK);
	test_close(&t);
}

static void downloads_nothing(void **state)
{
	struct test t;

	open_stream(&t, METHOD_host_speed_download, "GET");
	pair_send_end(&t.pair);
	download(&t, 0);
	assert_true(t.pair.peer.got_end);
	assert_int_equal(t.call.outcome, FINISHED);
	test_close(&t);
}

static void cut_download_is_told(void **state)
{
	struct test t;

	open_stream(&t, METHOD_host_speed_download, "GET");
	t.pair.peer.stalled = true;
	download(&t, BULK);
	h2_stream_reset(t.pair.peer.stream, H2_CANCEL);
	pair_run(&t.pair);
	assert_int_equal(t.call.outcome, FINISHED);
	assert_int_equal(t.call.error.code, ERROR_DISCONNECTED);
	assert_true(t.call.bytes_out <= WIRE_WINDOW_FIRST);
	test_close(&t);
}

static void send_bulk(struct test *t)
{
	assert_int_equal(buf_reserve(&t->pair.peer.to_send, BULK), 0);
	memset(buf_end(&t->pair.peer.to_send), 0, BULK);
	buf_added(&t->pair.peer.to_send, BULK);
	h2_stream_resume(t->pair.peer.stream);
	pair_run(&t->pair);
}

static void uploads(void **state)
{
	const char *json;
	struct test t;

	open_stream(&t, METHOD_host_speed_upload, "PUT");
	op_host_speed_upload(&t.call, &no_params);
	send_bulk(&t);
	assert_int_equal(t.call.outcome, OUTCOME_NONE);
	pair_send_end(&t.pair);
	pair_run(&t.pair);
	assert_int_equal(t.call.outcome, RETURNED);
	json = (char *)buf_bytes(&t.call.answer);
	assert_non_null(strstr(json, "{\"bytes\":3145733,\"duration\":"));
	test_close(&t);
}

static void upload_of_early_bytes_alone(void **state)
{
	struct test t;

	open_stream(&t, METHOD_host_speed_upload, "PUT");
	buf_append(&t.call.early.data, "12345", 5);
	t.call.early.end = true;
	op_host_speed_upload(&t.call, &no_params);
	expect_json(&t, "{\"bytes\":5,\"duration\":0}");
	h2_stream_reset(t.pair.peer.stream, H2_CANCEL);
	pair_run(&t.pair);
	test_close(&t);
}

static void cut_upload_is_told(void **state)
{
	struct test t;

	open_stream(&t, METHOD_host_speed_upload, "PUT");
	op_host_speed_upload(&t.call, &no_params);
	send_bulk(&t);
	h2_stream_reset(t.pair.peer.stream, H2_CANCEL);
	pair_run(&t.pair);
	assert_int_equal(t.call.outcome, FINISHED);
	assert_int_equal(t.call.error.code, ERROR_DISCONNECTED);
	assert_int_equal(t.call.bytes_in, BULK);
	test_close(&t);
}

static void orphans_fail(void **state)
{
	struct test t;

	open_stream(&t, METHOD_host_speed_upload, "PUT");
	t.call.stream = NULL;
	op_host_speed_upload(&t.call, &no_params);
	expect_failure(&t, ERROR_DISCONNECTED);
	test_again(&t);
	download(&t, 1);
	expect_failure(&t, ERROR_DISCONNECTED);
	test_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(downloads),
		cmocka_unit_test(downloads_nothing),
		cmocka_unit_test(cut_download_is_told),
		cmocka_unit_test(uploads),
		cmocka_unit_test(upload_of_early_bytes_alone),
		cmocka_unit_test(cut_upload_is_told),
		cmocka_unit_test(orphans_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
