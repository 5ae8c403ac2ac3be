/* The two clocks and their texts, which are UTC in every time zone. */
#include "base/clock.h"

#include <inttypes.h>
#include <stdlib.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static void assert_us(int64_t us, const char *expected)
{
	char text[CLOCK_TEXT_SIZE];

	clock_format_us(us, text);
	assert_string_equal(text, expected);
}

static void assert_s(time_t seconds, const char *expected)
{
	char text[CLOCK_TEXT_SIZE];

	clock_format_s(seconds, text);
	assert_string_equal(text, expected);
}

static void test_formats(void **state)
{
	assert_us(0, "1970-01-01T00:00:00.000Z");
	assert_us(1795250712123999, "2026-11-21T08:45:12.123Z");
	assert_us(951782399999999, "2000-02-28T23:59:59.999Z");
	assert_s(1795250712, "2026-11-21 08:45:12 UTC");
	assert_s(253402300799, "9999-12-31 23:59:59 UTC");
}

static void test_parsing(void **state)
{
	int64_t us = 0;

	assert_true(clock_parse_us("2026-11-21T08:45:12.123Z", &us));
	assert_int_equal(us, 1795250712123000);
	assert_true(clock_parse_us("1969-12-31T23:59:59.999Z", &us));
	assert_int_equal(us, -1000);
	assert_false(clock_parse_us("", &us));
	assert_false(clock_parse_us("2026-11-21", &us));
	assert_false(clock_parse_us("2026-11-21T08:45:12.123+01:00", &us));
	assert_false(clock_parse_us("2026-11-21T08:45:12.123Z ", &us));
}

static void test_before_1970(void **state)
{
	assert_us(-1, "1969-12-31T23:59:59.999Z");
	assert_us(-1000000, "1969-12-31T23:59:59.000Z");
	assert_s(-1, "1969-12-31 23:59:59 UTC");
}

static void test_time_zone_does_not_matter(void **state)
{
	setenv("TZ", "America/St_Johns", 1);
	tzset();
	assert_s(0, "1970-01-01 00:00:00 UTC");
	unsetenv("TZ");
	tzset();
}

static void test_extremes_fit(void **state)
{
	assert_us(INT64_MAX, "294247-01-10T04:00:54.775Z");
	assert_us(INT64_MIN, "-290308-12-21T19:59:05.224Z");
	assert_s(INT64_MAX, "an unknown time");
}

static void test_monotonic_goes_forward(void **state)
{
	uint64_t before = clock_monotonic_ns();
	uint64_t after = clock_monotonic_ns();

	while (after == before)
		after = clock_monotonic_ns();
	assert_true(after > before);
	assert_true(after - before < 60 * CLOCK_NS_PER_S);
}

static void test_realtime_agrees_with_time(void **state)
{
	time_t before = time(NULL);
	int64_t us = clock_realtime_us();

	/* time(2) reads a coarser clock, which may lag by a tick. */
	assert_in_range(us / 1000000, before, time(NULL) + 1);
}

static void test_span(void **state)
{
	static const struct {
		uint64_t seconds;
		const char *text;
	} cases[] = {
		{0, "0 s"},
		{1, "1 s"},
		{89, "89 s"},
		{90, "2 min"},
		{149, "2 min"},
		{150, "3 min"},
		{60 * 89 + 29, "89 min"},
		{60 * 90 - 1, "90 min"},
		{60 * 90, "2 h"},
		{3600 * 5, "5 h"},
		{3600 * 36 - 1801, "35 h"},
		{3600 * 36 - 1, "36 h"},
		{3600 * 36, "2 days"},
		{86400 * 99, "99 days"},
		{86400 * 100 - 1, "100 days"},
		{86400 * 100, "3 months"},
		{86400 * 365, "12 months"},
		{86400 * 700, "23 months"},
		{86400 * 731, "2 years"},
		{86400ull * 3650, "10 years"},
		{INT64_MAX, "292277024627 years"},
		{UINT64_MAX, "584554049254 years"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[CLOCK_TEXT_SIZE];

		clock_format_span(cases[i].seconds, text);
		assert_string_equal(text, cases[i].text);
	}
}

static void assert_ago(int64_t moment, int64_t now, const char *expected)
{
	char text[CLOCK_TEXT_SIZE];

	clock_format_ago(moment, now, text);
	assert_string_equal(text, expected);
}

static void test_ago(void **state)
{
	const int64_t now = 1795334400;

	assert_ago(now, now, "now");
	/* the other machine's clock is a little ahead, or behind */
	assert_ago(now + CLOCK_NOW_S - 1, now, "now");
	assert_ago(now - CLOCK_NOW_S + 1, now, "now");
	assert_ago(now - CLOCK_NOW_S, now, "5 s ago");
	assert_ago(now + CLOCK_NOW_S, now, "in 5 s");
	assert_ago(now - 200, now, "3 min ago");
	assert_ago(now + 86400 * 5 - 7, now, "in 5 days");
	/* our own clock stands at 1970 */
	assert_ago(now, 0, "in 57 years");
	assert_ago(0, now, "57 years ago");
	assert_ago(-1, 0, "now");
	assert_ago(INT64_MIN, INT64_MAX, "584554049254 years ago");
	assert_ago(INT64_MAX, INT64_MIN, "in 584554049254 years");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_parsing),
		cmocka_unit_test(test_before_1970),
		cmocka_unit_test(test_time_zone_does_not_matter),
		cmocka_unit_test(test_extremes_fit),
		cmocka_unit_test(test_span),
		cmocka_unit_test(test_ago),
		cmocka_unit_test(test_monotonic_goes_forward),
		cmocka_unit_test(test_realtime_agrees_with_time),
	};

	return cmocka_run_group_tests_name("base/clock", tests, NULL, NULL);
}
