/*
 * From a found method to its handler: rights, parameters, the key of a mutation,
 * a turn among the calls of its user, the audit. Called by exchange.c and
 * resource.c. What always holds: the rights are checked before the parameters are
 * decoded; a handler runs with a turn, and a mutation with its records written: the
 * audit's, and with a key the journal's, which is on the disk.
 */
#include "daemon/rpc/room.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"

int admit_audit(struct call *c, struct audit_record *record, bool now,
		struct error *err)
{
	struct rpc *rpc = c->rpc;
	autobuf target = {0};
	autofree char *text = NULL;
	int result;

	if (c->method && c->method->audit_count > 0 &&
	    params_audit_target(c->method, &c->params, &target) == 0 &&
	    target.len > 0)
		text = buf_steal_str(&target);
	record->target = text;
	result = audit_add(rpc->config.audit, record, now, err);
	rpc->counts.audit_failures += result < 0;
	if (audit_waiting(rpc->config.audit) > 0 &&
	    !uv_is_active((uv_handle_t *)&rpc->flush))
		uv_timer_start(&rpc->flush, rpc->flush.timer_cb,
			       RPC_AUDIT_DELAY_MS, 0);
	return result;
}

static int audit_begin(struct call *c, struct error *err)
{
	struct audit_record record = {
		.event = AUDIT_BEGIN,
		.id = c->id,
		.caller = c->principal->audit,
		.method = c->method->name,
	};

	if (!method_mutates(c->method))
		return 0;
	return admit_audit(c, &record, true, err);
}

/* -- turns ---------------------------------------------------------------- */

static void run(struct call *c)
{
	call_set_state(c, CALL_RUNNING);
	if (c->job && exchange_prefers_async(c))
		exchange_answer_job(c, c->id);
	c->rpc->config.handlers[c->method->id](c, &c->params);
}

/* A retry may do it, once the host can write again. */
static void refuse(struct call *c, struct error *err)
{
	error_prefix(err, "%s was not done", c->method->name);
	c->refused = true;
	call_fail(c, err);
}

static void on_written(struct journal_wait *wait, const struct error *why)
{
	struct call *c = container_of(wait, struct call, wait);
	autoerror err = {0};

	if (!why) {
		run(c);
		return;
	}
	error_set(&err, why->code, "%s", error_words(why));
	refuse(c, &err);
}

/* The remembered outcome is that none is known. */
static void explain(struct call *c)
{
	autoerror err = {0};

	error_move(&err, &c->unknown);
	call_set_state(c, CALL_RUNNING);
	if (c->rpc->config.unknown)
		c->rpc->config.unknown(c, &c->params, &err);
	else
		call_fail(c, &err);
}

static void start(struct call *c)
{
	autoerror err = {0};

	if (error_is_set(&c->unknown)) {
		explain(c);
		return;
	}
	if (audit_begin(c, &err) < 0) {
		refuse(c, &err);
		return;
	}
	if (!c->entry) {
		run(c);
		return;
	}
	call_set_state(c, CALL_WAITING_DISK);
	switch (idem_record(c->rpc->keys, c->entry, &c->wait, on_written,
			    &err)) {
	case 0:
		break;
	case 1:
		run(c);
		break;
	default:
		refuse(c, &err);
	}
}

/* It waits for no turn: hours of it would leave none for the others. */
static void start_job(struct call *c)
{
	autoerror err = {0};

	if (job_begin(c, &err) < 0)
		call_fail(c, &err);
	else
		start(c);
}

static void take_turn(struct call *c)
{
	const struct rpc_limits *limits = &c->rpc->config.limits;
	struct user *user = c->principal->user;
	autoerror err = {0};

	if (c->method->is_long && !error_is_set(&c->unknown)) {
		start_job(c);
	} else if (user->running < limits->calls &&
		   list_empty(&user->waiting)) {
		user->running++;
		c->has_turn = true;
		start(c);
	} else if (user->waiting_count < limits->waiting) {
		user->waiting_count++;
		list_append(&user->waiting, &c->node);
		call_set_state(c, CALL_WAITING_TURN);
	} else {
		error_set(
			&err, ERROR_BUSY,
			"%u calls of \"%s\" run and %u wait on this host; try "
			"again later",
			user->running, user->identity, user->waiting_count);
		call_fail(c, &err);
	}
}

