/*
 * The viewer's process, as view started it (view_private.h): its arguments, its end,
 * and how it is ended. One after another, where the display comes back.
 *
 * What always holds: a process is waited for by the loop also when nobody is
 * interested in its end any more.
 */
#include <signal.h>
#include <stdlib.h>

#include "client/view_private.h"

struct view_process {
	uv_process_t handle;
	struct view *view;
	uv_timer_t timer;
	unsigned handles;
};

static void on_closed(uv_handle_t *handle)
{
	struct view_process *p = handle->data;
	struct view *v = p->view;

	if (--p->handles > 0)
		return;
	free(p);
	view_let_go(v);
}

static void close_process(struct view_process *p)
{
	uv_close((uv_handle_t *)&p->handle, on_closed);
	uv_close((uv_handle_t *)&p->timer, on_closed);
}

static void on_exit_of_viewer(uv_process_t *handle, int64_t status, int number)
{
	struct view_process *p = handle->data;
	struct view *v = p->view;

	v->process = NULL;
	v->gone = true;
	v->status = (int)status;
	v->signalled = number;
	close_process(p);
	if (!v->closing)
		channel_stop(v->channel);
}

static int spawn(struct view *v, char **arguments, struct error *err)
{
	uv_stdio_container_t stdio[] = {
		{.flags = UV_INHERIT_FD, .data.fd = 0},
		{.flags = UV_INHERIT_FD, .data.fd = 1},
		{.flags = UV_INHERIT_FD, .data.fd = 2},
	};
	uv_process_options_t options = {
		.exit_cb = on_exit_of_viewer,
		.file = arguments[0],
		.args = arguments,
		.stdio = stdio,
		.stdio_count = array_size(stdio),
	};
	struct view_process *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return error_set_no_memory(err);
	p->view = v;
	p->handles = 2;
	v->handles++;
	uv_timer_init(channel_loop(v->channel), &p->timer);
	p->timer.data = p;
	rc = uv_spawn(channel_loop(v->channel), &p->handle, &options);
	p->handle.data = p;
	if (rc < 0) {
		close_process(p);
		return error_set(err, ERROR_SYSTEM,
				 "cannot start the viewer '%s': %s",
				 arguments[0], uv_strerror(rc));
	}
	v->process = p;
	v->gone = false;
	return 0;
}

int view_start_viewer(struct view *v, struct error *err)
{
	const struct viewer_display display = {
		.domain = v->domain.name,
		.socket = v->socket,
		.port = v->port,
		.file = v->file,
		.spice = v->spice,
	};
	char **arguments = NULL;
	int rc;

	if (viewer_arguments(v->viewer, &display, &arguments, err) < 0)
		return -1;
	log_info(call_log(v->call), "starting %s", arguments[0]);
	rc = spawn(v, arguments, err);
	viewer_free_arguments(arguments);
	return rc;
}

static void on_patience_over(uv_timer_t *timer)
{
	struct view_process *p = timer->data;

	uv_process_kill(&p->handle, SIGKILL);
}

void view_end_viewer(struct view *v)
{
	struct view_process *p = v->process;

	if (!p)
		return;
	uv_process_kill(&p->handle, SIGTERM);
	uv_timer_start(&p->timer, on_patience_over, VIEW_KILL_MS, 0);
	while (v->process && channel_run(v->channel, NULL) == 0)
		continue;
	view_leave_viewer(v, true);
}

void view_leave_viewer(struct view *v, bool with_us)
{
	struct view_process *p = v->process;

	if (!p)
		return;
	if (with_us)
		uv_process_kill(&p->handle, SIGTERM);
	v->process = NULL;
	close_process(p);
}
