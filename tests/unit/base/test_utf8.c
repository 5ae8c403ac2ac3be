/*
 * UTF-8 against the bounds of RFC 3629 section 4, all code points round trip,
 * and the columns of a terminal.
 */
#include "base/utf8.h"

#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/cleanup.h"

static size_t encode(uint32_t c, uint8_t *out)
{
	if (c < 0x80) {
		out[0] = (uint8_t)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (uint8_t)(0xc0 | c >> 6);
		out[1] = (uint8_t)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (uint8_t)(0xe0 | c >> 12);
		out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
		out[2] = (uint8_t)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | c >> 18);
	out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
	out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
	out[3] = (uint8_t)(0x80 | (c & 0x3f));
	return 4;
}

static void test_every_code_point(void **state)
{
	for (uint32_t c = 0; c < 0x120000; c++) {
		bool valid = c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
		uint32_t got = ~c;
		uint8_t bytes[4];
		size_t n = encode(c, bytes);

		assert_int_equal(utf8_sequence(bytes, n, &got), valid ? n : 0);
		if (valid)
			assert_int_equal(got, c);
		assert_int_equal(utf8_sequence(bytes, n - 1, &got), 0);
	}
}

static void test_invalid(void **state)
{
	static const char *const invalid[] = {
		"\x80",
		"\xbf",
		"\xc0\x80",
		"\xc1\xbf",
		"\xc2",
		"\xc2\x41",
		"\xe0\x9f\xbf",
		"\xed\xa0\x80",
		"\xe2\x82",
		"\xf0\x8f\xbf\xbf",
		"\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80",
		"\xfe",
		"\xff",
		"\xe2\x28\xa1",
	};

	for (size_t i = 0; i < array_size(invalid); i++) {
		const uint8_t *s = (const uint8_t *)invalid[i];
		uint32_t c;

		assert_int_equal(utf8_sequence(s, strlen(invalid[i]), &c), 0);
		assert_false(utf8_valid(s, strlen(invalid[i])));
	}
}

static void test_valid_prefix(void **state)
{
	const uint8_t text[] = "a\xc3\xa4\xff"
			       "b";

	assert_int_equal(utf8_valid_prefix(text, 5), 3);
	assert_int_equal(utf8_valid_prefix(text, 2), 1);
	assert_int_equal(utf8_valid_prefix(text, 3), 3);
	assert_int_equal(utf8_valid_prefix(text, 0), 0);
	assert_true(utf8_valid(text, 3));
	assert_true(utf8_valid((const uint8_t *)"a\0b", 3));
}

static void test_columns(void **state)
{
	assert_int_equal(utf8_columns(""), 0);
	assert_int_equal(utf8_columns("web-1"), 5);
	assert_int_equal(utf8_columns("M\xc3\xbcnchen"), 7);
	assert_int_equal(utf8_columns("Mu\xcc\x88nchen"), 7);
	assert_int_equal(utf8_columns("\xe6\x9d\xb1\xe4\xba\xac"), 4);
	assert_int_equal(utf8_columns("\xed\x95\x9c"), 2);
	assert_int_equal(utf8_columns("\xf0\x9f\x98\x80"), 2);
	assert_int_equal(utf8_columns("\xe2\x80\x8b"), 0);
	assert_int_equal(utf8_columns("\xc2\xad"), 1);
}

/* The binary search needs each table ascending and without overlap. */
static void test_ranges_ascend(void **state)
{
#define RANGE_ZERO(first, last) {first, last},
#define RANGE_WIDE(first, last)
	static const uint32_t zero[][2] = {
#include "base/utf8_columns.def"
	};
#undef RANGE_ZERO
#undef RANGE_WIDE
#define RANGE_ZERO(first, last)
#define RANGE_WIDE(first, last) {first, last},
	static const uint32_t wide[][2] = {
#include "base/utf8_columns.def"
	};
#undef RANGE_ZERO
#undef RANGE_WIDE

	for (size_t i = 0; i < array_size(zero); i++) {
		assert_true(zero[i][0] <= zero[i][1]);
		assert_true(i == 0 || zero[i - 1][1] < zero[i][0]);
	}
	for (size_t i = 0; i < array_size(wide); i++) {
		assert_true(wide[i][0] <= wide[i][1]);
		assert_true(i == 0 || wide[i - 1][1] < wide[i][0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_code_point),
		cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_valid_prefix),
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_ranges_ascend),
	};

	return cmocka_run_group_tests_name("base/utf8", tests, NULL, NULL);
}
