/*
 * Opens, runs and ends the channel (channel.h). Signals that ask the process to
 * end arrive on the channel's own loop, so that a waiting call can be given up
 * and said so; nothing here is global.
 */
#include "client/connect/channel.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/connect/channel_private.h"
#include "client/connect/deadline.h"
#include "client/connect/key.h"
#include "client/connect/local.h"
#include "client/connect/profile.h"
#include "client/connect/session_private.h"
#include "wire/conn_dial.h"
#include "wire/tls.h"

/* -- the connection's events ----------------------------------------------- */

static void tell_story(struct channel *c, const struct conn *conn)
{
	struct channel_story *story = c->options.story;

	if (story && conn)
		story->secured = conn_look_tls(conn, &story->tls);
}

static void on_open(void *context, struct conn *conn)
{
	struct channel *c = context;

	tell_story(c, conn);
	c->dial = NULL;
	c->conn = conn;
	c->state = CHANNEL_OPEN;
}

static void on_closed(void *context, struct conn *conn, const struct error *why)
{
	struct channel *c = context;

	if (c->state == CHANNEL_CONNECTING)
		tell_story(c, conn);
	channel_end_held(c);
	c->dial = NULL;
	c->conn = NULL;
	c->state = CHANNEL_ENDED;
	error_clear(&c->why);
	if (why && error_is_set(why))
		error_set(&c->why, why->code, "%s", error_words(why));
	uv_stop(c->uv);
}

static void on_drain(void *context, struct conn *conn)
{
	struct channel *c = context;

	c->drained = true;
}

static const struct conn_events events = {
	.on_open = on_open,
	.on_informed = channel_on_informed,
	.on_drain = on_drain,
	.on_closed = on_closed,
};

/* -- giving up ------------------------------------------------------------- */

static void on_bound(uv_timer_t *timer);

/* The end may have moved since it was looked at; so it is looked at again. */
static void watch_deadline(struct channel *c)
{
	uint64_t ms = deadline_left_ms(c->options.deadline);

	if (ms == DEADLINE_NEVER)
		return;
	uv_update_time(c->uv);
	uv_timer_start(&c->bound, on_bound, ms, 0);
}

static void on_bound(uv_timer_t *timer)
{
	struct channel *c = timer->data;

	c->late = deadline_is_over(c->options.deadline);
	if (c->late)
		uv_stop(c->uv);
	else
		watch_deadline(c);
}

bool channel_is_bounded(const struct channel *c)
{
	return deadline_left_ms(c->options.deadline) != DEADLINE_NEVER;
}

bool channel_is_late(const struct channel *c)
{
	return c->late;
}

bool channel_gave_up(const struct channel *c)
{
	return c->interrupted || c->late;
}

/* Told once; that it is late holds for ever. */
static int gave_up(struct channel *c, struct error *err)
{
	if (!c->interrupted)
		return deadline_late(c->options.deadline, err);
	c->interrupted = 0;
	return error_set(err, ERROR_INTERRUPTED, "interrupted");
}

/* -- the loop -------------------------------------------------------------- */

static void on_signal(uv_signal_t *handle, int number)
{
	struct channel *c = handle->data;

	c->interrupted = number;
	uv_stop(c->uv);
}

static void on_wake(uv_async_t *handle)
{
	struct channel *c = handle->data;

	c->interrupted = SIGINT;
	uv_stop(c->uv);
}

static int init_signals(struct channel *c, struct error *err)
{
	int rc = 0;

	if (c->options.no_signals) {
		rc = uv_async_init(c->uv, &c->wake, on_wake);
		if (rc < 0)
			return error_set(err, ERROR_SYSTEM,
					 "cannot make a loop: %s",
					 uv_strerror(rc));
		c->wake.data = c;
		return 0;
	}
	for (size_t i = 0; i < CHANNEL_SIGNALS; i++) {
		uv_signal_init(c->uv, &c->signals[i]);
		c->signals[i].data = c;
	}
	return 0;
}

