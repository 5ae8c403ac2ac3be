/* Patterns for names: what matches, what is refused, and that none is slow. */
#include "base/glob.h"

#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static void assert_match(const char *pattern, const char *text, bool expected)
{
	autoerror err = {0};

	if (glob_check(pattern, &err) < 0)
		fail_msg("%s", error_words(&err));
	if (glob_match(pattern, text) != expected)
		fail_msg("\"%s\" and \"%s\": not %d", pattern, text, expected);
}

static void test_plain(void **state)
{
	assert_match("web", "web", true);
	assert_match("web", "webs", false);
	assert_match("web", "we", false);
	assert_match("web", "Web", false);
	assert_match("a.b", "axb", false);
	assert_match("a\\b", "a\\b", true);
	assert_match("a]", "a]", true);
}

static void test_star(void **state)
{
	assert_match("*", "", true);
	assert_match("*", "a/b", true);
	assert_match("web-*", "web-", true);
	assert_match("web-*", "web-12", true);
	assert_match("web-*", "db-12", false);
	assert_match("*-db", "a-db-db", true);
	assert_match("*-db", "a-db-dbx", false);
	assert_match("a*b*c", "a-b-b-c", true);
	assert_match("a*b*c", "a-c-b", false);
	assert_match("**a**", "bab", true);
	assert_match("*ab", "aab", true);
}

static void test_question_mark_is_one_character(void **state)
{
	assert_match("db-?", "db-1", true);
	assert_match("db-?", "db-", false);
	assert_match("db-?", "db-12", false);
	assert_match("?", "\xc3\xa4", true);
	assert_match("??", "\xc3\xa4", false);
	assert_match("?", "\xff", true);
}

static void test_class(void **state)
{
	assert_match("n[0-3]", "n2", true);
	assert_match("n[0-3]", "n4", false);
	assert_match("n[0-3]", "n", false);
	assert_match("[a-cx-z]", "y", true);
	assert_match("[a-cx-z]", "d", false);
	assert_match("[a-]", "-", true);
	assert_match("[-a]", "-", true);
	assert_match("[a-]", "b", false);
	assert_match("[*?[]", "[", true);
	assert_match("[*?[]", "x", false);
	assert_match("[\xc3\xa4-\xc3\xbc]", "\xc3\xb6", true);
	assert_match("[\xc3\xa4-\xc3\xbc]", "\xc3", false);
	assert_match("*[0-9]", "ab1", true);
	assert_match("*[0-9]", "1ab", false);
}

static void test_any(void **state)
{
	char web[] = "web-*", db[] = "db-?";
	char *patterns[] = {web, db, NULL};

	assert_true(glob_match_any(patterns, "db-1"));
	assert_true(glob_match_any(patterns, "web-1"));
	assert_false(glob_match_any(patterns, "mail"));
	assert_false(glob_match_any(patterns + 2, "web-1"));
	assert_false(glob_match_any(NULL, "web-1"));
}

static void assert_refused(const char *pattern, const char *reason)
{
	autoerror err = {0};

	assert_int_equal(glob_check(pattern, &err), -1);
	assert_int_equal(err.code, ERROR_CONFIG);
	assert_non_null(strstr(error_words(&err), reason));
}

static void test_check(void **state)
{
	assert_refused("", "empty");
	assert_refused("web-[a", "without ']'");
	assert_refused("[", "without ']'");
	assert_refused("web-[]", "class [] is empty");
	assert_refused("[!a]", "negated");
	assert_refused("[^a]", "negated");
	assert_refused("[z-a]", "backwards");
	assert_refused("a\xff", "UTF-8");
}

static void test_malformed_matches_nothing(void **state)
{
	assert_false(glob_match("web-[a", "web-a"));
	assert_false(glob_match("web-[a", "web-[a"));
	assert_false(glob_match("*[", "["));
	assert_false(glob_match("[]", "]"));
}

/* An exponential matcher would not end within anyone's patience. */
static void test_many_stars(void **state)
{
	char pattern[201];
	char text[5001];

	for (size_t i = 0; i < sizeof(pattern) - 1; i += 2)
		memcpy(pattern + i, "*a", 2);
	pattern[sizeof(pattern) - 1] = '\0';
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_match(pattern, text, true);
	text[sizeof(text) - 2] = 'b';
	assert_match(pattern, text, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_star),
		cmocka_unit_test(test_question_mark_is_one_character),
		cmocka_unit_test(test_class),
		cmocka_unit_test(test_any),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_malformed_matches_nothing),
		cmocka_unit_test(test_many_stars),
	};

	return cmocka_run_group_tests_name("base/glob", tests, NULL, NULL);
}
