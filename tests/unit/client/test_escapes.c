/*
 * Escapes of typed texts.
 */
#include "client/escapes.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

static void test_known(void **state)
{
	static const char expected[] = "a\r\n\t\x1b\\n\xc3\xa9";
	autobuf out = {0};

	assert_int_equal(escapes_read("a\\r\\n\\t\\e\\\\n\xc3\xa9", "it", &out,
				      NULL),
			 0);
	assert_int_equal(out.len, strlen(expected));
	assert_memory_equal(buf_bytes(&out), expected, out.len);
}

static void test_unknown(void **state)
{
	static const struct {
		const char *text, *words;
	} all[] = {
		{"a\\q", "--send knows \\r \\n \\t \\e and \\\\, not '\\q'"},
		{"a\\", "--send ends with a lone \\"},
	};

	for (size_t i = 0; i < array_size(all); i++) {
		autobuf out = {0};
		autoerror err = {0};

		assert_int_equal(
			escapes_read(all[i].text, "--send", &out, &err), -1);
		assert_int_equal(err.code, ERROR_USAGE);
		assert_non_null(strstr(error_words(&err), all[i].words));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
