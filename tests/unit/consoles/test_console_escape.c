/*
 * What leaves a console: every input is fed whole, byte by byte, and split in two
 * at every offset, and must come out the same.
 */
#include "client/consoles/console_escape.h"

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
	enum console_action action;
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
	enum console_action action = CONSOLE_NOTHING;
	autobuf out = {0};

	for (size_t at = 0; at < len && action == CONSOLE_NOTHING;) {
		size_t n = step ? step : at == 0 && cut ? cut : len - at;
		size_t used =
			console_escape_feed(&e, data + at, n, &out, &action);

		assert_true(action != CONSOLE_NOTHING || used == n);
		at += used;
	}
	if (action == CONSOLE_NOTHING)
		console_escape_end(&e, &out);
	assert_int_equal(action, x->action);
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
		{"ls\r", "ls\r", CONSOLE_NOTHING},
		{"\x1d", "", CONSOLE_LEAVE},
		{"ls\x1drm", "ls", CONSOLE_LEAVE},
		{"\x1b[A\x03\x1a", "\x1b[A\x03\x1a", CONSOLE_NOTHING},
		{"~.\r~.", "~.\r~.", CONSOLE_NOTHING}, /* no tilde here */
	};

	check(fresh(BRACKET, false), all, array_size(all));
}

static void test_tilde(void **state)
{
	static const struct expected all[] = {
		{"~.", "", CONSOLE_LEAVE},
		{"~", "~", CONSOLE_NOTHING},
		{"~~", "~", CONSOLE_NOTHING},
		{"~~.", "~.", CONSOLE_NOTHING},
		{"~x", "~x", CONSOLE_NOTHING},
		{"~x~.", "~x~.", CONSOLE_NOTHING},
		{"a~.", "a~.", CONSOLE_NOTHING},
		{"a\r~.b", "a\r", CONSOLE_LEAVE},
		{"a\n~.b", "a\n", CONSOLE_LEAVE},
		{"a\r\n~.b", "a\r\n", CONSOLE_LEAVE},
		{"a\r~\r~.", "a\r~\r", CONSOLE_LEAVE},
		{"a\r~~\r~.", "a\r~\r", CONSOLE_LEAVE},
		{"cd ~\rls\r~~.\r", "cd ~\rls\r~.\r", CONSOLE_NOTHING},
		{"~\x1d", "", CONSOLE_LEAVE}, /* the key counts anywhere */
		{"a\r~\x1d", "a\r", CONSOLE_LEAVE},
		{"~?", "", CONSOLE_HELP},
		{"a\r~r", "a\r", CONSOLE_RESIZE},
		{"~\x1a", "", CONSOLE_SUSPEND},
		{"a~?b~r", "a~?b~r", CONSOLE_NOTHING},
		{"~~?\r~~r", "~?\r~r", CONSOLE_NOTHING},
	};

	check(fresh(BRACKET, true), all, array_size(all));
}

static void test_no_key(void **state)
{
	static const struct expected all[] = {
		{"\x1d\xff\x01", "\x1d\xff\x01", CONSOLE_NOTHING},
	};

	check(fresh(CONSOLE_NO_KEY, false), all, array_size(all));
}

/* What follows an action is looked at as the beginning of a line. */
static void test_on_after_an_action(void **state)
{
	static const uint8_t text[] = "a\r~?~r~~b~.c";
	static const enum console_action expected[] = {
		CONSOLE_HELP, CONSOLE_RESIZE, CONSOLE_NOTHING};
	struct console_escape e = fresh(BRACKET, true);
	const size_t len = sizeof(text) - 1;
	autobuf out = {0};
	size_t at = 0;

	for (size_t i = 0; i < array_size(expected); i++) {
		enum console_action action;

		at += console_escape_feed(&e, text + at, len - at, &out,
					  &action);
		assert_int_equal(action, expected[i]);
	}
	assert_int_equal(at, len);
	assert_int_equal(out.len, strlen("a\r~b~.c"));
	assert_memory_equal(buf_bytes(&out), "a\r~b~.c", out.len);
}

static void test_every_byte_passes(void **state)
{
	struct console_escape e = fresh(BRACKET, true);
	enum console_action action;
	autobuf out = {0};
	uint8_t all[257] = {'x'};

	for (int i = 0; i < 256; i++)
		all[1 + i] = (uint8_t)i == BRACKET ? 'y' : (uint8_t)i;
	console_escape_feed(&e, all, sizeof(all), &out, &action);
	assert_int_equal(action, CONSOLE_NOTHING);
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
	assert_key("^]", 0x1d, "^] (Ctrl + ] or Ctrl + 5)");
	assert_key("^a", 1, "^A (Ctrl + A)");
	assert_key("^Z", 26, "^Z (Ctrl + Z)");
	assert_key("^@", 0, "^@ (Ctrl + @ or Ctrl + 2)");
	assert_key("^_", 31, "^_ (Ctrl + _ or Ctrl + 7)");
	assert_key("^?", 127, "^? (Ctrl + ? or Ctrl + 8)");
	assert_key("x", 'x', "x");
	assert_key("^", '^', "^");
	assert_key("^5", 0x1d, "^] (Ctrl + ] or Ctrl + 5)");
	assert_key("Ctrl-]", 0x1d, "^] (Ctrl + ] or Ctrl + 5)");
	assert_key("ctrl+a", 1, "^A (Ctrl + A)");
	assert_key("C-x", 24, "^X (Ctrl + X)");
	assert_key("0x1d", 0x1d, "^] (Ctrl + ] or Ctrl + 5)");
	assert_key("0x7e", '~', "~");
	assert_key("none", CONSOLE_NO_KEY, "none");
}

static void test_bad_names(void **state)
{
	static const char *const bad[] = {"",   "^]x",   "ab",    "^1",  "^ ",
					  "^~", "ö",     "NONE",  "^9",  "0x80",
					  "0x", "0x1dd", "Ctrl-", "C-ab"};

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
		cmocka_unit_test(test_on_after_an_action),
		cmocka_unit_test(test_every_byte_passes),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_bad_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
