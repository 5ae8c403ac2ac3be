/*
 * Back-off and the traces of sleep (session_pace.h). Used by the session's side
 * towards its host, session_far.c; no state.
 */
#include "client/connect/session_pace.h"

#include "base/clock.h"

uint64_t pace_next_ms(unsigned failures, bool hurried, uint64_t random)
{
	uint64_t most = hurried ? PACE_HURRY_MS : PACE_GENTLE_MS;
	uint64_t ms = PACE_FIRST_MS;

	while (ms < most && failures-- > 1)
		ms *= 2;
	if (ms > most)
		ms = most;
	return ms / 2 + random % (ms - ms / 2 + 1);
}

bool pace_slept(const struct pace_clocks *before, const struct pace_clocks *now,
		uint64_t expected_ms)
{
	uint64_t slept_ns = PACE_SLEPT_MS * CLOCK_NS_PER_MS;
	uint64_t ran_ns = now->monotonic_ns - before->monotonic_ns;
	int64_t wall_us = now->realtime_us - before->realtime_us;

	if (ran_ns >= expected_ms * CLOCK_NS_PER_MS + slept_ns)
		return true;
	if (now->boottime_ns - before->boottime_ns >= ran_ns + slept_ns)
		return true;
	return wall_us > 0 && (uint64_t)wall_us * 1000 >= ran_ns + slept_ns;
}
