/*
 * Resources and streams: their paths and verbs, the status of each error, streams
 * that a handler takes over, and their accounts in the audit.
 */
#include "test_rpc_fakes.h"

static void assert_answer(struct rpc_peer *peer, const char *verb,
			  const char *path, unsigned status, const char *words)
{
	struct h2_stream *s = fake_request(peer, verb, path);

	fake_end(s);
	if (s->status != status)
		fail_msg("%s %s: %u, not %u", verb, path, s->status, status);
	assert_body_has(s, words);
	fake_close(s);
}

static void test_what_there_is_not(void **state)
{
	struct fixture *f = *state;

	assert_answer(f->anna, "GET", "/nothing", 404, "/nothing");
	assert_answer(f->anna, "GET", "", 404, "openrpc.json");
	assert_answer(f->anna, "GET", "/rpc", 405, "POST");
	assert_answer(f->anna, "POST", "/openrpc.json", 405, "GET");
	assert_answer(f->anna, "GET", "/domains/a/graphics/0", 405, "CONNECT");
	assert_answer(f->anna, "CONNECT", "/domains/a/screenshot", 405, "GET");
	assert_answer(f->anna, "GET", "/domains/a%00/screenshot", 400,
		      "invalid-params");
	assert_answer(f->anna, "GET", "/domains/a/screenshot?no=1", 400,
		      "invalid-params");
	assert_int_equal(f->count, 0);
}

static void test_allow(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *s = fake_request(f->anna, "PATCH", "/speed");

	assert_int_equal(s->status, 405);
	assert_string_equal(s->allow, "GET, PUT");
	fake_close(s);
}

static void test_other_connects(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *s = test_calloc(1, sizeof(*s));

	s->headers[0] = (struct h2_header){":method", "CONNECT"};
	s->headers[1] = (struct h2_header){":authority", "inner:1"};
	rpc_peer_request(f->anna, s);
	assert_int_equal(s->status, 501);
	fake_close(s);
	s = test_calloc(1, sizeof(*s));
	s->headers[0] = (struct h2_header){":method", "CONNECT"};
	s->headers[1] = (struct h2_header){":path", "/domains/a/graphics/0"};
	s->headers[2] = (struct h2_header){":protocol", "websocket"};
	rpc_peer_request(f->anna, s);
	assert_int_equal(s->status, 501);
	assert_body_has(s, "websocket");
	fake_close(s);
}

static void test_rights(void **state)
{
	struct fixture *f = *state;
	struct rpc_peer *stranger = fake_peer(f, "carl");

	assert_answer(f->bert, "CONNECT", "/domains/%00/serial/x", 403,
		      "operator");
	assert_false(rpc_peer_permitted(stranger));
	assert_answer(stranger, "GET", "/openrpc.json", 403, "carl");
	assert_answer(stranger, "POST", "/rpc", 403, "carl");
	assert_answer(stranger, "GET", "/nothing", 403, "carl");
	rpc_peer_free(stranger);
}

static void test_the_status_of_each_error(void **state)
{
	static const struct {
		enum error_code code;
		unsigned status;
	} cases[] = {
		{ERROR_NOT_FOUND, 404},   {ERROR_DENIED, 403},
		{ERROR_STATE, 409},       {ERROR_EXISTS, 409},
		{ERROR_UNAVAILABLE, 503}, {ERROR_BUSY, 503},
		{ERROR_UNSUPPORTED, 501}, {ERROR_TIMED_OUT, 504},
		{ERROR_TOO_LARGE, 413},   {ERROR_INVALID_PARAMS, 400},
		{ERROR_INTERNAL, 500},    {ERROR_FAILED, 500},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < array_size(cases); i++) {
		struct h2_stream *s =
			fake_request(f->anna, "GET", "/domains/a/screenshot");

		fake_fail(f, i, cases[i].code);
		assert_int_equal(s->status, cases[i].status);
		assert_string_equal(s->content_type, "application/json");
		assert_body_has(s, error_code_name(cases[i].code));
		fake_close(s);
	}
}

static void test_a_whole_answer(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *s =
		fake_request(f->anna, "GET", "/domains/a/screenshot");
	struct buf body = {0};
	const struct h2_header header = {"allow", "x"};
	autofree char *audit = NULL;

	buf_append_str(&body, "picture");
	call_respond(f->calls[0], 200, "image/png", &header, 1, &body);
	assert_int_equal(s->status, 200);
	assert_string_equal(s->content_type, "image/png");
	assert_string_equal(s->allow, "x");
	assert_string_equal(s->body, "picture");
	audit = fake_audit(f);
	assert_int_equal(fake_count(audit, "\"bytes_out\":7"), 1);
	fake_close(s);
}

static void test_an_answer_to_nobody(void **state)
{
	struct fixture *f = *state;
	struct buf body = {0};

	fake_close(fake_request(f->anna, "GET", "/domains/a/screenshot"));
	buf_append_str(&body, "picture");
	call_respond(f->calls[0], 200, "image/png", NULL, 0, &body);
	assert_null(body.data);
	fake_close(fake_request(f->anna, "GET", "/domains/a/screenshot"));
	fake_fail(f, 1, ERROR_STATE);
	fake_close(fake_request(f->anna, "PUT", "/speed"));
	fake_return(f, 2);
}

static void note_closed(void *context, struct h2_stream *s, uint32_t code)
{
	*(bool *)context = true;
}

static const struct h2_handler taker = {.on_closed = note_closed};

