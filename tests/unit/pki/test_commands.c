/*
 * The table of commands and what is checked before one runs.
 */
#include "pki/commands.h"

#include "pki/fixture.h"

static void test_find(void **state)
{
	for (unsigned i = 0; i < COMMANDS; i++)
		assert_int_equal(
			command_find(command_spec((enum command_id)i)->name),
			i);
	assert_int_equal(command_find("nonsense"), COMMANDS);
}

static void test_number_of_words(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fixture_run(f, "user"), -1);
	assert_int_equal(f->err.code, ERROR_USAGE);
	assert_int_equal(fixture_run(f, "user a b"), -1);
	assert_int_equal(f->err.code, ERROR_USAGE);
	assert_non_null(strstr(f->err.words, "user NAME"));
	assert_int_equal(fixture_run(f, "list a"), -1);
	assert_int_equal(f->err.code, ERROR_USAGE);
}

static void test_options(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fixture_run(f, "list --days 3"), -1);
	assert_int_equal(f->err.code, ERROR_USAGE);
	assert_false(fixture_exists("%s", f->pki));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		fixture_test(test_number_of_words),
		fixture_test(test_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
