/*
 * Waiting for a job (follow.h): job.wait again and again, a line with its progress
 * on a terminal between, and job.cancel where the user interrupts.
 */
#include "client/follow.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/codec.h"
#include "api/json.h"
#include "base/clock.h"
#include "client/connect/channel.h"
#include "client/connect/deadline.h"
#include "client/command_private.h"
#include "client/output.h"

#define LOOK_MS 500  /* between two looks, where the progress is shown */
#define WAIT_MS 5000 /* where it is not */

struct follow {
	struct command_call *call;
	struct channel *channel;
	const char *id;
	uint64_t until; /* clock_monotonic_ns(); 0: no end */
	bool shows;
	bool cancelled;
	bool only_waits; /* for a job that others have begun */
};

/* -- the line of progress -------------------------------------------------- */

void follow_describe(struct buf *out, const struct job_progress *p)
{
	char done[OUTPUT_SIZE_TEXT], total[OUTPUT_SIZE_TEXT];
	char speed[OUTPUT_SIZE_TEXT];
	uint64_t seconds = p->remaining / CLOCK_NS_PER_S;

	output_size(done, p->done);
	output_size(total, p->total);
	output_size(speed, p->speed);
	if (p->total)
		buf_appendf(
			out, "%u %%, ",
			(unsigned)((double)p->done * 100 / (double)p->total));
	buf_appendf(out, "%s of %s", done, total);
	if (p->has_speed)
		buf_appendf(out, ", %s/s", speed);
	if (p->has_remaining && seconds < 60)
		buf_appendf(out, ", %" PRIu64 " s left", seconds);
	else if (p->has_remaining)
		buf_appendf(out, ", %" PRIu64 " min left", seconds / 60);
}

static void show(const struct follow *f, const struct job_info *info)
{
	autobuf text = {0};
	autofree char *line = NULL;

	if (!f->shows)
		return;
	if (info->has_progress)
		follow_describe(&text, &info->progress);
	else
		buf_appendf(&text, "%" PRIu64 " s",
			    info->elapsed / (uint64_t)CLOCK_NS_PER_S);
	line = buf_steal_str(&text);
	fprintf(stderr, "\r%s%s: %s\x1b[K", info->method,
		f->cancelled ? ", cancelling" : "", line ? line : "");
	fflush(stderr);
}

static void hide(const struct follow *f)
{
	if (f->shows)
		fputs("\r\x1b[K", stderr);
}

/* -- one look -------------------------------------------------------------- */

static uint64_t look_ms(const struct follow *f)
{
	uint64_t ms = f->shows ? LOOK_MS : WAIT_MS;
	uint64_t now = clock_monotonic_ns();

	if (f->until && f->until <= now)
		return 0;
	if (f->until && ms > (f->until - now) / CLOCK_NS_PER_MS)
		ms = (f->until - now) / CLOCK_NS_PER_MS + 1;
	return ms;
}

static int look(const struct follow *f, struct job_info *info,
		struct error *err)
{
	struct job_wait_params params = {
		.job = (char *)f->id,
		.timeout = look_ms(f),
		.has_timeout = true,
	};

	return channel_call_typed(f->channel, METHOD_job_wait, &params, info,
				  err);
}

/* -- leaving it ------------------------------------------------------------ */

/* It goes on without us; who only waits for it has changed nothing. */
static int left(const struct follow *f, struct error *err)
{
	if (call_is_late(f->call)) {
		error_clear(err);
		deadline_late(call_deadline(f->call), err);
	}
	switch (err->code) {
	case ERROR_DISCONNECTED:
	case ERROR_CONNECT:
	case ERROR_DRAINING:
	case ERROR_TIMED_OUT:
		if (!f->only_waits)
			err->code = ERROR_UNKNOWN_OUTCOME;
		break;
	default:
		break;
	}
	return error_prefix(err,
			    "job %s goes on on the host (\"virtmux job wait "
			    "%s\")",
			    f->id, f->id);
}

