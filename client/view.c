/*
 * The verb `view`: offers a domain's display on a socket of this machine, starts
 * the user's viewer on it where there is one, and waits: for the viewer, or for
 * Ctrl-C, or for the display's end.
 *
 * What always holds: only this user can connect; what was made (socket, .vv file)
 * is removed on every way out; display bytes pass unchanged.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "client/output.h"
#include "client/profile.h"
#include "client/verbs.h"
#include "client/view_private.h"

/* -- words ----------------------------------------------------------------- */

static void tell_json(const struct view *v)
{
	autojson o = json_object_new_object();

	json_object_object_add(o, "domain",
			       json_object_new_string(v->domain.name));
	json_object_object_add(o, "kind",
			       json_object_new_string(v->domain.kind));
	if (v->socket) {
		json_object_object_add(o, "socket",
				       json_object_new_string(v->socket));
	} else {
		json_object_object_add(o, "host",
				       json_object_new_string("127.0.0.1"));
		json_object_object_add(o, "port",
				       json_object_new_int64(v->port));
	}
	output_json(call_output(v->call), o, NULL);
}

/* How to connect, for a person or a script, at once. */
static void tell_socket(const struct view *v, struct output *o)
{
	output_say(o, "The display of domain '%s' is offered on %s",
		   v->domain.name, v->socket);
	output_say(o, "Show it with TigerVNC: vncviewer '%s'", v->socket);
	output_say(o, "Ctrl-C ends it.");
}

static void tell_port(const struct view *v, struct output *o)
{
	output_say(o,
		   "The display of domain '%s' is offered on port %u of "
		   "127.0.0.1, to you alone",
		   v->domain.name, v->port);
	output_say(o, "Show it with: vncviewer 127.0.0.1::%u", v->port);
	output_say(o, "Ctrl-C ends it.");
}

static void tell_where(const struct view *v)
{
	struct output *o = call_output(v->call);

	if (!output_is_text(o))
		tell_json(v);
	else if (v->socket)
		tell_socket(v, o);
	else
		tell_port(v, o);
	fflush(output_file(o));
}

static void tell_end(struct view *v)
{
	autofree char *words =
		console_explain_end(v->channel, &v->domain, "display");

	if (words && !call_flag(v->call, "quiet"))
		fprintf(stderr, "%s\n", words);
}

/* -- the viewer ------------------------------------------------------------ */

static void on_exit_of_viewer(uv_process_t *process, int64_t status, int number)
{
	struct view *v = process->data;

	v->running = false;
	v->gone = true;
	v->status = (int)status;
	v->signalled = number;
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
	int rc = uv_spawn(channel_loop(v->channel), &v->process, &options);

	v->process.data = v;
	v->handles++;
	if (rc < 0)
		return error_set(err, ERROR_SYSTEM,
				 "cannot start the viewer '%s': %s",
				 arguments[0], uv_strerror(rc));
	v->running = true;
	return 0;
}

