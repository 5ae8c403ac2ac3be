/*
 * The time that a whole command has (--timeout): from its start, with connecting,
 * waiting and all calls, but without the time that a person takes to type. Made by
 * whoever begins the command; the channel, the key and the session look at it.
 *
 * What always holds: a deadline that is over stays so; while it is held it is not over.
 * NULL is one without end. One thread changes it, any may ask what is left.
 */
#ifndef VIRTMUX_CLIENT_DEADLINE_H
#define VIRTMUX_CLIENT_DEADLINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define DEADLINE_NEVER     UINT64_MAX
#define DEADLINE_TEXT_SIZE 32

struct deadline {
	_Atomic uint64_t until; /* clock_monotonic_ns(), DEADLINE_NEVER */
	_Atomic bool held;      /* by deadline_hold() */
	uint64_t ms;            /* as it was given; 0: none */
	uint64_t since;         /* it is held; clock_monotonic_ns() */
	uint64_t left;          /* ns, while it is held */
	uint64_t asked;         /* ns in which it was held, all in all */
};

/* MS after BEGUN (clock_monotonic_ns()); 0: none. */
void deadline_set(struct deadline *deadline, uint64_t ms, uint64_t begun);

/* What is left in ms, begun ones with it; 0: it is over; DEADLINE_NEVER. */
uint64_t deadline_left_ms(const struct deadline *deadline);
bool deadline_is_over(const struct deadline *deadline);

/*
 * From here on time does not count, until deadline_go_on(), of which COUNTED ns do
 * nevertheless. Not within one another.
 */
void deadline_hold(struct deadline *deadline);
void deadline_go_on(struct deadline *deadline, uint64_t counted);

/* It has no end any more: what was to be done in time has been. */
void deadline_lift(struct deadline *deadline);

/*
 * ERROR_TIMED_OUT, "the whole command's --timeout of 2 s is over", for who puts before
 * it what was being done. Returns -1.
 */
int deadline_late(const struct deadline *deadline, struct error *err);

#endif