/*
 * Not before a loop runs that can tell of them: a prompt has its own way. They
 * also keep the loop alive until a connection that has failed is told of.
 */
static void watch_signals(struct channel *c, bool on)
{
	static const int numbers[CHANNEL_SIGNALS] = {SIGINT, SIGTERM, SIGHUP};

	if (on)
		watch_deadline(c);
	else
		uv_timer_stop(&c->bound);
	if (c->options.no_signals)
		return;
	for (size_t i = 0; i < CHANNEL_SIGNALS; i++)
		if (on)
			uv_signal_start(&c->signals[i], on_signal, numbers[i]);
		else
			uv_signal_stop(&c->signals[i]);
}

static int await(struct channel *c, const bool *done, struct error *err)
{
	while (!*done) {
		int alive = uv_run(c->uv, UV_RUN_ONCE);

		if (*done)
			break;
		if (channel_gave_up(c)) {
			channel_withdraw(c, done);
			/* The session says better why it had no time. */
			if (*done && !c->interrupted)
				return 0;
			return gave_up(c, err);
		}
		if (!alive)
			return error_set(err, ERROR_INTERNAL,
					 "the channel's loop ended early");
	}
	return 0;
}

int channel_wait(struct channel *c, const bool *done, struct error *err)
{
	int rc;

	c->waits = true;
	rc = await(c, done, err);
	c->waits = false;
	channel_end_held(c);
	return rc;
}

void channel_interrupt(struct channel *c)
{
	uv_async_send(&c->wake);
}

int channel_check(struct channel *c, struct error *err)
{
	if (channel_gave_up(c))
		return gave_up(c, err);
	if (c->state == CHANNEL_OPEN)
		return 0;
	if (error_is_set(&c->why))
		return error_set(err, c->why.code, "%s", error_words(&c->why));
	return error_set(err, ERROR_DISCONNECTED,
			 "the host ended the connection");
}

int channel_run(struct channel *c, struct error *err)
{
	c->stopping = false;
	while (!c->stopping && !channel_gave_up(c) && c->state == CHANNEL_OPEN)
		if (!uv_run(c->uv, UV_RUN_DEFAULT))
			break;
	channel_end_held(c);
	if (c->stopping)
		return 0;
	return channel_check(c, err);
}

void channel_stop(struct channel *c)
{
	c->stopping = true;
	uv_stop(c->uv);
}

/* -- opening --------------------------------------------------------------- */

static int make_loop(struct channel *c, struct error *err)
{
	struct conn_limits limits = conn_limits_default;
	int rc = uv_loop_init(&c->own_uv);

	if (rc < 0)
		return error_set(err, ERROR_SYSTEM, "cannot make a loop: %s",
				 uv_strerror(rc));
	c->uv = &c->own_uv;
	uv_timer_init(c->uv, &c->timer);
	c->timer.data = c;
	uv_timer_init(c->uv, &c->notice);
	c->notice.data = c;
	uv_timer_init(c->uv, &c->tell);
	c->tell.data = c;
	uv_timer_init(c->uv, &c->bound);
	c->bound.data = c;
	if (init_signals(c, err) < 0)
		return -1;
	limits.grace_ms = (uint64_t)c->options.profile->connect_timeout;
	return conn_loop_new(&c->conn_loop, c->uv, &limits, c->options.log,
			     err);
}

/* How far it has come towards the host is put before WHY. */
static void explain_late(const struct channel *c, struct error *why)
{
	const struct conn_dial_story *s = &c->reached;
	const char *address = c->options.profile->address;
	const char *peer = NULL;

	for (unsigned i = 0; i < s->count; i++)
		if (s->addresses[i].end == CONN_DIAL_REACHED)
			peer = s->addresses[i].text;
	if (c->session)
		error_prefix(why, "the session to host '%s' does not answer",
			     c->options.profile->name);
	else if (!s->resolved)
		error_prefix(why,
			     "cannot connect to %s: the name server has not "
			     "answered",
			     address);
	else if (peer)
		error_prefix(why,
			     "cannot connect to %s: %s took the connection, "
			     "and is silent",
			     address, peer);
	else
		error_prefix(why, "cannot connect to %s: no answer from %s%s",
			     address, s->addresses[0].text,
			     s->count > 1 ? " and others" : "");
}

