/*
 * Offering a display on this machine: the listener, the viewers' connections, and
 * the spare stream (view_private.h). The spare is opened before anybody connects,
 * so that a refusal is told at once and the display's end is noticed while no
 * viewer is there; the first connection takes it over.
 *
 * What always holds: a VNC display on a port has one connection at a time, and while
 * it is there nobody listens; all streams are of one run of the domain.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "client/connect/local.h"
#include "client/view_private.h"

void view_fail(struct view *v, struct error *why)
{
	if (error_is_set(&v->why))
		error_clear(why);
	else
		error_move(&v->why, why);
	channel_stop(v->channel);
}

void view_let_go(struct view *v)
{
	if (--v->handles == 0 && v->closing)
		free(v);
}

void view_on_handle_closed(uv_handle_t *handle)
{
	view_let_go(handle->data);
}

/* -- streams --------------------------------------------------------------- */

static void await_spare(struct view *v);

static void free_link(struct view_link *link)
{
	view_end_recording(link);
	list_remove(&link->node);
	if (link->view->spare == link)
		link->view->spare = NULL;
	free(link);
}

/* RUN: only of that run of the domain; NULL: of any. */
static int set_path(struct view *v, const char *domain, const char *run)
{
	autofree char *path =
		console_path(domain, "graphics", v->screen, false);
	autofree char *escaped = run ? channel_escape(run) : NULL;
	autobuf text = {0};

	if (!path || (run && !escaped))
		return -1;
	buf_append_str(&text, path);
	if (run)
		buf_appendf(&text, "?run=%s", escaped);
	free(v->path);
	v->path = buf_steal_str(&text);
	return v->path ? 0 : -1;
}

/* From here on it is this very domain, and this run of it. */
static int take_answer(struct view *v, struct h2_stream *s, struct error *err)
{
	const char *run = h2_stream_header(s, "virtmux-domain-run");

	if (console_domain_read(&v->domain, s, call_argument(v->call, 0), err) <
	    0)
		return -1;
	if (set_path(v, v->domain.uuid, run) < 0)
		return error_set_no_memory(err);
	v->spice = strcmp(v->domain.kind, "spice") == 0;
	if (h2_stream_header(s, "virtmux-recorded") &&
	    !call_flag(v->call, "quiet"))
		fprintf(stderr, "This display is recorded by the host, with "
				"all that is typed\n");
	v->opened = true;
	return 0;
}

static void on_open(void *context, struct h2_stream *s)
{
	struct view_link *link = context;
	struct view *v = link->view;
	autoerror why = {0};

	if (!v->opened && take_answer(v, s, &why) < 0)
		view_fail(v, &why);
	channel_stop(v->channel);
}

/*
 * SPICE: a channel begins with "REDQ", two versions and a size, the session's number,
 * and its type. That of the display is asked for behind the main one.
 */
static void look_at_spice(struct view_link *link, const uint8_t *data, size_t n)
{
	enum { TYPE_AT = 20, TYPE_DISPLAY = 2 };
	size_t room = sizeof(link->spice) - link->spice_len;

	n = n < room ? n : room;
	memcpy(link->spice + link->spice_len, data, n);
	link->spice_len += n;
	if (link->spice_len == sizeof(link->spice) &&
	    link->spice[TYPE_AT] == TYPE_DISPLAY)
		link->view->asked = true;
}

static void look_at_vnc(struct view_link *link, const uint8_t *data, size_t n,
			struct buf *out)
{
	autoerror why = {0};

	if (rfb_filter_feed(&link->filter, data, n, out, &why) < 0)
		view_fail(link->view, &why);
	if (link->filter.asked)
		link->view->asked = true;
}

/* What the viewer has said. */
static void filter(void *context, const uint8_t *data, size_t n, bool end,
		   struct buf *out)
{
	struct view_link *link = context;
	struct view *v = link->view;
	bool had_asked = v->asked;

	if (v->spice) {
		look_at_spice(link, data, n);
		buf_append(out, data, n);
	} else {
		look_at_vnc(link, data, n, out);
	}
	if (v->asked && !had_asked)
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

