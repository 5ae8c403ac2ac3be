/*
 * The life of a call and its answer. Handlers see call.h of it; exchange.c,
 * resource.c and admit.c the rest. What always holds: only call_run() and the
 * verbs that answer move a call on; it is freed by them, or by call_abandon(),
 * and never while call_run() is below on the stack.
 */
#include "daemon/rpc/room.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

static const char *const state_names[] = {
	[CALL_RECEIVING] = "receiving",
	[CALL_PENDING] = "pending",
	[CALL_WAITING_TURN] = "waiting for its turn",
	[CALL_WAITING_KEY] = "waiting for the first of its key",
	[CALL_WAITING_DISK] = "waiting for the journal",
	[CALL_RUNNING] = "running",
	[CALL_TAKEN] = "taken",
	[CALL_ENDED] = "ended",
};

#define BIT(state) (1u << (state))

/* From a state to a set of them. */
static const unsigned transitions[] = {
	[CALL_RECEIVING] = BIT(CALL_PENDING) | BIT(CALL_ENDED),
	[CALL_PENDING] = BIT(CALL_WAITING_TURN) | BIT(CALL_WAITING_KEY) |
			 BIT(CALL_WAITING_DISK) | BIT(CALL_RUNNING) |
			 BIT(CALL_PENDING) | BIT(CALL_ENDED),
	[CALL_WAITING_TURN] = BIT(CALL_PENDING) | BIT(CALL_ENDED),
	[CALL_WAITING_KEY] = BIT(CALL_PENDING) | BIT(CALL_ENDED),
	[CALL_WAITING_DISK] = BIT(CALL_RUNNING) | BIT(CALL_PENDING),
	[CALL_RUNNING] = BIT(CALL_TAKEN) | BIT(CALL_PENDING) | BIT(CALL_ENDED),
	[CALL_TAKEN] = BIT(CALL_ENDED),
	[CALL_ENDED] = 0,
};

void call_set_state(struct call *c, enum call_state state)
{
	if (!(transitions[c->state] & BIT(state))) {
		log_error(c->rpc->log, "call %s: %s cannot follow %s", c->id,
			  state_names[state], state_names[c->state]);
		return;
	}
	log_debug(c->rpc->log, "call %s: %s, then %s", c->id,
		  state_names[c->state], state_names[state]);
	c->state = state;
}

struct call *call_new(struct rpc_peer *peer, struct h2_stream *stream,
		      const struct h2_handler *handler)
{
	struct call *c = calloc(1, sizeof(*c));

	if (!c) {
		h2_stream_reset(stream, H2_INTERNAL_ERROR);
		return NULL;
	}
	c->rpc = peer->rpc;
	c->peer = peer;
	list_init(&c->sibling);
	list_append(&peer->calls, &c->sibling);
	c->rpc->open_calls++;
	c->principal = principal_ref(peer->principal);
	c->stream = stream;
	list_init(&c->node);
	list_init(&c->job_wait);
	h2_stream_set_handler(stream, handler, c);
	return c;
}

bool call_hold(struct call *c, size_t n)
{
	struct user *user = c->principal->user;

	if (user->held + n > c->rpc->config.limits.held)
		return false;
	user->held += n;
	c->held += n;
	return true;
}

static void let_go(struct call *c)
{
	c->principal->user->held -= c->held;
	c->held = 0;
}

void call_free(struct call *c)
{
	assert(!c->open && list_empty(&c->node) && list_empty(&c->job_wait));
	c->rpc->open_calls--;
	list_remove(&c->sibling);
	let_go(c);
	message_free(&c->message);
	buf_free(&c->body);
	buf_free(&c->answer);
	principal_unref(c->principal);
	free(c);
}

/* Five bits a character; no vowels, so that no word comes of it. */
void call_make_id(struct rpc *rpc, char *id)
{
	static const char digits[] = "0123456789bcdfghjklmnpqrstvwxyz_";
	uint64_t number = ++rpc->calls;
	size_t n = strlen(rpc->id_prefix);

	memcpy(id, rpc->id_prefix, n);
	id[n++] = '-';
	do {
		id[n++] = digits[number & 31];
		number >>= 5;
	} while (number > 0 && n < CALL_ID_SIZE - 1);
	id[n] = '\0';
}