static void test_a_stream_is_taken(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *s =
		fake_request(f->anna, "CONNECT", "/domains/a/serial/0");
	struct call_early early;
	bool closed = false;
	autofree char *begun = NULL;
	autofree char *ended = NULL;

	fake_data(s, "early");
	fake_end(s);
	assert_int_equal(s->unconsumed, 5);
	begun = fake_audit(f);
	assert_int_equal(fake_count(begun, "\"begin\""), 1);
	assert_int_equal(fake_count(begun, "\"target\":\"a "), 1);
	assert_ptr_equal(call_take_stream(f->calls[0], &taker, &closed, &early),
			 s);
	assert_int_equal(early.data.len, 5);
	assert_memory_equal(buf_bytes(&early.data), "early", 5);
	assert_true(early.end);
	buf_free(&early.data);
	fake_close(s);
	assert_true(closed);
	assert_int_equal(rpc_open_calls(f->rpc), 1);
	call_finish(f->calls[0], NULL, 3, 4);
	ended = fake_audit(f);
	assert_int_equal(fake_count(ended, "\"outcome\":\"ok\",\"bytes_in\":3,"
					   "\"bytes_out\":4"),
			 1);
}

static void test_a_taken_stream_has_no_turn(void **state)
{
	struct fixture *f = *state;
	struct rpc_limits limits = rpc_limits_default;
	struct h2_stream *s[3];
	struct call_early early;
	bool closed = false;

	limits.calls = 1;
	rpc_set_limits(f->rpc, &limits);
	for (size_t i = 0; i < 3; i++) {
		s[i] = fake_request(f->anna, "CONNECT", "/domains/a/serial/0");
		assert_int_equal(f->count, i + 1);
		call_take_stream(f->calls[i], &taker, &closed, &early);
	}
	for (size_t i = 0; i < 3; i++) {
		fake_close(s[i]);
		call_finish(f->calls[i], NULL, 0, 0);
	}
}

static void test_nothing_is_left_to_take(void **state)
{
	struct fixture *f = *state;
	struct call_early early;
	bool closed = false;
	autoerror why = {0};
	autofree char *audit = NULL;

	fake_close(fake_request(f->anna, "CONNECT", "/domains/a/serial/0"));
	assert_null(call_take_stream(f->calls[0], &taker, &closed, &early));
	error_set(&why, ERROR_DISCONNECTED, "gone");
	call_finish(f->calls[0], &why, 0, 0);
	audit = fake_audit(f);
	assert_int_equal(fake_count(audit, "\"outcome\":\"disconnected\""), 1);
}

static void test_too_much_before_it_is_taken(void **state)
{
	struct fixture *f = *state;
	struct rpc_limits limits = rpc_limits_default;
	struct h2_stream *s = fake_request(f->anna, "PUT", "/speed");
	struct call_early early;
	bool closed = false;

	limits.held = 6;
	rpc_set_limits(f->rpc, &limits);
	fake_data(s, "early");
	call_take_stream(f->calls[0], &taker, &closed, &early);
	buf_free(&early.data);
	fake_close(s);
	call_finish(f->calls[0], NULL, 0, 0);
	s = fake_request(f->anna, "PUT", "/speed");
	fake_data(s, "early");
	assert_false(s->reset);
	fake_data(s, "er");
	assert_true(s->reset);
	assert_int_equal(s->code, H2_ENHANCE_YOUR_CALM);
	fake_close(s);
	fake_fail(f, 1, ERROR_FAILED);
}

static void test_failing_after_taking(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *s =
		fake_request(f->anna, "CONNECT", "/domains/a/serial/0");
	struct call_early early;
	bool closed = false;

	call_take_stream(f->calls[0], &taker, &closed, &early);
	fake_fail(f, 0, ERROR_BUSY);
	assert_int_equal(s->status, 503);
	fake_close(s);
	assert_false(closed);
}

static void test_a_put_gives_a_result(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *s = fake_request(f->anna, "PUT", "/speed");
	struct call_early early;
	bool closed = false;
	autofree char *audit = NULL;

	fake_data(s, "some");
	call_take_stream(f->calls[0], &taker, &closed, &early);
	h2_stream_consume(s, early.data.len);
	buf_free(&early.data);
	fake_return(f, 0);
	assert_int_equal(s->status, 200);
	assert_body_has(s, "\"bytes\":0");
	audit = fake_audit(f);
	assert_int_equal(fake_count(audit, "\"bytes_in\":4"), 1);
	fake_data(s, "more that nobody reads");
	assert_int_equal(s->unconsumed, 0);
	fake_close(s);
}

static void test_discover(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *s = fake_request(f->anna, "GET", "/openrpc.json");
	const struct rpc_discover_params params = {0};

	op_rpc_discover(f->calls[0], &params);
	assert_int_equal(s->status, 200);
	assert_body_has(s, "\"openrpc\"");
	fake_close(s);
}

int main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, fake_set_up, fake_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_what_there_is_not),
		TEST(test_allow),
		TEST(test_other_connects),
		TEST(test_rights),
		TEST(test_the_status_of_each_error),
		TEST(test_a_whole_answer),
		TEST(test_an_answer_to_nobody),
		TEST(test_a_stream_is_taken),
		TEST(test_a_taken_stream_has_no_turn),
		TEST(test_nothing_is_left_to_take),
		TEST(test_too_much_before_it_is_taken),
		TEST(test_failing_after_taking),
		TEST(test_a_put_gives_a_result),
		TEST(test_discover),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
