/*
 * Rights that change under open calls: what runs is finished, what waits is judged
 * anew, streams that are no longer covered are ended, and nothing else.
 */
#include "test_rpc_fakes.h"

#define DOMAIN_PARAMS "{\"domain\":\"a\"}"

static const struct h2_handler taker = {0};

static void new_rights(struct fixture *f, const char *text)
{
	struct access *access = NULL;

	assert_int_equal(
		access_parse(&access, text, strlen(text), "f", &f->err), 0);
	rpc_set_access(f->rpc, access);
	access_unref(access);
}

static void cut(void *context)
{
	unsigned *cuts = context;

	++*cuts;
}

/* A console of DOMAIN, taken. */
static struct h2_stream *open_console(struct fixture *f, const char *domain,
				      unsigned *cuts)
{
	struct h2_stream *s =
		fake_request(f->anna, "CONNECT", "/domains/x/serial/0");
	struct call *call = f->calls[f->count - 1];
	struct call_early early;

	call_set_target(call, NULL, domain);
	assert_non_null(call_take_stream(call, &taker, NULL, &early));
	call_set_cut(call, cut, cuts);
	return s;
}

static void test_only_what_is_not_covered_is_cut(void **state)
{
	struct fixture *f = *state;
	unsigned cuts[2] = {0};
	unsigned ended = 0;
	struct h2_stream *web = open_console(f, "web-1", &cuts[0]);
	struct h2_stream *db = open_console(f, "db-1", &cuts[1]);
	autofree char *audit = NULL;

	new_rights(f, "[anna]\nrole=operator\ndomains=web-*\n");
	assert_true(rpc_peer_renew(f->anna, &ended));
	assert_int_equal(ended, 1);
	assert_int_equal(cuts[0], 0);
	assert_int_equal(cuts[1], 1);
	assert_true(rpc_peer_renew(f->anna, &ended));
	assert_int_equal(cuts[1], 1);
	fake_close(db);
	call_finish(f->calls[1], NULL, 0, 0);
	audit = fake_audit(f);
	assert_int_equal(fake_count(audit, "\"outcome\":\"denied\""), 1);
	fake_close(web);
	call_finish(f->calls[0], NULL, 0, 0);
}

/* One that is to be recorded from now on ends; it begins anew, and is. */
static void test_what_is_to_be_recorded_was_from_its_begin(void **state)
{
	struct fixture *f = *state;
	unsigned cuts[2] = {0};
	unsigned ended = 0;
	struct h2_stream *s = open_console(f, "web-1", &cuts[0]);

	new_rights(f, "[anna]\nrole=operator\ndomains=*\nrecord=graphics\n");
	assert_true(rpc_peer_renew(f->anna, &ended));
	assert_int_equal(cuts[0], 0);
	new_rights(f, "[anna]\nrole=operator\ndomains=*\nrecord=serial\n");
	assert_true(rpc_peer_renew(f->anna, &ended));
	assert_int_equal(cuts[0], 1);
	assert_int_equal(ended, 1);
	fake_close(s);
	call_finish(f->calls[0], NULL, 0, 0);
	s = open_console(f, "web-1", &cuts[1]);
	assert_true(call_is_recorded(f->calls[1]));
	new_rights(f, "[anna]\nrole=operator\ndomains=*\nrecord=yes\n");
	assert_true(rpc_peer_renew(f->anna, &ended));
	assert_int_equal(cuts[1], 0);
	fake_close(s);
	call_finish(f->calls[1], NULL, 0, 0);
}

/* A stream about no one thing shows all that may be seen: less ends it, more does not. */
static void test_what_is_about_everything(void **state)
{
	struct fixture *f = *state;
	unsigned cuts = 0, ended = 0;
	struct h2_stream *s = open_console(f, NULL, &cuts);

	new_rights(f, "[anna]\nrole=admin\ndomains=*\n");
	assert_true(rpc_peer_renew(f->anna, &ended));
	assert_int_equal(cuts, 0);
	new_rights(f, "[anna]\nrole=admin\ndomains=web-*\n");
	assert_true(rpc_peer_renew(f->anna, &ended));
	assert_int_equal(cuts, 1);
	assert_int_equal(ended, 1);
	fake_close(s);
	call_finish(f->calls[0], NULL, 0, 0);
}

