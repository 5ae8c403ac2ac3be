/*
 * client/line.c: splitting as sh does it, what completion asks of the last word, and
 * quoting that splits back into the same word.
 */
#include "client/line.h"

#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static void split(struct line *line, const char *text)
{
	assert_int_equal(line_split(line, text, "=:@", NULL), 0);
}

/* TEXT has the words of the list that ends with NULL. */
static void check_words(const char *text, const char *const *words)
{
	autoline line = {0};
	size_t n = 0;

	split(&line, text);
	while (words[n])
		n++;
	assert_int_equal(line.n, n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(line.words[i], words[i]);
	assert_null(line.words[n]);
}

#define CHECK(text, ...)                                                       \
	check_words(text, (const char *const[]){__VA_ARGS__, NULL})

static void test_words(void **state)
{
	(void)state;
	check_words("", (const char *const[]){NULL});
	check_words(" \t\n", (const char *const[]){NULL});
	CHECK("list", "list");
	CHECK("  list\t--all\r\n", "list", "--all");
	CHECK("start 'web 1' \"db 1\" a\\ b", "start", "web 1", "db 1", "a b");
	CHECK("''", "");
	CHECK("a'b'\"c\"d", "abcd");
	CHECK("'a\\b' \"a\\b\" a\\b", "a\\b", "a\\b", "ab");
	CHECK("\"\\\"\\\\\\$\\`\"", "\"\\$`");
	CHECK("a\\\nb", "ab");
}

static void test_comments(void **state)
{
	(void)state;
	check_words("# list", (const char *const[]){NULL});
	CHECK("list # all of them", "list");
	CHECK("a#b '#c' \\#d", "a#b", "#c", "#d");
}

static void test_last_word(void **state)
{
	autoline line = {0};

	(void)state;
	split(&line, "start ");
	assert_true(line.between);
	line_clear(&line);
	split(&line, "start --host=a:b");
	assert_false(line.between);
	assert_int_equal(line.broken_at, strlen("--host=a:"));
	assert_int_equal(line.quote, 0);
	line_clear(&line);
	split(&line, "-H a,@b"); /* as bash's editor has it */
	assert_int_equal(line.broken_at, strlen("a,"));
	line_clear(&line);
	split(&line, "a=b x'web 1");
	assert_int_equal(line.quote, '\'');
	assert_int_equal(line.quoted_at, 1);
	assert_int_equal(line.broken_at, 0);
	assert_string_equal(line.words[1], "xweb 1");
	line_clear(&line);
	split(&line, "'a=b' \"x=");
	assert_int_equal(line.quote, '"');
	assert_int_equal(line.broken_at, 0);
	line_clear(&line);
	split(&line, "a\\");
	assert_int_equal(line.quote, '\\');
}

static void test_quote(void **state)
{
	static const char *const words[] = {
		"web-1", "web 1",       "we b's \"x\" $HOME;#`\\",
		"grün",  "~a",          "*?[]{}()<>|&!^",
		"#a",    "a=b:c,d@e%f",
	};
	static const char quotes[] = {0, '\'', '"'};

	(void)state;
	for (size_t i = 0; i < array_size(words); i++)
		for (size_t q = 0; q < array_size(quotes); q++) {
			autoline line = {0};
			autobuf text = {0};
			autofree char *s = NULL;

			if (quotes[q])
				buf_append_char(&text, quotes[q]);
			line_quote(&text, words[i], quotes[q]);
			if (quotes[q])
				buf_append_char(&text, quotes[q]);
			s = buf_steal_str(&text);
			split(&line, s);
			assert_int_equal(line.n, 1);
			assert_string_equal(line.words[0], words[i]);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_comments),
		cmocka_unit_test(test_last_word),
		cmocka_unit_test(test_quote),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
