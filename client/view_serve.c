/*
 * Offering a display on this machine: the listener, the viewers' connections, and
 * the spare stream (view_private.h). The spare is opened before anybody connects,
 * so that a refusal is told at once and the display's end is noticed while no
 * viewer is there; the first connection takes it over.
 *
 * What always holds: on a port there is one connection at a time, and while it
 * is there nobody listens.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "client/local.h"
#include "client/view_private.h"

void view_fail(struct view *v, struct error *why)
{
	if (error_is_set(&v->why))
		error_clear(why);
	else
		error_move(&v->why, why);
	channel_stop(v->channel);
}

void view_on_handle_closed(uv_handle_t *handle)
{
	struct view *v = handle->data;

	if (--v->handles == 0 && v->closing)
		free(v);
}

/* -- streams --------------------------------------------------------------- */

static void await_spare(struct view *v);

static void free_link(struct view_link *link)
{
	list_remove(&link->node);
	if (link->view->spare == link)
		link->view->spare = NULL;
	free(link);
}

static void on_open(void *context, struct h2_stream *s)
{
	struct view_link *link = context;
	struct view *v = link->view;
	autoerror why = {0};

	if (!v->domain.name &&
	    console_domain_read(&v->domain, s, call_argument(v->call, 0),
				&why) < 0)
		view_fail(v, &why);
	channel_stop(v->channel);
}

static int start_listening(struct view *v, struct error *err);

/* On a port, the next one may come; on a socket they could all the time. */
static void listen_again(struct view *v)
{
	autoerror why = {0};

	if (!v->viewer && v->listener < 0 && v->port &&
	    start_listening(v, &why) < 0)
		view_fail(v, &why);
}

static void note_end(struct view *v, const struct splice_end *end)
{
	autoerror why = {0};

	if (end->reason == SPLICE_FAR_END)
		v->ended = true;
	if (end->reason == SPLICE_REFUSED || end->reason == SPLICE_BROKEN) {
		error_set(&why, end->why.code, "%s", error_words(&end->why));
		view_fail(v, &why);
	} else if (end->reason == SPLICE_FAILED) {
		log_warning(call_log(v->call), "a viewer's connection: %s",
			    error_words(&end->why));
	}
	channel_stop(v->channel);
}

static void on_done(void *context, const struct splice_end *end)
{
	struct view_link *link = context;
	struct view *v = link->view;

	free_link(link);
	note_end(v, end);
	if (v->closing || error_is_set(&v->why))
		return;
	listen_again(v);
	if (!v->viewer && list_empty(&v->links))
		await_spare(v);
}

static int new_link(struct view *v, struct view_link **result,
		    struct error *err)
{
	static const struct splice_events events = {
		.on_open = on_open,
		.on_done = on_done,
	};
	struct view_link *link = calloc(1, sizeof(*link));
	struct splice_options options = {
		.channel = v->channel,
		.path = v->path,
		.events = &events,
		.context = link,
		.quiet_ms = VIEW_LINGER_MS,
	};

	if (!link)
		return error_set_no_memory(err);
	link->view = v;
	if (splice_new(&link->splice, &options, err) < 0) {
		free(link);
		return -1;
	}
	list_append(&v->links, &link->node);
	*result = link;
	return 0;
}

static void on_again(uv_timer_t *timer)
{
	struct view *v = timer->data;
	autoerror why = {0};

	if (!v->closing && list_empty(&v->links) &&
	    new_link(v, &v->spare, &why) < 0)
		view_fail(v, &why);
}

/* Not at once: a display that ends each stream would keep us busy. */
static void await_spare(struct view *v)
{
	uv_timer_start(&v->again, on_again, VIEW_AGAIN_MS, 0);
}

int view_open_first(struct view *v, struct error *err)
{
	if (new_link(v, &v->spare, err) < 0)
		return -1;
	while (!v->domain.name && !error_is_set(&v->why) && !v->ended)
		if (channel_run(v->channel, err) < 0 && !error_is_set(&v->why))
			return -1;
	if (error_is_set(&v->why)) {
		error_clear(err);
		return error_move(err, &v->why);
	}
	return 0;
}

/* -- connections ----------------------------------------------------------- */

static void stop_listening(struct view *v)
{
	if (v->listener < 0)
		return;
	uv_close((uv_handle_t *)&v->poll, view_on_handle_closed);
	close(steal_fd(&v->listener));
}

