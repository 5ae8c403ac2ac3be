/* The list of domains: every field, and each filter. */
#include "test_ops_fakes.h"

static char alpha[] = "alpha";
static char beta[] = "beta";
static char gamma_[] = "gamma";
static char title[] = "the third";

static const struct virt_domain rows[] = {
	{.uuid = UUID,
	 .name = alpha,
	 .id = 7,
	 .state = VIRT_STATE_RUNNING,
	 .vcpus = 2,
	 .memory_kib = 1024,
	 .max_memory_kib = 2048,
	 .persistent = true,
	 .autostart = true},
	{.uuid = UUID,
	 .name = beta,
	 .id = 8,
	 .state = VIRT_STATE_PAUSED,
	 .vcpus = 1},
	{.uuid = UUID,
	 .name = gamma_,
	 .title = title,
	 .id = -1,
	 .state = VIRT_STATE_SHUT_OFF,
	 .persistent = true},
};

static void ask(struct test *t, const struct domain_list_params *params)
{
	struct virt_reply reply = {.kind = VIRT_VALUE_LIST};

	test_again(t);
	op_domain_list(&t->call, params);
	reply.value.list.rows = (struct virt_domain *)rows;
	reply.value.list.count = array_size(rows);
	reply.value.list.as_of_us = 1000000;
	fake_reply(t->virt, &reply);
	assert_int_equal(t->call.outcome, RETURNED);
}

static bool lists(struct test *t, const char *name)
{
	char field[64];

	snprintf(field, sizeof(field), "\"name\":\"%s\"", name);
	return strstr((char *)buf_bytes(&t->call.answer), field) != NULL;
}

/* Which of alpha, beta and gamma are listed, as "abg". */
static void expect(struct test *t, const struct domain_list_params *params,
		   const char *initials)
{
	char got[4] = "";

	ask(t, params);
	if (lists(t, "alpha"))
		strcat(got, "a");
	if (lists(t, "beta"))
		strcat(got, "b");
	if (lists(t, "gamma"))
		strcat(got, "g");
	assert_string_equal(got, initials);
}

#define expect_listed(initials, ...)                                           \
	expect(&t, &(const struct domain_list_params){__VA_ARGS__}, initials)

static void shows_every_field(void **state)
{
	struct test t;

	test_open(&t, METHOD_domain_list);
	ask(&t, &(const struct domain_list_params){.given = 0});
	expect_json(&t, "{\"domains\":["
			"{\"uuid\":\"" UUID "\",\"name\":\"alpha\",\"id\":7,"
			"\"state\":\"running\",\"vcpus\":2,\"memory\":1048576,"
			"\"memory_max\":2097152,\"persistent\":true,"
			"\"autostart\":true},"
			"{\"uuid\":\"" UUID "\",\"name\":\"beta\",\"id\":8,"
			"\"state\":\"paused\",\"vcpus\":1,\"memory\":0,"
			"\"memory_max\":0,\"persistent\":false,"
			"\"autostart\":false},"
			"{\"uuid\":\"" UUID "\",\"name\":\"gamma\","
			"\"state\":\"shut-off\",\"vcpus\":0,\"memory\":0,"
			"\"memory_max\":0,\"title\":\"the third\","
			"\"persistent\":true,\"autostart\":false}],"
			"\"as_of\":\"1970-01-01T00:00:01.000Z\"}");
	test_close(&t);
}

static void filters_add_up(void **state)
{
	enum domain_state still[] = {DOMAIN_STATE_PAUSED, DOMAIN_STATE_SHUTOFF};
	char glob[] = "*a";
	char narrow[] = "[ab]*";
	struct test t;

	test_open(&t, METHOD_domain_list);
	expect_listed("abg", .given = 0);
	expect_listed("ab", .has_active = true, .active = true);
	expect_listed("g", .has_active = true, .active = false);
	expect_listed("bg", .has_state = true, .state = still,
		      .state_count = 2);
	expect_listed("", .has_state = true);
	expect_listed("abg", .has_name = true, .name = glob);
	expect_listed("ab", .has_name = true, .name = narrow);
	expect_listed("ag", .has_persistent = true, .persistent = true);
	expect_listed("b", .has_persistent = true);
	expect_listed("a", .has_autostart = true, .autostart = true);
	expect_listed("bg", .has_autostart = true);
	expect_listed("a", .has_active = true, .active = true,
		      .has_persistent = true, .persistent = true);
	test_close(&t);
}

static void an_empty_list_is_an_answer(void **state)
{
	struct virt_reply reply = {.kind = VIRT_VALUE_LIST};
	char *scope[] = {alpha, NULL};
	struct test t;

	test_open(&t, METHOD_domain_list);
	t.call.caller.scope = scope;
	op_domain_list(&t.call, &(const struct domain_list_params){.given = 0});
	assert_ptr_equal(t.virt->scope, scope);
	fake_reply(t.virt, &reply);
	expect_json(&t, "{\"domains\":[]}");
	test_close(&t);
}

static void failures_are_passed_on(void **state)
{
	const struct domain_list_params params = {.given = 0};
	struct test t;

	test_open(&t, METHOD_domain_list);
	op_domain_list(&t.call, &params);
	fake_reply_error(t.virt, ERROR_UNAVAILABLE);
	expect_failure(&t, ERROR_UNAVAILABLE);
	test_again(&t);
	t.virt->refuse = ERROR_BUSY;
	op_domain_list(&t.call, &params);
	expect_failure(&t, ERROR_BUSY);
	test_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_every_field),
		cmocka_unit_test(filters_add_up),
		cmocka_unit_test(an_empty_list_is_an_answer),
		cmocka_unit_test(failures_are_passed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
