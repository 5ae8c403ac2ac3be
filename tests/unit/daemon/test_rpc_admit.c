/*
 * The way to a handler: rights before parameters, turns in order, keys with those
 * who wait for them, and no change without its record in the audit.
 */
#include "test_rpc_fakes.h"

#define DOMAIN_PARAMS "{\"domain\":\"web-1\"}"

static int set_up_two_turns(void **state)
{
	struct rpc_limits limits = rpc_limits_default;

	limits.calls = 2;
	limits.waiting = 3;
	return fake_set_up_with(state, NULL, &limits);
}

static int set_up_full_disk(void **state)
{
	return fake_set_up_with(state, "/dev/full", &rpc_limits_default);
}

static void test_rights_come_before_parameters(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *s =
		fake_call(f->bert, "domain.start", "{\"nonsense\":1}", NULL);

	assert_body_has(s, "\"denied\"");
	fake_close(s);
	s = fake_call(f->anna, "domain.start", "{\"nonsense\":1}", NULL);
	assert_body_has(s, "\"invalid-params\"");
	fake_close(s);
	assert_int_equal(f->count, 0);
}

static void test_what_a_handler_sees(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *s =
		fake_call(f->bert, "domain.info", DOMAIN_PARAMS, NULL);
	const struct call *c = f->calls[0];

	assert_string_equal(call_caller(c)->identity, "bert");
	assert_int_equal(call_caller(c)->role, ROLE_VIEWER);
	assert_string_equal(call_scope(c)[0], "web-*");
	assert_null(call_scope(c)[1]);
	assert_true(call_may(c, METHOD_domain_list));
	assert_false(call_may(c, METHOD_domain_start));
	assert_int_equal(call_method(c)->id, METHOD_domain_info);
	assert_true(strlen(call_id(c)) > 4);
	assert_null(call_stream(c));
	fake_fail(f, 0, ERROR_FAILED);
	fake_close(s);
}

static void test_turns(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *s[6];

	for (size_t i = 0; i < 6; i++)
		s[i] = fake_call(f->anna, "host.info", "{}", NULL);
	assert_int_equal(f->count, 2);
	assert_body_has(s[5], "\"busy\"");
	assert_body_has(s[5], "\"retry\":true");
	/* Somebody else does not wait for her. */
	struct h2_stream *other = fake_call(f->bert, "host.info", "{}", NULL);

	assert_int_equal(f->count, 3);
	fake_return(f, 0);
	assert_int_equal(f->count, 3);
	fake_turn(f);
	assert_int_equal(f->count, 4);
	fake_return(f, 1);
	fake_return(f, 3);
	fake_turn(f);
	assert_int_equal(f->count, 6);
	for (size_t i = 2; i < 6; i += i == 2 ? 2 : 1)
		fake_return(f, i);
	assert_int_equal(other->status, 200);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(s[i]->status, 200);
		fake_close(s[i]);
	}
	fake_close(other);
}

/* Not the order of the answers but that of the requests gives turns. */
static void test_turns_are_in_order(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *s[5];
	static const char *const methods[] = {"host.info", "host.info",
					      "domain.list", "host.version",
					      "session.whoami"};
	static const enum method_id expected[] = {
		METHOD_domain_list, METHOD_host_version, METHOD_session_whoami};

	for (size_t i = 0; i < 5; i++)
		s[i] = fake_call(f->anna, methods[i], "{}", NULL);
	for (size_t i = 0; i < 3; i++) {
		fake_fail(f, i, ERROR_FAILED);
		fake_turn(f);
		assert_int_equal(call_method(f->calls[i + 2])->id, expected[i]);
	}
	fake_fail(f, 3, ERROR_FAILED);
	fake_fail(f, 4, ERROR_FAILED);
	for (size_t i = 0; i < 5; i++)
		fake_close(s[i]);
}

