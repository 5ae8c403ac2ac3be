/*
 * Calls of the library: JSON text in and out over the channel's calls, with the job of a
 * long method waited for.
 */
#include <json-c/json_object.h>
#include <stdlib.h>
#include <string.h>

#include "api/codec.h"
#include "api/json.h"
#include "client/connect/channel.h"
#include "client/library/library_private.h"

#define JOB_WAIT_MS                                                            \
	5000u /* of one job.wait, at most half of a call's timeout */

struct virtmux_request {
	struct list node; /* connection->requests */
	struct virtmux_connection *connection;
	struct channel_call *call;
	virtmux_result_fn *done;
	void *context;
};

static const char *text_of(struct json_object *result)
{
	return json_object_to_json_string_ext(
		result,
		JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

/* -- and wait -------------------------------------------------------------- */

static int take_end(const char *id, const struct job_info *info,
		    struct json_object **result, struct error *err)
{
	if (info->state != JOB_STATE_DONE)
		return error_set(err,
				 info->has_error
					 ? error_code_from_rpc_number(
						   (int)info->error.code)
					 : ERROR_FAILED,
				 "%s",
				 info->has_error ? info->error.message
						 : "the job failed");
	if (!info->has_result)
		return 0;
	if (json_parse(info->result, strlen(info->result),
		       &json_response_limits, result, err) < 0)
		return error_prefix(err, "the result of job %s", id);
	return 0;
}

/* It goes on without us. */
static int leave_job(const char *id, struct error *err)
{
	if (err->code == ERROR_DISCONNECTED || err->code == ERROR_CONNECT ||
	    err->code == ERROR_DRAINING || err->code == ERROR_TIMED_OUT)
		err->code = ERROR_UNKNOWN_OUTCOME;
	return error_prefix(err, "job %s goes on on the host", id);
}

static int wait_for_job(struct virtmux_connection *c, const char *id,
			struct json_object **result, struct error *err)
{
	const struct method *m = method_by_id(METHOD_job_wait);
	unsigned limit = c->options.timeout_ms / 2;
	struct job_wait_params params = {
		.job = (char *)id,
		.timeout = limit && limit < JOB_WAIT_MS ? limit : JOB_WAIT_MS,
		.has_timeout = true,
	};

	for (;;) {
		struct job_info info = {0};
		bool over;
		int rc = 0;

		if (channel_call_typed(c->channel, METHOD_job_wait, &params,
				       &info, err) < 0)
			return leave_job(id, err);
		over = info.state != JOB_STATE_RUNNING;
		if (over)
			rc = take_end(id, &info, result, err);
		result_free(m, &info);
		if (over)
			return rc;
	}
}

static int call_and_wait(struct virtmux_connection *c, const char *method,
			 const char *params, struct json_object **result,
			 struct error *err)
{
	const struct method *m = method_find(method, strlen(method));
	autofree char *job = NULL;

	if (!m || !m->is_long)
		return channel_call(c->channel, method, params, result, err);
	if (channel_call_job(c->channel, method, params, &job, result, err) < 0)
		return -1;
	return job ? wait_for_job(c, job, result, err) : 0;
}

int virtmux_call(virtmux_connection *c, const char *method, const char *params,
		 char **result, virtmux_error **error)
{
	autojson answer = NULL;
	autoerror why = {0};
	int rc;

	if (connection_enter(c, __func__, &why) < 0)
		return error_give(error, &why);
	rc = call_and_wait(c, method, params, &answer, &why);
	if (rc == 0 && result && !(*result = strdup(text_of(answer))))
		rc = error_set_no_memory(&why);
	/* It may have connected anew, to ask again. */
	if (!c->closing)
		events_resume(c);
	connection_leave(c);
	return rc < 0 ? error_give(error, &why) : 0;
}

/* -- and go on ------------------------------------------------------------- */

static void free_request(struct virtmux_request *r)
{
	list_remove(&r->node);
	free(r);
}

static void on_done(void *context, struct json_object *result,
		    const struct error *why)
{
	struct virtmux_request *r = context;
	struct virtmux_error error = {0};

	if (why)
		error_copy(&error.inner, why);
	if (!r->connection->closing)
		r->done(r->context, why ? NULL : text_of(result),
			why ? &error : NULL);
	error_clear(&error.inner);
	free_request(r);
}

virtmux_request *virtmux_call_start(virtmux_connection *c, const char *method,
				    const char *params, virtmux_result_fn *done,
				    void *context, virtmux_error **error)
{
	struct virtmux_request *r = calloc(1, sizeof(*r));
	autoerror why = {0};

	if (!r) {
		error_set_no_memory(&why);
		error_give(error, &why);
		return NULL;
	}
	r->connection = c;
	r->done = done;
	r->context = context;
	list_init(&r->node);
	list_append(&c->requests, &r->node);
	if (channel_call_start(c->channel, method, params, on_done, r, &r->call,
			       &why) < 0) {
		free_request(r);
		error_give(error, &why);
		return NULL;
	}
	return r;
}

void virtmux_call_cancel(virtmux_request *r)
{
	if (!r)
		return;
	channel_call_cancel(r->call);
	free_request(r);
}

void requests_release(struct virtmux_connection *c)
{
	list_for_each_safe (node, &c->requests)
		virtmux_call_cancel(
			list_entry(node, struct virtmux_request, node));
}
