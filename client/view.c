/*
 * The verb `view`: offers a domain's display on a socket of this machine, starts
 * the user's viewer on it where there is one, and waits: for the viewer, or for
 * Ctrl-C, or for the display's end.
 *
 * What always holds: only this user can connect; what was made (socket, .vv file)
 * is removed on every way out; display bytes pass unchanged.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "client/output.h"
#include "client/connect/profile.h"
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
	if (v->spice)
		output_say(o, "Show it with: remote-viewer 'spice+unix://%s'",
			   v->socket);
	else
		output_say(o, "Show it with TigerVNC: vncviewer '%s'",
			   v->socket);
	output_say(o, "Ctrl-C ends it.");
}

static void tell_port(const struct view *v, struct output *o)
{
	output_say(o,
		   "The display of domain '%s' is offered on port %u of "
		   "127.0.0.1, to you alone",
		   v->domain.name, v->port);
	if (v->spice)
		output_say(o,
			   "Show it with: remote-viewer spice://127.0.0.1:%u",
			   v->port);
	else
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
	if (v->paused && v->asked && view_resume(v, err) < 0)
		return -1;
	if (v->viewer)
		return act_beside_viewer(v, err);
	if (!error_is_set(&v->why))
		return 1;
	if (!has_stopped(v))
		return error_move(err, &v->why);
	tell_end(v);
	return 0;
}

/* What came while act() itself ran the loop is not waited for. */
static bool has_news(const struct view *v)
{
	return v->gone || (v->viewer && v->ended) || error_is_set(&v->why) ||
	       (v->paused && v->asked);
}

static int wait_for_end(struct view *v, struct error *err)
{
	int rc = act(v, err);

	while (rc > 0) {
		if (!has_news(v) && channel_run(v->channel, err) < 0)
			return -1;
		rc = act(v, err);
	}
	return rc;
}

/* -- coming back ----------------------------------------------------------- */

/*
 * Whether the display was lost, and not left: the end that the host has told comes
 * before that of the viewer, which follows from it.
 */
static bool was_lost(const struct view *v)
{
	const struct error *why = &v->why;

	if (error_is_set(why))
		return means_stopped(why) || error_code_may_retry(why->code);
	return v->viewer && v->ended;
}

static int wait_for_loss(struct view *v, struct error *err)
{
	autoerror why = {0};

	while (!was_lost(v)) {
		/* A guest that is just ending is refused in all sorts of words. */
		if (!v->gone && error_is_set(&v->why) && has_stopped(v))
			return 1;
		if (v->gone || error_is_set(&v->why) ||
		    (v->paused && v->asked)) {
			int rc = act(v, err);

			if (rc <= 0)
				return rc;
		}
		if (channel_run(v->channel, &why) < 0 && !was_lost(v)) {
			error_move(&v->why, &why);
			if (!was_lost(v))
				return error_move(err, &v->why);
		}
	}
	return 1;
}

static void tell_loss(struct view *v)
{
	const char *why = error_is_set(&v->why) && !means_stopped(&v->why)
				  ? error_words(&v->why)
				  : "it was closed on the host";

	if (!call_flag(v->call, "quiet"))
		fprintf(stderr,
			"The display of domain '%s' was lost: %s. Waiting for "
			"it; Ctrl-C ends that.\n",
			v->domain.name, why);
}

/* A viewer whose connection has ended shows no other one: it is started anew. */
static int begin_again(struct view *v, struct error *err)
{
	view_suspend(v);
	if (view_come_back(v, err) < 0)
		return -1;
	view_end_viewer(v);
	if (view_go_on(v, err) < 0)
		return -1;
	v->gone = false;
	if (!call_flag(v->call, "quiet"))
		fprintf(stderr, "The display of domain '%s' is back\n",
			v->domain.name);
	return v->viewer ? view_start_viewer(v, err) : 0;
}

