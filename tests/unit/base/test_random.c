/* Random names: of the length that was asked for, hexadecimal, never twice. */
#include "base/random.h"

#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#define NAME_SIZE 33
#define NAMES     64

static void test_names(void **state)
{
	char names[NAMES][NAME_SIZE];

	for (int i = 0; i < NAMES; i++) {
		if (i % 2)
			random_name(names[i], NAME_SIZE);
		else
			assert_int_equal(random_hex(names[i], NAME_SIZE, NULL),
					 0);
		assert_int_equal(strlen(names[i]), NAME_SIZE - 1);
		assert_int_equal(strspn(names[i], "0123456789abcdef"),
				 NAME_SIZE - 1);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(names[i], names[j]);
	}
}

/* What stands behind it is not touched. */
static void test_bounds(void **state)
{
	char text[8];

	memset(text, 'x', sizeof(text));
	assert_int_equal(random_hex(text, 5, NULL), 0);
	assert_int_equal(text[4], '\0');
	assert_memory_equal(text + 5, "xxx", 3);
}

static void test_too_much(void **state)
{
	uint8_t bytes[RANDOM_MOST + 1] = {0};
	autoerror why = {0};

	assert_int_equal(random_bytes(bytes, RANDOM_MOST, &why), 0);
	assert_int_equal(random_bytes(bytes, sizeof(bytes), &why), -1);
	assert_int_equal(why.code, ERROR_SYSTEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_too_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