void call_open(struct call *c, const struct request *request,
	       const struct method *method)
{
	assert(!c->open);
	call_renew(c);
	c->open = true;
	c->request = request;
	c->method = method;
	c->replayed = false;
	c->refused = false;
	c->bytes_in = 0;
	c->bytes_out = 0;
	c->begun_ns = clock_monotonic_ns();
	call_make_id(c->rpc, c->id);
}

static void step(struct call *c)
{
	if (c->open)
		admit_again(c);
	else if (c->resource)
		resource_item(c);
	else
		exchange_item(c);
}

void call_run(struct call *c)
{
	c->on_stack = true;
	while (c->state == CALL_PENDING && (c->open || c->next < c->count))
		step(c);
	c->on_stack = false;
	if (c->state == CALL_PENDING && !c->resource)
		exchange_finish(c);
	else if (c->state == CALL_ENDED)
		call_free(c);
}

void call_run_later(struct call *c)
{
	call_set_state(c, CALL_PENDING);
	list_remove(&c->node);
	list_append(&c->rpc->ready, &c->node);
	uv_idle_start(&c->rpc->turn, c->rpc->turn.idle_cb);
}

/* Goes on after an answer: at once where nothing else is to be started. */
static void go_on(struct call *c)
{
	if (c->on_stack)
		return;
	if (c->state == CALL_ENDED)
		call_free(c);
	else if (c->next < c->count && c->stream)
		call_run_later(c);
	else
		exchange_finish(c);
}

/* -- the end of an item --------------------------------------------------- */

static const char *request_name(const struct call *c)
{
	if (c->method)
		return c->method->name;
	return c->request ? c->request->name : NULL;
}

static void audit_item(struct call *c, const struct error *err)
{
	struct audit_record record = {
		.event = AUDIT_END,
		.id = c->id,
		.caller = c->principal->audit,
		.method = request_name(c),
		.uuid = c->uuid,
		.name = c->name,
		.outcome = err ? error_code_name(err->code) : "ok",
		.words = err ? error_words(err) : NULL,
		.replayed = c->replayed,
		.recording = c->recording,
		.stream = c->resource,
		.bytes_in = c->bytes_in,
		.bytes_out = c->bytes_out,
		.duration_ns = clock_monotonic_ns() - c->begun_ns,
	};
	bool now = c->method && method_mutates(c->method);

	admit_audit(c, &record, now, NULL);
}

static void log_failure(const struct call *c, const struct error *err)
{
	bool ours = err->cause || err->code == ERROR_INTERNAL ||
		    err->code == ERROR_SYSTEM;
	const char *name = request_name(c);

	log_write(c->rpc->log, ours ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
		  "call %s: %.128s of \"%s\" at %s: %s: %s%s%s%s", c->id,
		  name ? name : "a call", c->principal->caller.identity,
		  c->principal->caller.address, error_code_name(err->code),
		  error_words(err), err->cause ? " (" : "",
		  err->cause ? err->cause : "", err->cause ? ")" : "");
}

static void count_item(struct call *c, const struct error *err)
{
	struct rpc_counts *counts = &c->rpc->counts;

	counts_add(counts, c->method, err ? err->code : ERROR_NONE,
		   clock_monotonic_ns() - c->begun_ns);
	counts->replayed += c->replayed;
	counts->bytes_in += c->resource ? c->bytes_in : 0;
	counts->bytes_out += c->resource ? c->bytes_out : 0;
	counts->streams -= c->state == CALL_TAKEN;
}

static void close_item(struct call *c, const struct error *err)
{
	if (err)
		log_failure(c, err);
	audit_item(c, err);
	count_item(c, err);
	if (c->job)
		job_end(c, err);
	admit_release(c);
	if (c->method)
		params_free(c->method, &c->params);
	free(steal(&c->uuid));
	free(steal(&c->name));
	free(steal(&c->recording));
	error_clear(&c->unknown);
	c->open = false;
	c->request = NULL;
	c->next++;
	call_set_state(c, c->resource ? CALL_ENDED : CALL_PENDING);
}