static void test_a_role_that_may_not(void **state)
{
	struct fixture *f = *state;
	unsigned cuts = 0, ended = 0;
	struct h2_stream *s = open_console(f, "web-1", &cuts);

	new_rights(f, "[anna]\nrole=viewer\ndomains=*\n");
	assert_true(rpc_peer_renew(f->anna, &ended));
	assert_int_equal(cuts, 1);
	fake_close(s);
	call_finish(f->calls[0], NULL, 0, 0);
}

static void test_no_rights_at_all(void **state)
{
	struct fixture *f = *state;
	unsigned cuts = 0, ended = 0;
	struct h2_stream *s = open_console(f, "web-1", &cuts);

	new_rights(f, "[bert]\nrole=viewer\ndomains=*\n");
	assert_false(rpc_peer_renew(f->anna, &ended));
	assert_false(rpc_peer_permitted(f->anna));
	assert_int_equal(cuts, 1);
	fake_close(s);
	call_finish(f->calls[0], NULL, 0, 0);
}

/* While libvirt opens it the stream is still rpc's. */
static void test_a_console_that_is_being_opened(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *s =
		fake_request(f->anna, "CONNECT", "/domains/x/serial/0");
	struct call_early early;
	unsigned ended = 0;

	new_rights(f, "[anna]\nrole=operator\ndomains=web-*\n");
	assert_true(rpc_peer_renew(f->anna, &ended));
	assert_int_equal(ended, 1);
	assert_true(s->reset);
	assert_int_equal(s->code, H2_INADEQUATE_SECURITY);
	fake_close(s);
	assert_null(call_take_stream(f->calls[0], &taker, NULL, &early));
	fake_fail(f, 0, ERROR_DISCONNECTED);
}

static void test_what_waits_is_judged_anew(void **state)
{
	struct fixture *f = *state;
	struct rpc_limits limits = rpc_limits_default;
	struct h2_stream *s[3];
	unsigned ended = 0;

	limits.calls = 1;
	rpc_set_limits(f->rpc, &limits);
	s[0] = fake_call(f->anna, "domain.start", DOMAIN_PARAMS, NULL);
	s[1] = fake_call(f->anna, "domain.start", DOMAIN_PARAMS, "key");
	s[2] = fake_call(f->anna, "domain.list", "{}", NULL);
	assert_int_equal(f->count, 1);
	new_rights(f, "[anna]\nrole=viewer\ndomains=*\n");
	assert_true(rpc_peer_renew(f->anna, &ended));
	assert_int_equal(ended, 0);
	fake_return(f, 0);
	assert_body_has(s[0], "result");
	fake_turn(f);
	assert_body_has(s[1], "denied");
	fake_turn(f);
	assert_int_equal(f->count, 2);
	fake_return(f, 1);
	assert_body_has(s[2], "result");
	for (size_t i = 0; i < 3; i++)
		fake_close(s[i]);
}

static void test_the_rest_of_a_batch(void **state)
{
	static const char batch[] =
		"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"domain.start\","
		"\"params\":" DOMAIN_PARAMS "},"
		"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"domain.start\","
		"\"params\":" DOMAIN_PARAMS "}]";
	struct fixture *f = *state;
	struct h2_stream *s = fake_post(f->anna, batch, NULL);
	unsigned ended = 0;

	assert_int_equal(f->count, 1);
	new_rights(f, "[anna]\nrole=viewer\ndomains=*\n");
	assert_true(rpc_peer_renew(f->anna, &ended));
	fake_return(f, 0);
	fake_turn(f);
	assert_int_equal(f->count, 1);
	assert_body_has(s, "\"id\":1,\"result\"");
	assert_body_has(s, "needs the role operator");
	fake_close(s);
}

/* Its calls may go on when the connection has gone. */
static void test_an_orphan_outlives_its_peer(void **state)
{
	struct fixture *f = *state;
	struct rpc_peer *peer = fake_peer(f, "anna");
	struct h2_stream *s =
		fake_call(peer, "domain.start", DOMAIN_PARAMS, NULL);

	fake_close(s);
	rpc_peer_free(peer);
	fake_return(f, 0);
}

int main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, fake_set_up, fake_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_only_what_is_not_covered_is_cut),
		TEST(test_what_is_to_be_recorded_was_from_its_begin),
		TEST(test_what_is_about_everything),
		TEST(test_a_role_that_may_not),
		TEST(test_no_rights_at_all),
		TEST(test_a_console_that_is_being_opened),
		TEST(test_what_waits_is_judged_anew),
		TEST(test_the_rest_of_a_batch),
		TEST(test_an_orphan_outlives_its_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
