/* client/connect/session_pace.c: back-off within its bounds, and the traces of sleep. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "client/connect/session_pace.h"

#define MANY 1000 /* failures */

static void test_first_attempts_come_soon(void **state)
{
	assert_int_equal(pace_next_ms(1, true, 0), PACE_FIRST_MS / 2);
	assert_int_equal(pace_next_ms(1, true, PACE_FIRST_MS / 2),
			 PACE_FIRST_MS);
	assert_int_equal(pace_next_ms(2, true, 0), PACE_FIRST_MS);
	assert_int_equal(pace_next_ms(3, false, 0), 2 * PACE_FIRST_MS);
}

static void bounded(bool hurried, uint64_t most)
{
	uint64_t before = 0;

	for (unsigned n = 1; n < MANY; n++) {
		uint64_t least = pace_next_ms(n, hurried, 0);
		uint64_t widest = 0;

		assert_true(least >= before);
		for (uint64_t random = 0; random <= 2 * least + 1; random++) {
			uint64_t ms = pace_next_ms(n, hurried, random);

			assert_in_range(ms, least, most);
			widest = ms > widest ? ms : widest;
		}
		/* The jitter is half of it: many do not come at once. */
		assert_in_range(widest, 2 * least - 1, 2 * least + 1);
		before = least;
		if (least == most / 2)
			return;
	}
	fail_msg("it never comes to rest");
}

static void test_bounds_and_jitter(void **state)
{
	bounded(true, PACE_HURRY_MS);
	bounded(false, PACE_GENTLE_MS);
	assert_int_equal(pace_next_ms(UINT32_MAX, true, 0), PACE_HURRY_MS / 2);
	assert_in_range(pace_next_ms(UINT32_MAX, false, UINT64_MAX),
			PACE_GENTLE_MS / 2, PACE_GENTLE_MS);
}

/* -- sleep ----------------------------------------------------------------- */

#define TICK_MS 1000

/* Each clock ran so many ms since BEFORE. */
static bool slept(uint64_t monotonic, uint64_t boottime, int64_t realtime)
{
	struct pace_clocks before = {
		.monotonic_ns = 5 * CLOCK_NS_PER_S,
		.boottime_ns = 7 * CLOCK_NS_PER_S,
		.realtime_us = 1700000000000000,
	};
	struct pace_clocks now = {
		.monotonic_ns =
			before.monotonic_ns + monotonic * CLOCK_NS_PER_MS,
		.boottime_ns = before.boottime_ns + boottime * CLOCK_NS_PER_MS,
		.realtime_us = before.realtime_us + realtime * 1000,
	};

	return pace_slept(&before, &now, TICK_MS);
}

static void test_awake(void **state)
{
	assert_false(slept(TICK_MS, TICK_MS, TICK_MS));
	assert_false(slept(TICK_MS + 40, TICK_MS + 40, TICK_MS + 41));
	/* A loaded machine is late, and no more. */
	assert_false(slept(TICK_MS + PACE_SLEPT_MS - 1,
			   TICK_MS + PACE_SLEPT_MS - 1,
			   TICK_MS + PACE_SLEPT_MS - 1));
}

static void test_the_machine_slept(void **state)
{
	/* Linux: the monotonic clock stands still, the other two go on. */
	assert_true(slept(TICK_MS, 3600 * 1000, 3600 * 1000));
	assert_true(slept(TICK_MS, TICK_MS + PACE_SLEPT_MS, TICK_MS + 1));
	/* No clock that tells it apart, but the wall's. */
	assert_true(slept(TICK_MS, TICK_MS, 60 * 1000));
	/* macOS: the monotonic clock goes on, the timer stood still. */
	assert_true(slept(60 * 1000, 60 * 1000, 60 * 1000));
}

static void test_this_process_was_stopped(void **state)
{
	assert_true(slept(TICK_MS + PACE_SLEPT_MS, TICK_MS + PACE_SLEPT_MS,
			  TICK_MS + PACE_SLEPT_MS));
}

static void test_the_wall_clock_was_set(void **state)
{
	assert_false(slept(TICK_MS, TICK_MS, -3600 * 1000));
	assert_false(slept(TICK_MS, TICK_MS, TICK_MS + 500));
	assert_true(slept(TICK_MS, TICK_MS, 3600 * 1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_attempts_come_soon),
		cmocka_unit_test(test_bounds_and_jitter),
		cmocka_unit_test(test_awake),
		cmocka_unit_test(test_the_machine_slept),
		cmocka_unit_test(test_this_process_was_stopped),
		cmocka_unit_test(test_the_wall_clock_was_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
