/*
 * The session's process while it lives: connects to the host, listens, attaches
 * commands, and ends when nobody has used it for as long as the profile says, when
 * the host refuses it for good, by a signal, or when it is told to. That the host is
 * away does not end it (session_far.c).
 *
 * What always holds: the socket's file is there only while the session serves; it
 * goes before anything else ends, so that no command finds a session that is
 * going.
 */
#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "client/connect/channel_private.h"
#include "client/connect/deadline.h"
#include "client/connect/local.h"
#include "client/connect/profile.h"
#include "client/connect/session_private.h"
#include "wire/tls.h"

#define TO(state) (1u << (state))

static const unsigned transitions[SESSION_STATES] = {
	[SESSION_CONNECTING] = TO(SESSION_SERVING) | TO(SESSION_ENDING),
	[SESSION_SERVING] =
		TO(SESSION_AWAY) | TO(SESSION_DRAINING) | TO(SESSION_ENDING),
	[SESSION_AWAY] = TO(SESSION_SERVING) | TO(SESSION_ENDING),
	[SESSION_DRAINING] = TO(SESSION_ENDING),
	[SESSION_ENDING] = TO(SESSION_ENDED),
};

void session_set_state(struct session *s, enum session_state to)
{
	static const char names[SESSION_STATES][12] = {
		"connecting", "serving", "away", "draining", "ending", "ended"};
	bool allowed = transitions[s->state] & TO(to);

	(void)allowed;
	assert(allowed);
	log_debug(s->options->log, "session: %s -> %s", names[s->state],
		  names[to]);
	s->state = to;
}

/* -- the end --------------------------------------------------------------- */

static void close_handle(uv_handle_t *handle)
{
	if (handle->data && !uv_is_closing(handle))
		uv_close(handle, NULL);
}

/* Where somebody has put another one in its place, that one stays. */
static bool is_ours(const struct session *s)
{
	struct stat st;

	return lstat(s->path, &st) == 0 && st.st_ino == s->inode;
}

static void stop_listening(struct session *s)
{
	if (s->listener < 0)
		return;
	if (is_ours(s))
		unlink(s->path);
	close_handle((uv_handle_t *)&s->poll);
	close(steal_fd(&s->listener));
}

/* Nobody is left: the loop runs empty. */
static void finish(struct session *s)
{
	session_set_state(s, SESSION_ENDED);
	conn_loop_close(s->near_loop);
	conn_loop_close(s->far_loop);
	close_handle((uv_handle_t *)&s->turn);
	close_handle((uv_handle_t *)&s->awake);
	close_handle((uv_handle_t *)&s->timer);
	close_handle((uv_handle_t *)&s->retry);
	close_handle((uv_handle_t *)&s->doubt);
	close_handle((uv_handle_t *)&s->watch);
	close_handle((uv_handle_t *)&s->held_timer);
	for (size_t i = 0; i < SESSION_SIGNALS; i++)
		close_handle((uv_handle_t *)&s->signals[i]);
}

/* Commands get what is still on its way; they end with their streams. */
static void drain_clients(struct session *s)
{
	list_for_each_safe (node, &s->clients) {
		struct client *client = list_entry(node, struct client, node);

		conn_drain(client->conn, 0);
	}
}

/* A command that takes nothing, not even its end. */
static void on_drained_too_long(uv_timer_t *timer)
{
	struct session *s = timer->data;

	list_for_each_safe (node, &s->clients)
		conn_close(list_entry(node, struct client, node)->conn, NULL);
}

void session_stop(struct session *s)
{
	if (s->state >= SESSION_ENDING)
		return;
	stop_listening(s);
	session_set_state(s, SESSION_ENDING);
	far_end(s);
	forward_end_all(s);
	drain_clients(s);
	uv_timer_start(&s->timer, on_drained_too_long, SESSION_DRAIN_MS, 0);
	if (list_empty(&s->clients))
		finish(s);
}

/*
 * Commands do not find it any more; who looks after sessions does, by a name with its
 * process id in it.
 */
static void step_aside(struct session *s)
{
	autofree char *path = session_aside_path(s->path, getpid());

	if (!path || !is_ours(s) || !local_fits(path) ||
	    rename(s->path, path) < 0) {
		stop_listening(s);
		return;
	}
	free(s->path);
	s->path = steal(&path);
}

/* It takes no new streams; commands go elsewhere from now on. */
static void drain(struct session *s)
{
	if (s->state == SESSION_AWAY)
		session_stop(s);
	if (s->state != SESSION_SERVING)
		return;
	step_aside(s);
	uv_timer_stop(&s->timer);
	session_set_state(s, SESSION_DRAINING);
	drain_clients(s);
	if (list_empty(&s->clients))
		session_stop(s);
}

void session_lock(struct session *s)
{
	log_info(s->options->log, "the session forgets the key");
	tls_context_forget_key(s->tls);
	drain(s);
}