/* Runs the loop until the dialling has an end. */
static int await_open(struct channel *c, struct error *err)
{
	while (c->state == CHANNEL_CONNECTING && !channel_gave_up(c) &&
	       !c->stopping)
		uv_run(c->uv, UV_RUN_ONCE);
	if (c->state == CHANNEL_OPEN)
		return 0;
	if (channel_gave_up(c)) {
		autoerror why = {0};

		gave_up(c, &why);
		if (why.code == ERROR_TIMED_OUT)
			explain_late(c, &why);
		conn_dial_cancel(steal(&c->dial));
		return error_move(err, &why);
	}
	if (c->stopping) {
		conn_dial_cancel(steal(&c->dial));
		return error_set(err, ERROR_INTERRUPTED, "interrupted");
	}
	if (!error_is_set(&c->why))
		return error_set(err, ERROR_CONNECT,
				 "the connection ended at once");
	return error_move(err, &c->why);
}

static void begin_opening(struct channel *c)
{
	c->state = CHANNEL_CONNECTING;
	c->stopping = false;
	watch_signals(c, true);
}

/* Returns RC. */
static int end_opening(struct channel *c, int rc)
{
	if (rc < 0) {
		watch_signals(c, false);
		c->state = CHANNEL_ENDED;
	}
	return rc;
}

static int dial(struct channel *c, struct conn_dial_options *options,
		struct error *err)
{
	options->story =
		c->options.story ? &c->options.story->dial : &c->reached;
	options->timeout_ms = (uint64_t)c->options.profile->connect_timeout;
	options->race_ms = c->again ? CHANNEL_RETRY_RACE_MS : 0;
	options->events = &events;
	options->context = c;
	begin_opening(c);
	return end_opening(c, conn_dial(c->conn_loop, options, &c->dial, err));
}

/* -- the session ----------------------------------------------------------- */

/* Milliseconds for a socket whose queue is full. */
static uint64_t patience(const struct channel *c)
{
	uint64_t ms = (uint64_t)c->options.profile->connect_timeout;
	uint64_t left = deadline_left_ms(c->options.deadline);

	return left < ms ? left : ms;
}

/* What a step towards the session has come to. */
enum step {
	STEP_FAILED = -1, /* and so would the direct way */
	STEP_DONE,
	STEP_AGAIN,
	STEP_DIRECT, /* no session is to be had */
};

/* FD is taken. */
static int begin_greeting(struct channel *c, int fd, const char *path,
			  struct error *err)
{
	const struct conn_options options = {
		.role = H2_CLIENT,
		.peer = path,
		.events = &events,
		.context = c,
	};
	struct conn *conn = NULL;

	begin_opening(c);
	c->session = true;
	return end_opening(c, conn_new(&conn, c->conn_loop, fd, &options, err));
}

static int greet(struct channel *c, int fd, const char *path, struct error *err)
{
	int rc = begin_greeting(c, fd, path, err);

	if (rc == 0)
		rc = end_opening(c, await_open(c, err));
	c->session = rc == 0;
	return rc;
}

/* A reason of this machine is none to fail, unless it must be the session. */
static enum step do_without(const struct channel *c, struct error *why,
			    struct error *err)
{
	if (c->options.route == CHANNEL_ROUTE_SESSION) {
		error_move(err, why);
		return STEP_FAILED;
	}
	log_warning(c->options.log,
		    "no session is used, but a connection for this command "
		    "alone: %s",
		    error_words(why));
	return STEP_DIRECT;
}