	/* A channel of SPICE may end alone; with the last one all is over. */
	if (end->reason == SPLICE_FAR_END &&
	    (!v->spice || list_empty(&v->links)))
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

static void on_passed(void *context, bool to_host, const uint8_t *data,
		      size_t n)
{
	view_record(context, to_host, data, n);
}

static int new_link(struct view *v, struct view_link **result,
		    struct error *err)
{
	static const struct splice_events events = {
		.on_open = on_open,
		.filter = filter,
		.on_passed = on_passed,
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
	link->filter = v->rules;
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
	const char *domain =
		v->domain.uuid ? v->domain.uuid : call_argument(v->call, 0);

	v->opened = false;
	v->ended = false;
	error_clear(&v->why);
	if (set_path(v, domain, NULL) < 0)
		return error_set_no_memory(err);
	if (new_link(v, &v->spare, err) < 0)
		return -1;
	while (!v->opened && !error_is_set(&v->why) && !v->ended)
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
	if (view_begin_recording(link, &why) < 0)
		view_fail(v, &why);
	if (splice_attach(link->splice, fd, fd, true, &why) < 0)
		log_warning(call_log(v->call), "a viewer's connection: %s",
			    error_words(&why));
	/* Further channels of SPICE come behind the first. */
	if (v->port && !v->spice)
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
	const char *suffix = v->spice ? "spice" : "vnc";

	if (name_file(v, &v->socket, suffix, NULL) == 0 &&
	    local_fits(v->socket))
		return 0;
	free(steal(&v->socket));
	if (local_temporary(&v->folder, err) < 0)
		return -1;
	v->socket = file_name(v, v->folder, suffix);
	return v->socket ? 0 : error_set_no_memory(err);
}

static int write_file(struct view *v, struct error *err)
{
	const struct viewer_display display = {.domain = v->domain.name,
					       .socket = v->socket,
					       .port = v->port,
					       .spice = v->spice};
	autofree char *file = NULL;
	autobuf text = {0};

	if (viewer_file_text(&display, &text) < 0)
		return error_set_no_memory(err);
	if (name_file(v, &file, "vv", err) < 0)
		return -1;
	if (v->file)
		unlink(v->file);
	free(steal(&v->file));
	if (file_write_atomic(file, buf_bytes(&text), text.len, 0600, err) < 0)
		return -1;
	v->file = steal(&file);
	return 0;
}

/* By a .vv file remote-viewer takes a socket for SPICE, and for VNC it does not. */
static bool uses_socket(const struct view *v)
{
	return v->way == VIEWER_SOCKET || (v->way == VIEWER_FILE && v->spice);
}

static int start_listening(struct view *v, struct error *err)
{
	int rc;

	if (uses_socket(v))
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
	if (uses_socket(v) && socket) {
		v->socket = strdup(socket);
		if (!v->socket)
			return error_set_no_memory(err);
	} else if (uses_socket(v) && name_socket(v, err) < 0) {
		return -1;
	}
	if (start_listening(v, err) < 0) {
		free(steal(&v->socket)); /* it is not ours to remove */
		return -1;
	}
	return v->way == VIEWER_FILE ? write_file(v, err) : 0;
}

static void end_links(struct view *v)
{
	list_for_each_safe (node, &v->links) {
		struct view_link *link =
			list_entry(node, struct view_link, node);

		splice_free(link->splice);
		free_link(link);
	}
}

void view_suspend(struct view *v)
{
	uv_timer_stop(&v->again);
	if (v->listener >= 0)
		uv_poll_stop(&v->poll);
	end_links(v);
}

int view_go_on(struct view *v, struct error *err)
{
	v->connected = false;
	if (v->listener >= 0)
		uv_poll_start(&v->poll, UV_READABLE, on_listener);
	else if (start_listening(v, err) < 0)
		return -1;
	return v->way == VIEWER_FILE ? write_file(v, err) : 0;
}

void view_stop(struct view *v)
{
	stop_listening(v);
	end_links(v);
	if (v->socket)
		unlink(v->socket);
	if (v->file)
		unlink(v->file);
	if (v->folder)
		rmdir(v->folder);
}