/* Those whose requests are held are answered; the others' connections say it. */
void session_refuse(struct session *s)
{
	log_info(s->options->log, "the session ends: %s", error_words(&s->why));
	forward_refuse_held(s, &s->why);
	if (s->state != SESSION_AWAY)
		list_for_each_safe (node, &s->clients)
			conn_close(list_entry(node, struct client, node)->conn,
				   &s->why);
	session_stop(s);
}

/* -- idle ------------------------------------------------------------------ */

static void on_idle_too_long(uv_timer_t *timer)
{
	struct session *s = timer->data;

	log_info(s->options->log, "the session was not used for long: it ends");
	session_stop(s);
}

static void begin_idle(struct session *s)
{
	int64_t persist = s->options->profile->persist;

	s->idle_since = clock_monotonic_ns();
	if (persist > 0 &&
	    (s->state == SESSION_SERVING || s->state == SESSION_AWAY))
		uv_timer_start(&s->timer, on_idle_too_long, (uint64_t)persist,
			       0);
}

void session_used_by(struct client *client)
{
	struct session *s = client->session;

	if (client->uses)
		return;
	client->uses = true;
	s->users_count++;
	s->idle_since = 0;
	if (s->state < SESSION_DRAINING)
		uv_timer_stop(&s->timer);
}

static void end_use(struct client *client)
{
	struct session *s = client->session;

	if (client->uses && --s->users_count == 0)
		begin_idle(s);
}

int64_t session_idle_ms(const struct session *s)
{
	if (s->users_count)
		return -1;
	return (int64_t)((clock_monotonic_ns() - s->idle_since) /
			 CLOCK_NS_PER_MS);
}

/* -- commands -------------------------------------------------------------- */

static void on_near_request(void *context, struct conn *conn,
			    struct h2_stream *near)
{
	struct client *client = context;

	if (status_request(client, near))
		return;
	if (client->late) {
		h2_stream_reset(near, H2_REFUSED_STREAM);
		return;
	}
	session_used_by(client);
	forward_begin(client, near);
}

static void on_near_closed(void *context, struct conn *conn,
			   const struct error *why)
{
	struct client *client = context;
	struct session *s = client->session;

	list_remove(&client->node);
	s->clients_count--;
	end_use(client);
	free(client);
	if (!list_empty(&s->clients))
		return;
	if (s->state == SESSION_ENDING)
		finish(s);
	else if (s->state == SESSION_DRAINING)
		session_stop(s);
}

static const struct conn_events near_events = {
	.on_request = on_near_request,
	.on_closed = on_near_closed,
};

/* FD is taken. */
static void attach(struct session *s, int fd)
{
	struct client *client = calloc(1, sizeof(*client));
	struct conn_options options = {
		.role = H2_HOST,
		.peer = "a command",
		.events = &near_events,
		.context = client,
	};
	autoerror why = {0};

	if (!client || s->clients_count == SESSION_CLIENTS_MAX) {
		log_warning(s->options->log,
			    "a command was turned away: too many");
		free(client);
		close(fd);
		return;
	}
	client->session = s;
	client->late = s->state >= SESSION_DRAINING;
	if (conn_new(&client->conn, s->near_loop, fd, &options, &why) < 0) {
		log_warning(s->options->log, "a command was turned away: %s",
			    error_words(&why));
		free(client);
		return;
	}
	list_append(&s->clients, &client->node);
	s->clients_count++;
}

static void on_listener(uv_poll_t *poll, int status, int events)
{
	struct session *s = poll->data;
	int fd = -1;

	while (s->listener >= 0 &&
	       local_accept(s->listener, s->options->log, &fd))
		attach(s, fd);
}

static int start_listening(struct session *s, struct error *err)
{
	struct stat st;
	int rc;

	if (local_listen(&s->listener, s->path, SESSION_BACKLOG, err) < 0)
		return -1;
	if (lstat(s->path, &st) == 0)
		s->inode = st.st_ino;
	rc = uv_poll_init(&s->uv, &s->poll, s->listener);
	if (rc < 0) {
		unlink(s->path);
		close(steal_fd(&s->listener));
		return error_set(err, ERROR_SYSTEM, "cannot listen: %s",
				 uv_strerror(rc));
	}
	s->poll.data = s;
	uv_poll_start(&s->poll, UV_READABLE, on_listener);
	return 0;
}

/* -- the host -------------------------------------------------------------- */

static void on_late(uv_timer_t *timer)
{
	session_stop(timer->data);
}