/* Whoever has the unlocked key asks nobody for it. */
static bool may_open(const struct channel *c)
{
	return c->options.session && c->options.route == CHANNEL_ROUTE_ANY &&
	       !c->options.tls && !c->tls;
}

static enum step open_session(struct channel *c, struct error *err)
{
	enum session_opened how = SESSION_FAILED;
	autoerror why = {0};

	if (!may_open(c))
		return STEP_DIRECT;
	if (session_open(c->options.session, &how, &why) == 0)
		return STEP_AGAIN;
	if (how == SESSION_IMPOSSIBLE)
		return do_without(c, &why, err);
	error_move(err, &why);
	return STEP_FAILED;
}

/* A session that is asked about itself is of any host. */
static const struct profile *own_profile(const struct channel *c)
{
	return c->options.socket ? NULL : c->options.profile;
}

static enum step try_session(struct channel *c, const char *path,
			     struct error *err)
{
	autoerror why = {0};
	autoclose int fd = -1;
	int found = session_find(&fd, path, own_profile(c), patience(c), &why);

	if (found < 0 && deadline_is_over(c->options.deadline)) {
		deadline_late(c->options.deadline, err);
		error_prefix(err, "%s", error_words(&why));
		return STEP_FAILED;
	}
	if (found < 0)
		return do_without(c, &why, err);
	if (found == SESSION_NONE || found == SESSION_CHANGED ||
	    (found == SESSION_OTHER && may_open(c)))
		return open_session(c, err);
	if (greet(c, steal_fd(&fd), path, &why) == 0)
		return STEP_DONE;
	if (why.code == ERROR_DISCONNECTED)
		return STEP_AGAIN; /* it was just ending */
	if (why.code != ERROR_INTERRUPTED && !c->late)
		return do_without(c, &why, err);
	error_move(err, &why);
	return STEP_FAILED;
}

static enum step dial_session(struct channel *c, struct error *err)
{
	autofree char *own = NULL;
	const char *path = c->options.socket;
	enum step step = STEP_AGAIN;
	autoerror why = {0};

	if (!path && channel_session_path(&own, c->options.profile, &why) < 0)
		return do_without(c, &why, err);
	if (!path)
		path = own;
	for (int i = 0; step == STEP_AGAIN && i < CHANNEL_SESSION_TRIES; i++)
		step = try_session(c, path, err);
	if (step != STEP_AGAIN)
		return step;
	error_set(&why, ERROR_DISCONNECTED, "it ends as soon as it is open");
	return do_without(c, &why, err);
}

/* -- the host -------------------------------------------------------------- */

static int begin_direct(struct channel *c, struct error *err)
{
	const struct profile *p = c->options.profile;
	autofree char *host = NULL;
	autofree char *port = NULL;
	struct conn_dial_options options = {0};

	if (p->via)
		return error_set(err, ERROR_UNSUPPORTED,
				 "via = %s: this virtmux cannot reach a host "
				 "through another one yet",
				 p->via);
	if (conn_split_address(p->address, PROFILE_PORT, &host, &port, err) < 0)
		return -1;
	if (!c->tls && c->options.tls)
		c->tls = tls_context_ref(c->options.tls);
	else if (!c->tls &&
		 key_tls_context(&c->tls, p, c->options.sources, err) < 0)
		return -1;
	options.host = host;
	options.port = port;
	options.server_name = p->server_name;
	options.tls = c->tls;
	return dial(c, &options, err);
}

static int dial_direct(struct channel *c, struct error *err)
{
	if (begin_direct(c, err) < 0 || end_opening(c, await_open(c, err)) < 0)
		return -1;
	/* Else it is the caller's, or wanted again. */
	if (!c->options.tls && !c->options.keep_key)
		tls_context_forget_key(c->tls);
	return 0;
}

static bool session_may_serve(const struct channel *c)
{
	return c->options.route == CHANNEL_ROUTE_SESSION ||
	       (c->options.route == CHANNEL_ROUTE_ANY &&
		channel_wants_session(c->options.profile));
}

