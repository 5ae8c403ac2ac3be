/* host.reload and host.push-crl: what core says, and that it is asked once. */
#include "test_ops_fakes.h"

/* 2026-09-10T00:26:40Z, and a day later. */
#define END INT64_C(1789000000)
#define DAY INT64_C(86400)

struct core {
	unsigned reloads;
	const char *restart;
	const char *pushed;
	size_t len;
	enum error_code fail;
};

static int reload(void *context, struct buf *restart, struct error *err)
{
	struct core *core = context;

	core->reloads++;
	if (core->fail)
		return error_set(err, core->fail, "access.conf:2: wrong");
	return buf_append_str(restart, core->restart);
}

static int push_crl(void *context, const char *pem, size_t len,
		    struct ops_crl *crl, struct error *err)
{
	struct core *core = context;

	core->pushed = pem;
	core->len = len;
	if (core->fail)
		return error_set(err, core->fail, "older");
	*crl = (struct ops_crl){.issuer = "our CA",
				.number = "12",
				.this_update = END,
				.next_update = END + DAY,
				.revoked = 3};
	return 0;
}

static void tell_trust(void *context, struct ops_trust *trust)
{
	*trust = (struct ops_trust){.certificate = END};
}

static void open_with(struct test *t, struct core *core, enum method_id method)
{
	test_open(t, method);
	t->ops->core = (struct ops_core){.context = core,
					 .reload = reload,
					 .push_crl = push_crl,
					 .trust = tell_trust};
}

static void tells_what_is_in_force(void **state)
{
	const struct host_reload_params params = {0};
	struct core core = {.restart = ""};
	struct test t;

	open_with(&t, &core, METHOD_host_reload);
	op_host_reload(&t.call, &params);
	expect_json(&t, "{\"certificate_not_after\":"
			"\"2026-09-10T00:26:40.000Z\"}");
	test_again(&t);
	core.restart = "[daemon] listen";
	op_host_reload(&t.call, &params);
	expect_json(&t, "{\"restart\":\"[daemon] listen\","
			"\"certificate_not_after\":"
			"\"2026-09-10T00:26:40.000Z\"}");
	assert_int_equal(core.reloads, 2);
	test_close(&t);
}

static void a_fault_is_the_answer(void **state)
{
	struct core core = {.fail = ERROR_CONFIG};
	struct test t;

	open_with(&t, &core, METHOD_host_reload);
	op_host_reload(&t.call, &(const struct host_reload_params){0});
	expect_failure(&t, ERROR_CONFIG);
	test_close(&t);
}

static void hands_the_list_over(void **state)
{
	char pem[] = "-----BEGIN X509 CRL-----";
	const struct host_push_crl_params params = {.crl = pem};
	struct core core = {0};
	struct test t;

	open_with(&t, &core, METHOD_host_push_crl);
	op_host_push_crl(&t.call, &params);
	assert_ptr_equal(core.pushed, pem);
	assert_int_equal(core.len, strlen(pem));
	expect_json(&t, "{\"issuer\":\"our CA\",\"number\":\"12\","
			"\"revoked\":3,"
			"\"this_update\":\"2026-09-10T00:26:40.000Z\","
			"\"next_update\":\"2026-09-11T00:26:40.000Z\"}");
	test_again(&t);
	core.fail = ERROR_STATE;
	op_host_push_crl(&t.call, &params);
	expect_failure(&t, ERROR_STATE);
	test_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_what_is_in_force),
		cmocka_unit_test(a_fault_is_the_answer),
		cmocka_unit_test(hands_the_list_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
