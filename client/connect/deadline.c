/*
 * See deadline.h. What is left is kept as the moment of the end, so that other threads
 * need but one number.
 */
#include "client/connect/deadline.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"

void deadline_set(struct deadline *d, uint64_t ms, uint64_t begun)
{
	*d = (struct deadline){.ms = ms};
	d->until = ms ? begun + ms * CLOCK_NS_PER_MS : DEADLINE_NEVER;
}

uint64_t deadline_left_ms(const struct deadline *d)
{
	uint64_t until = d ? d->until : DEADLINE_NEVER;
	uint64_t now;

	if (until == DEADLINE_NEVER)
		return DEADLINE_NEVER;
	now = clock_monotonic_ns();
	return until > now ? (until - now - 1) / CLOCK_NS_PER_MS + 1 : 0;
}

bool deadline_is_over(const struct deadline *d)
{
	return deadline_left_ms(d) == 0;
}

void deadline_hold(struct deadline *d)
{
	uint64_t now = clock_monotonic_ns();

	if (!d || d->until == DEADLINE_NEVER)
		return;
	d->left = d->until > now ? d->until - now : 0;
	d->since = now;
	d->held = true;
	d->until = DEADLINE_NEVER;
}

void deadline_go_on(struct deadline *d, uint64_t counted)
{
	uint64_t now = clock_monotonic_ns();

	if (!d || !d->held)
		return;
	if (counted > now - d->since)
		counted = now - d->since;
	d->asked += now - d->since - counted;
	d->until = now + (d->left > counted ? d->left - counted : 0);
	d->held = false;
}

void deadline_lift(struct deadline *d)
{
	if (!d)
		return;
	d->until = DEADLINE_NEVER;
	d->held = false;
}

static void describe(uint64_t ms, char text[DEADLINE_TEXT_SIZE])
{
	bool whole = ms % 1000 == 0;

	snprintf(text, DEADLINE_TEXT_SIZE, "%" PRIu64 " %s",
		 whole ? ms / 1000 : ms, whole ? "s" : "ms");
}

int deadline_late(const struct deadline *d, struct error *err)
{
	char text[DEADLINE_TEXT_SIZE];

	describe(d->ms, text);
	return error_set(err, ERROR_TIMED_OUT,
			 "the whole command's --timeout of %s is over", text);
}
