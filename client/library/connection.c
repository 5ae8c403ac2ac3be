/*
 * A connection of the library: made and ended, and its loop, which runs by itself or
 * within a program's own. All that speaks to the host is client/connect's channel.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client/connect/channel.h"
#include "client/connect/profile.h"
#include "client/library/library_private.h"

#define LOG_PREFIX "libvirtmux-client"

const char *virtmux_version(void)
{
	return VIRTMUX_VERSION;
}

void virtmux_free(void *text)
{
	free(text);
}

/* -- the end --------------------------------------------------------------- */

static void destroy(struct virtmux_connection *c)
{
	c->closing = true;
	if (c->channel) {
		requests_release(c);
		streams_release(c);
		events_release(c);
		uv_close((uv_handle_t *)&c->turn, NULL);
		uv_close((uv_handle_t *)&c->awake, NULL);
		uv_close((uv_handle_t *)&c->timer, NULL);
	}
	channel_free(
		c->channel); /* runs the loop until its handles are closed */
	profile_free(c->profile);
	log_free(c->log);
	options_clear(&c->options);
	free(c);
}

void virtmux_close(virtmux_connection *c)
{
	if (!c)
		return;
	if (!c->busy) {
		destroy(c);
		return;
	}
	c->closing = true;
	channel_interrupt(c->channel);
	channel_stop(c->channel);
}

/* -- running the loop ------------------------------------------------------ */

int connection_enter(struct virtmux_connection *c, const char *what,
		     struct error *err)
{
	if (c->busy)
		return error_set(err, ERROR_STATE,
				 "%s() runs the loop and cannot be called from "
				 "a callback of it",
				 what);
	c->busy = true;
	return 0;
}

void connection_leave(struct virtmux_connection *c)
{
	c->busy = false;
	if (c->closing)
		destroy(c);
}

static int closed(struct error *err)
{
	return error_set(err, ERROR_INTERRUPTED,
			 "the connection was closed in a callback");
}

static void on_timer(uv_timer_t *timer)
{
	struct virtmux_connection *c = timer->data;

	uv_stop(channel_loop(c->channel));
}

static bool is_interrupted(struct virtmux_connection *c, struct error *err)
{
	return channel_check(c->channel, err) < 0 &&
	       err->code == ERROR_INTERRUPTED;
}

int connection_turn(struct virtmux_connection *c, int64_t ms, struct error *err)
{
	uv_loop_t *uv = channel_loop(c->channel);
	autoerror why = {0};

	if (ms > 0) {
		uv_update_time(uv);
		uv_timer_start(&c->timer, on_timer, (uint64_t)ms, 0);
	}
	uv_run(uv, ms == 0 ? UV_RUN_NOWAIT : UV_RUN_ONCE);
	uv_timer_stop(&c->timer);
	if (c->closing)
		return closed(err);
	return is_interrupted(c, &why) ? error_move(err, &why) : 0;
}

/* Tells the program what has become of connecting. */
static int tell_connected(struct virtmux_connection *c, int rc,
			  struct error *err)
{
	virtmux_connected_fn *tell = steal(&c->on_connected);
	struct virtmux_error error = {0};

	if (rc < 0)
		error_copy(&error.inner, err);
	else
		events_resume(c);
	tell(c->context, rc < 0 ? &error : NULL);
	error_clear(&error.inner);
	return c->closing ? closed(err) : rc;
}

/* As connection_turn(), and -1 also where the connection has ended. */
static int turn_and_check(struct virtmux_connection *c, int64_t ms,
			  struct error *err)
{
	int rc;

	if (connection_turn(c, ms, err) < 0)
		return -1;
	if (!c->on_connected)
		return channel_check(c->channel, err);
	rc = channel_progress(c->channel, err);
	return rc == 1 ? 0 : tell_connected(c, rc, err);
}

int virtmux_run(virtmux_connection *c, virtmux_error **error)
{
	autoerror why = {0};
	int rc = 0;

	if (connection_enter(c, __func__, &why) < 0)
		return error_give(error, &why);
	c->stopping = false;
	while (rc == 0 && !c->stopping)
		rc = turn_and_check(c, -1, &why);
	connection_leave(c);
	return rc < 0 ? error_give(error, &why) : 0;
}

void virtmux_stop(virtmux_connection *c)
{
	c->stopping = true;
	uv_stop(channel_loop(c->channel));
}

int virtmux_poll(virtmux_connection *c, int timeout_ms, virtmux_error **error)
{
	autoerror why = {0};
	int rc;

	if (connection_enter(c, __func__, &why) < 0)
		return error_give(error, &why);
	rc = turn_and_check(c, timeout_ms, &why);
	connection_leave(c);
	return rc < 0 ? error_give(error, &why) : 0;
}

int virtmux_fd(const virtmux_connection *c)
{
	return uv_backend_fd(channel_loop(c->channel));
}

int virtmux_timeout_ms(const virtmux_connection *c)
{
	uv_loop_t *uv = channel_loop(c->channel);

	/* What the loop takes for now may be long ago in a loop that is not its own. */
	uv_update_time(uv);
	return uv_backend_timeout(uv);
}

int virtmux_dispatch(virtmux_connection *c, virtmux_error **error)
{
	autoerror why = {0};
	int rc;

	if (connection_enter(c, __func__, &why) < 0)
		return error_give(error, &why);
	rc = turn_and_check(c, 0, &why);
	connection_leave(c);
	return rc < 0 ? error_give(error, &why) : 0;
}