static void test_who_goes_loses_his_place(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *s[5];

	for (size_t i = 0; i < 5; i++)
		s[i] = fake_call(f->anna, "host.info", "{}", NULL);
	fake_close(s[2]);
	fake_return(f, 0);
	/* The third has its turn by now, but the loop has not come to it. */
	fake_close(s[3]);
	fake_turn(f);
	assert_int_equal(f->count, 3);
	fake_return(f, 1);
	fake_turn(f);
	assert_int_equal(f->count, 3);
	fake_return(f, 2);
	assert_int_equal(s[4]->status, 200);
	fake_close(s[0]);
	fake_close(s[1]);
	fake_close(s[4]);
}

static void test_a_key_replays(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *s;
	autofree char *audit = NULL;

	f->at_once = true;
	for (int i = 0; i < 3; i++) {
		s = fake_call(f->anna, "domain.start", DOMAIN_PARAMS, "k");
		assert_body_has(s, "\"result\":{");
		fake_close(s);
	}
	assert_int_equal(f->count, 1);
	audit = fake_audit(f);
	assert_int_equal(fake_count(audit, "\"begin\""), 1);
	assert_int_equal(fake_count(audit, "\"replayed\":true"), 2);
}

static void test_a_read_has_no_key(void **state)
{
	struct fixture *f = *state;

	f->at_once = true;
	for (int i = 0; i < 2; i++)
		fake_close(fake_call(f->anna, "host.info", "{}", "k"));
	assert_int_equal(f->count, 2);
}

static void test_who_waits_for_a_key_gets_its_result(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *first =
		fake_call(f->anna, "domain.start", DOMAIN_PARAMS, "k");
	struct h2_stream *second =
		fake_call(f->anna, "domain.start", DOMAIN_PARAMS, "k");
	struct h2_stream *gone =
		fake_call(f->anna, "domain.start", DOMAIN_PARAMS, "k");

	fake_close(gone);
	fake_close(first);
	assert_int_equal(f->count, 1);
	assert_int_equal(second->status, 0);
	fake_fail(f, 0, ERROR_STATE);
	assert_body_has(second, "failed by the test");
	fake_close(second);
}

static void test_what_was_not_done_is_not_remembered(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *first =
		fake_call(f->anna, "domain.start", DOMAIN_PARAMS, "k");
	struct h2_stream *second =
		fake_call(f->anna, "domain.start", DOMAIN_PARAMS, "k");

	fake_fail(f, 0, ERROR_UNAVAILABLE);
	assert_body_has(first, "unavailable");
	assert_body_has(second, "unavailable");
	fake_close(first);
	fake_close(second);
	fake_close(fake_call(f->anna, "domain.start", DOMAIN_PARAMS, "k"));
	assert_int_equal(f->count, 2);
	fake_return(f, 1);
}

/* The first with the key had no turn yet: the next one takes its place. */
static void test_a_key_outlives_who_never_began(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *running[2];
	struct h2_stream *first, *second;

	for (size_t i = 0; i < 2; i++)
		running[i] = fake_call(f->anna, "host.info", "{}", NULL);
	first = fake_call(f->anna, "domain.start", DOMAIN_PARAMS, "k");
	second = fake_call(f->anna, "domain.start", DOMAIN_PARAMS, "k");
	fake_close(first);
	fake_turn(f);
	fake_return(f, 0);
	fake_turn(f);
	assert_int_equal(f->count, 3);
	fake_return(f, 2);
	assert_int_equal(second->status, 200);
	fake_return(f, 1);
	fake_close(second);
	fake_close(running[0]);
	fake_close(running[1]);
}

static void test_a_key_serves_a_whole_batch(void **state)
{
	static const char batch[] =
		"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"domain.suspend\","
		"\"params\":{\"domain\":\"a\"}},"
		"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"domain.suspend\","
		"\"params\":{\"domain\":\"b\"}}]";
	struct fixture *f = *state;

	f->at_once = true;
	for (int i = 0; i < 2; i++) {
		struct h2_stream *s = fake_post(f->anna, batch, "k");

		assert_int_equal(fake_count(s->body, "\"result\""), 2);
		fake_close(s);
	}
	assert_int_equal(f->count, 2);
}

