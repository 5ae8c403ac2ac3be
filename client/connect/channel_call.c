/*
 * JSON-RPC calls on the channel, one a stream: composes the request, gives a
 * mutation its idempotency-key, reads the answer. The synchronous forms wait on
 * the asynchronous one; where the connection is cut they connect once more and ask
 * again, a mutation with the same key, which the host acts on once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/codec.h"
#include "api/json.h"
#include "api/message.h"
#include "base/clock.h"
#include "base/random.h"
#include "client/connect/channel_private.h"
#include "client/connect/deadline.h"
#include "client/connect/profile.h"

#define KEY_SIZE   33  /* an idempotency-key: 128 random bits, and a NUL */
#define TEXT_SHOWN 512 /* bytes of a body that is not ours, in an error */
#define CALL_ID    1   /* each stream carries one call */

struct channel_call {
	struct exchange exchange;
	channel_done_fn *done; /* NULL: it was cancelled */
	void *context;
	char *method;
	bool async;     /* a job's id will do */
	bool *accepted; /* set where it is one; or NULL */
	bool *cut;      /* set where it was cut; or NULL */
	bool *refused;  /* set where the other side did not take it; or NULL */
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
	if (call->cut)
		*call->cut = exchange_was_cut(x);
	if (call->refused)
		*call->refused = exchange_was_refused(x);
	if (call->done) {
		if (read_answer(call, &r, &why) < 0)
			call->done(call->context, NULL, &why);
		else
			call->done(call->context, r.result, NULL);
	}
	free_call(call);
}

