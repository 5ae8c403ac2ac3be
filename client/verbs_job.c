/*
 * Verbs about jobs: list, wait, info and cancel show what daemons keep of long calls.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/codec.h"
#include "api/json.h"
#include "base/clock.h"
#include "client/connect/deadline.h"
#include "client/follow.h"
#include "client/output.h"
#include "client/verbs.h"

#define TIME_TEXT 32    /* bytes of "12 s" */
#define LOOK_MS   5000u /* of one job.wait */

static enum output_style style_of(enum job_state state)
{
	switch (state) {
	case JOB_STATE_DONE:
		return OUTPUT_GOOD;
	case JOB_STATE_FAILED:
		return OUTPUT_BAD;
	case JOB_STATE_CANCELLED:
		return OUTPUT_WARN;
	default:
		return OUTPUT_PLAIN;
	}
}

static void time_text(char *text, uint64_t ns)
{
	snprintf(text, TIME_TEXT, "%.1f s", (double)ns / CLOCK_NS_PER_S);
}

/* -- list ------------------------------------------------------------------ */

static void add_row(struct output_table *t, const struct job_info *job)
{
	char elapsed[TIME_TEXT];
	const struct output_cell cells[] = {
		{.text = job->id},
		{.text = job->method},
		{.text = job->has_domain   ? job->domain
			 : job->has_target ? job->target
					   : NULL},
		{.text = enum_text(&api_type_job_state, (unsigned)job->state),
		 .style = style_of(job->state)},
		{.text = elapsed},
		{.text = job->identity},
		{.text = job->started, .style = OUTPUT_MOMENT},
	};

	time_text(elapsed, job->elapsed);
	output_table_row(t, cells);
}

static int print_jobs(struct output *output, const struct job_list *list,
		      struct error *err)
{
	static const struct output_column columns[] = {
		{.title = "Id", .key = "id"},
		{.title = "Method", .key = "method"},
		{.title = "About", .key = "about", .shrinks = true},
		{.title = "State", .key = "state"},
		{.title = "Time", .key = "elapsed", .right = true},
		{.title = "Of", .key = "identity", .shrinks = true},
		{.title = "Started", .key = "started"},
	};
	struct output_table *t =
		output_table_new(output, columns, array_size(columns));

	for (size_t i = 0; i < list->jobs_count; i++)
		add_row(t, &list->jobs[i]);
	return output_table_end(t, err);
}

int verb_job_list(struct command_call *call, struct error *err)
{
	const struct method *m = method_by_id(METHOD_job_list);
	const char *running =
		call_flag(call, "all") ? NULL : "{\"running\":true}";
	struct output *output = call_output(call);
	struct job_list list = {0};
	autojson result = NULL;
	int rc = 0;

	if (call_method(call, m->name, running ? running : "{}", &result, err) <
	    0)
		return -1;
	if (output_as_json(output, result, "jobs"))
		return 0;
	if (result_decode(m, result, &list, err) < 0)
		return -1;
	rc = print_jobs(output, &list, err);
	result_free(m, &list);
	return rc;
}

/* -- info ------------------------------------------------------------------ */

static void print_progress(struct output *output, const struct job_progress *p)
{
	autobuf text = {0};
	autofree char *line = NULL;

	follow_describe(&text, p);
	line = buf_steal_str(&text);
	output_field(output, "Progress", "%s", line ? line : "");
}

static void print_job(struct output *output, const struct job_info *job)
{
	char elapsed[TIME_TEXT];

	time_text(elapsed, job->elapsed);
	output_field(output, "Id", "%s", job->id);
	output_field(output, "Method", "%s", job->method);
	if (job->has_domain)
		output_field(output, "Domain", "%s", job->domain);
	else if (job->has_target)
		output_field(output, "About", "%s", job->target);
	output_field(output, "State", "%s%s",
		     enum_text(&api_type_job_state, (unsigned)job->state),
		     job->cancelling ? ", being cancelled" : "");
	output_field(output, "Of", "%s", job->identity);
	output_field_moment(output, "Started", job->started, false);
	if (job->has_ended)
		output_field_moment(output, "Ended", job->ended, false);
	output_field(output, "Time", "%s", elapsed);
	if (job->has_progress)
		print_progress(output, &job->progress);
	if (job->has_error)
		output_field(output, "Error", "%s", job->error.message);
}

int verb_job_info(struct command_call *call, struct error *err)
{
	const struct method *m = method_by_id(METHOD_job_info);
	struct output *output = call_output(call);
	struct job_info info = {0};
	autojson result = NULL;

	if (call_method(call, NULL, NULL, &result, err) < 0)
		return -1;
	if (!output_is_text(output))
		return output_value(output, result, err);
	if (result_decode(m, result, &info, err) < 0)
		return -1;
	print_job(output, &info);
	result_free(m, &info);
	return 0;
}

/* -- wait ------------------------------------------------------------------ */

int verb_job_wait(struct command_call *call, struct error *err)
{
	uint64_t ms = (uint64_t)call_number(call, "for", 0);
	const char *id = call_argument(call, 0);
	autojson result = NULL;

	if (follow_job(call, id, ms, &result, err) < 0)
		return -1;
	return call_done(call, "Job {job} is done", result, err);
}

/* -- cancel ---------------------------------------------------------------- */

/* Asks once for what it is by now; *STATE is that. */
static int look(struct command_call *call, struct json_object **result,
		enum job_state *state, struct error *err)
{
	const struct method *m = method_by_id(METHOD_job_wait);
	struct job_info info = {0};
	autobuf text = {0};
	autofree char *params = NULL;

	buf_append_str(&text, "{\"job\":");
	json_append_string(&text, call_argument(call, 0));
	buf_appendf(&text, ",\"timeout\":%u}", LOOK_MS);
	params = buf_steal_str(&text);
	if (!params)
		return error_set_no_memory(err);
	json_object_put(steal(result));
	if (call_method(call, m->name, params, result, err) < 0 ||
	    result_decode(m, *result, &info, err) < 0)
		return -1;
	*state = info.state;
	result_free(m, &info);
	return 0;
}

/* It is being cancelled. */
static int await_cancelled(struct command_call *call,
			   struct json_object **result, struct error *err)
{
	enum job_state state = JOB_STATE_RUNNING;
	autoerror why = {0};

	while (state == JOB_STATE_RUNNING)
		if (look(call, result, &state, &why) < 0)
			break;
	if (call_is_late(call)) {
		error_clear(&why);
		deadline_late(call_deadline(call), &why);
		error_prefix(&why,
			     "job %s is being cancelled, and has not ended yet",
			     call_argument(call, 0));
	}
	if (error_is_set(&why))
		return error_move(err, &why);
	if (state == JOB_STATE_CANCELLED)
		return 0;
	return error_set(err, ERROR_STATE,
			 "job %s %s before it could be cancelled",
			 call_argument(call, 0),
			 state == JOB_STATE_DONE ? "was done" : "had failed");
}

int verb_job_cancel(struct command_call *call, struct error *err)
{
	bool waits = call_flag(call, "wait");
	autojson result = NULL;

	if (call_method(call, NULL, NULL, &result, err) < 0 ||
	    (waits && await_cancelled(call, &result, err) < 0))
		return -1;
	return call_done(call,
			 waits ? "Job {id} was cancelled"
			       : "Job {id} is being cancelled",
			 result, err);
}