static void test_no_change_without_its_record(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *s;

	if (access("/dev/full", W_OK) < 0)
		skip();
	s = fake_call(f->anna, "domain.start", DOMAIN_PARAMS, NULL);
	assert_body_has(s, "\"system\"");
	assert_int_equal(f->count, 0);
	fake_close(s);
	f->at_once = true;
	s = fake_call(f->anna, "host.info", "{}", NULL);
	assert_body_has(s, "\"result\"");
	fake_close(s);
}

static void test_records_of_a_change(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *s =
		fake_call(f->anna, "domain.start", DOMAIN_PARAMS, NULL);
	autofree char *before = fake_audit(f);
	autofree char *after = NULL;

	assert_int_equal(fake_count(before, "\n"), 1);
	assert_int_equal(fake_count(before, "\"event\":\"begin\""), 1);
	assert_int_equal(fake_count(before, "\"target\":\"web-1\""), 1);
	call_set_target(f->calls[0], "some-uuid", "web-1");
	fake_fail(f, 0, ERROR_STATE);
	after = fake_audit(f);
	assert_int_equal(fake_count(after, "\n"), 2);
	assert_int_equal(fake_count(after, "\"uuid\":\"some-uuid\""), 1);
	assert_int_equal(fake_count(after, "\"outcome\":\"state\""), 1);
	fake_close(s);
}

static void test_new_rights_count_at_once(void **state)
{
	static const char text[] = "[bert]\nrole=operator\ndomains=*\n"
				   "[anna]\nrole=viewer\ndomains=*\n";
	struct fixture *f = *state;
	struct access *access = NULL;
	struct h2_stream *s =
		fake_call(f->anna, "domain.start", DOMAIN_PARAMS, NULL);
	unsigned ended = 0;

	assert_int_equal(
		access_parse(&access, text, sizeof(text) - 1, "f", &f->err), 0);
	rpc_set_access(f->rpc, access);
	access_unref(access);
	assert_true(rpc_peer_renew(f->bert, &ended));
	assert_true(rpc_peer_renew(f->anna, &ended));
	assert_int_equal(ended, 0);
	assert_int_equal(call_caller(f->calls[0])->role, ROLE_ADMIN);
	fake_return(f, 0);
	fake_close(s);
	s = fake_call(f->anna, "domain.start", DOMAIN_PARAMS, NULL);
	assert_body_has(s, "denied");
	fake_close(s);
	f->at_once = true;
	s = fake_call(f->bert, "domain.start", DOMAIN_PARAMS, NULL);
	assert_body_has(s, "result");
	fake_close(s);
}

int main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, fake_set_up, fake_tear_down)
#define TEST_WITH(set_up, name)                                                \
	cmocka_unit_test_setup_teardown(name, set_up, fake_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_rights_come_before_parameters),
		TEST(test_what_a_handler_sees),
		TEST_WITH(set_up_two_turns, test_turns),
		TEST_WITH(set_up_two_turns, test_turns_are_in_order),
		TEST_WITH(set_up_two_turns, test_who_goes_loses_his_place),
		TEST(test_a_key_replays),
		TEST(test_a_read_has_no_key),
		TEST(test_who_waits_for_a_key_gets_its_result),
		TEST(test_what_was_not_done_is_not_remembered),
		TEST_WITH(set_up_two_turns,
			  test_a_key_outlives_who_never_began),
		TEST(test_a_key_serves_a_whole_batch),
		TEST_WITH(set_up_full_disk, test_no_change_without_its_record),
		TEST(test_records_of_a_change),
		TEST(test_new_rights_count_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
