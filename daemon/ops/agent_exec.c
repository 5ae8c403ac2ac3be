/*
 * Programs in guests: the handler of agent.exec. The agent is told to begin
 * (guest-exec), and asked again and again whether it has ended (guest-exec-status,
 * qemu-ga's schema), each time by one request to virt, on the UUID of the domain
 * that was found first.
 *
 * What always holds: one request is under way, or the call is answered; what the
 * guest answers is not believed to have any form.
 */
#include "daemon/virt/agent.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "base/clock.h"
#include "daemon/ops/room.h"

#define EXEC_SECONDS  50 /* below the minute that a client waits for an answer */
#define EXEC_PAUSE_MS 10 /* before the first question; then twice as long */
#define EXEC_OUTPUT_MAX                                                        \
	(4u * 1024 * 1024) /* characters of base64; whole groups */

struct exec {
	struct call *call;
	char uuid[VIRT_UUID_SIZE]; /* "": not begun */
	char *name;
	int64_t process;
	uint64_t end_ns; /* monotonic */
	unsigned pause_ms;
};

static void finish(struct exec *e)
{
	free(e->name);
	free(e);
}

static void fail(struct exec *e, struct error *err)
{
	call_fail(e->call, err);
	finish(e);
}

/* -- answers ----------------------------------------------------------------- */

static int bad_answer(const struct exec *e, struct error *err)
{
	return error_set(err, ERROR_FAILED,
			 "the guest agent of domain '%s' gave an answer that "
			 "makes no sense",
			 e->name ? e->name : "");
}

/* The member "return" of REPLY's answer, in *WHOLE. NULL with ERR. */
static struct json_object *read_answer(const struct exec *e,
				       const struct virt_reply *reply,
				       struct json_object **whole,
				       struct error *err)
{
	const char *text = reply->value.noun.data;
	struct json_object *result = NULL;

	if (!text || json_parse(text, strlen(text), &json_response_limits,
				whole, err) < 0) {
		error_clear(err);
		bad_answer(e, err);
		return NULL;
	}
	if (!json_object_is_type(*whole, json_type_object) ||
	    !json_object_object_get_ex(*whole, "return", &result) ||
	    !json_object_is_type(result, json_type_object)) {
		bad_answer(e, err);
		return NULL;
	}
	return result;
}

/* A whole number that is not negative. */
static bool get_number(struct json_object *object, const char *name,
		       uint64_t *number)
{
	struct json_object *member = NULL;
	int64_t value;

	if (!json_object_object_get_ex(object, name, &member) ||
	    !json_object_is_type(member, json_type_int))
		return false;
	value = json_object_get_int64(member);
	*number = value > 0 ? (uint64_t)value : 0;
	return value >= 0;
}

static bool get_bool(struct json_object *object, const char *name)
{
	struct json_object *member = NULL;

	return json_object_object_get_ex(object, name, &member) &&
	       json_object_is_type(member, json_type_boolean) &&
	       json_object_get_boolean(member);
}

/* A text's copy, cut where it is too long; NULL: there is none, or no memory. */
static char *get_text(struct json_object *object, const char *name,
		      bool *truncated)
{
	struct json_object *member = NULL;
	const char *text;

	if (!json_object_object_get_ex(object, name, &member) ||
	    !json_object_is_type(member, json_type_string))
		return NULL;
	text = json_object_get_string(member);
	*truncated |= strnlen(text, EXEC_OUTPUT_MAX + 1) > EXEC_OUTPUT_MAX;
	return strndup(text, EXEC_OUTPUT_MAX);
}

static void answer(struct exec *e, struct json_object *status)
{
	bool truncated = get_bool(status, "out-truncated") ||
			 get_bool(status, "err-truncated");
	autofree char *output = get_text(status, "out-data", &truncated);
	autofree char *errors = get_text(status, "err-data", &truncated);
	struct agent_execution result = {
		.uuid = e->uuid,
		.name = e->name,
		.process = (uint64_t)e->process,
		.output = output,
		.has_output = output != NULL,
		.errors = errors,
		.has_errors = errors != NULL,
		.truncated = truncated,
		.has_truncated = truncated,
	};

	result.has_status = get_number(status, "exitcode", &result.status);
	result.has_signal = get_number(status, "signal", &result.signal);
	call_return(e->call, &result);
	finish(e);
}

