/* Pictures: the bytes, and headers that say of which domain. */
#include "test_ops_fakes.h"

static char domain[] = "web 1";

static void answers_with_the_picture(void **state)
{
	const struct domain_screenshot_params params = {
		.domain = domain, .screen = 2, .has_screen = true};
	struct virt_reply reply = fake_domain("web 1");
	struct test t;

	test_open(&t, METHOD_domain_screenshot);
	op_domain_screenshot(&t.call, &params);
	assert_string_equal(t.virt->domain, "web 1");
	assert_int_equal(t.virt->number, 2);
	reply.value.picture.png = (uint8_t *)strdup("\x89PNG");
	reply.value.picture.len = 4;
	fake_reply(t.virt, &reply);
	assert_null(reply.value.picture.png);
	assert_int_equal(t.call.outcome, RESPONDED);
	assert_string_equal(t.call.headers, ":status: 200\n"
					    "content-type: image/png\n"
					    "virtmux-domain-uuid: " UUID "\n"
					    "virtmux-domain-name: web%201\n"
					    "cache-control: no-store\n");
	assert_int_equal(t.call.answer.len, 4);
	assert_memory_equal(buf_bytes(&t.call.answer), "\x89PNG", 4);
	assert_string_equal(t.call.uuid, UUID);
	test_close(&t);
}

static void fails_as_virt_does(void **state)
{
	const struct domain_screenshot_params params = {.domain = domain};
	struct test t;

	test_open(&t, METHOD_domain_screenshot);
	op_domain_screenshot(&t.call, &params);
	fake_reply_error(t.virt, ERROR_STATE);
	expect_failure(&t, ERROR_STATE);
	test_again(&t);
	t.virt->refuse = ERROR_DRAINING;
	op_domain_screenshot(&t.call, &params);
	expect_failure(&t, ERROR_DRAINING);
	test_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_with_the_picture),
		cmocka_unit_test(fails_as_virt_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