static int serve(struct view *v, struct error *err)
{
	int rc;

	if (!v->reconnect)
		return wait_for_end(v, err);
	while ((rc = wait_for_loss(v, err)) > 0) {
		tell_loss(v);
		if (begin_again(v, err) < 0)
			return -1;
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

/* The result, which was RC, with regard to the recordings. */
static int close_view(struct view *v, int rc, struct error *err)
{
	v->closing = true;
	view_stop(v);
	rc = view_conclude_recording(v, rc, err);
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
	return rc;
}

/* -- what was asked for ---------------------------------------------------- */

/*
 * The viewer that was asked for, or configured. *ANY: one is to be found, once it
 * is known what it has to show; none is where an address was asked for.
 */
static int choose_viewer(struct view *v, bool *any, struct error *err)
{
	struct viewer_world world = viewer_world_here();
	const char *command = call_text(v->call, "viewer", NULL);
	const struct profile *profile = NULL;

	*any = false;
	if (call_flag(v->call, "no-viewer"))
		return 0;
	if (!command &&
	    (call_given(v->call, "socket") || call_given(v->call, "port")))
		return 0;
	if (call_profile(v->call, &profile, err) < 0)
		return -1;
	if (!command)
		command = profile->viewer;
	*any = !command;
	if (!command)
		return 0;
	return viewer_choose(&v->viewer, command, false, &world, err);
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

/* What it is to be is known now: VNC or SPICE. */
static int fit_viewer(struct view *v, bool any, struct error *err)
{
	struct viewer_world world = viewer_world_here();

	if (v->spice && v->rules.read_only)
		return error_set(
			err, ERROR_UNSUPPORTED,
			"the display of domain '%s' is SPICE, of which "
			"--read-only cannot keep the keys from the "
			"guest: leave it out, or give the domain a VNC "
			"display; \"virtmux screenshot\" only looks",
			v->domain.name);
	if (any && viewer_choose(&v->viewer, NULL, v->spice, &world, err) < 0)
		return -1;
	if (any && choose_way(v, err) < 0)
		return -1;
	if (v->viewer && !viewer_shows(v->viewer, v->spice))
		return error_set(err, ERROR_USAGE,
				 "the display of domain '%s' is SPICE, which "
				 "the viewer '%s' does not show: take "
				 "remote-viewer, or --display for another "
				 "display",
				 v->domain.name, viewer_program(v->viewer));
	return 0;
}

static int show(struct view *v, bool any, struct error *err)
{
	if (v->reconnect)
		call_keep_key(v->call);
	if (call_channel(v->call, &v->channel, err) < 0)
		return -1;
	uv_timer_init(channel_loop(v->channel), &v->again);
	v->again.data = v;
	v->handles++;
	if (view_await(v, err) < 0 || view_open_first(v, err) < 0 ||
	    fit_viewer(v, any, err) < 0 ||
	    view_listen(v, call_text(v->call, "socket", NULL),
			(unsigned)call_number(v->call, "port", 0), err) < 0)
		return -1;
	call_begun(v->call);
	if (!v->viewer)
		tell_where(v);
	else if (view_start_viewer(v, err) < 0)
		return -1;
	return serve(v, err);
}

static int prepare(struct view *v, bool *any, struct error *err)
{
	int64_t screen = call_number(v->call, "index", 0);

	screen = call_number(v->call, "screen", screen);
	v->screen = (unsigned)call_number(v->call, "display", screen);
	v->reconnect = call_flag(v->call, "reconnect");
	v->rules.read_only = call_flag(v->call, "read-only");
	/* Two that come back again and again must not put each other out. */
	v->rules.shared = call_flag(v->call, "shared") || v->reconnect;
	if (choose_viewer(v, any, err) < 0)
		return -1;
	return choose_way(v, err);
}

/*
 * A guest that we have paused is not left so, silently: it was to be started, and
 * whoever wants it paused says so by "virtmux start --paused".
 */
static void resume_anyway(struct view *v)
{
	autoerror why = {0};

	if (!v->paused)
		return;
	if (view_resume(v, &why) < 0)
		fprintf(stderr,
			"virtmux: domain '%s' was started and is still paused "
			"(%s): \"virtmux resume\" lets it run\n",
			call_argument(v->call, 0), error_words(&why));
	else
		fprintf(stderr,
			"virtmux: domain '%s' was started and runs, though no "
			"viewer came\n",
			call_argument(v->call, 0));
}

int verb_view(struct command_call *call, struct error *err)
{
	struct view *v = new_view(call);
	bool any = false;
	int rc;

	if (!v)
		return error_set_no_memory(err);
	rc = prepare(v, &any, err);
	if (rc == 0)
		rc = view_prepare_recording(v, err);
	if (rc == 0)
		rc = show(v, any, err);
	if (v->channel)
		resume_anyway(v);
	view_leave_viewer(v, rc < 0 && err->code == ERROR_INTERRUPTED);
	return close_view(v, rc, err);
}
