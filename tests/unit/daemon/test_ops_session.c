/* Who the caller is, answered at once. */
#include "test_ops_fakes.h"

#include "base/clock.h"

static void set_caller(struct test *t)
{
	t->call.caller = (struct caller){
		.identity = "alice",
		.serial = "0a1b",
		.fingerprint = "ff00",
		.address = "192.0.2.1:50123",
		.tls = "TLSv1.3",
		.not_after = 1789000000,
		.role = ROLE_VIEWER,
	};
	strcpy(t->ops->hostname, "node");
}

/* The answer without its last member, the time, which must be now. */
static void expect_json_now(struct test *t, const char *json)
{
	char *text = (char *)buf_bytes(&t->call.answer);
	char *time = strstr(text, ",\"time\":\"");
	char *end;
	int64_t us = 0;

	assert_int_equal(t->call.outcome, RETURNED);
	assert_non_null(time);
	end = strchr(time + 9, '"');
	assert_string_equal(end, "\"}");
	*end = '\0';
	assert_true(clock_parse_us(time + 9, &us));
	assert_in_range(clock_realtime_us() - us, 0, 60 * 1000000);
	strcpy(time, "}");
	assert_string_equal(text, json);
}

static void tells_all_that_is_known(void **state)
{
	char web[] = "web-*", start[] = "domain.start", list[] = "domain.list";
	char *scope[] = {web, NULL};
	char *allow[] = {start, NULL};
	char *deny[] = {list, NULL};
	struct test t;

	test_open(&t, METHOD_session_whoami);
	set_caller(&t);
	t.call.caller.scope = scope;
	t.call.caller.allow = allow;
	t.call.caller.deny = deny;
	op_session_whoami(&t.call, &(const struct session_whoami_params){0});
	expect_json_now(&t,
			"{\"identity\":\"alice\",\"role\":\"viewer\","
			"\"domains\":[\"web-*\"],\"allow\":[\"domain.start\"],"
			"\"deny\":[\"domain.list\"],\"methods\":[],"
			"\"serial\":\"0a1b\",\"fingerprint\":\"ff00\","
			"\"not_after\":\"2026-09-10T00:26:40.000Z\","
			"\"address\":\"192.0.2.1:50123\",\"tls\":\"TLSv1.3\","
			"\"host\":\"node\",\"agent\":\"" VIRTMUX_VERSION "\"}");
	test_close(&t);
}

static void no_scope_is_every_domain(void **state)
{
	struct test t;

	test_open(&t, METHOD_session_whoami);
	set_caller(&t);
	t.call.caller.not_after = 0;
	t.call.caller.tls = NULL;
	op_session_whoami(&t.call, &(const struct session_whoami_params){0});
	expect_json_now(&t, "{\"identity\":\"alice\",\"role\":\"viewer\","
			    "\"domains\":[\"*\"],\"allow\":[],\"deny\":[],"
			    "\"methods\":[],\"serial\":\"0a1b\","
			    "\"fingerprint\":\"ff00\","
			    "\"address\":\"192.0.2.1:50123\",\"host\":\"node\","
			    "\"agent\":\"" VIRTMUX_VERSION "\"}");
	test_close(&t);
}

static void lists_methods_that_may_be_called(void **state)
{
	const struct session_whoami_params params = {.methods = true};
	const char *json;
	struct test t;

	test_open(&t, METHOD_session_whoami);
	set_caller(&t);
	op_session_whoami(&t.call, &params);
	json = (char *)buf_bytes(&t.call.answer);
	assert_non_null(strstr(json, "\"domain.list\""));
	assert_null(strstr(json, "\"domain.define\""));
	test_again(&t);
	t.call.caller.role = ROLE_ADMIN;
	op_session_whoami(&t.call, &params);
	assert_non_null(
		strstr((char *)buf_bytes(&t.call.answer), "\"domain.define\""));
	assert_int_equal(t.virt->waiting, 0);
	test_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_all_that_is_known),
		cmocka_unit_test(no_scope_is_every_domain),
		cmocka_unit_test(lists_methods_that_may_be_called),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
