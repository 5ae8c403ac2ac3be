/*
 * The rule for users' names, at its edges.
 */
#include "base/user.h"

#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static int check(const char *name)
{
	autoerror err = {0};
	int result = user_check_name(name, &err);

	assert_int_equal(err.code, result < 0 ? ERROR_USAGE : ERROR_NONE);
	return result;
}

static void test_names(void **state)
{
	static const char *const good[] = {"a",    "Ann",  "ann.b@example.org",
					   "_svc", "0x-1", "A-9"};
	static const char *const bad[] = {"",         ".",   "..",   ".a",
					  "-a",       "@a",  "a/b",  "../a",
					  "a b",      "a,b", "a\tb", "a\nb",
					  "\xc3\xa4", "a:b", "a%00"};

	for (size_t i = 0; i < array_size(good); i++)
		assert_int_equal(check(good[i]), 0);
	for (size_t i = 0; i < array_size(bad); i++)
		assert_int_equal(check(bad[i]), -1);
}

static void test_longest(void **state)
{
	char name[USER_NAME_MAX + 2];

	memset(name, 'a', sizeof(name));
	name[USER_NAME_MAX + 1] = '\0';
	assert_int_equal(check(name), -1);
	name[USER_NAME_MAX] = '\0';
	assert_int_equal(check(name), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