/* Who waited for this very outcome gets it too. */
static void answer_waiters(struct list *waiters, const struct error *err,
			   const char *json, size_t len)
{
	list_for_each_safe (node, waiters) {
		struct call *c = list_entry(node, struct call, node);

		list_remove(&c->node);
		c->replayed = true;
		if (err)
			exchange_answer_error(c, err);
		else
			exchange_answer_text(c, json, len);
		close_item(c, err);
		go_on(c);
	}
}

/* ERR, or the result as JSON text. */
static void settle_key(struct call *c, const struct error *err,
		       const char *json, size_t len)
{
	struct idem_entry *entry = steal(&c->entry);
	struct list waiters;

	if (!entry)
		return;
	list_init(&waiters);
	if (err && (c->refused || idem_nothing_done(err->code)))
		idem_withdraw(c->rpc->keys, entry, &waiters);
	else
		idem_complete(c->rpc->keys, entry, err, json, len,
			      clock_monotonic_ns(), &waiters);
	answer_waiters(&waiters, err, json, len);
}

static void count_bytes(struct call *c, size_t out)
{
	if (c->stream)
		c->bytes_in = h2_stream_bytes_in(c->stream);
	c->bytes_out = out;
}

/* -- answers -------------------------------------------------------------- */

static void respond_result(struct call *c, const void *result)
{
	autobuf body = {0};

	if (result_encode(c->method, result, &body) < 0) {
		struct error err = {.code = ERROR_NO_MEMORY};

		http_respond_error(c->stream, &err, c->id);
		return;
	}
	count_bytes(c, body.len);
	http_respond(c->stream, 200, "application/json", NULL, 0, &body);
}

void call_return(struct call *c, const void *result)
{
	autobuf json = {0};

	assert(c->state == CALL_RUNNING || c->state == CALL_TAKEN);
	if (c->resource) {
		if (c->stream)
			respond_result(c, result);
	} else if (c->entry || c->job) {
		struct error err = {.code = ERROR_UNKNOWN_OUTCOME};
		bool kept =
			c->method->result
				? result_encode(c->method, result, &json) == 0
				: buf_append_str(&json, "{}") == 0;
		const char *text = (const char *)buf_bytes(&json);

		if (kept && c->job)
			job_keep_result(c->job, text, json.len);
		if (kept)
			exchange_answer_text(c, text, json.len);
		else
			exchange_answer_error(c, &err);
		settle_key(c, kept ? NULL : &err, text, json.len);
	} else {
		exchange_answer_result(c, result);
	}
	close_item(c, NULL);
	go_on(c);
}

void call_fail(struct call *c, struct error *err)
{
	autoerror taken = {0};

	assert(c->open);
	error_move(&taken, err);
	if (!error_is_set(&taken))
		taken.code = ERROR_INTERNAL;
	count_bytes(c, 0);
	if (!c->resource)
		exchange_answer_error(c, &taken);
	else if (c->stream)
		http_respond_error(c->stream, &taken, c->id);
	settle_key(c, &taken, NULL, 0);
	close_item(c, &taken);
	go_on(c);
}

void call_respond(struct call *c, unsigned status, const char *content_type,
		  const struct h2_header *headers, size_t n, struct buf *body)
{
	assert(c->resource);
	count_bytes(c, body ? body->len : 0);
	if (c->stream)
		http_respond(c->stream, status, content_type, headers, n, body);
	buf_free(body);
	close_item(c, NULL);
	go_on(c);
}

void call_end_replay(struct call *c)
{
	c->replayed = true;
	close_item(c, NULL);
	go_on(c);
}

void call_replay(struct call *c, const struct idem_entry *entry)
{
	const struct error *err = idem_error(entry);
	size_t len = 0;
	const char *json = idem_result(entry, &len);

	c->replayed = true;
	if (err)
		exchange_answer_error(c, err);
	else
		exchange_answer_text(c, json, len);
	close_item(c, err);
	go_on(c);
}

