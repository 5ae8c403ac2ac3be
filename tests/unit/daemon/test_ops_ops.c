/* What handlers share: virt on the loop, its end, states, headers. */
#include "test_ops_fakes.h"

static void completions_are_dispatched(void **state)
{
	uint64_t one = 1;
	struct test t;

	test_open(&t, METHOD_host_info);
	uv_run(&t.pair.uv, UV_RUN_NOWAIT);
	assert_int_equal(t.virt->dispatched, 0);
	assert_int_equal(write(t.virt->fd, &one, sizeof(one)), sizeof(one));
	uv_run(&t.pair.uv, UV_RUN_ONCE);
	assert_int_equal(t.virt->dispatched, 1);
	test_close(&t);
}

static void drains(void **state)
{
	struct test t;

	test_open(&t, METHOD_host_info);
	assert_true(ops_connected(t.ops));
	ops_drain(t.ops);
	assert_true(t.virt->closed);
	assert_int_equal(ops_pending(t.ops), 0);
	test_close(&t);
}

static void needs_a_uri(void **state)
{
	struct ops_config config = {.uv = NULL};
	struct ops *ops = NULL;
	autoerror err = {0};

	assert_int_equal(ops_new(&ops, &config, &err), -1);
	assert_int_equal(err.code, ERROR_CONFIG);
	assert_null(ops);
	ops_free(NULL);
}

/* Name and what the header says. */
static const char *const names[][2] = {
	{"web-1", "web-1"}, {"a b", "a%20b"},
	{"100%", "100%25"}, {" caf\xc3\xa9", "%20caf%C3%A9"},
	{"\x7f", "%7F"},
};

static void headers_name_the_domain(void **state)
{
	for (size_t i = 0; i < array_size(names); i++) {
		struct virt_reply reply = fake_domain(names[i][0]);
		struct ops_domain_headers store;
		struct h2_header headers[OPS_DOMAIN_HEADERS];

		ops_domain_headers(&reply, &store, headers);
		assert_string_equal(headers[0].name, "virtmux-domain-uuid");
		assert_string_equal(headers[0].value, UUID);
		assert_string_equal(headers[1].name, "virtmux-domain-name");
		assert_string_equal(headers[1].value, names[i][1]);
		free(reply.domain.name);
	}
}

static void a_long_name_fits(void **state)
{
	char name[VIRT_NAME_MAX + 1];
	struct virt_reply reply = {.domain.name = name};
	struct ops_domain_headers store;
	struct h2_header headers[OPS_DOMAIN_HEADERS];

	memset(name, ' ', VIRT_NAME_MAX);
	name[VIRT_NAME_MAX] = '\0';
	ops_domain_headers(&reply, &store, headers);
	assert_int_equal(strlen(headers[1].value), 3 * VIRT_NAME_MAX);
}

static void states_have_the_table_s_words(void **state)
{
	assert_int_equal(ops_domain_state(VIRT_STATE_IN_SHUTDOWN),
			 DOMAIN_STATE_SHUTDOWN);
	assert_int_equal(ops_domain_state(VIRT_STATE_SUSPENDED),
			 DOMAIN_STATE_PMSUSPENDED);
	assert_int_equal(ops_domain_state((enum virt_state)99),
			 DOMAIN_STATE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(completions_are_dispatched),
		cmocka_unit_test(drains),
		cmocka_unit_test(needs_a_uri),
		cmocka_unit_test(headers_name_the_domain),
		cmocka_unit_test(a_long_name_fits),
		cmocka_unit_test(states_have_the_table_s_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
