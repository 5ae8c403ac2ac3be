/*
 * A loop of its own that knows nothing but signals and one timer (interrupt.h).
 * libuv's handler tells every loop that watches for a signal, so that a channel's
 * loop gets the same one beside it.
 */
#include "client/interrupt.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <uv.h>

#include "client/connect/deadline.h"

static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};

struct interrupt {
	uv_loop_t uv;
	uv_timer_t timer;
	uv_signal_t signals[array_size(numbers)];
	bool came;
	const struct deadline *deadline;
};

static void on_signal(uv_signal_t *handle, int number)
{
	struct interrupt *i = handle->data;

	i->came = true;
	uv_stop(&i->uv);
}

static void on_timer(uv_timer_t *timer)
{
	uv_stop(timer->loop);
}

int interrupt_watch(struct interrupt **out, const struct deadline *deadline,
		    struct error *err)
{
	autoptr(interrupt) i = calloc(1, sizeof(*i));
	int rc;

	if (!i)
		return error_set_no_memory(err);
	rc = uv_loop_init(&i->uv);
	if (rc < 0) {
		free(steal(&i));
		return error_set(err, ERROR_SYSTEM, "cannot make a loop: %s",
				 uv_strerror(rc));
	}
	i->deadline = deadline;
	uv_timer_init(&i->uv, &i->timer);
	for (size_t s = 0; s < array_size(numbers); s++) {
		uv_signal_init(&i->uv, &i->signals[s]);
		i->signals[s].data = i;
	}
	for (size_t s = 0; s < array_size(numbers); s++) {
		rc = uv_signal_start(&i->signals[s], on_signal, numbers[s]);
		if (rc < 0)
			return error_set(err, ERROR_SYSTEM,
					 "cannot watch for signals: %s",
					 uv_strerror(rc));
	}
	*out = steal(&i);
	return 0;
}

static void close_handle(uv_handle_t *handle, void *context)
{
	uv_close(handle, NULL);
}

void interrupt_free(struct interrupt *i)
{
	if (!i)
		return;
	uv_walk(&i->uv, close_handle, NULL);
	uv_run(&i->uv, UV_RUN_DEFAULT);
	uv_loop_close(&i->uv);
	free(i);
}

int interrupt_pause(struct interrupt *i, uint64_t ms, struct error *err)
{
	uint64_t left = deadline_left_ms(i->deadline);

	uv_update_time(&i->uv);
	uv_timer_start(&i->timer, on_timer, left < ms ? left : ms, 0);
	while (!i->came && uv_is_active((uv_handle_t *)&i->timer))
		uv_run(&i->uv, UV_RUN_ONCE);
	uv_timer_stop(&i->timer);
	if (i->came)
		return error_set(err, ERROR_INTERRUPTED, "interrupted");
	return deadline_is_over(i->deadline) ? deadline_late(i->deadline, err)
					     : 0;
}