static int cancel(struct follow *f, struct error *err)
{
	struct job_cancel_params params = {.job = (char *)f->id};
	autoerror why = {0};

	if (f->cancelled)
		return left(f, err);
	error_clear(err);
	f->cancelled = true;
	hide(f);
	fprintf(stderr, "virtmux: job %s is being cancelled\n", f->id);
	if (channel_call_typed(f->channel, METHOD_job_cancel, &params, NULL,
			       &why) == 0 ||
	    why.code == ERROR_STATE)
		return 0;
	error_move(err, &why);
	return left(f, err);
}

/* -- its end --------------------------------------------------------------- */

static int take_result(const struct job_info *info, struct json_object **result,
		       struct error *err)
{
	if (!result || !info->has_result)
		return 0;
	return json_parse(info->result, strlen(info->result),
			  &json_response_limits, result, err);
}

static int take_end(const struct follow *f, const struct job_info *info,
		    struct json_object **result, struct error *err)
{
	enum error_code code = ERROR_FAILED;

	hide(f);
	if (info->state == JOB_STATE_DONE)
		return take_result(info, result, err);
	if (info->has_error)
		code = error_code_from_rpc_number((int)info->error.code);
	if (f->cancelled && info->state == JOB_STATE_CANCELLED)
		code = ERROR_INTERRUPTED;
	error_set(err, code, "%s",
		  info->has_error ? info->error.message : "it has failed");
	return error_set_cause(err, "call %s%s", f->id,
			       info->has_error && info->error.logged
				       ? ": see the host's log"
				       : "");
}

static int follow(struct follow *f, struct json_object **result,
		  struct error *err)
{
	for (;;) {
		const struct method *m = method_by_id(METHOD_job_wait);
		struct job_info info = {0};
		int rc = 0;

		if (look(f, &info, err) < 0) {
			if (err->code != ERROR_INTERRUPTED) {
				hide(f);
				return left(f, err);
			}
			if (cancel(f, err) < 0)
				return -1;
			continue;
		}
		if (info.state != JOB_STATE_RUNNING) {
			rc = take_end(f, &info, result, err);
			result_free(m, &info);
			return rc;
		}
		show(f, &info);
		result_free(m, &info);
		if (f->until && clock_monotonic_ns() >= f->until) {
			hide(f);
			return error_set(err, ERROR_TIMED_OUT,
					 "job %s has not ended yet", f->id);
		}
	}
}

static bool wants_progress(const struct command_call *call)
{
	const char *term = getenv("TERM");

	return output_is_text(call_output(call)) && !call_flag(call, "quiet") &&
	       isatty(STDERR_FILENO) == 1 && term && strcmp(term, "dumb") != 0;
}

static int begin(struct follow *f, struct command_call *call, const char *id,
		 struct json_object **result, struct error *err)
{
	autoerror own = {0};

	f->call = call;
	f->id = id;
	f->shows = wants_progress(call);
	if (call_channel(call, &f->channel, err) < 0)
		return -1;
	return follow(f, result, &own) < 0 ? error_move(err, &own) : 0;
}

int follow_job(struct command_call *call, const char *id, uint64_t timeout_ms,
	       struct json_object **result, struct error *err)
{
	struct follow f = {.only_waits = true};

	if (timeout_ms)
		f.until = clock_monotonic_ns() + timeout_ms * CLOCK_NS_PER_MS;
	return begin(&f, call, id, result, err);
}

/* -- the whole ------------------------------------------------------------- */

static int detach(struct command_call *call, const char *id, struct error *err)
{
	struct output *output = call_output(call);
	autojson told = json_object_new_object();

	if (!told)
		return error_set_no_memory(err);
	json_object_object_add(told, "job", json_object_new_string(id));
	if (output_is_text(output))
		fprintf(output_file(output), "%s\n", id);
	else if (output_value(output, told, err) < 0)
		return -1;
	call->detached = true;
	return -1;
}

int follow_call(struct command_call *call, const char *method,
		const char *params, struct json_object **result,
		struct error *err)
{
	struct channel *channel = NULL;
	struct follow f = {0};
	autofree char *id = NULL;

	if (call_channel(call, &channel, err) < 0 ||
	    channel_call_job(channel, method, params, &id, result, err) < 0)
		return -1;
	if (!id)
		return 0;
	if (call_flag(call, "detach"))
		return detach(call, id, err);
	return begin(&f, call, id, result, err);
}
