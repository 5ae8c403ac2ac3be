/*
 * Unit tests of client/held_line.c: what the line says, and that it fits.
 */
#include "client/held_line.h"

#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "client/connect/channel.h"

#define NOW_US 1763794992000000 /* 2025-11-22 07:03:12 UTC */
#define NOW_NS (900000 * CLOCK_NS_PER_S)

static int setup(void **state)
{
	setenv("TZ", "UTC", 1);
	tzset();
	return 0;
}

static void assert_line(uint64_t away_s, uint64_t next_ms, const char *words,
			size_t columns, const char *expected)
{
	const struct channel_held held = {
		.since_ns = NOW_NS - away_s * CLOCK_NS_PER_S,
		.next_ns = NOW_NS + next_ms * CLOCK_NS_PER_MS,
		.words = (char *)words,
	};
	char *line = held_line_text("web", &held, NOW_NS, NOW_US, columns);

	assert_string_equal(line, expected);
	assert_true(utf8_columns(line) <= columns);
	free(line);
}

static void test_what_it_says(void **state)
{
	assert_line(12, 1500, "refused", 200,
		    "virtmux: host 'web' is away since 07:03:00, tried again "
		    "in 2 s; Ctrl-C: nothing is done (refused)");
	assert_line(8 * 3600, 0, NULL, 200,
		    "virtmux: host 'web' is away since 2025-11-21 23:03:12, "
		    "being tried; Ctrl-C: nothing is done");
}

static void test_it_fits(void **state)
{
	assert_line(12, 0, "räfused", 84,
		    "virtmux: host 'web' is away since 07:03:00, being tried; "
		    "Ctrl-C: nothing is done (rä");
	/* A character of two columns, of which one is left. */
	assert_line(12, 0, "r界", 84,
		    "virtmux: host 'web' is away since 07:03:00, being tried; "
		    "Ctrl-C: nothing is done (r");
	for (size_t width = 1; width < 120; width++) {
		const struct channel_held held = {.words = (char *)"ä界é"};
		char *line =
			held_line_text("wäb", &held, NOW_NS, NOW_US, width);

		assert_true(utf8_columns(line) <= width);
		assert_true(utf8_valid((uint8_t *)line, strlen(line)));
		free(line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_it_says),
		cmocka_unit_test(test_it_fits),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