/* FD is taken. */
static void connect_viewer(struct view *v, int fd)
{
	struct view_link *link = v->spare;
	autoerror why = {0};

	if (!link && new_link(v, &link, &why) < 0) {
		close(fd);
		view_fail(v, &why);
		return;
	}
	v->spare = NULL;
	v->connected = true;
	if (splice_attach(link->splice, fd, fd, true, &why) < 0)
		log_warning(call_log(v->call), "a viewer's connection: %s",
			    error_words(&why));
	if (v->port)
		stop_listening(v);
}

static void on_listener(uv_poll_t *poll, int status, int events)
{
	struct view *v = poll->data;
	int fd = -1;

	while (v->listener >= 0 &&
	       local_accept(v->listener, call_log(v->call), &fd))
		connect_viewer(v, fd);
}

/* -- where ----------------------------------------------------------------- */

/* FOLDER/DOMAIN-PID.SUFFIX, to free(). */
static char *file_name(const struct view *v, const char *folder,
		       const char *suffix)
{
	autofree char *domain = channel_escape(v->domain.name);
	autobuf path = {0};

	if (!domain)
		return NULL;
	buf_appendf(&path, "%s/%.*s-%ld.%s", folder, VIEW_NAME_MAX, domain,
		    (long)getpid(), suffix);
	return buf_steal_str(&path);
}

static int name_file(const struct view *v, char **file, const char *suffix,
		     struct error *err)
{
	autofree char *folder = NULL;

	if (local_folder(&folder, err) < 0)
		return -1;
	*file = file_name(v, folder, suffix);
	return *file ? 0 : error_set_no_memory(err);
}

/* Below the runtime folder, where that path is short enough for a socket. */
static int name_socket(struct view *v, struct error *err)
{
	if (name_file(v, &v->socket, "vnc", NULL) == 0 && local_fits(v->socket))
		return 0;
	free(steal(&v->socket));
	if (local_temporary(&v->folder, err) < 0)
		return -1;
	v->socket = file_name(v, v->folder, "vnc");
	return v->socket ? 0 : error_set_no_memory(err);
}

static int write_file(struct view *v, struct error *err)
{
	const struct viewer_display display = {.domain = v->domain.name,
					       .port = v->port};
	autofree char *file = NULL;
	autobuf text = {0};

	if (viewer_file_text(&display, &text) < 0)
		return error_set_no_memory(err);
	if (name_file(v, &file, "vv", err) < 0 ||
	    file_write_atomic(file, buf_bytes(&text), text.len, 0600, err) < 0)
		return -1;
	v->file = steal(&file);
	return 0;
}

static int start_listening(struct view *v, struct error *err)
{
	int rc;

	if (v->way == VIEWER_SOCKET)
		rc = local_listen(&v->listener, v->socket, VIEW_BACKLOG, err);
	else
		rc = local_listen_port(&v->listener, &v->port, VIEW_BACKLOG,
				       err);
	if (rc < 0)
		return -1;
	rc = uv_poll_init(channel_loop(v->channel), &v->poll, v->listener);
	if (rc < 0) {
		close(steal_fd(&v->listener));
		return error_set(err, ERROR_SYSTEM, "cannot listen: %s",
				 uv_strerror(rc));
	}
	v->poll.data = v;
	v->handles++;
	uv_poll_start(&v->poll, UV_READABLE, on_listener);
	return 0;
}

int view_listen(struct view *v, const char *socket, unsigned port,
		struct error *err)
{
	v->port = port;
	if (v->way == VIEWER_SOCKET && socket) {
		v->socket = strdup(socket);
		if (!v->socket)
			return error_set_no_memory(err);
	} else if (v->way == VIEWER_SOCKET && name_socket(v, err) < 0) {
		return -1;
	}
	if (start_listening(v, err) < 0) {
		free(steal(&v->socket)); /* it is not ours to remove */
		return -1;
	}
	return v->way == VIEWER_FILE ? write_file(v, err) : 0;
}

void view_stop(struct view *v)
{
	stop_listening(v);
	list_for_each_safe (node, &v->links) {
		struct view_link *link =
			list_entry(node, struct view_link, node);

		splice_free(link->splice);
		free_link(link);
	}
	if (v->socket)
		unlink(v->socket);
	if (v->file)
		unlink(v->file);
	if (v->folder)
		rmdir(v->folder);
}