/* -- questions --------------------------------------------------------------- */

static int ask(struct exec *e, struct error *err);

static void on_status(void *context, struct virt_reply *reply)
{
	struct exec *e = context;
	struct json_object *status;
	autojson whole = NULL;
	autoerror err = {0};

	if (error_is_set(&reply->error)) {
		error_prefix(&reply->error,
			     "the program was begun (process %" PRId64
			     " in the guest), and how it ends is not known",
			     e->process);
		fail(e, &reply->error);
		return;
	}
	status = read_answer(e, reply, &whole, &err);
	if (!status) {
		fail(e, &err);
	} else if (get_bool(status, "exited")) {
		answer(e, status);
	} else if (clock_monotonic_ns() >= e->end_ns) {
		error_set(&err, ERROR_TIMED_OUT,
			  "the program has not ended in time: it runs on as "
			  "process %" PRId64 " in the guest '%s'",
			  e->process, e->name);
		fail(e, &err);
	} else if (ask(e, &err) < 0) {
		fail(e, &err);
	}
}

static int ask(struct exec *e, struct error *err)
{
	struct virt_domain_ref ref = ops_ref(e->call, e->uuid);
	unsigned pause_ms = e->pause_ms;
	char command[96];

	snprintf(command, sizeof(command),
		 "{\"execute\":\"guest-exec-status\","
		 "\"arguments\":{\"pid\":%" PRId64 "}}",
		 e->process);
	if (e->pause_ms < VIRT_AGENT_PAUSE_MS)
		e->pause_ms *= 2;
	return virt_agent_command(ops_virt(e->call), &ref, command, pause_ms,
				  (struct virt_done){on_status, e}, err);
}

/* -- the beginning ----------------------------------------------------------- */

static void on_begun(void *context, struct virt_reply *reply)
{
	struct exec *e = context;
	struct json_object *begun;
	autojson whole = NULL;
	autoerror err = {0};
	uint64_t process = 0;

	if (!ops_succeeded(e->call, reply)) {
		finish(e);
		return;
	}
	memcpy(e->uuid, reply->domain.uuid, sizeof(e->uuid));
	e->name = steal(&reply->domain.name);
	begun = read_answer(e, reply, &whole, &err);
	if (begun && !get_number(begun, "pid", &process))
		bad_answer(e, &err);
	e->process = (int64_t)process;
	if (error_is_set(&err) || ask(e, &err) < 0)
		fail(e, &err);
}

static char *make_command(const struct agent_exec_params *params)
{
	autobuf text = {0};

	buf_append_str(&text, "{\"execute\":\"guest-exec\",\"arguments\":{"
			      "\"capture-output\":true,\"path\":");
	json_append_string(&text, params->program);
	buf_append_str(&text, ",\"arg\":[");
	for (size_t i = 0; i < params->arguments_count; i++) {
		if (i > 0)
			buf_append_char(&text, ',');
		json_append_string(&text, params->arguments[i]);
	}
	buf_append_str(&text, "]}}");
	return buf_steal_str(&text);
}

static int begin(struct call *call, const struct agent_exec_params *params,
		 struct error *err)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	uint64_t seconds = params->has_timeout ? params->timeout : EXEC_SECONDS;
	autofree struct exec *e = calloc(1, sizeof(*e));
	autofree char *command = make_command(params);

	if (!e || !command)
		return error_set_no_memory(err);
	e->call = call;
	e->pause_ms = EXEC_PAUSE_MS;
	e->end_ns = clock_monotonic_ns() + seconds * CLOCK_NS_PER_S;
	if (virt_agent_command(ops_virt(call), &ref, command, 0,
			       (struct virt_done){on_begun, e}, err) < 0)
		return -1;
	steal(&e);
	return 0;
}

void op_agent_exec(struct call *call, const struct agent_exec_params *params)
{
	autoerror err = {0};

	ops_submitted(call, begin(call, params, &err), &err);
}
