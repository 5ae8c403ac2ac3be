/*
 * POST /rpc: bodies in pieces and too large, batches, notifications, what is no
 * request, and peers that go at any moment.
 */
#include "test_rpc_fakes.h"

static const char whoami[] =
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"session.whoami\"}";
static const char note[] =
	"{\"jsonrpc\":\"2.0\",\"method\":\"session.whoami\"}";

static void test_an_answer_at_once(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *s;

	f->at_once = true;
	s = fake_post(f->anna, whoami, NULL);
	assert_int_equal(s->status, 200);
	assert_string_equal(s->content_type, "application/json");
	assert_body_has(s, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{");
	assert_int_equal(s->unconsumed, 0);
	fake_close(s);
}

static void test_an_answer_later(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *s = fake_post(f->anna, whoami, NULL);

	assert_int_equal(s->status, 0);
	assert_int_equal(rpc_open_calls(f->rpc), 1);
	fake_return(f, 0);
	assert_int_equal(s->status, 200);
	assert_int_equal(rpc_open_calls(f->rpc), 0);
	fake_close(s);
}

static void test_a_failure(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *s = fake_post(f->anna, whoami, NULL);

	fake_fail(f, 0, ERROR_NOT_FOUND);
	assert_int_equal(s->status, 200);
	assert_body_has(s, "\"code\":-32001");
	assert_body_has(s, "failed by the test");
	assert_body_has(s, "\"call\":\"");
	fake_close(s);
}

static void test_a_body_in_pieces(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *s;
	char piece[2] = "";

	f->at_once = true;
	s = fake_request(f->anna, "POST", "/rpc");
	for (const char *c = whoami; *c; c++) {
		piece[0] = *c;
		fake_data(s, piece);
		assert_int_equal(s->unconsumed, 0);
	}
	assert_int_equal(s->status, 0);
	fake_end(s);
	assert_int_equal(s->status, 200);
	fake_close(s);
}

static void test_a_batch_keeps_its_order(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *s = fake_post(
		f->anna,
		"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"host.info\"},"
		"{\"jsonrpc\":\"2.0\",\"method\":\"host.info\"},7,"
		"{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"session."
		"whoami\"}]",
		NULL);

	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(f->count, i + 1);
		assert_int_equal(s->status, 0);
		fake_return(f, i);
		/* The next one starts from the loop, not from the answer. */
		assert_int_equal(f->count, i + 1);
		fake_turn(f);
	}
	assert_int_equal(s->status, 200);
	assert_body_has(s, "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\"");
	assert_body_has(s, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\"");
	assert_body_has(s, "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"result\"");
	assert_int_equal(fake_count(s->body, "jsonrpc"), 3);
	fake_close(s);
}

static void test_notifications(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *s;
	char batch[256];

	f->at_once = true;
	snprintf(batch, sizeof(batch), "[%s,%s]", note, note);
	for (const char *const *body = (const char *[]){note, batch, NULL};
	     *body; body++) {
		s = fake_post(f->anna, *body, NULL);
		assert_int_equal(s->status, 204);
		assert_null(s->body);
		fake_close(s);
	}
	assert_int_equal(f->count, 3);
}

static void test_what_is_no_request(void **state)
{
	static const struct {
		const char *body;
		unsigned status;
		const char *words;
	} cases[] = {
		{"", 400, "-32700"},
		{"{", 400, "-32700"},
		{"[]", 400, "-32600"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"domain.lst\"}",
		 200, "did you mean"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"host.info\","
		 "\"params\":{\"x\":1}}",
		 200, "-32602"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < array_size(cases); i++) {
		struct h2_stream *s = fake_post(f->anna, cases[i].body, NULL);

		assert_int_equal(s->status, cases[i].status);
		assert_body_has(s, cases[i].words);
		fake_close(s);
	}
	assert_int_equal(f->count, 0);
}

static void test_a_body_that_is_too_large(void **state)
{
	struct fixture *f = *state;
	struct rpc_limits limits = rpc_limits_default;
	struct h2_stream *s;

	limits.body = sizeof(whoami) - 1;
	rpc_set_limits(f->rpc, &limits);
	f->at_once = true;
	s = fake_post(f->anna, whoami, NULL);
	assert_int_equal(s->status, 200);
	fake_close(s);

	s = fake_request(f->anna, "POST", "/rpc");
	fake_data(s, whoami);
	assert_int_equal(s->status, 0);
	fake_data(s, " ");
	assert_int_equal(s->status, 413);
	assert_body_has(s, "too-large");
	for (int i = 0; i < 100000 && !s->reset; i++)
		fake_data(s, whoami);
	assert_int_equal(s->unconsumed, 0);
	assert_true(s->reset);
	assert_true(s->bytes_in > RPC_DISCARD_MAX);
	fake_close(s);
}

static void test_a_length_that_is_too_large(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *s = test_calloc(1, sizeof(*s));

	s->headers[0] = (struct h2_header){":method", "POST"};
	s->headers[1] = (struct h2_header){":path", "/rpc"};
	s->headers[2] = (struct h2_header){"content-length", "1048577"};
	rpc_peer_request(f->anna, s);
	assert_int_equal(s->status, 413);
	fake_close(s);
}

static void test_bodies_that_are_too_large_together(void **state)
{
	struct fixture *f = *state;
	struct rpc_limits limits = rpc_limits_default;
	struct h2_stream *s[3], *late;

	limits.held = 3 * (sizeof(whoami) - 1) + 5;
	rpc_set_limits(f->rpc, &limits);
	for (size_t i = 0; i < 2; i++)
		s[i] = fake_post(f->anna, whoami, NULL);
	s[2] = fake_request(f->anna, "POST", "/rpc");
	fake_data(s[2], whoami);
	late = fake_post(f->anna, whoami, NULL);
	assert_int_equal(late->status, 503);
	assert_body_has(late, "\"busy\"");
	assert_int_equal(f->count, 2);
	fake_close(late);
	/* Somebody else has a share of his own. */
	late = fake_post(f->bert, whoami, NULL);
	assert_int_equal(f->count, 3);
	fake_return(f, 2);
	fake_close(late);
	fake_close(s[2]);
	late = fake_post(f->anna, whoami, NULL);
	assert_int_equal(f->count, 4);
	for (size_t i = 0; i < 4; i += i == 1 ? 2 : 1)
		fake_return(f, i);
	fake_close(s[0]);
	fake_close(s[1]);
	fake_close(late);
}

static void test_a_batch_counts_for_more(void **state)
{
	struct fixture *f = *state;
	struct rpc_limits limits = rpc_limits_default;
	struct h2_stream *s;
	char batch[256];

	limits.held = RPC_BATCH_COST;
	rpc_set_limits(f->rpc, &limits);
	snprintf(batch, sizeof(batch), "[%s]", whoami);
	s = fake_post(f->anna, batch, NULL);
	assert_int_equal(s->status, 503);
	fake_close(s);
	limits.held *= 2;
	rpc_set_limits(f->rpc, &limits);
	f->at_once = true;
	for (int i = 0; i < 5; i++) {
		s = fake_post(f->anna, batch, NULL);
		assert_int_equal(s->status, 200);
		fake_close(s);
	}
}

static void test_depth(void **state)
{
	struct fixture *f = *state;
	struct rpc_limits limits = rpc_limits_default;
	struct h2_stream *s;

	limits.depth = 2;
	rpc_set_limits(f->rpc, &limits);
	f->at_once = true;
	s = fake_post(f->anna,
		      "{\"jsonrpc\":\"2.0\",\"id\":\"[[{\\\"[\\\\\",\"method\":"
		      "\"session.whoami\",\"params\":{}}",
		      NULL);
	assert_int_equal(s->status, 200);
	fake_close(s);
	s = fake_post(f->anna, "[[[1]]]", NULL);
	assert_int_equal(s->status, 413);
	assert_body_has(s, "limit of 2");
	fake_close(s);
}

static void test_peers_that_go(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *s = fake_request(f->anna, "POST", "/rpc");

	fake_close(s);
	assert_int_equal(rpc_open_calls(f->rpc), 0);

	s = fake_request(f->anna, "POST", "/rpc");
	fake_data(s, whoami);
	fake_close(s);
	assert_int_equal(rpc_open_calls(f->rpc), 0);

	s = fake_post(f->anna, whoami, NULL);
	assert_false(call_is_orphan(f->calls[0]));
	fake_close(s);
	assert_int_equal(rpc_open_calls(f->rpc), 1);
	assert_true(call_is_orphan(f->calls[0]));
	assert_null(call_header(f->calls[0], "idempotency-key"));
	fake_return(f, 0);
	assert_int_equal(rpc_open_calls(f->rpc), 0);

	s = fake_post(f->anna, whoami, NULL);
	fake_close(s);
	fake_fail(f, 1, ERROR_FAILED);
}

static void test_the_rest_of_an_abandoned_batch_is_not_begun(void **state)
{
	struct fixture *f = *state;
	char batch[256];
	struct h2_stream *s;

	snprintf(batch, sizeof(batch), "[%s,%s,%s]", whoami, whoami, whoami);
	s = fake_post(f->anna, batch, NULL);
	fake_close(s);
	fake_return(f, 0);
	fake_turn(f);
	assert_int_equal(f->count, 1);

	s = fake_post(f->anna, batch, NULL);
	fake_return(f, 1);
	fake_close(s);
	fake_turn(f);
	assert_int_equal(f->count, 2);
}

/* The connection goes, and with it its rpc_peer, before the call is answered. */
static void test_a_call_outlives_its_connection(void **state)
{
	struct fixture *f = *state;
	struct rpc_peer *peer = fake_peer(f, "carl");
	struct rpc_peer *other = fake_peer(f, "anna");
	struct h2_stream *s = fake_post(other, whoami, NULL);

	rpc_peer_free(peer);
	fake_close(s);
	rpc_peer_free(other);
	assert_string_equal(call_caller(f->calls[0])->identity, "anna");
	fake_return(f, 0);
}

int main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, fake_set_up, fake_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_an_answer_at_once),
		TEST(test_an_answer_later),
		TEST(test_a_failure),
		TEST(test_a_body_in_pieces),
		TEST(test_a_batch_keeps_its_order),
		TEST(test_notifications),
		TEST(test_what_is_no_request),
		TEST(test_a_body_that_is_too_large),
		TEST(test_a_length_that_is_too_large),
		TEST(test_bodies_that_are_too_large_together),
		TEST(test_a_batch_counts_for_more),
		TEST(test_depth),
		TEST(test_peers_that_go),
		TEST(test_the_rest_of_an_abandoned_batch_is_not_begun),
		TEST(test_a_call_outlives_its_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
