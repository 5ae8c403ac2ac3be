/* A retry whose outcome is not known: what is told, and that nothing is done. */
#include "test_ops_fakes.h"

static char web_1[] = "web-1";
static char *const scope[] = {web_1, NULL};

static void ask(struct test *t)
{
	const struct domain_start_params params = {.domain = web_1};
	autoerror err = {0};

	error_set(&err, ERROR_UNKNOWN_OUTCOME, "domain.start was begun");
	t->call.caller.scope = scope;
	ops_unknown(&t->call, &params, &err);
}

static void expect_words(struct test *t, const char *words)
{
	assert_int_equal(t->call.outcome, FAILED);
	assert_int_equal(t->call.error.code, ERROR_UNKNOWN_OUTCOME);
	assert_string_equal(error_words(&t->call.error), words);
}

static void the_state_is_told(void **state)
{
	struct virt_reply reply = fake_domain("web-1");
	struct test t;

	test_open(&t, METHOD_domain_start);
	ask(&t);
	assert_string_equal(t.virt->verb, "info");
	assert_string_equal(t.virt->domain, "web-1");
	assert_ptr_equal(t.virt->scope, scope);
	reply.value.info.domain.state = VIRT_STATE_PAUSED;
	fake_reply(t.virt, &reply);
	expect_words(&t, "domain.start was begun. Now 'web-1' (" UUID
			 ") is paused on this host");
	assert_string_equal(t.call.uuid, UUID);
	test_close(&t);
}

static void a_domain_that_is_not_there(void **state)
{
	struct test t;

	test_open(&t, METHOD_domain_start);
	ask(&t);
	fake_reply_error(t.virt, ERROR_NOT_FOUND);
	expect_words(&t, "domain.start was begun. Now this host shows no "
			 "domain 'web-1'");
	test_close(&t);
}

static void libvirt_that_cannot_be_asked(void **state)
{
	struct test t;

	test_open(&t, METHOD_domain_start);
	ask(&t);
	fake_reply_error(t.virt, ERROR_UNAVAILABLE);
	expect_words(&t, "domain.start was begun. What 'web-1' is now cannot "
			 "be told: failed by the test");
	test_again(&t);
	t.virt->refuse = ERROR_BUSY;
	ask(&t);
	expect_words(&t, "domain.start was begun. Look at it before trying "
			 "again");
	test_close(&t);
}

static void ask_of_xml(struct test *t, char *xml)
{
	const struct domain_define_params params = {.xml = xml};
	autoerror err = {0};

	error_set(&err, ERROR_UNKNOWN_OUTCOME, "domain.define was begun");
	ops_unknown(&t->call, &params, &err);
}

static void the_name_may_be_in_the_xml(void **state)
{
	char xml[] = "<domain type='test'><name>web-1</name></domain>";
	struct test t;

	test_open(&t, METHOD_domain_define);
	ask_of_xml(&t, xml);
	assert_string_equal(t.virt->domain, "web-1");
	fake_reply_error(t.virt, ERROR_NOT_FOUND);
	expect_words(&t, "domain.define was begun. Now this host shows no "
			 "domain 'web-1'");
	test_close(&t);
}

static void a_method_without_a_domain(void **state)
{
	char xml[] = "<network/>";
	struct test t;

	test_open(&t, METHOD_domain_define);
	ask_of_xml(&t, xml);
	assert_int_equal(t.virt->waiting, 0);
	expect_words(&t, "domain.define was begun");
	test_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_state_is_told),
		cmocka_unit_test(a_domain_that_is_not_there),
		cmocka_unit_test(libvirt_that_cannot_be_asked),
		cmocka_unit_test(the_name_may_be_in_the_xml),
		cmocka_unit_test(a_method_without_a_domain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