static int no_session(const struct channel *c, struct error *err)
{
	return error_set(err, ERROR_CONNECT, "no session to host '%s' is open",
			 c->options.profile->name);
}

static int connect_any(struct channel *c, struct error *err)
{
	autoerror why = {0};

	if (session_may_serve(c)) {
		enum step step = dial_session(c, err);

		if (step != STEP_DIRECT)
			return step == STEP_DONE ? 0 : -1;
	}
	if (c->options.route == CHANNEL_ROUTE_SESSION)
		return no_session(c, err);
	if (dial_direct(c, &why) < 0)
		return channel_explain(&why, c->options.profile, err);
	return 0;
}

int channel_explain(struct error *why, const struct profile *profile,
		    struct error *err)
{
	autoerror early = {0};

	if (why->code == ERROR_DISCONNECTED) {
		error_set(&early, ERROR_CONNECT,
			  "%s, before the host said a word: is it virtmuxd's "
			  "port? If it is, its log tells why",
			  error_words(why));
		error_move(why, &early);
	}
	if (profile->known &&
	    (why->code == ERROR_CONNECT || why->code == ERROR_TLS))
		error_prefix(why, "host '%s'", profile->name);
	return error_move(err, why);
}

/* Not connected. */
static int make(struct channel **channel, const struct channel_options *options,
		struct error *err)
{
	const struct profile *p = options->profile;
	autoptr(channel) c = calloc(1, sizeof(*c));

	if (!c)
		return error_set_no_memory(err);
	c->options = *options;
	if (c->options.story)
		*c->options.story = (struct channel_story){0};
	c->call_ms = options->call_ms ? options->call_ms : (uint64_t)p->timeout;
	list_init(&c->exchanges);
	if (make_loop(c, err) < 0)
		return -1;
	*channel = steal(&c);
	return 0;
}

int channel_open(struct channel **channel,
		 const struct channel_options *options, struct error *err)
{
	autoptr(channel) c = NULL;

	if (make(&c, options, err) < 0 || connect_any(c, err) < 0)
		return -1;
	*channel = steal(&c);
	return 0;
}

/* -- without waiting ------------------------------------------------------- */

/* 0 it connects, 1 there is no session, -1. */
static int begin_session(struct channel *c, struct error *err)
{
	uint64_t ms = (uint64_t)c->options.profile->connect_timeout;
	const char *path = c->options.socket;
	autofree char *own = NULL;
	autoerror why = {0};
	autoclose int fd = -1;
	int found = -1;

	if (!path && channel_session_path(&own, c->options.profile, &why) == 0)
		path = own;
	if (path)
		found = session_find(&fd, path, own_profile(c), ms, &why);
	if (found >= 0) {
		if (found == SESSION_NONE || found == SESSION_CHANGED)
			return 1;
		if (begin_greeting(c, steal_fd(&fd), path, &why) == 0)
			return 0;
	}
	return do_without(c, &why, err) == STEP_DIRECT ? 1 : -1;
}

static int begin_host(struct channel *c, struct error *err)
{
	autoerror why = {0};

	c->session = false;
	if (c->options.route == CHANNEL_ROUTE_SESSION)
		return no_session(c, err);
	if (begin_direct(c, &why) < 0)
		return channel_explain(&why, c->options.profile, err);
	return 0;
}

static int begin_any(struct channel *c, struct error *err)
{
	int rc = session_may_serve(c) ? begin_session(c, err) : 1;

	return rc == 1 ? begin_host(c, err) : rc;
}

int channel_begin(struct channel **channel,
		  const struct channel_options *options, struct error *err)
{
	autoptr(channel) c = NULL;

	if (make(&c, options, err) < 0 || begin_any(c, err) < 0)
		return -1;
	*channel = steal(&c);
	return 0;
}

