/*
 * The answer to a WebSocket's key: RFC 6455's own example, and what is no key.
 */
#include "client/web/accept.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static void test_the_example_of_the_rfc(void **state)
{
	char out[ACCEPT_SIZE];

	assert_int_equal(accept_of_key("dGhlIHNhbXBsZSBub25jZQ==", out), 0);
	assert_string_equal(out, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

static void test_what_is_a_key(void **state)
{
	static const char *const none[] = {
		"",
		"dGhlIHNhbXBsZSBub25jZQ=",
		"dGhlIHNhbXBsZSBub25jZQ",
		"dGhlIHNhbXBsZSBub25jZQ===",
		"dGhlIHNhbXBsZSBub25jZ===",
		"dGhlIHNhbXBsZSBub25jZQAA",
		"dGhlIHNhbXBsZSBub25-ZQ==",
		"dGhlIHNhbXBsZSBub25jZQ==dGhlIHNhbXBsZSBub25jZQ==",
	};

	assert_true(accept_is_key("dGhlIHNhbXBsZSBub25jZQ=="));
	assert_false(accept_is_key(NULL));
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_false(accept_is_key(none[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_example_of_the_rfc),
		cmocka_unit_test(test_what_is_a_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
