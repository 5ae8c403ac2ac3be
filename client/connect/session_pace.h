/*
 * When a session whose host is away tries again, and how it notices that the
 * machine has slept. Pure functions: the clocks and the random number are given.
 */
#ifndef VIRTMUX_CLIENT_SESSION_PACE_H
#define VIRTMUX_CLIENT_SESSION_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* From the beginning of one attempt to that of the next; doubled each time. */
#define PACE_FIRST_MS  50
#define PACE_HURRY_MS  1000  /* at most, while somebody waits */
#define PACE_GENTLE_MS 60000 /* at most, while nobody does */

/*
 * Milliseconds to the next attempt after FAILURES (at least 1) in a row: from half
 * of the doubled time to all of it, as RANDOM has it, so that the sessions of many
 * do not come all at once to a host that was restarted.
 */
uint64_t pace_next_ms(unsigned failures, bool hurried, uint64_t random);

/* What the clocks say at one moment. */
struct pace_clocks {
	uint64_t monotonic_ns; /* clock_monotonic_ns() */
	uint64_t boottime_ns;  /* clock_boottime_ns() */
	int64_t realtime_us;   /* clock_realtime_us() */
};

/* A clock that ran this much ahead, or a timer that is so late: it slept. */
#define PACE_SLEPT_MS 3000

/*
 * Whether the machine, or this process alone, has stood still between BEFORE and
 * NOW, which a timer was to put EXPECTED_MS apart. A wall clock that was set back
 * tells nothing; one that was set forward is taken for sleep, which does no harm.
 */
bool pace_slept(const struct pace_clocks *before, const struct pace_clocks *now,
		uint64_t expected_ms);

#endif
