/* Waiting for what comes first (pace.h), by a loop that runs while one waits. */
#include "client/consoles/pace.h"

#include <signal.h>
#include <stdlib.h>
#include <uv.h>

#include "base/clock.h"

#define NS_PER_MS 1000000u

static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};

struct pace {
	uv_loop_t uv;
	uv_signal_t signals[array_size(numbers)];
	uv_timer_t timer;
	uv_process_t process;
	bool interrupted;
	bool timed_out;
	bool ready;
	bool runs; /* the process */
	bool gone;
	int status;
};

static void on_signal(uv_signal_t *handle, int number)
{
	struct pace *p = handle->data;

	p->interrupted = true;
	uv_stop(&p->uv);
}

int pace_new(struct pace **pace, struct error *err)
{
	struct pace *p = calloc(1, sizeof(*p));

	if (!p)
		return error_set_no_memory(err);
	if (uv_loop_init(&p->uv) < 0) {
		free(p);
		return error_set(err, ERROR_SYSTEM, "cannot wait for events");
	}
	uv_timer_init(&p->uv, &p->timer);
	p->timer.data = p;
	for (size_t i = 0; i < array_size(numbers); i++) {
		uv_signal_init(&p->uv, &p->signals[i]);
		p->signals[i].data = p;
		uv_signal_start(&p->signals[i], on_signal, numbers[i]);
	}
	*pace = p;
	return 0;
}

static void close_handle(uv_handle_t *handle, void *unused)
{
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void pace_free(struct pace *p)
{
	if (!p)
		return;
	uv_walk(&p->uv, close_handle, NULL);
	uv_run(&p->uv, UV_RUN_DEFAULT);
	uv_loop_close(&p->uv);
	free(p);
}

/* -- waiting --------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer)
{
	struct pace *p = timer->data;

	p->timed_out = true;
	uv_stop(&p->uv);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct pace *p = poll->data;

	p->ready = true;
	uv_stop(&p->uv);
}

static void on_poll_closed(uv_handle_t *handle)
{
	*(bool *)handle->data = true;
}

static void set_timer(struct pace *p, uint64_t until_ns)
{
	uint64_t now = clock_monotonic_ns();
	uint64_t ms = until_ns > now
			      ? (until_ns - now + NS_PER_MS - 1) / NS_PER_MS
			      : 0;

	uv_update_time(&p->uv);
	p->timed_out = false;
	if (until_ns != PACE_FOR_EVER)
		uv_timer_start(&p->timer, on_timer, ms, 0);
}

static void run(struct pace *p)
{
	while (!p->interrupted && !p->timed_out && !p->ready && !p->gone)
		uv_run(&p->uv, UV_RUN_DEFAULT);
	uv_timer_stop(&p->timer);
}

static int run_with(struct pace *p, int fd, bool writes, struct error *err)
{
	uv_poll_t poll;
	bool closed = false;
	int rc = uv_poll_init(&p->uv, &poll, fd);

	if (rc < 0)
		return error_set(err, ERROR_SYSTEM, "cannot wait for bytes: %s",
				 uv_strerror(rc));
	poll.data = p;
	uv_poll_start(&poll, writes ? UV_WRITABLE : UV_READABLE, on_poll);
	run(p);
	poll.data = &closed;
	uv_close((uv_handle_t *)&poll, on_poll_closed);
	while (!closed)
		uv_run(&p->uv, UV_RUN_NOWAIT);
	return 0;
}

int pace_wait(struct pace *p, int fd, bool writes, uint64_t until_ns,
	      enum pace_event *event, struct error *err)
{
	p->ready = false;
	set_timer(p, until_ns);
	if (fd < 0)
		run(p);
	else if (run_with(p, fd, writes, err) < 0)
		return -1;
	if (p->interrupted)
		return error_set(err, ERROR_INTERRUPTED, "interrupted");
	*event = p->gone ? PACE_GONE : p->ready ? PACE_READY : PACE_TIME;
	return 0;
}

/* -- the process ----------------------------------------------------------- */

static void on_exit_of_process(uv_process_t *process, int64_t status,
			       int number)
{
	struct pace *p = process->data;

	p->runs = false;
	p->gone = true;
	p->status = number ? 128 + number : (int)status;
	uv_stop(&p->uv);
}

int pace_start(struct pace *p, char **arguments, struct error *err)
{
	uv_stdio_container_t stdio[] = {
		{.flags = UV_INHERIT_FD, .data.fd = 0},
		{.flags = UV_INHERIT_FD, .data.fd = 1},
		{.flags = UV_INHERIT_FD, .data.fd = 2},
	};
	uv_process_options_t options = {
		.exit_cb = on_exit_of_process,
		.file = arguments[0],
		.args = arguments,
		.stdio = stdio,
		.stdio_count = array_size(stdio),
	};
	int rc = uv_spawn(&p->uv, &p->process, &options);

	p->process.data = p;
	p->runs = rc == 0;
	if (rc < 0)
		return error_set(err, ERROR_SYSTEM, "cannot start '%s': %s",
				 arguments[0], uv_strerror(rc));
	return 0;
}

void pace_end_process(struct pace *p, uint64_t ms)
{
	if (!p->runs)
		return;
	uv_process_kill(&p->process, SIGTERM);
	p->interrupted = false;
	p->ready = false;
	set_timer(p, clock_monotonic_ns() + ms * NS_PER_MS);
	run(p);
}

int pace_status(const struct pace *p)
{
	return p->status;
}
