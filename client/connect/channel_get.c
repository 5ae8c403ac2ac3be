/*
 * Resources and consoles on the channel: GET into a sink, PUT from a source, and
 * the CONNECT of a console (channel.h).
 */
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "api/message.h"
#include "client/connect/channel_private.h"
#include "client/connect/profile.h"
#include "client/connect/session.h"

struct transfer {
	struct exchange exchange;
	const struct h2_source *source; /* the caller's, or NULL */
	void *source_context;
	bool *done; /* of who waits; NULL when he gave up */
	struct error *why;
	struct buf *body; /* takes a gathered body, or NULL */
	char **type;
	char *path;
};

static void on_finish(struct exchange *x)
{
	struct transfer *t = container_of(x, struct transfer, exchange);

	if (t->done) {
		*t->done = true;
		if (exchange_outcome(x, t->why) == 0) {
			if (t->type)
				*t->type = steal(&x->type);
			if (t->body) {
				*t->body = x->body;
				x->body = (struct buf){0};
			}
		}
	}
	exchange_clear(x);
	free(t->path);
	free(t);
}

static struct transfer *new_transfer(const char *path, bool *done,
				     struct error *why)
{
	struct transfer *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->path = strdup(path);
	if (!t->path) {
		free(t);
		return NULL;
	}
	t->done = done;
	t->why = why;
	t->exchange.finish = on_finish;
	t->exchange.what = t->path;
	t->exchange.body_limit = JSON_RESPONSE_SIZE_MAX;
	return t;
}

/* Sends, waits, and gives up where the wait ends first. T is gone after it. */
static int run_transfer(struct channel *channel, struct transfer *t,
			const struct exchange_request *request,
			const bool *done, struct error *err)
{
	if (exchange_begin(&t->exchange, channel, request, err) < 0) {
		exchange_clear(&t->exchange);
		free(t->path);
		free(t);
		return -1;
	}
	if (channel_wait(channel, done, err) == 0)
		return 0;
	if (!*done) {
		t->done = NULL;
		if (channel->late)
			error_prefix(err, "%s %s did not come to its end",
				     request->method, t->path);
		exchange_abort(&t->exchange, NULL);
	}
	return -1;
}

int channel_get(struct channel *channel, const char *path,
		channel_sink_fn *sink, void *context, char **type,
		struct error *err)
{
	const struct exchange_request request = {
		.method = "GET",
		.path = path,
		.urgency = H2_URGENCY_BULK,
	};
	autoerror why = {0};
	bool done = false;
	struct transfer *t = new_transfer(path, &done, &why);

	if (!t)
		return error_set_no_memory(err);
	t->exchange.sink = sink;
	t->exchange.sink_context = context;
	t->type = type;
	if (run_transfer(channel, t, &request, &done, err) < 0)
		return -1;
	return error_is_set(&why) ? error_move(err, &why) : 0;
}

/* -- a body that goes up: what leaves is progress --------------------------- */

static size_t up_ready(void *context, bool *end)
{
	struct transfer *t = context;

	return t->source->ready(t->source_context, end);
}

static void up_take(void *context, uint8_t *to, size_t n)
{
	struct transfer *t = context;

	exchange_touch(&t->exchange);
	t->source->take(t->source_context, to, n);
}

static const struct h2_source up_source = {.ready = up_ready, .take = up_take};

int channel_transfer(struct channel *channel,
		     const struct channel_transfer *request,
		     struct json_object **result, struct error *err)
{
	autoerror why = {0};
	autobuf body = {0};
	bool done = false;
	struct transfer *t = new_transfer(request->path, &done, &why);
	const struct exchange_request r = {
		.method = request->method,
		.path = request->path,
		.headers = request->headers,
		.headers_count = request->headers_count,
		.source = request->source ? &up_source : NULL,
		.source_context = t,
		.urgency = H2_URGENCY_BULK,
	};

	if (!t)
		return error_set_no_memory(err);
	t->source = request->source;
	t->source_context = request->source_context;
	t->exchange.sink = request->sink;
	t->exchange.sink_context = request->sink_context;
	t->exchange.on_response = request->on_response;
	t->exchange.response_context = request->sink_context;
	t->body = &body;
	if (run_transfer(channel, t, &r, &done, err) < 0)
		return -1;
	if (error_is_set(&why))
		return error_move(err, &why);
	if (!result)
		return 0;
	return json_parse((const char *)buf_bytes(&body), body.len,
			  &json_response_limits, result, err);
}

static int not_connected(const struct channel *channel, struct error *err)
{
	return error_set(err, ERROR_DISCONNECTED, "%s",
			 error_is_set(&channel->why)
				 ? error_words(&channel->why)
				 : "the connection has ended");
}

int channel_put(struct channel *channel, const char *path,
		const struct h2_source *source, void *context,
		struct json_object **result, struct error *err)
{
	const struct h2_header type = {"content-type",
				       "application/octet-stream"};
	const struct channel_transfer request = {
		.method = "PUT",
		.path = path,
		.headers = &type,
		.headers_count = 1,
		.source = source,
		.source_context = context,
	};

	return channel_transfer(channel, &request, result, err);
}

int channel_connect(struct channel *channel, const char *path,
		    const struct h2_source *source, void *source_context,
		    const struct h2_handler *handler, void *context,
		    struct h2_stream **stream, struct error *err)
{
	const struct h2_header headers[] = {
		{":method", "CONNECT"},
		{":protocol", "virtmux"},
		{":scheme", "https"},
		{":authority", channel->options.profile->address},
		{":path", path},
	};

	if (!channel->conn)
		return not_connected(channel, err);
	channel->restreamed = channel->streamed;
	channel->streamed = true;
	return h2_request(conn_h2(channel->conn), headers, array_size(headers),
			  source, source_context, H2_URGENCY_CONSOLE, handler,
			  context, stream, err);
}

static int follow(struct channel *channel, const char *authority,
		  const char *path, const struct h2_handler *handler,
		  void *context, struct h2_stream **stream, struct error *err)
{
	const struct h2_header headers[] = {
		{":method", "GET"},
		{":scheme", "https"},
		{":authority", authority},
		{":path", path},
	};

	if (!channel->conn)
		return not_connected(channel, err);
	return h2_request(conn_h2(channel->conn), headers, array_size(headers),
			  NULL, NULL, H2_URGENCY_CONSOLE, handler, context,
			  stream, err);
}

int channel_follow(struct channel *channel, const char *path,
		   const struct h2_handler *handler, void *context,
		   struct h2_stream **stream, struct error *err)
{
	channel->restreamed = channel->streamed;
	channel->streamed = true;
	return follow(channel, channel->options.profile->address, path, handler,
		      context, stream, err);
}

int channel_follow_session(struct channel *channel, const char *path,
			   const struct h2_handler *handler, void *context,
			   struct h2_stream **stream, struct error *err)
{
	return follow(channel, SESSION_AUTHORITY, path, handler, context,
		      stream, err);
}
