/* The actions on domains: what each asks of virt, and their one answer. */
#include "test_ops_fakes.h"

#define ANSWER "{\"uuid\":\"" UUID "\",\"name\":\"web-1\"}"
#define ANSWER_RUNNING                                                         \
	"{\"uuid\":\"" UUID "\",\"name\":\"web-1\",\"state\":\"running\"}"

/* The state that is asked for after each action. */
static void reply_state(struct test *t)
{
	struct virt_reply reply = fake_domain("web-1");

	assert_string_equal(t->virt->verb, "info");
	assert_string_equal(t->virt->domain, UUID);
	reply.value.info.domain.state = VIRT_STATE_RUNNING;
	fake_reply(t->virt, &reply);
}

static void expect_asked(struct test *t, const char *verb, unsigned number)
{
	assert_string_equal(t->virt->verb, verb);
	assert_int_equal(t->virt->number, number);
	assert_int_equal(t->virt->waiting, 1);
	assert_int_equal(t->call.outcome, OUTCOME_NONE);
	fake_reply_domain(t->virt, "web-1");
	reply_state(t);
	expect_json(t, ANSWER_RUNNING);
	assert_string_equal(t->call.uuid, UUID);
	assert_string_equal(t->call.name, "web-1");
	test_again(t);
}

/* PARAMS are designated initialisers of struct ID_params. */
#define asks(id, verb, number, ...)                                            \
	do {                                                                   \
		const struct id##_params p_ = {__VA_ARGS__};                   \
		t.call.method = METHOD_##id;                                   \
		op_##id(&t.call, &p_);                                         \
		expect_asked(&t, verb, number);                                \
	} while (0)

static char web_1[] = "web-1";
static char xml[] = "<domain/>";

static void actions_reach_their_verb(void **state)
{
	struct test t;

	test_open(&t, METHOD_domain_start);
	asks(domain_start, "start", 0, .domain = web_1);
	asks(domain_start, "start", VIRT_START_PAUSED, .domain = web_1,
	     .paused = true);
	asks(domain_start, "start",
	     VIRT_START_FORCE_BOOT | VIRT_START_BYPASS_CACHE, .domain = web_1,
	     .force_boot = true, .bypass_cache = true);
	asks(domain_destroy, "destroy", 0, .domain = web_1);
	asks(domain_destroy, "destroy", VIRT_DESTROY_GRACEFUL, .domain = web_1,
	     .graceful = true);
	asks(domain_suspend, "suspend", 0, .domain = web_1);
	asks(domain_resume, "resume", 0, .domain = web_1);
	asks(domain_define, "define", VIRT_DEFINE_VALIDATE, .xml = xml,
	     .validate = true);
	asks(domain_create, "create", VIRT_CREATE_PAUSED, .xml = xml,
	     .paused = true);
	asks(domain_create, "create", VIRT_CREATE_VALIDATE, .xml = xml,
	     .validate = true);
	test_close(&t);
}

static void guests_are_asked_in_a_mode(void **state)
{
	struct test t;

	test_open(&t, METHOD_domain_shutdown);
	asks(domain_shutdown, "shutdown", 0, .domain = web_1);
	asks(domain_shutdown, "shutdown", VIRT_POWER_ACPI, .domain = web_1,
	     .mode = SHUTDOWN_MODE_ACPI, .has_mode = true);
	asks(domain_shutdown, "shutdown", VIRT_POWER_INITCTL, .domain = web_1,
	     .mode = SHUTDOWN_MODE_INITCTL, .has_mode = true);
	asks(domain_reboot, "reboot", 0, .domain = web_1);
	asks(domain_reboot, "reboot", VIRT_POWER_AGENT, .domain = web_1,
	     .mode = SHUTDOWN_MODE_AGENT, .has_mode = true);
	asks(domain_reboot, "reboot", VIRT_POWER_SIGNAL, .domain = web_1,
	     .mode = SHUTDOWN_MODE_SIGNAL, .has_mode = true);
	asks(domain_reboot, "reboot", VIRT_POWER_PARAVIRT, .domain = web_1,
	     .mode = SHUTDOWN_MODE_PARAVIRT, .has_mode = true);
	test_close(&t);
}

