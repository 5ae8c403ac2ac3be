/*
 * JSON-RPC calls on the channel, one a stream: composes the request, gives a
 * mutation its idempotency-key, reads the answer. The synchronous forms wait on
 * the asynchronous one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/codec.h"
#include "api/json.h"
#include "api/message.h"
#include "client/channel_private.h"

#define KEY_BYTES  16  /* of an idempotency-key */
#define TEXT_SHOWN 512 /* bytes of a body that is not ours, in an error */
#define CALL_ID    1   /* each stream carries one call */

struct channel_call {
	struct exchange exchange;
	channel_done_fn *done; /* NULL: it was cancelled */
	void *context;
	char *method;
	bool async;     /* a job's id will do */
	bool *accepted; /* set where it is one; or NULL */
};

/* -- errors of other statuses ---------------------------------------------- */

static enum error_code code_of_status(unsigned status)
{
	switch (status) {
	case 401:
	case 403:
		return ERROR_DENIED;
	case 404:
		return ERROR_NOT_FOUND;
	case 400:
	case 405:
		return ERROR_INVALID_REQUEST;
	case 408:
	case 504:
		return ERROR_TIMED_OUT;
	case 409:
		return ERROR_STATE;
	case 413:
		return ERROR_TOO_LARGE;
	case 429:
		return ERROR_BUSY;
	case 501:
		return ERROR_UNSUPPORTED;
	case 502:
		return ERROR_DISCONNECTED;
	case 503:
		return ERROR_UNAVAILABLE;
	default:
		return ERROR_FAILED;
	}
}

int channel_read_error(unsigned status, const void *body, size_t len,
		       struct error *err)
{
	autoresponse r = {0};
	enum error_code code = code_of_status(status);

	if (len && response_parse(body, len, &r, NULL) == 0 &&
	    error_is_set(&r.error))
		return error_move(err, &r.error);
	if (!len)
		return error_set(err, code, "the host answered with status %u",
				 status);
	return error_set(err, code, "the host answered with status %u: %.*s",
			 status, (int)(len < TEXT_SHOWN ? len : TEXT_SHOWN),
			 (const char *)body);
}

/* -- the asynchronous call ------------------------------------------------- */

static void free_call(struct channel_call *call)
{
	exchange_clear(&call->exchange);
	free(call->method);
	free(call);
}

static int read_answer(struct channel_call *call, struct response *r,
		       struct error *err)
{
	struct exchange *x = &call->exchange;

	if (exchange_outcome(x, err) < 0)
		return -1;
	if (response_parse((const char *)buf_bytes(&x->body), x->body.len, r,
			   err) < 0)
		return error_prefix(err, "%s: the host's answer", call->method);
	if (error_is_set(&r->error))
		return error_move(err, &r->error);
	return 0;
}

static void on_finish(struct exchange *x)
{
	struct channel_call *call =
		container_of(x, struct channel_call, exchange);
	autoresponse r = {0};
	autoerror why = {0};

	if (call->accepted)
		*call->accepted = x->status == 202;
	if (call->done) {
		if (read_answer(call, &r, &why) < 0)
			call->done(call->context, NULL, &why);
		else
			call->done(call->context, r.result, NULL);
	}
	free_call(call);
}

