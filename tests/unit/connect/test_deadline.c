/* The end of a command's time: what is left, held and gone on, and lifted. */
#include "client/connect/deadline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"

#define LONG_MS 600000u
#define PAST_NS (1000 * CLOCK_NS_PER_MS)

static uint64_t now(void)
{
	return clock_monotonic_ns();
}

static void test_none(void **state)
{
	struct deadline d;

	deadline_set(&d, 0, now());
	assert_true(deadline_left_ms(&d) == DEADLINE_NEVER);
	assert_false(deadline_is_over(&d));
	assert_true(deadline_left_ms(NULL) == DEADLINE_NEVER);
	deadline_hold(NULL);
	deadline_go_on(NULL, 0);
	deadline_lift(NULL);
}

static void test_left(void **state)
{
	struct deadline d;

	deadline_set(&d, LONG_MS, now());
	assert_in_range(deadline_left_ms(&d), LONG_MS / 2, LONG_MS);
	/* What was left of it is over, and stays so. */
	deadline_set(&d, 1000, now() - PAST_NS);
	assert_true(deadline_is_over(&d));
	deadline_hold(&d);
	assert_false(deadline_is_over(&d));
	deadline_go_on(&d, 0);
	assert_true(deadline_is_over(&d));
	deadline_lift(&d);
	assert_false(deadline_is_over(&d));
}

static void test_hold(void **state)
{
	struct deadline d;

	deadline_set(&d, LONG_MS, now());
	deadline_hold(&d);
	assert_true(deadline_left_ms(&d) == DEADLINE_NEVER);
	/* Somebody has typed for that long. */
	d.since -= LONG_MS * CLOCK_NS_PER_MS;
	deadline_go_on(&d, 0);
	assert_in_range(deadline_left_ms(&d), LONG_MS / 2, LONG_MS);
	assert_in_range(d.asked, LONG_MS * CLOCK_NS_PER_MS,
			2 * LONG_MS * CLOCK_NS_PER_MS);
	/* Not held: nothing changes. */
	deadline_go_on(&d, LONG_MS * CLOCK_NS_PER_MS);
	assert_false(deadline_is_over(&d));
}

static void test_some_of_it_counts(void **state)
{
	struct deadline d;

	deadline_set(&d, LONG_MS, now());
	deadline_hold(&d);
	d.since -= LONG_MS * CLOCK_NS_PER_MS;
	deadline_go_on(&d, LONG_MS / 2 * CLOCK_NS_PER_MS);
	assert_in_range(deadline_left_ms(&d), LONG_MS / 4, LONG_MS / 2);
	/* More than has passed cannot count. */
	deadline_hold(&d);
	deadline_go_on(&d, UINT64_MAX);
	assert_false(deadline_is_over(&d));
	deadline_hold(&d);
	d.since -= LONG_MS * CLOCK_NS_PER_MS;
	deadline_go_on(&d, UINT64_MAX);
	assert_true(deadline_is_over(&d));
}

static void test_words(void **state)
{
	struct deadline d;
	autoerror err = {0};

	deadline_set(&d, 2000, now());
	assert_int_equal(deadline_late(&d, &err), -1);
	assert_int_equal(err.code, ERROR_TIMED_OUT);
	assert_non_null(strstr(error_words(&err), "--timeout of 2 s is over"));
	deadline_set(&d, 1500, now());
	error_clear(&err);
	deadline_late(&d, &err);
	assert_non_null(strstr(error_words(&err), "of 1500 ms is over"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_left),
		cmocka_unit_test(test_hold),
		cmocka_unit_test(test_some_of_it_counts),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