void virtmux_interrupt(virtmux_connection *c)
{
	channel_interrupt(c->channel);
}

/* -- the beginning --------------------------------------------------------- */

static void on_turn(uv_check_t *turn)
{
	streams_turn(turn->data);
}

static void init_handles(struct virtmux_connection *c)
{
	uv_loop_t *uv = channel_loop(c->channel);

	uv_check_init(uv, &c->turn);
	uv_idle_init(uv, &c->awake);
	uv_timer_init(uv, &c->timer);
	c->turn.data = c;
	c->timer.data = c;
	uv_check_start(&c->turn, on_turn);
	uv_unref((uv_handle_t *)&c->turn);
}

static const enum channel_route routes[] = {
	[VIRTMUX_ROUTE_ANY] = CHANNEL_ROUTE_ANY,
	[VIRTMUX_ROUTE_DIRECT] = CHANNEL_ROUTE_DIRECT,
	[VIRTMUX_ROUTE_SESSION] = CHANNEL_ROUTE_SESSION,
};

static int open_channel(struct virtmux_connection *c, bool wait,
			struct error *err)
{
	struct channel_options options = {
		.profile = c->profile,
		.sources = &c->sources,
		.keep_key = true,
		.route = routes[c->options.route],
		.no_signals = true,
		.call_ms = c->options.timeout_ms,
		.log = c->log,
	};

	if (wait ? channel_open(&c->channel, &options, err) < 0
		 : channel_begin(&c->channel, &options, err) < 0)
		return -1;
	init_handles(c);
	return 0;
}

static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return value && value[0] ? value : NULL;
}

static int set_up(struct virtmux_connection *c, const char *host,
		  struct error *err)
{
	const struct virtmux_options *o = &c->options;
	const struct profile_request request = {
		.config = o->config ? o->config : environment("VIRTMUX_CONFIG"),
		.host = host ? host : environment("VIRTMUX_HOST"),
		.address = o->address,
		.ca = o->ca,
		.certificate = o->certificate,
		.key = o->key,
	};

	if (o->route > VIRTMUX_ROUTE_SESSION)
		return error_set(err, ERROR_USAGE, "there is no route %d",
				 (int)o->route);
	if (o->log_fd >= 0) {
		c->log =
			log_new(o->log_fd, LOG_PREFIX,
				o->log_debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO,
				false);
		if (!c->log)
			return error_set_no_memory(err);
	}
	c->sources = (struct key_sources){
		.ask = options_ask,
		.ask_context = &c->options,
		.passphrase_fd = -1,
		.batch = true,
		.embedded = true,
		.log = c->log,
	};
	if (profile_load(&c->profile, &request, err) < 0)
		return -1;
	return 0;
}

/* TO_TELL: does not wait. */
static struct virtmux_connection *
connect_to(const char *host, const virtmux_options *options,
	   virtmux_connected_fn *to_tell, void *context, virtmux_error **error)
{
	struct virtmux_connection *c = calloc(1, sizeof(*c));
	autoerror why = {0};

	if (c) {
		list_init(&c->requests);
		list_init(&c->streams);
		list_init(&c->events);
		list_init(&c->due);
		c->on_connected = to_tell;
		c->context = context;
	}
	if (!c || options_copy(&c->options, options) < 0)
		error_set_no_memory(&why);
	else if (set_up(c, host, &why) == 0 &&
		 open_channel(c, !to_tell, &why) == 0)
		return c;
	if (c)
		destroy(c);
	error_give(error, &why);
	return NULL;
}

virtmux_connection *virtmux_connect(const char *host,
				    const virtmux_options *options,
				    virtmux_error **error)
{
	return connect_to(host, options, NULL, NULL, error);
}

virtmux_connection *virtmux_connect_start(const char *host,
					  const virtmux_options *options,
					  virtmux_connected_fn *on_connected,
					  void *context, virtmux_error **error)
{
	return connect_to(host, options, on_connected, context, error);
}

static int not_while_connecting(const struct virtmux_connection *c,
				struct error *err)
{
	if (c->on_connected)
		return error_set(err, ERROR_STATE, "it is connecting already");
	return 0;
}

int virtmux_reconnect(virtmux_connection *c, virtmux_error **error)
{
	autoerror why = {0};
	int rc;

	if (connection_enter(c, __func__, &why) < 0)
		return error_give(error, &why);
	rc = not_while_connecting(c, &why);
	if (rc == 0)
		rc = channel_reopen(c->channel, &why);
	if (rc == 0 && !c->closing)
		events_resume(c);
	connection_leave(c);
	return rc < 0 ? error_give(error, &why) : 0;
}

int virtmux_reconnect_start(virtmux_connection *c,
			    virtmux_connected_fn *on_connected, void *context,
			    virtmux_error **error)
{
	autoerror why = {0};
	int rc;

	if (connection_enter(c, __func__, &why) < 0)
		return error_give(error, &why);
	rc = not_while_connecting(c, &why);
	if (rc == 0)
		rc = channel_begin_again(c->channel, &why);
	if (rc == 0) {
		c->on_connected = on_connected;
		c->context = context;
	}
	connection_leave(c);
	return rc < 0 ? error_give(error, &why) : 0;
}

const char *virtmux_host(const virtmux_connection *c)
{
	return c->profile->name;
}

int virtmux_is_session(const virtmux_connection *c)
{
	return channel_is_session(c->channel);
}

int virtmux_is_open(const virtmux_connection *c)
{
	const struct conn *conn = channel_conn(c->channel);

	return conn && conn_is_open(conn);
}