static int send_call(struct channel *channel, struct channel_call *call,
		     const char *key, struct buf *body, struct error *err)
{
	struct h2_header headers[3] = {{"content-type", "application/json"}};
	size_t n = 1;
	struct exchange_request request = {
		.method = "POST",
		.path = "/rpc",
		.headers = headers,
		.body = body,
		.urgency = H2_URGENCY_CALL,
	};

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

/* C is taken, also on failure. */
static int start(struct channel *channel, struct channel_call *c,
		 const char *params, const char *key, struct error *err)
{
	const char *method = c->method;
	autobuf body = {0};

	if (message_append_request(&body, CALL_ID, method, params,
				   params ? strlen(params) : 0) < 0) {
		free_call(c);
		return error_set_no_memory(err);
	}
	if (send_call(channel, c, key, &body, err) < 0) {
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
	char key[KEY_SIZE];

	if (!c)
		return error_set_no_memory(err);
	if (random_hex(key, sizeof(key), err) < 0) {
		free_call(c);
		return -1;
	}
	if (start(channel, c, params, key, err) < 0)
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

/* What is asked, and asked again. */
struct asking {
	struct channel *channel;
	const char *method;
	const char *params;
	char key[KEY_SIZE];
	bool mutates;
	bool *accepted; /* not NULL where a job's id will do; set where it is one */
	uint64_t begun;   /* clock_monotonic_ns() */
	uint64_t until;   /* and the end of all attempts */
	uint64_t pause;   /* ms before the next attempt */
	struct error cut; /* why the first one was */
};

struct waiting {
	bool done;
	bool failed;
	bool cut;
	bool refused;
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
		error_copy(&w->why, why);
	else
		w->result = json_object_get(result);
}

/* What came, but nobody waits for any longer. */
static void forget(struct waiting *w)
{
	error_clear(&w->why);
	json_object_put(steal(&w->result));
}

static int ask_once(const struct asking *a, struct waiting *w,
		    struct error *err)
{
	struct channel_call *call = new_call(a->method, on_done, w);

	if (!call)
		return error_set_no_memory(err);
	call->async = a->accepted != NULL;
	call->accepted = a->accepted;
	call->cut = &w->cut;
	call->refused = &w->refused;
	if (start(a->channel, call, a->params, a->key, err) < 0)
		return -1;
	if (channel_wait(a->channel, &w->done, err) < 0) {
		if (w->done) {
			forget(w);
			return -1;
		}
		call->cut = NULL;
		call->refused = NULL;
		call->accepted = NULL;
		channel_call_cancel(call);
		if (a->channel->late)
			error_prefix(err, "%s: the host has not answered",
				     a->method);
		return -1;
	}
	return w->failed ? error_move(err, &w->why) : 0;
}

/*
 * Whether the session did not take the request since it was locked, or gave way, just
 * then: nothing was done. Others' streams would go with the connection; and what asks
 * why its console has ended opens no session that was ended.
 */
static bool came_late(const struct asking *a, const struct waiting *w,
		      enum error_code code)
{
	return channel_is_session(a->channel) && !a->channel->streamed &&
	       list_empty(&a->channel->exchanges) &&
	       (w->done ? w->refused : code == ERROR_DRAINING);
}

/* One attempt; a session that does not serve any more is followed by another one. */
static int ask(const struct asking *a, struct waiting *w, struct error *err)
{
	autoerror why = {0};
	int rc = ask_once(a, w, &why);

	for (int i = 0;
	     rc < 0 && came_late(a, w, why.code) && i < CHANNEL_SESSION_TRIES;
	     i++) {
		error_clear(&why);
		*w = (struct waiting){0};
		rc = channel_reopen(a->channel, &why);
		if (rc == 0)
			rc = ask_once(a, w, &why);
	}
	return rc < 0 ? error_move(err, &why) : 0;
}

static bool may_come_back(enum error_code code)
{
	return code == ERROR_CONNECT || code == ERROR_DISCONNECTED ||
	       code == ERROR_TIMED_OUT;
}

/* As long again, and somewhat less: those of many do not come at once. */
static uint64_t next_pause(struct asking *a)
{
	uint64_t ms = a->pause;
	uint8_t random = 0;

	a->pause *= 2;
	if (a->pause > CHANNEL_RETRY_MOST_MS)
		a->pause = CHANNEL_RETRY_MOST_MS;
	random_bytes(&random, sizeof(random), NULL);
	return ms - ms * random / (4 * UINT8_MAX);
}

/* Until a connection stands again. WHY becomes the last reason why none does. */
static int reconnect(struct asking *a, struct error *why)
{
	for (;;) {
		if (clock_monotonic_ns() >= a->until)
			return -1;
		if (channel_pause(a->channel, next_pause(a), why) < 0)
			return -1;
		error_clear(why);
		if (channel_reopen(a->channel, why) == 0)
			break;
		if (!may_come_back(why->code))
			return -1;
	}
	/* It is the session that waits, and longer each time. */
	if (channel_is_session(a->channel))
		a->pause = CHANNEL_RETRY_WAIT_MS;
	return 0;
}

static int unknown(const struct asking *a, const struct error *why,
		   struct error *err)
{
	if (why->code == ERROR_INTERRUPTED)
		return error_set(err, why->code,
				 "whether %s took place is not known: %s",
				 a->method, error_words(why));
	return error_set(err, ERROR_UNKNOWN_OUTCOME,
			 "%s: the connection was cut before the host answered, "
			 "and it could not be asked again: whether it took "
			 "place is not known. %s",
			 a->method,
			 error_is_set(why) ? error_words(why)
					   : "There was no time left");
}

/* That there is no key to ask again with is not what the user wants to know. */
static int give_up(struct asking *a, struct error *why, struct error *err)
{
	if (a->mutates)
		return unknown(a, why, err);
	if (!error_is_set(why) || why->code == ERROR_KEY)
		return error_move(err, &a->cut);
	return error_move(err, why);
}

/*
 * Whether an error is the host's answer. A session says that its host is away, and a
 * host that it drains; of a mutation these may come before the host has looked for the
 * key, so the first attempt may have been done all the same.
 */
static bool is_answer(const struct asking *a, const struct waiting *w,
		      enum error_code code)
{
	if (!w->done || w->cut || code == ERROR_CONNECT ||
	    code == ERROR_DRAINING)
		return false;
	return !a->mutates || (code != ERROR_BUSY && code != ERROR_DENIED);
}

/* One more attempt, no longer than there is time. */
static int ask_in_time(struct asking *a, struct waiting *w, struct error *err)
{
	struct channel *c = a->channel;
	uint64_t now = clock_monotonic_ns();
	uint64_t whole = c->call_ms;
	int rc;

	*w = (struct waiting){0};
	if (c->options.call_ms && now < a->until)
		c->call_ms = (a->until - now) / CLOCK_NS_PER_MS + 1;
	rc = ask(a, w, err);
	c->call_ms = whole;
	return rc;
}

/* After a cut; W is filled by the last attempt. */
static int ask_again(struct asking *a, struct waiting *w, struct error *err)
{
	for (;;) {
		autoerror why = {0};

		if (reconnect(a, &why) < 0)
			return give_up(a, &why, err);
		if (ask_in_time(a, w, &why) == 0)
			return 0;
		if (is_answer(a, w, why.code))
			return error_move(err, &why);
		if (why.code == ERROR_INTERRUPTED || why.code == ERROR_DENIED ||
		    clock_monotonic_ns() >= a->until)
			return give_up(a, &why, err);
	}
}

static void on_notice(uv_timer_t *timer)
{
	struct channel *c = timer->data;
	struct asking *a = c->asked;

	c->options.on_away(c->options.away_context,
			   (a->until - a->begun) / CLOCK_NS_PER_MS);
}

/* WHY it was cut is taken. */
static int come_back(struct asking *a, struct waiting *w, struct error *why,
		     struct error *err)
{
	struct channel *c = a->channel;
	uint64_t ms = c->options.retry_ms;
	uint64_t left;
	int rc;

	if (!ms)
		ms = (uint64_t)c->options.profile->reconnect;
	if (ms > CHANNEL_RETRY_LONGEST_MS)
		ms = CHANNEL_RETRY_LONGEST_MS;
	a->until = clock_monotonic_ns() + ms * CLOCK_NS_PER_MS;
	if (c->options.call_ms &&
	    a->begun + c->options.call_ms * CLOCK_NS_PER_MS < a->until)
		a->until = a->begun + c->options.call_ms * CLOCK_NS_PER_MS;
	left = deadline_left_ms(c->options.deadline);
	if (left < ms)
		a->until = clock_monotonic_ns() + left * CLOCK_NS_PER_MS;
	a->pause = CHANNEL_RETRY_WAIT_MS;
	error_move(&a->cut, why);
	if (c->options.on_away) {
		c->asked = a;
		uv_update_time(c->uv);
		uv_timer_start(&c->notice, on_notice, CHANNEL_NOTICE_MS, 0);
	}
	rc = ask_again(a, w, err);
	uv_timer_stop(&c->notice);
	error_clear(&a->cut);
	return rc;
}

/*
 * Others' streams would go with the connection. A session that was ended on purpose is
 * not opened again to read something; whether a change was done, one wants to know.
 */
static bool may_ask_again(const struct asking *a)
{
	const struct channel *c = a->channel;

	return list_empty(&c->exchanges) &&
	       (a->mutates || !c->session || !c->drained);
}

/* It was sent, or not even that; who reads it need not know better than we do. */
static void unknown_late(const struct asking *a, struct error *why)
{
	why->code = ERROR_UNKNOWN_OUTCOME;
	error_prefix(why,
		     "whether %s took place is not known: look before it is "
		     "done again",
		     a->method);
}

/* ACCEPTED: see struct asking. */
static int call_and_wait(struct channel *channel, const char *method,
			 const char *params, bool *accepted,
			 struct json_object **result, struct error *err)
{
	const struct method *m = method_find(method, strlen(method));
	struct asking a = {.channel = channel,
			   .method = method,
			   .params = params,
			   .mutates = !m || method_mutates(m),
			   .accepted = accepted,
			   .begun = clock_monotonic_ns()};
	struct waiting w = {0};
	autoerror why = {0};
	autoerror again = {0};
	int rc;

	if (random_hex(a.key, sizeof(a.key), err) < 0)
		return -1;
	rc = ask(&a, &w, &why);
	if (rc < 0 && w.cut && may_ask_again(&a))
		rc = come_back(&a, &w, &why, &again);
	else if (rc < 0 && a.mutates && why.code == ERROR_INTERRUPTED)
		error_prefix(&why,
			     w.done ? "the host is away, and %s was not sent"
				    : "whether %s took place is not known",
			     method);
	else if (rc < 0 && a.mutates && channel->late && !w.done)
		unknown_late(&a, &why);
	if (rc < 0)
		return error_move(err, error_is_set(&again) ? &again : &why);
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
