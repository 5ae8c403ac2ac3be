/*
 * The command line: what is taken, what is refused, and in which words.
 */
#include "pki/arguments.h"

#include "pki/fixture.h"

#define parse(err, ...)                                                        \
	__extension__({                                                        \
		const char *argv_[] = {"virtmux-pki", __VA_ARGS__, NULL};      \
		arguments_parse((int)array_size(argv_) - 1, argv_, err);       \
	})

static void test_words_and_values(void **state)
{
	autoptr(arguments) a =
		parse(NULL, "host", "--san", "a", "web1", "--san=b", "--dir",
		      "x", "--dir", "y", "--batch");

	assert_int_equal(arguments_words(a), 2);
	assert_string_equal(arguments_word(a, 0), "host");
	assert_string_equal(arguments_word(a, 1), "web1");
	assert_null(arguments_word(a, 2));
	assert_int_equal(arguments_count(a, ARGUMENT_SAN), 2);
	assert_string_equal(arguments_nth(a, ARGUMENT_SAN, 0), "a");
	assert_string_equal(arguments_nth(a, ARGUMENT_SAN, 1), "b");
	assert_null(arguments_nth(a, ARGUMENT_SAN, 2));
	assert_string_equal(arguments_value(a, ARGUMENT_DIR), "y");
	assert_null(arguments_value(a, ARGUMENT_NAME));
	assert_true(arguments_given(a, ARGUMENT_BATCH));
	assert_false(arguments_given(a, ARGUMENT_JSON));
}

static void test_bundle_of_letters(void **state)
{
	autoptr(arguments) a = parse(NULL, "-hVhVhVhV");

	assert_int_equal(arguments_count(a, ARGUMENT_HELP), 4);
	assert_int_equal(arguments_count(a, ARGUMENT_VERSION), 4);
}

static void test_end_of_options(void **state)
{
	autoptr(arguments) a = parse(NULL, "user", "--", "--json");

	assert_int_equal(arguments_words(a), 2);
	assert_false(arguments_given(a, ARGUMENT_JSON));
}

static void assert_usage(struct arguments *a, struct error *err,
			 const char *word)
{
	assert_null(a);
	assert_int_equal(err->code, ERROR_USAGE);
	assert_non_null(strstr(err->words, word));
	error_clear(err);
}

static void test_refused(void **state)
{
	autoerror err = {0};

	assert_usage(parse(&err, "--passphrase", "x"), &err, "--passphrase");
	assert_usage(parse(&err, "list", "--dir"), &err, "--dir");
	assert_usage(parse(&err, "list", "--dir="), &err, "--dir");
	assert_usage(parse(&err, "-x"), &err, "-x");
}

static void test_options_of_commands(void **state)
{
	autoptr(arguments) a = parse(NULL, "--san", "x");
	autoerror err = {0};

	assert_int_equal(arguments_check(a, COMMAND_HOST, &err), 0);
	assert_int_equal(arguments_check(a, COMMAND_USER, &err), -1);
	assert_int_equal(err.code, ERROR_USAGE);
	assert_non_null(strstr(err.words, "--san"));
}

static void assert_number(const char *text, int result, long number)
{
	autoptr(arguments) a = parse(NULL, "--days", text);
	long got = 77;

	assert_int_equal(arguments_number(a, ARGUMENT_DAYS, 1, 100, &got, NULL),
			 result);
	assert_int_equal(got, number);
}

static void test_numbers(void **state)
{
	autoptr(arguments) none = parse(NULL, "list");
	long got = 77;

	assert_number("1", 0, 1);
	assert_number("100", 0, 100);
	assert_number("0", -1, 77);
	assert_number("101", -1, 77);
	assert_number("-1", -1, 77);
	assert_number("+1", -1, 77);
	assert_number(" 1", -1, 77);
	assert_number("1x", -1, 77);
	assert_number("0x1", -1, 77);
	assert_number("99999999999999999999", -1, 77);
	assert_int_equal(
		arguments_number(none, ARGUMENT_DAYS, 1, 100, &got, NULL), 0);
	assert_int_equal(got, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_and_values),
		cmocka_unit_test(test_bundle_of_letters),
		cmocka_unit_test(test_end_of_options),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_options_of_commands),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
