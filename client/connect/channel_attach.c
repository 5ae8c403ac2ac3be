/*
 * A channel on a loop that it shares with other channels (channel.h): to the
 * session of a host alone, so that no key is opened here and nothing blocks. Used
 * by `virtmux web`, which has one for each host.
 *
 * What always holds: the channel is freed in the close callback of its timer, which
 * is closed when the connection has gone.
 */
#include <stdlib.h>

#include "client/connect/channel_private.h"
#include "client/connect/profile.h"
#include "wire/conn_dial.h"

static void on_timer_closed(uv_handle_t *handle)
{
	struct channel *c = handle->data;

	error_clear(&c->why);
	free(c);
}

static void free_if_over(struct channel *c)
{
	if (c->detached && !c->conn && !uv_is_closing((uv_handle_t *)&c->timer))
		uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}

static void on_open(void *context, struct conn *conn)
{
	struct channel *c = context;

	c->dial = NULL;
	c->conn = conn;
	c->state = CHANNEL_OPEN;
	if (c->events->on_open)
		c->events->on_open(c->context);
}

static void on_closed(void *context, struct conn *conn, const struct error *why)
{
	struct channel *c = context;

	c->dial = NULL;
	c->conn = NULL;
	c->state = CHANNEL_ENDED;
	if (why && error_is_set(why))
		error_copy(&c->why, why);
	else
		error_set(&c->why, ERROR_DISCONNECTED, "the session has ended");
	if (!c->detached && c->events->on_closed)
		c->events->on_closed(c->context, &c->why);
	free_if_over(c);
}

static const struct conn_events events = {
	.on_open = on_open,
	.on_closed = on_closed,
};

static int dial_session(struct channel *c, struct error *err)
{
	autofree char *path = NULL;
	struct conn_dial_options options = {
		.timeout_ms = (uint64_t)c->options.profile->connect_timeout,
		.events = &events,
		.context = c,
	};

	if (channel_session_path(&path, c->options.profile, err) < 0 ||
	    channel_session_check(path, err) < 0)
		return -1;
	options.unix_path = path;
	return conn_dial(c->conn_loop, &options, &c->dial, err);
}

int channel_attach(struct channel **channel, struct conn_loop *loop,
		   const struct profile *profile, struct log *log,
		   const struct channel_events *to, void *context,
		   struct error *err)
{
	struct channel *c = calloc(1, sizeof(*c));

	if (!c)
		return error_set_no_memory(err);
	c->options.profile = profile;
	c->options.log = log;
	c->call_ms = (uint64_t)profile->timeout;
	c->session = true;
	c->state = CHANNEL_CONNECTING;
	c->events = to;
	c->context = context;
	c->conn_loop = loop;
	c->uv = conn_loop_uv(loop);
	list_init(&c->exchanges);
	uv_timer_init(c->uv, &c->timer);
	c->timer.data = c;
	if (dial_session(c, err) < 0) {
		channel_detach(c);
		return -1;
	}
	*channel = c;
	return 0;
}

void channel_detach(struct channel *c)
{
	if (!c || c->detached)
		return;
	c->detached = true;
	if (c->dial)
		conn_dial_cancel(steal(&c->dial));
	if (c->conn)
		conn_close(c->conn, NULL);
	free_if_over(c);
}
