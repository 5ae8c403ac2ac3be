/*
 * What HTTP needs beside the calls: the status of an error, whole answers, and
 * what happens to a body that nobody will read. Called by exchange.c, resource.c
 * and call.c. What always holds: a stream that was answered here needs nobody
 * any more.
 */
#include "daemon/rpc/room.h"

static const struct {
	enum error_code code;
	unsigned status;
} statuses[] = {
	{ERROR_PARSE, 400},          {ERROR_INVALID_REQUEST, 400},
	{ERROR_INVALID_PARAMS, 400}, {ERROR_UNKNOWN_METHOD, 404},
	{ERROR_NOT_FOUND, 404},      {ERROR_DENIED, 403},
	{ERROR_EXISTS, 409},         {ERROR_STATE, 409},
	{ERROR_UNSUPPORTED, 501},    {ERROR_UNAVAILABLE, 503},
	{ERROR_BUSY, 503},           {ERROR_DRAINING, 503},
	{ERROR_NO_MEMORY, 503},      {ERROR_TOO_LARGE, 413},
	{ERROR_TIMED_OUT, 504},
};

unsigned http_status(enum error_code code)
{
	for (size_t i = 0; i < array_size(statuses); i++)
		if (statuses[i].code == code)
			return statuses[i].status;
	return 500;
}

/* curl sends all of a body before it reads the answer: hence not at once. */
static void discard(void *context, struct h2_stream *s, const uint8_t *data,
		    size_t len)
{
	h2_stream_consume(s, len);
	if (h2_stream_bytes_in(s) > RPC_DISCARD_MAX)
		h2_stream_reset(s, H2_NO_ERROR);
}

static const struct h2_handler discard_handler = {.on_data = discard};

void http_respond(struct h2_stream *s, unsigned status,
		  const char *content_type, const struct h2_header *more,
		  size_t n, struct buf *body)
{
	struct h2_header headers[8];
	size_t count = 0;

	h2_stream_set_handler(s, &discard_handler, NULL);
	if (content_type)
		headers[count++] =
			(struct h2_header){"content-type", content_type};
	for (size_t i = 0; i < n && count < array_size(headers); i++)
		headers[count++] = more[i];
	if (body && body->len > 0)
		h2_respond_body(s, status, headers, count, body);
	else
		h2_respond(s, status, headers, count, NULL, NULL);
}

static void respond_error(struct h2_stream *s, unsigned status,
			  const struct h2_header *more, const struct error *err,
			  const char *call_id)
{
	autobuf body = {0};

	if (message_append_error(&body, NULL, err, call_id) < 0) {
		h2_stream_set_handler(s, &discard_handler, NULL);
		h2_stream_reset(s, H2_INTERNAL_ERROR);
		return;
	}
	http_respond(s, status, "application/json", more, more ? 1 : 0, &body);
}

void http_respond_error(struct h2_stream *s, const struct error *err,
			const char *call_id)
{
	respond_error(s, http_status(err->code), NULL, err, call_id);
}

void http_refuse(struct rpc_peer *peer, struct h2_stream *s, unsigned status,
		 const struct h2_header *more, const struct error *err)
{
	const struct caller *caller = &peer->principal->caller;
	const char *verb = h2_stream_header(s, ":method");
	const char *path = h2_stream_header(s, ":path");
	char id[CALL_ID_SIZE];

	call_make_id(peer->rpc, id);
	log_info(peer->rpc->log,
		 "call %s: %.16s %.128s of \"%s\" at %s: %s: %s", id,
		 verb ? verb : "?", path ? path : "", caller->identity,
		 caller->address, error_code_name(err->code), error_words(err));
	respond_error(s, status ? status : http_status(err->code), more, err,
		      id);
}