/* 128 random bits as hexadecimal digits. */
static int make_key(char text[2 * KEY_BYTES + 1], struct error *err)
{
	unsigned char bytes[KEY_BYTES];
	int rc = uv_random(NULL, NULL, bytes, sizeof(bytes), 0, NULL);

	if (rc < 0)
		return error_set(err, ERROR_SYSTEM,
				 "the system gives no random numbers: %s",
				 uv_strerror(rc));
	for (size_t i = 0; i < KEY_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

static int send_call(struct channel *channel, struct channel_call *call,
		     struct buf *body, struct error *err)
{
	char key[2 * KEY_BYTES + 1];
	struct h2_header headers[3] = {{"content-type", "application/json"}};
	size_t n = 1;
	struct exchange_request request = {
		.method = "POST",
		.path = "/rpc",
		.headers = headers,
		.body = body,
		.urgency = H2_URGENCY_CALL,
	};

	if (call->exchange.mutates && make_key(key, err) < 0)
		return -1;
	if (call->exchange.mutates)
		headers[n++] = (struct h2_header){"idempotency-key", key};
	if (call->async)
		headers[n++] = (struct h2_header){"prefer", "respond-async"};
	request.headers_count = n;
	return exchange_begin(&call->exchange, channel, &request, err);
}

static struct channel_call *new_call(const char *method, channel_done_fn *done,
				     void *context)
{
	const struct method *m = method_find(method, strlen(method));
	struct channel_call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->done = done;
	call->context = context;
	call->method = strdup(method);
	if (!call->method) {
		free(call);
		return NULL;
	}
	call->exchange.finish = on_finish;
	call->exchange.what = call->method;
	call->exchange.mutates = !m || method_mutates(m);
	call->exchange.body_limit = JSON_RESPONSE_SIZE_MAX;
	return call;
}

/* Begins C, which is taken. */
static int start(struct channel *channel, struct channel_call *c,
		 const char *method, const char *params, struct error *err)
{
	autobuf body = {0};

	if (message_append_request(&body, CALL_ID, method, params,
				   params ? strlen(params) : 0) < 0) {
		free_call(c);
		return error_set_no_memory(err);
	}
	if (send_call(channel, c, &body, err) < 0) {
		free_call(c);
		return -1;
	}
	return 0;
}

int channel_call_start(struct channel *channel, const char *method,
		       const char *params, channel_done_fn *done, void *context,
		       struct channel_call **call, struct error *err)
{
	struct channel_call *c = new_call(method, done, context);

	if (!c)
		return error_set_no_memory(err);
	if (start(channel, c, method, params, err) < 0)
		return -1;
	if (call)
		*call = c;
	return 0;
}

void channel_call_cancel(struct channel_call *call)
{
	call->done = NULL;
	exchange_abort(&call->exchange, NULL);
}

/* -- the synchronous ones -------------------------------------------------- */

struct waiting {
	bool done;
	bool failed;
	struct json_object *result;
	struct error why;
};

static void on_done(void *context, struct json_object *result,
		    const struct error *why)
{
	struct waiting *w = context;

	w->done = true;
	w->failed = why != NULL;
	if (why)
		error_set(&w->why, why->code, "%s", error_words(why));
	else
		w->result = json_object_get(result);
}

/* ACCEPTED: not NULL where a job's id will do; set where it is one. */
static int call_and_wait(struct channel *channel, const char *method,
			 const char *params, bool *accepted,
			 struct json_object **result, struct error *err)
{
	struct waiting w = {0};
	struct channel_call *call = new_call(method, on_done, &w);

	if (!call)
		return error_set_no_memory(err);
	call->async = accepted != NULL;
	call->accepted = accepted;
	if (start(channel, call, method, params, err) < 0)
		return -1;
	if (channel_wait(channel, &w.done, err) < 0) {
		bool mutates = call->exchange.mutates;

		call->accepted = NULL;
		channel_call_cancel(call);
		if (mutates)
			error_prefix(err, "whether %s took place is not known",
				     method);
		return -1;
	}
	if (w.failed)
		return error_move(err, &w.why);
	if (result)
		*result = steal(&w.result);
	json_object_put(w.result);
	return 0;
}

int channel_call(struct channel *channel, const char *method,
		 const char *params, struct json_object **result,
		 struct error *err)
{
	return call_and_wait(channel, method, params, NULL, result, err);
}

int channel_call_job(struct channel *channel, const char *method,
		     const char *params, char **job,
		     struct json_object **result, struct error *err)
{
	autojson answer = NULL;
	struct json_object *id = NULL;
	bool accepted = false;

	if (call_and_wait(channel, method, params, &accepted, &answer, err) < 0)
		return -1;
	if (!accepted) {
		if (result)
			*result = steal(&answer);
		return 0;
	}
	if (!json_object_object_get_ex(answer, "job", &id))
		return error_set(err, ERROR_INVALID_REQUEST,
				 "%s: the host's answer names no job", method);
	*job = strdup(json_object_get_string(id));
	return *job ? 0 : error_set_no_memory(err);
}

int channel_call_typed(struct channel *channel, enum method_id method,
		       const void *params, void *result, struct error *err)
{
	const struct method *m = method_by_id(method);
	autojson tree = NULL;
	autobuf text = {0};
	autofree char *json = NULL;

	if (params) {
		if (params_encode(m, params, &text) < 0)
			return error_set_no_memory(err);
		json = buf_steal_str(&text);
		if (!json)
			return error_set_no_memory(err);
	}
	if (channel_call(channel, m->name, json, &tree, err) < 0)
		return -1;
	if (result && result_decode(m, tree, result, err) < 0)
		return error_prefix(err, "%s: the host's answer", m->name);
	return 0;
}