/* Runs the loop until the host has answered, or never will. */
static int connect_host(struct session *s, struct error *err)
{
	const struct profile *p = s->options->profile;
	uint64_t left;

	if (far_begin(s, &s->why) < 0)
		return channel_explain(&s->why, p, err);
	/* A person has had his time in it. */
	left = deadline_left_ms(s->options->deadline);
	uv_update_time(&s->uv);
	if (left != DEADLINE_NEVER)
		uv_timer_start(&s->timer, on_late, left, 0);
	while (!s->far && s->state == SESSION_CONNECTING)
		uv_run(&s->uv, UV_RUN_ONCE);
	uv_timer_stop(&s->timer);
	if (s->far)
		return 0;
	if (s->interrupted)
		return error_set(err, ERROR_INTERRUPTED, "interrupted");
	if (!deadline_is_over(s->options->deadline))
		return channel_explain(&s->why, p, err);
	deadline_late(s->options->deadline, err);
	return error_prefix(err,
			    "cannot connect to %s: no answer to the session "
			    "that was to be opened",
			    p->address);
}

/* -- making and freeing ---------------------------------------------------- */

static void on_signal(uv_signal_t *handle, int number)
{
	struct session *s = handle->data;

	s->interrupted = number;
	session_stop(s);
}

static void init_timer(struct session *s, uv_timer_t *timer)
{
	uv_timer_init(&s->uv, timer);
	timer->data = s;
}

static void start_handles(struct session *s)
{
	static const int numbers[SESSION_SIGNALS] = {SIGINT, SIGTERM, SIGHUP};

	for (size_t i = 0; i < SESSION_SIGNALS; i++) {
		uv_signal_init(&s->uv, &s->signals[i]);
		s->signals[i].data = s;
		uv_signal_start(&s->signals[i], on_signal, numbers[i]);
	}
	init_timer(s, &s->timer);
	init_timer(s, &s->retry);
	init_timer(s, &s->doubt);
	init_timer(s, &s->watch);
	init_timer(s, &s->held_timer);
	uv_check_init(&s->uv, &s->turn);
	s->turn.data = s;
	uv_idle_init(&s->uv, &s->awake);
	s->awake.data = s;
}

static int make_conn_loops(struct session *s, struct error *err)
{
	struct conn_limits near = conn_limits_default;
	struct conn_limits far = conn_limits_default;

	near.silence_ms = SESSION_SILENCE_MS;
	far.grace_ms = (uint64_t)s->options->profile->connect_timeout;
	if (conn_loop_new(&s->far_loop, &s->uv, &far, s->options->log, err) < 0)
		return -1;
	if (conn_loop_new(&s->near_loop, &s->uv, &near, s->options->log, err) ==
	    0)
		return 0;
	conn_loop_close(s->far_loop);
	uv_run(&s->uv, UV_RUN_DEFAULT);
	conn_loop_free(s->far_loop);
	return -1;
}

static int make(struct session **session, const struct session_options *options,
		const char *path, struct error *err)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		return error_set_no_memory(err);
	s->options = options;
	s->listener = -1;
	s->routes_fd = -1;
	s->path = strdup(path);
	list_init(&s->clients);
	list_init(&s->forwards);
	list_init(&s->due);
	list_init(&s->held);
	if (!s->path || uv_loop_init(&s->uv) < 0) {
		free(s->path);
		free(s);
		return error_set_no_memory(err);
	}
	if (make_conn_loops(s, err) < 0) {
		uv_loop_close(&s->uv);
		free(s->path);
		free(s);
		return -1;
	}
	start_handles(s);
	*session = s;
	return 0;
}

/* Runs the loop until all of it has closed. */
static void free_session(struct session *s)
{
	session_stop(s);
	while (uv_run(&s->uv, UV_RUN_DEFAULT))
		continue;
	forward_turn(s); /* what no loop reached any more */
	piece_pool_clear(&s->pieces);
	conn_loop_free(s->near_loop);
	conn_loop_free(s->far_loop);
	uv_loop_close(&s->uv);
	tls_context_unref(s->tls);
	error_clear(&s->why);
	free(s->host);
	free(s->peer);
	free(s->port);
	free(s->path);
	free(s);
}

static int serve(struct session *s,
		 int (*on_serving)(void *context, struct error *err),
		 void *context, struct error *err)
{
	if (connect_host(s, err) < 0 || start_listening(s, err) < 0)
		return -1;
	session_set_state(s, SESSION_SERVING);
	s->opened_us = clock_realtime_us();
	far_watch(s);
	begin_idle(s);
	if (on_serving(context, err) < 0)
		return -1;
	while (s->state < SESSION_ENDED && uv_run(&s->uv, UV_RUN_DEFAULT))
		continue;
	return 0;
}

int session_serve(const struct session_options *options, const char *path,
		  int (*on_serving)(void *context, struct error *err),
		  void *context, struct error *err)
{
	struct session *s = NULL;
	int rc;

	if (make(&s, options, path, err) < 0)
		return -1;
	rc = serve(s, on_serving, context, err);
	free_session(s);
	return rc;
}
