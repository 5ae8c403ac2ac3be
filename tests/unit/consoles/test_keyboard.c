/*
 * Texts as key presses by the layouts of xkb-data: expected keys are those that a
 * person presses on such a keyboard (numbers of linux/input-event-codes.h).
 */
#include "client/consoles/keyboard.h"

#include <stdarg.h>
#include <stdlib.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/buf.h"

/* "42+30+48 28": batches, and in them keys in their order. */
static char *typed(const char *layout, const char *text)
{
	autoptr(keyboard) k = NULL;
	struct keyboard_plan plan = {0};
	autoerror err = {0};
	autobuf out = {0};

	assert_int_equal(keyboard_new(&k, layout, &err), 0);
	if (keyboard_plan(k, text, strlen(text), &plan, &err) < 0) {
		assert_int_equal(err.code, ERROR_USAGE);
		return strdup(error_words(&err));
	}
	for (size_t i = 0; i < plan.n; i++)
		for (uint8_t j = 0; j < plan.batches[i].n; j++)
			buf_appendf(&out, "%s%u",
				    j   ? "+"
				    : i ? " "
					: "",
				    plan.batches[i].keys[j]);
	free(plan.batches);
	return buf_steal_str(&out);
}

static void assert_typed(const char *layout, const char *text,
			 const char *expected)
{
	autofree char *keys = typed(layout, text);

	assert_string_equal(keys, expected);
}

static void test_us(void **state)
{
	assert_typed("us", "root\n", "19+24 24+20 28");
	assert_typed("us", "Ab", "42+30 48");
	assert_typed("us", "AB", "42+30+48");
	assert_typed("us", "aa", "30 30");
	assert_typed("us", "abcdefg", "30+48+46+32+18+33 34");
	assert_typed("us", "|/-\"", "42+43 53+12 42+40");
	assert_typed("us", "\t\x1b\b", "15 1 14");
	assert_typed("us", "1+2", "2 42+13 3");
	assert_typed("us", "a\r\n", "30 28 28");
}

static void test_control(void **state)
{
	assert_typed("us", "\x03\x04", "29+46 29+32");
	assert_typed("fr", "\x01", "29+16"); /* A is where Q is */
}

static void test_other_layouts(void **state)
{
	assert_typed("de", "z", "21");
	assert_typed("de", "@", "100+16");
	assert_typed("de", "ü", "26");
	assert_typed("fr", "a1", "16 42+2");
	assert_typed("fr", "é", "3");
	assert_typed("ru", "ф", "30");
	assert_typed("us:intl", "é", "100+18");
}

static void test_dead_keys(void **state)
{
	assert_typed("de", "^", "41 57");
	assert_typed("de", "à", "42+13 30");
	assert_typed("fr", "ê", "26 18");
	assert_typed("de:nodeadkeys", "^", "41");
	assert_typed("de", "a^b", "30 41 57 48");
}

static void test_refused(void **state)
{
	autofree char *umlaut = typed("us", "Köln");
	autofree char *latin = typed("ru", "root");
	autofree char *control = typed("us", "a\x1c\x80");
	autofree char *broken = typed("us", "ab\xff");

	assert_non_null(strstr(umlaut, "layout 'us' has no key for 'ö' "
				       "(U+00F6, character 2 of the text)"));
	assert_non_null(strstr(umlaut, "--layout"));
	assert_non_null(strstr(umlaut, "nothing was typed"));
	assert_non_null(strstr(latin, "layout 'ru' has no key for 'r'"));
	assert_non_null(strstr(broken, "not UTF-8 at byte 2"));
	assert_non_null(strstr(control, "not UTF-8 at byte 2"));
}

static const char long_name[] =
	"a-name-longer-than-any-layout-that-was-ever-thought-of-by-"
	"anybody";

static void test_no_such_layout(void **state)
{
	static const char *const names[] = {
		"xx",
		"de:nonesuch",
		"",
		"de:",
		"../../etc/passwd",
		"de,us",
		"de(nodeadkeys)",
		":intl",
		long_name,
	};

	for (size_t i = 0; i < array_size(names); i++) {
		struct keyboard *k = NULL;
		autoerror err = {0};

		assert_int_equal(keyboard_new(&k, names[i], &err), -1);
		assert_int_equal(err.code, ERROR_USAGE);
		assert_non_null(strstr(error_words(&err), "de:nodeadkeys"));
		assert_null(k);
	}
}

/* Every batch is one that a USB keyboard can report, and nothing gets lost. */
static void test_batches(void **state)
{
	autoptr(keyboard) k = NULL;
	struct keyboard_plan plan = {0};
	char text[94 * 3];
	size_t characters = 0;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('!' + (i * 7) % 94);
	assert_int_equal(keyboard_new(&k, "de", NULL), 0);
	assert_int_equal(keyboard_plan(k, text, sizeof(text), &plan, NULL), 0);
	for (size_t i = 0; i < plan.n; i++) {
		const struct keyboard_batch *b = &plan.batches[i];

		assert_in_range(b->n, 1, KEYBOARD_BATCH_MAX);
		for (uint8_t j = 0; j < b->n; j++)
			for (uint8_t l = 0; l < j; l++)
				assert_int_not_equal(b->keys[j], b->keys[l]);
		characters += b->characters;
	}
	assert_int_equal(characters, sizeof(text));
	assert_int_equal(plan.characters, sizeof(text));
	free(plan.batches);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_us),
		cmocka_unit_test(test_control),
		cmocka_unit_test(test_other_layouts),
		cmocka_unit_test(test_dead_keys),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_no_such_layout),
		cmocka_unit_test(test_batches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