static void undefine_says_what_goes_too(void **state)
{
	struct test t;

	test_open(&t, METHOD_domain_undefine);
	asks(domain_undefine, "undefine", 0, .domain = web_1);
	asks(domain_undefine, "undefine",
	     VIRT_UNDEFINE_MANAGED_SAVE | VIRT_UNDEFINE_NVRAM, .domain = web_1,
	     .managed_save = true, .nvram = true);
	asks(domain_undefine, "undefine",
	     VIRT_UNDEFINE_SNAPSHOTS_METADATA |
		     VIRT_UNDEFINE_CHECKPOINTS_METADATA |
		     VIRT_UNDEFINE_KEEP_NVRAM,
	     .domain = web_1, .snapshots_metadata = true,
	     .checkpoints_metadata = true, .keep_nvram = true);
	op_domain_undefine(&t.call, &(const struct domain_undefine_params){
					    .domain = web_1,
					    .nvram = true,
					    .keep_nvram = true});
	expect_failure(&t, ERROR_INVALID_PARAMS);
	assert_int_equal(t.virt->waiting, 0);
	test_close(&t);
}

static void rights_go_along(void **state)
{
	const struct domain_start_params start = {.domain = web_1};
	const struct domain_define_params define = {.xml = xml};
	const struct domain_create_params create = {.xml = xml};
	char *scope[] = {web_1, NULL};
	struct test t;

	test_open(&t, METHOD_domain_start);
	t.call.caller.scope = scope;
	op_domain_start(&t.call, &start);
	assert_ptr_equal(t.virt->scope, scope);
	assert_string_equal(t.virt->domain, "web-1");
	fake_reply_domain(t.virt, "web-1");
	assert_ptr_equal(t.virt->scope, scope);
	reply_state(&t);
	test_again(&t);
	op_domain_define(&t.call, &define);
	assert_string_equal(t.virt->text, xml);
	assert_ptr_equal(t.virt->scope, scope);
	op_domain_create(&t.call, &create);
	assert_string_equal(t.virt->text, xml);
	assert_ptr_equal(t.virt->scope, scope);
	fake_reply_error(t.virt, ERROR_EXISTS);
	test_again(&t);
	fake_reply_error(t.virt, ERROR_EXISTS);
	test_close(&t);
}

/* What is done is done: the answer is then only without a state. */
static void state_that_cannot_be_had_is_no_failure(void **state)
{
	const struct domain_undefine_params params = {.domain = web_1};
	struct test t;

	test_open(&t, METHOD_domain_undefine);
	op_domain_undefine(&t.call, &params);
	fake_reply_domain(t.virt, "web-1");
	fake_reply_error(t.virt, ERROR_NOT_FOUND);
	expect_json(&t, ANSWER);
	test_again(&t);
	op_domain_undefine(&t.call, &params);
	t.virt->refuse = ERROR_DRAINING;
	fake_reply_domain(t.virt, "web-1");
	expect_json(&t, ANSWER);
	test_close(&t);
}

static void failures_are_passed_on(void **state)
{
	const struct domain_start_params params = {.domain = web_1};
	struct virt_reply reply = fake_domain("web-1");
	struct test t;

	test_open(&t, METHOD_domain_start);
	op_domain_start(&t.call, &params);
	error_set(&reply.error, ERROR_STATE, "it runs already");
	fake_reply(t.virt, &reply);
	expect_failure(&t, ERROR_STATE);
	assert_string_equal(t.call.error.words, "it runs already");
	assert_string_equal(t.call.uuid, UUID); /* the audit knows which one */
	test_again(&t);
	t.virt->refuse = ERROR_BUSY;
	op_domain_start(&t.call, &params);
	expect_failure(&t, ERROR_BUSY);
	test_close(&t);
}

static void the_end_answers_who_waits(void **state)
{
	const struct domain_start_params params = {.domain = web_1};
	struct test t;

	test_open(&t, METHOD_domain_start);
	op_domain_start(&t.call, &params);
	assert_int_equal(ops_pending(t.ops), 1);
	test_close(&t);
	assert_int_equal(t.call.outcome, FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(actions_reach_their_verb),
		cmocka_unit_test(guests_are_asked_in_a_mode),
		cmocka_unit_test(undefine_says_what_goes_too),
		cmocka_unit_test(rights_go_along),
		cmocka_unit_test(state_that_cannot_be_had_is_no_failure),
		cmocka_unit_test(failures_are_passed_on),
		cmocka_unit_test(the_end_answers_who_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
