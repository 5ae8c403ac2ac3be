/*
 * See guard.h. A thread that sleeps until the deadline, looks whether it was moved
 * meanwhile, and ends the process where nobody else has.
 */
#include "client/guard.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "client/connect/deadline.h"

#define LOOK_MS 1000u /* between two looks, while the deadline is held */

struct guard {
	const struct deadline *deadline;
	char *words;
	_Atomic int status;
	_Atomic bool told;
	bool over; /* under the lock */
	uv_thread_t thread;
	uv_mutex_t lock;
	uv_cond_t wake;
};

static void end(const struct guard *g)
{
	size_t n = strlen(g->words);

	if (!g->told && write(STDERR_FILENO, g->words, n) < 0)
		_exit(g->status);
	_exit(g->status);
}

/* Milliseconds until the next look; 0: it is time. */
static uint64_t next_look(const struct guard *g, uint64_t *late_since)
{
	uint64_t left = deadline_left_ms(g->deadline);
	uint64_t now = clock_monotonic_ns();

	if (left == DEADLINE_NEVER) {
		*late_since = 0;
		return LOOK_MS;
	}
	if (left > 0) {
		*late_since = 0;
		return left;
	}
	if (!*late_since)
		*late_since = now;
	now -= *late_since;
	return now < GUARD_GRACE_MS * CLOCK_NS_PER_MS
		       ? GUARD_GRACE_MS - now / CLOCK_NS_PER_MS
		       : 0;
}

static bool is_lifted(const struct deadline *d)
{
	return !d->held && deadline_left_ms(d) == DEADLINE_NEVER;
}

static void watch(void *context)
{
	struct guard *g = context;
	uint64_t late_since = 0;

	uv_mutex_lock(&g->lock);
	while (!g->over && !is_lifted(g->deadline)) {
		uint64_t ms = next_look(g, &late_since);

		if (ms == 0)
			end(g);
		uv_cond_timedwait(&g->wake, &g->lock, ms * CLOCK_NS_PER_MS);
	}
	uv_mutex_unlock(&g->lock);
}

int guard_new(struct guard **guard, const struct deadline *deadline,
	      const char *words, int status, struct error *err)
{
	struct guard *g = calloc(1, sizeof(*g));
	sigset_t all, before;
	int rc;

	if (!g)
		return error_set_no_memory(err);
	g->deadline = deadline;
	g->status = status;
	g->words = strdup(words);
	if (!g->words) {
		free(g);
		return error_set_no_memory(err);
	}
	uv_mutex_init(&g->lock);
	uv_cond_init(&g->wake);
	/* Signals are for the thread that knows what to do with them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = uv_thread_create(&g->thread, watch, g);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc == 0) {
		*guard = g;
		return 0;
	}
	uv_cond_destroy(&g->wake);
	uv_mutex_destroy(&g->lock);
	free(g->words);
	free(g);
	return error_set(err, ERROR_SYSTEM, "cannot start a thread");
}

void guard_told(struct guard *g, int status)
{
	if (!g)
		return;
	g->status = status;
	g->told = true;
}

void guard_free(struct guard *g)
{
	if (!g)
		return;
	uv_mutex_lock(&g->lock);
	g->over = true;
	uv_cond_signal(&g->wake);
	uv_mutex_unlock(&g->lock);
	uv_thread_join(&g->thread);
	uv_cond_destroy(&g->wake);
	uv_mutex_destroy(&g->lock);
	free(g->words);
	free(g);
}