static int start_viewer(struct view *v, struct error *err)
{
	const struct viewer_display display = {
		.domain = v->domain.name,
		.socket = v->socket,
		.port = v->port,
		.file = v->file,
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

/* A viewer that was never connected has failed, if it says so. */
static int judge_viewer(const struct view *v, struct error *err)
{
	if (v->connected || (!v->status && !v->signalled))
		return 0;
	if (v->signalled)
		return error_set(err, ERROR_FAILED,
				 "the viewer '%s' was ended by signal %d",
				 viewer_program(v->viewer), v->signalled);
	return error_set(err, ERROR_FAILED,
			 "the viewer '%s' ended with status %d before it was "
			 "connected; --no-viewer offers the display to any "
			 "other",
			 viewer_program(v->viewer), v->status);
}

/* -- waiting --------------------------------------------------------------- */

/* Whether the host's no means that there is nothing to be shown any more. */
static bool means_stopped(const struct error *why)
{
	return why->code == ERROR_STATE || why->code == ERROR_NOT_FOUND;
}

/*
 * A display that was shown and cannot be opened again: the host may still be
 * ending the guest, and then it finds all sorts of words for that.
 */
static bool has_stopped(struct view *v)
{
	return means_stopped(&v->why) ||
	       console_has_stopped(v->channel, &v->domain);
}

/* The viewer ends by itself: it may have a last word to show. */
static int act_beside_viewer(struct view *v, struct error *err)
{
	bool ended = v->ended;

	v->ended = false;
	if (v->gone)
		return judge_viewer(v, err);
	if (ended)
		tell_end(v);
	if (error_is_set(&v->why) && !means_stopped(&v->why))
		return error_move(err, &v->why);
	error_clear(&v->why);
	return 1;
}

/* 1: go on waiting. 0 or -1: the verb's result. */
static int act(struct view *v, struct error *err)
{
	if (v->viewer)
		return act_beside_viewer(v, err);
	if (!error_is_set(&v->why))
		return 1;
	if (!has_stopped(v))
		return error_move(err, &v->why);
	tell_end(v);
	return 0;
}

static int wait_for_end(struct view *v, struct error *err)
{
	int rc = act(v, err);

	while (rc > 0) {
		if (channel_run(v->channel, err) < 0)
			return -1;
		rc = act(v, err);
	}
	return rc;
}

/* -- begin and end --------------------------------------------------------- */

static struct view *new_view(struct command_call *call)
{
	struct view *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->call = call;
	v->listener = -1;
	list_init(&v->links);
	return v;
}

static void close_view(struct view *v)
{
	v->closing = true;
	view_stop(v);
	if (v->process.data)
		uv_close((uv_handle_t *)&v->process, view_on_handle_closed);
	if (v->again.data)
		uv_close((uv_handle_t *)&v->again, view_on_handle_closed);
	viewer_free(v->viewer);
	console_domain_clear(&v->domain);
	error_clear(&v->why);
	free(v->path);
	free(v->socket);
	free(v->file);
	free(v->folder);
	if (v->handles == 0)
		free(v);
}

static int show(struct view *v, const char *socket, unsigned port,
		struct error *err)
{
	if (call_channel(v->call, &v->channel, err) < 0)
		return -1;
	uv_timer_init(channel_loop(v->channel), &v->again);
	v->again.data = v;
	v->handles++;
	if (view_open_first(v, err) < 0)
		return -1;
	if (strcmp(v->domain.kind, "spice") == 0)
		return error_set(err, ERROR_UNSUPPORTED,
				 "the display of domain '%s' is SPICE, which "
				 "view does not show yet; \"virtmux "
				 "screenshot\" takes a picture",
				 v->domain.name);
	if (view_listen(v, socket, port, err) < 0)
		return -1;
	if (!v->viewer)
		tell_where(v);
	else if (start_viewer(v, err) < 0)
		return -1;
	return wait_for_end(v, err);
}

/* -- what was asked for ---------------------------------------------------- */

/* The viewer to start: asked for, configured, or found; none with --socket. */
static int choose_viewer(struct view *v, struct error *err)
{
	struct viewer_world world = viewer_world_here();
	const char *command = call_text(v->call, "viewer", NULL);
	const struct profile *profile = NULL;

	if (call_flag(v->call, "no-viewer"))
		return 0;
	if (!command &&
	    (call_given(v->call, "socket") || call_given(v->call, "port")))
		return 0;
	if (call_profile(v->call, &profile, err) < 0)
		return -1;
	if (!command)
		command = profile->viewer;
	return viewer_choose(&v->viewer, command, &world, err);
}

/* How it is offered: as the viewer needs it, and as the user has said. */
static int choose_way(struct view *v, struct error *err)
{
	bool socket = call_given(v->call, "socket");
	bool port = call_given(v->call, "port");

	if (socket && port)
		return error_set(err, ERROR_USAGE,
				 "--socket and --port exclude each other");
	v->way = port ? VIEWER_PORT : VIEWER_SOCKET;
	if (!v->viewer)
		return 0;
	v->way = viewer_way(v->viewer);
	if ((socket && v->way != VIEWER_SOCKET) ||
	    (port && v->way == VIEWER_SOCKET))
		return error_set(err, ERROR_USAGE, "the viewer '%s' takes %s",
				 viewer_program(v->viewer),
				 socket ? "a port, no socket"
					: "a socket, no port");
	return 0;
}

static int prepare(struct view *v, struct error *err)
{
	int64_t screen = call_number(v->call, "index", 0);

	screen = call_number(v->call, "screen", screen);
	v->path = console_path(call_argument(v->call, 0), "graphics",
			       (unsigned)screen, false);
	if (!v->path)
		return error_set_no_memory(err);
	if (choose_viewer(v, err) < 0)
		return -1;
	return choose_way(v, err);
}

int verb_view(struct command_call *call, struct error *err)
{
	struct view *v = new_view(call);
	int rc;

	if (!v)
		return error_set_no_memory(err);
	rc = prepare(v, err);
	if (rc == 0)
		rc = show(v, call_text(call, "socket", NULL),
			  (unsigned)call_number(call, "port", 0), err);
	if (v->running && err->code == ERROR_INTERRUPTED)
		uv_process_kill(&v->process, SIGTERM);
	close_view(v);
	return rc;
}
