/*
 * Text from a serial line: every input is fed whole, byte by byte, and split in
 * two at every offset, and must come out the same.
 */
#include "client/consoles/serial_text.h"

#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/error.h"

#define FLOOD (3 * SERIAL_TEXT_MAX + 17)

static void feed(const char *input, const char *expected, size_t cut,
		 size_t step)
{
	struct serial_text t = {0};
	size_t len = strlen(input);

	for (size_t at = 0; at < len;) {
		size_t n = step ? step : at == 0 && cut ? cut : len - at;

		assert_int_equal(
			serial_text_feed(&t, (const uint8_t *)input + at, n),
			0);
		at += n;
	}
	assert_int_equal(t.text.len, strlen(expected));
	if (t.text.len)
		assert_memory_equal(buf_bytes(&t.text), expected, t.text.len);
	serial_text_clear(&t);
}

static void test_text(void **state)
{
	static const struct {
		const char *input, *expected;
	} all[] = {
		{"login: ", "login: "},
		{"a\r\nb\tc\x07\x08\x7f", "a\nb\tc"},
		{"\x1b[1;31mred\x1b[0m", "red"},
		{"\x1b]0;title\x07shell", "shell"},
		{"\x1b]0;title\x1b\\shell", "shell"},
		{"\x1b]0;no end\nnext", "next"},
		{"\x1b(Bascii\x1b=keys\x1b"
		 "7x",
		 "asciikeysx"},
		{"\x1b\x1b[2Jy", "y"},
		{"\x1b[12\x1b[0mz", "z"},
		{"\xc3\xa9", "\xc3\xa9"},
	};

	for (size_t i = 0; i < array_size(all); i++) {
		feed(all[i].input, all[i].expected, 0, 0);
		feed(all[i].input, all[i].expected, 0, 1);
		for (size_t cut = 1; cut < strlen(all[i].input); cut++)
			feed(all[i].input, all[i].expected, cut, 0);
	}
}

static char *find(struct serial_text *t, const char *pattern, const char *text)
{
	regex_t regex;
	char *line;

	assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	serial_text_feed(t, (const uint8_t *)text, strlen(text));
	line = serial_text_find(t, &regex);
	regfree(&regex);
	return line;
}

static void test_find(void **state)
{
	struct serial_text t = {0};
	char *line;

	assert_null(find(&t, "login: $", ""));
	assert_null(find(&t, "login: $", "Debian\nlog"));
	line = find(&t, "login: $", "in: ");
	assert_string_equal(line, "login: ");
	free(line);
	/* A line that is whole is found once. */
	line = find(&t, "^# ok", "root\n# ok 1\n");
	assert_string_equal(line, "# ok 1");
	free(line);
	assert_null(find(&t, "^# ok", "more\n"));
	serial_text_clear(&t);
}

static void test_old_text_is_forgotten(void **state)
{
	autofree uint8_t *flood = malloc(FLOOD);
	struct serial_text t = {0};
	char *line;

	memset(flood, 'x', FLOOD);
	assert_int_equal(serial_text_feed(&t, flood, FLOOD), 0);
	assert_int_equal(t.text.len, SERIAL_TEXT_MAX);
	line = find(&t, "end$", "\nthe end");
	assert_string_equal(line, "the end");
	free(line);
	assert_int_equal(t.text.len, SERIAL_TEXT_MAX);
	serial_text_clear(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_old_text_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
