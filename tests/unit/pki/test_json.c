/*
 * JSON strings of every odd kind.
 */
#include "pki/json.h"

#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static void assert_json(const char *text, const char *expected)
{
	autobuf out = {0};

	json_string(&out, text);
	assert_int_equal(out.len, strlen(expected));
	assert_memory_equal(buf_bytes(&out), expected, out.len);
}

static void test_strings(void **state)
{
	assert_json("", "\"\"");
	assert_json("ann", "\"ann\"");
	assert_json("a\"b\\c", "\"a\\\"b\\\\c\"");
	assert_json("a\n\x1b\x7f", "\"a\\u000a\\u001b\\u007f\"");
	assert_json("gr\xc3\xb6\xc3\x9f", "\"gr\xc3\xb6\xc3\x9f\"");
	assert_json("a\xff"
		    "b\xc3",
		    "\"a\\ufffdb\\ufffd\"");
}

static void test_times(void **state)
{
	autobuf out = {0};

	json_time(&out, 0);
	assert_memory_equal(buf_bytes(&out), "\"1970-01-01T00:00:00Z\"", 22);
	assert_int_equal(out.len, 22);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