/* Nobody is there any more for whom it waits. */
static void abandon_wait(struct call *c)
{
	autoerror err = {0};

	if (!job_wait_end(c))
		return;
	error_set(&err, ERROR_DISCONNECTED, "the peer waits no longer");
	call_fail(c, &err);
}

void call_abandon(struct call *c)
{
	c->stream = NULL;
	call_forget_peer(c);
	if (c->state == CALL_WAITING_DISK)
		return;
	if (c->state == CALL_RUNNING) {
		abandon_wait(c);
		return;
	}
	assert(!c->on_stack && c->state != CALL_TAKEN);
	list_remove(&c->node);
	if (c->open) {
		autoerror err = {0};

		error_set(&err, ERROR_DISCONNECTED,
			  "the peer went before the call was begun");
		admit_withdraw(c);
		close_item(c, &err);
	}
	call_free(c);
}

/* -- taken streams -------------------------------------------------------- */

struct h2_stream *call_take_stream(struct call *c,
				   const struct h2_handler *handler,
				   void *context, struct call_early *early)
{
	assert(c->state == CALL_RUNNING && c->resource);
	*early = (struct call_early){.end = c->ended};
	if (!c->stream)
		return NULL;
	call_set_state(c, CALL_TAKEN);
	c->rpc->counts.streams++;
	early->data = c->body;
	c->body = (struct buf){0};
	let_go(c);
	h2_stream_set_handler(c->stream, handler, context);
	admit_release(c);
	return c->stream;
}

void call_set_cut(struct call *c, call_cut_fn *cut, void *context)
{
	c->cut = cut;
	c->cut_context = context;
}

void call_finish(struct call *c, const struct error *why, uint64_t bytes_in,
		 uint64_t bytes_out)
{
	autoerror denied = {0};

	assert(c->resource && c->open);
	c->stream = NULL;
	c->bytes_in = bytes_in;
	c->bytes_out = bytes_out;
	if (c->withdrawn) {
		error_set(&denied, ERROR_DENIED,
			  "the right to it was taken away by a reload");
		why = &denied;
	}
	close_item(c, why && error_is_set(why) ? why : NULL);
	go_on(c);
}

/* -- what handlers ask ---------------------------------------------------- */

const struct caller *call_caller(const struct call *c)
{
	return &c->principal->caller;
}

char *const *call_scope(const struct call *c)
{
	return c->principal->caller.scope;
}

bool call_may(const struct call *c, enum method_id method)
{
	return c->principal->rule && c->principal->rule->may[method];
}

bool call_is_recorded(const struct call *c)
{
	return c->principal->rule && c->principal->rule->records[c->method->id];
}

const void *call_arguments(const struct call *c)
{
	return &c->params;
}

const char *call_id(const struct call *c)
{
	return c->id;
}

const struct method *call_method(const struct call *c)
{
	return c->method;
}

void *call_context(const struct call *c)
{
	return c->rpc->config.context;
}

struct log *call_log(const struct call *c)
{
	return c->rpc->log;
}

bool call_is_orphan(const struct call *c)
{
	return !c->stream;
}

static void replace(char **to, const char *text)
{
	if (!text)
		return;
	free(*to);
	*to = strdup(text);
}

void call_set_target(struct call *c, const char *uuid, const char *name)
{
	replace(&c->uuid, uuid);
	replace(&c->name, name);
	if (c->job)
		job_set_domain(c->job, uuid, name);
}

void call_set_recording(struct call *c, const char *name)
{
	replace(&c->recording, name);
}

struct h2_stream *call_stream(const struct call *c)
{
	return c->resource ? c->stream : NULL;
}

const char *call_header(const struct call *c, const char *name)
{
	return c->stream ? h2_stream_header(c->stream, name) : NULL;
}

const struct rpc_counts *call_counts(const struct call *c)
{
	return &c->rpc->counts;
}

size_t call_open_calls(const struct call *c)
{
	return c->rpc->open_calls;
}
