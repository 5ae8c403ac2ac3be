/*
 * POST /rpc: the body of a stream into requests, and their answers back into
 * one. Called by rpc.c for each such stream. What always holds: the requests of a
 * batch are done one after another in their order; what came of the body is taken
 * from the peer's window at once, up to the limit.
 */
#include "daemon/rpc/room.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define JSON_TYPE "application/json"

static void refuse(struct call *c, const struct error *err)
{
	struct h2_stream *s = c->stream;
	struct rpc_peer *peer = c->peer;

	call_set_state(c, CALL_ENDED);
	call_free(c);
	http_refuse(peer, s, 0, NULL, err);
}

static void refuse_size(struct call *c)
{
	autoerror err = {0};

	error_set(&err, ERROR_TOO_LARGE,
		  "the request body is larger than the host's limit of %zu "
		  "bytes",
		  c->rpc->config.limits.body);
	refuse(c, &err);
}

static void refuse_busy(struct call *c)
{
	autoerror err = {0};

	error_set(&err, ERROR_BUSY,
		  "the requests of \"%s\" that wait on this host are too large "
		  "together; try again later",
		  c->principal->caller.identity);
	refuse(c, &err);
}

static void on_data(void *context, struct h2_stream *s, const uint8_t *data,
		    size_t len)
{
	struct call *c = context;

	h2_stream_consume(s, len);
	if (c->body.len + len > c->rpc->config.limits.body) {
		refuse_size(c);
	} else if (!call_hold(c, len)) {
		refuse_busy(c);
	} else if (buf_append(&c->body, data, len) < 0) {
		struct error err = {.code = ERROR_NO_MEMORY};

		refuse(c, &err);
	}
}

/*
 * The deepest nesting of the text, brackets within strings left out. What is no
 * JSON gets some number; json_parse() refuses it afterwards.
 */
static size_t depth_of(const uint8_t *text, size_t n)
{
	size_t depth = 0, deepest = 0;
	bool in_string = false;

	for (size_t i = 0; i < n; i++) {
		uint8_t c = text[i];

		if (c == '"')
			in_string = !in_string;
		else if (in_string)
			i += c == '\\';
		else if (c == '{' || c == '[')
			deepest = ++depth > deepest ? depth : deepest;
		else if ((c == '}' || c == ']') && depth > 0)
			depth--;
	}
	return deepest;
}

/* json_parse() has a limit of its own; an administrator may want less. */
static int check_depth(const struct buf *body, unsigned limit,
		       struct error *err)
{
	if (limit >= JSON_DEPTH_MAX ||
	    depth_of(buf_bytes(body), body->len) <= limit)
		return 0;
	return error_set(err, ERROR_TOO_LARGE,
			 "the JSON is nested deeper than the host's limit of "
			 "%u",
			 limit);
}

static int parse(struct call *c, struct error *err)
{
	if (check_depth(&c->body, c->rpc->config.limits.depth, err) < 0 ||
	    message_parse((const char *)buf_bytes(&c->body), c->body.len,
			  &c->message, err) < 0)
		return -1;
	c->count = c->message.count;
	return 0;
}

static void on_end(void *context, struct h2_stream *s)
{
	struct call *c = context;
	autoerror err = {0};

	if (c->state != CALL_RECEIVING)
		return;
	c->ended = true;
	if (parse(c, &err) < 0) {
		refuse(c, &err);
		return;
	}
	if (c->message.batch && !call_hold(c, RPC_BATCH_COST)) {
		refuse_busy(c);
		return;
	}
	buf_free(&c->body);
	call_set_state(c, CALL_PENDING);
	call_run(c);
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

static bool announces_too_much(const struct h2_stream *s, size_t limit)
{
	const char *length = h2_stream_header(s, "content-length");

	return length && strtoull(length, NULL, 10) > limit;
}

void exchange_begin(struct rpc_peer *peer, struct h2_stream *stream)
{
	struct call *c = call_new(peer, stream, &handler);

	if (c && announces_too_much(stream, c->rpc->config.limits.body))
		refuse_size(c);
}

void exchange_item(struct call *c)
{
	struct request *request = &c->message.requests[c->next];

	call_open(c, request, request->method);
	if (error_is_set(&request->error)) {
		autoerror err = {0};

		error_move(&err, &request->error);
		call_fail(c, &err);
		return;
	}
	admit(c);
}

/* -- answers -------------------------------------------------------------- */

/* Nobody wants the answer of a notification, nor of one whose peer has gone. */
static bool silent(const struct call *c, const struct error *err)
{
	bool unreadable = err && err->code == ERROR_INVALID_REQUEST;

	return !c->stream || (!c->request->id && !unreadable);
}

static struct buf *next_answer(struct call *c)
{
	if (!c->answer.cap)
		buf_reserve(&c->answer, RPC_ANSWER_SIZE);
	if (c->message.batch)
		buf_append_char(&c->answer, c->answer.len ? ',' : '[');
	return &c->answer;
}

void exchange_answer_error(struct call *c, const struct error *err)
{
	if (!silent(c, err))
		message_append_error(next_answer(c), c->request->id, err,
				     c->id);
}

void exchange_answer_text(struct call *c, const char *json, size_t len)
{
	if (!silent(c, NULL))
		message_append_result_text(next_answer(c), c->request->id, json,
					   len);
}

void exchange_answer_result(struct call *c, const void *result)
{
	if (!silent(c, NULL))
		message_append_result(next_answer(c), c->request->id, c->method,
				      result);
}

/* RFC 7240 section 2: tokens with commas between them, each with parameters. */
bool exchange_prefers_async(const struct call *c)
{
	static const char wanted[] = "respond-async";
	const char *prefer = c->resource ? NULL : call_header(c, "prefer");

	if (!prefer || c->message.batch || !c->request->id)
		return false;
	while (*prefer) {
		size_t n = strcspn(prefer, ", ;=\t");

		if (n == sizeof(wanted) - 1 &&
		    strncasecmp(prefer, wanted, n) == 0)
			return true;
		prefer += strcspn(prefer, ",");
		prefer += strspn(prefer, ", \t");
	}
	return false;
}

/* From here on the call is an orphan: its end is audited and kept, not sent. */
void exchange_answer_job(struct call *c, const char *job)
{
	static const struct h2_header applied = {"preference-applied",
						 "respond-async"};
	struct h2_stream *s = steal(&c->stream);
	autobuf body = {0};
	autobuf json = {0};

	call_forget_peer(c);
	buf_appendf(&json, "{\"job\":\"%s\"}", job);
	if (message_append_result_text(&body, c->request->id,
				       (const char *)buf_bytes(&json),
				       json.len) < 0) {
		struct error err = {.code = ERROR_NO_MEMORY};

		http_respond_error(s, &err, c->id);
		return;
	}
	http_respond(s, 202, JSON_TYPE, &applied, 1, &body);
}

void exchange_finish(struct call *c)
{
	struct h2_stream *s = c->stream;

	if (c->message.batch && c->answer.len > 0)
		buf_append_char(&c->answer, ']');
	call_set_state(c, CALL_ENDED);
	if (!s) {
		call_free(c);
		return;
	}
	if (!buf_ok(&c->answer)) {
		struct error err = {.code = ERROR_NO_MEMORY};

		http_respond_error(s, &err, c->id);
	} else if (c->answer.len > 0) {
		http_respond(s, 200, JSON_TYPE, NULL, 0, &c->answer);
	} else {
		http_respond(s, 204, NULL, NULL, 0, NULL);
	}
	call_free(c);
}