int channel_progress(struct channel *c, struct error *err)
{
	autoerror why = {0};

	if (c->state == CHANNEL_CONNECTING)
		return 1;
	if (c->state == CHANNEL_OPEN)
		return 0;
	/* A session that was just ending, or is none. */
	if (c->session && c->options.route == CHANNEL_ROUTE_ANY) {
		error_clear(&c->why);
		return begin_host(c, err) < 0 ? -1 : 1;
	}
	channel_check(c, &why);
	return channel_explain(&why, c->options.profile, err);
}

/* -- once more ------------------------------------------------------------- */

/* A session may have lost its host and serve us still. */
static void end_connection(struct channel *c)
{
	if (c->conn)
		conn_close(c->conn, NULL);
	while (c->conn && uv_run(c->uv, UV_RUN_ONCE))
		continue;
	watch_signals(c, false);
	if (!c->options.keep_key) {
		tls_context_unref(c->tls);
		c->tls = NULL;
	}
	c->session = false;
	c->drained = false;
	c->again = true;
	error_clear(&c->why);
	c->state = CHANNEL_NEW;
}

int channel_reopen(struct channel *c, struct error *err)
{
	end_connection(c);
	return connect_any(c, err);
}

int channel_begin_again(struct channel *c, struct error *err)
{
	end_connection(c);
	return begin_any(c, err);
}

bool channel_may_ask(const struct channel *c)
{
	autofree char *path = NULL;

	if (c->options.tls || c->tls)
		return false;
	return !session_may_serve(c) ||
	       channel_session_path(&path, c->options.profile, NULL) < 0 ||
	       !local_answers(path);
}

static void on_pause_over(uv_timer_t *timer)
{
	struct channel *c = timer->data;

	uv_stop(c->uv);
}

int channel_pause(struct channel *c, uint64_t ms, struct error *err)
{
	c->stopping = false;
	watch_signals(c, true);
	uv_update_time(c->uv);
	uv_timer_start(&c->timer, on_pause_over, ms, 0);
	while (uv_is_active((uv_handle_t *)&c->timer) && !channel_gave_up(c) &&
	       !c->stopping)
		uv_run(c->uv, UV_RUN_ONCE);
	uv_timer_stop(&c->timer);
	return channel_gave_up(c) ? gave_up(c, err) : 0;
}

/* -- the end --------------------------------------------------------------- */

static void close_handle(uv_handle_t *handle)
{
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void channel_free(struct channel *c)
{
	if (!c)
		return;
	conn_dial_cancel(steal(&c->dial));
	if (c->conn)
		conn_close(c->conn, NULL);
	if (c->conn_loop)
		conn_loop_close(c->conn_loop);
	for (size_t i = 0; i < CHANNEL_SIGNALS; i++)
		if (c->signals[i].data)
			close_handle((uv_handle_t *)&c->signals[i]);
	if (c->wake.data)
		close_handle((uv_handle_t *)&c->wake);
	if (c->timer.data)
		close_handle((uv_handle_t *)&c->timer);
	if (c->notice.data)
		close_handle((uv_handle_t *)&c->notice);
	if (c->tell.data)
		close_handle((uv_handle_t *)&c->tell);
	if (c->bound.data)
		close_handle((uv_handle_t *)&c->bound);
	if (c->uv) {
		/* uv_stop() by on_closed makes it return before all is closed. */
		while (uv_run(c->uv, UV_RUN_DEFAULT))
			continue;
		conn_loop_free(c->conn_loop);
		uv_loop_close(c->uv);
	}
	tls_context_unref(c->tls);
	error_clear(&c->why);
	free(c);
}

bool channel_is_session(const struct channel *c)
{
	return c->session;
}

struct tls_context *channel_tls(const struct channel *c)
{
	return c->tls;
}

const struct profile *channel_profile(const struct channel *c)
{
	return c->options.profile;
}

uv_loop_t *channel_loop(struct channel *c)
{
	return c->uv;
}

struct conn_loop *channel_conn_loop(struct channel *c)
{
	return c->conn_loop;
}

struct conn *channel_conn(struct channel *c)
{
	return c->conn;
}
