/*
 * What leaves a console: every input is fed whole, byte by byte, and split in two
 * at every offset, and must come out the same.
 */
#include "client/console_escape.h"

#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#define BRACKET 0x1d

struct expected {
	const char *input;
	const char *output;
	bool leaves;
};

static struct console_escape fresh(int key, bool tilde)
{
	return (struct console_escape){.key = key, .tilde = tilde};
}

/* Feeds INPUT in pieces that end at the offsets of CUT; 0 is no cut. */
static void feed(struct console_escape e, const struct expected *x, size_t cut,
		 size_t step)
{
	const uint8_t *data = (const uint8_t *)x->input;
	size_t len = strlen(x->input);
	autobuf out = {0};
	bool left = false;

	for (size_t at = 0; at < len && !left;) {
		size_t n = step ? step : at == 0 && cut ? cut : len - at;

		left = console_escape_feed(&e, data + at, n, &out);
		at += n;
	}
	if (!left)
		console_escape_end(&e, &out);
	assert_int_equal(left, x->leaves);
	assert_int_equal(out.len, strlen(x->output));
	assert_memory_equal(buf_bytes(&out) ? buf_bytes(&out) : data, x->output,
			    out.len);
}

static void check(struct console_escape e, const struct expected *all, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		feed(e, &all[i], 0, 0);
		feed(e, &all[i], 0, 1);
		for (size_t cut = 1; cut < strlen(all[i].input); cut++)
			feed(e, &all[i], cut, 0);
	}
}

static void test_key(void **state)
{
	static const struct expected all[] = {
		{"ls\r", "ls\r", false},
		{"\x1d", "", true},
		{"ls\x1drm", "ls", true},
		{"\x1b[A\x03\x1a", "\x1b[A\x03\x1a", false},
		{"~.\r~.", "~.\r~.", false}, /* no tilde here */
	};

	check(fresh(BRACKET, false), all, array_size(all));
}

static void test_tilde(void **state)
{
	static const struct expected all[] = {
		{"~.", "", true},
		{"~", "~", false},
		{"~~", "~", false},
		{"~~.", "~.", false},
		{"~x", "~x", false},
		{"~x~.", "~x~.", false},
		{"a~.", "a~.", false},
		{"a\r~.b", "a\r", true},
		{"a\n~.b", "a\n", true},
		{"a\r\n~.b", "a\r\n", true},
		{"a\r~\r~.", "a\r~\r", true},
		{"a\r~~\r~.", "a\r~\r", true},
		{"cd ~\rls\r~~.\r", "cd ~\rls\r~.\r", false},
		{"~\x1d", "", true}, /* the key counts anywhere */
		{"a\r~\x1d", "a\r", true},
	};

	check(fresh(BRACKET, true), all, array_size(all));
}

static void test_no_key(void **state)
{
	static const struct expected all[] = {
		{"\x1d\xff\x01", "\x1d\xff\x01", false},
	};

	check(fresh(CONSOLE_NO_KEY, false), all, array_size(all));
}

static void test_every_byte_passes(void **state)
{
	struct console_escape e = fresh(BRACKET, true);
	autobuf out = {0};
	uint8_t all[257] = {'x'};

	for (int i = 0; i < 256; i++)
		all[1 + i] = (uint8_t)i == BRACKET ? 'y' : (uint8_t)i;
	assert_false(console_escape_feed(&e, all, sizeof(all), &out));
	assert_int_equal(out.len, sizeof(all));
	assert_memory_equal(buf_bytes(&out), all, sizeof(all));
}

/* -- names ----------------------------------------------------------------- */

static void assert_key(const char *text, int key, const char *name)
{
	char words[CONSOLE_KEY_TEXT];
	autoerror err = {0};
	int got = -2;

	assert_int_equal(console_escape_parse(text, &got, &err), 0);
	assert_int_equal(got, key);
	console_escape_describe(got, words);
	assert_string_equal(words, name);
}

static void test_names(void **state)
{
	assert_key("^]", 0x1d, "^] (Ctrl + ])");
	assert_key("^a", 1, "^A (Ctrl + A)");
	assert_key("^Z", 26, "^Z (Ctrl + Z)");
	assert_key("^@", 0, "^@ (Ctrl + @)");
	assert_key("^_", 31, "^_ (Ctrl + _)");
	assert_key("^?", 127, "^? (Ctrl + ?)");
	assert_key("x", 'x', "x");
	assert_key("^", '^', "^");
	assert_key("none", CONSOLE_NO_KEY, "none");
}

static void test_bad_names(void **state)
{
	static const char *const bad[] = {"",   "^]x", "ab", "^1",
					  "^ ", "^~",  "ö",  "NONE"};

	for (size_t i = 0; i < array_size(bad); i++) {
		autoerror err = {0};
		int key = -2;

		assert_int_equal(console_escape_parse(bad[i], &key, &err), -1);
		assert_int_equal(err.code, ERROR_USAGE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_tilde),
		cmocka_unit_test(test_no_key),
		cmocka_unit_test(test_every_byte_passes),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_bad_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