/* The next ones get their turn; they start from the loop. */
static void give_turns(struct rpc *rpc, struct user *user)
{
	while (user->running < rpc->config.limits.calls &&
	       !list_empty(&user->waiting)) {
		struct call *c =
			list_entry(user->waiting.next, struct call, node);

		user->waiting_count--;
		user->running++;
		c->has_turn = true;
		call_run_later(c);
	}
}

void admit_release(struct call *c)
{
	struct user *user = c->principal->user;

	if (!c->has_turn)
		return;
	c->has_turn = false;
	user->running--;
	give_turns(c->rpc, user);
}

void admit_withdraw(struct call *c)
{
	struct idem_entry *entry = steal(&c->entry);
	struct list waiters;

	if (c->state == CALL_WAITING_TURN)
		c->principal->user->waiting_count--;
	admit_release(c);
	if (!entry)
		return;
	list_init(&waiters);
	idem_withdraw(c->rpc->keys, entry, &waiters);
	list_for_each_safe (node, &waiters)
		call_run_later(list_entry(node, struct call, node));
}

/* -- keys ----------------------------------------------------------------- */

static enum idem_found look_up_key(struct call *c, const char *key,
				   struct idem_entry **entry, struct error *err)
{
	struct idem_request request = {
		.key = key,
		.index = (unsigned)c->next,
		.method = c->method->id,
		.params = "",
	};

	if (c->request->params)
		request.params = json_object_to_json_string_length(
			c->request->params, JSON_C_TO_STRING_PLAIN,
			&request.params_len);
	return idem_begin(c->rpc->keys, &c->principal->user->keys, &request,
			  clock_monotonic_ns(), entry, err);
}

static void replay(struct call *c, const struct idem_entry *entry)
{
	const struct error *error = idem_error(entry);

	if (!error || error->code != ERROR_UNKNOWN_OUTCOME) {
		call_replay(c, entry);
		return;
	}
	c->replayed = true;
	error_set(&c->unknown, error->code, "%s", error_words(error));
	take_turn(c);
}

/* A retry of a job that runs, by one who does not want to wait for its end. */
static bool answer_running_job(struct call *c, const struct idem_entry *entry)
{
	const char *job = job_id_of_entry(c->rpc, entry);

	if (!job || !exchange_prefers_async(c))
		return false;
	exchange_answer_job(c, job);
	call_end_replay(c);
	return true;
}

static void take_key(struct call *c, const char *key)
{
	struct idem_entry *entry = NULL;
	autoerror err = {0};

	switch (look_up_key(c, key, &entry, &err)) {
	case IDEM_NEW:
		c->entry = entry;
		take_turn(c);
		break;
	case IDEM_RUNNING:
		if (answer_running_job(c, entry))
			break;
		call_set_state(c, CALL_WAITING_KEY);
		idem_wait(entry, &c->node);
		break;
	case IDEM_DONE:
		replay(c, entry);
		break;
	case IDEM_REFUSED:
		call_fail(c, &err);
		break;
	}
}

/* The rights may have changed while it waited. */
static int check_again(struct call *c, struct error *err)
{
	const char *identity = c->principal->caller.identity;

	call_renew(c);
	if (access_check(c->principal->rule, identity, c->method, err) < 0)
		return -1;
	return access_check_params(c->principal->rule, identity, c->method,
				   &c->params, err);
}

void admit_again(struct call *c)
{
	const char *key = NULL;
	autoerror err = {0};

	if (check_again(c, &err) < 0) {
		call_fail(c, &err);
		return;
	}
	if (c->has_turn) {
		start(c);
		return;
	}
	if (!c->resource && c->method->kind == METHOD_CALL)
		key = call_header(c, "idempotency-key");
	if (key)
		take_key(c, key);
	else
		take_turn(c);
}

/* -- rights and parameters ------------------------------------------------ */

static int decode(struct call *c, struct error *err)
{
	const char *path;

	if (!c->resource)
		return params_decode(c->method, c->request->params, &c->params,
				     err);
	path = h2_stream_header(c->stream, ":path");
	return params_decode_path(c->method, path, strlen(path), &c->params,
				  err);
}

static int check(struct call *c, struct error *err)
{
	const struct access_rule *rule = c->principal->rule;
	const char *identity = c->principal->caller.identity;

	if (access_check(rule, identity, c->method, err) < 0 ||
	    decode(c, err) < 0)
		return -1;
	return access_check_params(rule, identity, c->method, &c->params, err);
}

void admit(struct call *c)
{
	autoerror err = {0};

	if (check(c, &err) < 0)
		call_fail(c, &err);
	else
		admit_again(c);
}
