/*
 * Resources and streams: GET, PUT and extended CONNECT by the paths of the
 * method table; what fits none of them is told why. Called by rpc.c for each
 * stream that is not POST /rpc. What always holds: body bytes stay in the peer's
 * window until the handler takes the stream, and so are few.
 */
#include "daemon/rpc/room.h"

#include <stdio.h>
#include <string.h>

static void on_data(void *context, struct h2_stream *s, const uint8_t *data,
		    size_t len)
{
	struct call *c = context;

	if (!call_hold(c, len))
		h2_stream_reset(s, H2_ENHANCE_YOUR_CALM);
	else if (buf_append(&c->body, data, len) < 0)
		h2_stream_reset(s, H2_INTERNAL_ERROR);
}

static void on_end(void *context, struct h2_stream *s)
{
	struct call *c = context;

	c->ended = true;
}

static void on_closed(void *context, struct h2_stream *s, uint32_t code)
{
	call_abandon(context);
}

static const struct h2_handler handler = {
	.on_data = on_data,
	.on_end = on_end,
	.on_closed = on_closed,
};

/* -- what is asked for ---------------------------------------------------- */

static const struct {
	enum method_kind kind;
	const char *verb; /* :method */
} verbs[] = {
	{METHOD_GET, "GET"},
	{METHOD_PUT, "PUT"},
	{METHOD_STREAM, "CONNECT"},
};

static const struct method *find(const char *verb, const char *path)
{
	for (size_t i = 0; i < array_size(verbs); i++)
		if (strcmp(verbs[i].verb, verb) == 0)
			return method_find_path(verbs[i].kind, path,
						strlen(path));
	return NULL;
}

/* The header "allow" of a 405: what that path would take. */
static void list_verbs(const char *path, char *text, size_t size)
{
	size_t n = 0;

	*text = '\0';
	if (strcmp(path, "/rpc") == 0)
		n = (size_t)snprintf(text, size, "POST");
	for (size_t i = 0; i < array_size(verbs) && n < size; i++)
		if (method_find_path(verbs[i].kind, path, strlen(path)))
			n += (size_t)snprintf(text + n, size - n, "%s%s",
					      n ? ", " : "", verbs[i].verb);
}

static void refuse_path(struct rpc_peer *peer, struct h2_stream *s,
			const char *verb, const char *path)
{
	autoerror err = {0};
	char allow[64];
	struct h2_header header = {"allow", allow};

	list_verbs(path, allow, sizeof(allow));
	if (*allow) {
		error_set(&err, ERROR_INVALID_REQUEST,
			  "%.128s takes %s, not %.16s", path, allow, verb);
		http_refuse(peer, s, 405, &header, &err);
		return;
	}
	error_set(&err, ERROR_NOT_FOUND,
		  "there is no resource %.128s; calls go to POST /rpc, and GET "
		  "/openrpc.json lists everything",
		  path);
	http_refuse(peer, s, 404, NULL, &err);
}

/* RFC 9220 section 3: 501 where the protocol is not known. */
static void refuse_connect(struct rpc_peer *peer, struct h2_stream *s,
			   const char *protocol)
{
	autoerror err = {0};

	if (protocol)
		error_set(
			&err, ERROR_UNSUPPORTED,
			"the protocol of an extended CONNECT is virtmux here, "
			"not %.64s",
			protocol);
	else
		error_set(&err, ERROR_UNSUPPORTED,
			  "this host passes no connections on to other hosts");
	http_refuse(peer, s, 501, NULL, &err);
}

static bool connects_elsewhere(struct rpc_peer *peer, struct h2_stream *s,
			       const char *verb)
{
	const char *protocol = h2_stream_header(s, ":protocol");

	if (strcmp(verb, "CONNECT") != 0 ||
	    (protocol && strcmp(protocol, "virtmux") == 0))
		return false;
	refuse_connect(peer, s, protocol);
	return true;
}

void resource_begin(struct rpc_peer *peer, struct h2_stream *stream)
{
	const char *verb = h2_stream_header(stream, ":method");
	const char *path = h2_stream_header(stream, ":path");
	const struct method *method;
	struct call *c;

	if (!verb || connects_elsewhere(peer, stream, verb))
		return;
	method = path ? find(verb, path) : NULL;
	if (!method) {
		refuse_path(peer, stream, verb, path ? path : "");
		return;
	}
	c = call_new(peer, stream, &handler);
	if (!c)
		return;
	c->resource = true;
	c->count = 1;
	c->method = method;
	call_set_state(c, CALL_PENDING);
	call_run(c);
}

void resource_item(struct call *c)
{
	call_open(c, NULL, c->method);
	admit(c);
}
