/*
 * Disks of running domains and their jobs, as virsh has them: blockresize,
 * blockpull, blockcommit, blockcopy, blockjob. libvirt begins a job and returns;
 * --wait asks for it again and again until it has ended, or is interrupted, which
 * cancels it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "api/codec.h"
#include "api/json.h"
#include "client/connect/channel.h"
#include "client/connect/deadline.h"
#include "client/output.h"
#include "client/scaled.h"
#include "client/verbs.h"

#define POLL_MS 500 /* between two looks at a job, as virsh does */
#define MIB     (1024.0 * 1024.0)

/* -- parameters ------------------------------------------------------------ */

/* The limit as a further member of the parameters. */
static void add_bandwidth(const struct command_call *call, struct buf *out)
{
	uint64_t limit = (uint64_t)call_number(call, "bandwidth", 0);

	if (!call_given(call, "bandwidth"))
		return;
	if (!call_flag(call, "bytes"))
		limit = limit > UINT32_MAX ? UINT64_MAX / 2 : limit << 20;
	buf_appendf(out, ",\"bandwidth\":%" PRIu64, limit);
}

/* What the verb's items fill, and MORE (",\"name\":value", taken), to free(). */
static char *params_with(const struct command_call *call, struct buf *more,
			 struct error *err)
{
	autobuf text = {0};
	char *params;

	if (call_params(call, &text, err) < 0)
		return NULL;
	text.len--; /* its brace */
	buf_append(&text, buf_bytes(more), more->len);
	buf_append_char(&text, '}');
	params = buf_steal_str(&text);
	if (!params)
		error_set_no_memory(err);
	return params;
}

/* Of METHOD: the domain, the disk, and MORE (may be NULL). */
static int call_disk(struct command_call *call, const char *method,
		     const char *more, struct json_object **result,
		     struct error *err)
{
	autobuf text = {0};
	autofree char *params = NULL;

	buf_append_str(&text, "{\"domain\":");
	json_append_string(&text, call_argument(call, 0));
	buf_append_str(&text, ",\"path\":");
	json_append_string(&text, call_argument(call, 1));
	buf_append_str(&text, more ? more : "");
	buf_append_char(&text, '}');
	params = buf_steal_str(&text);
	if (!params)
		return error_set_no_memory(err);
	return call_method(call, method, params, result, err);
}

/* -- a job that is waited for ---------------------------------------------- */

struct wait {
	struct command_call *call;
	const char *what; /* "Block Pull" */
	bool mirrors;     /* it goes on until it is told to end */
	uint64_t backing; /* images below the disk before it */
	bool progress;    /* is shown on a line of its own */
};

static int percent(const struct block_job *job)
{
	if (job->end == 0)
		return job->ready ? 100 : 0;
	if (job->cur >= job->end)
		return 100;
	return (int)((double)job->cur * 100 / (double)job->end);
}

static void show_progress(const struct wait *w, int done)
{
	if (w->progress)
		fprintf(stderr, "\r%s: [%3d %%]", w->what, done);
}

static void end_progress(const struct wait *w)
{
	if (w->progress)
		fputc('\n', stderr);
}

static int get_job(struct command_call *call, struct block_job *job,
		   struct error *err)
{
	autojson result = NULL;

	if (call_disk(call, "block.job", NULL, &result, err) < 0)
		return -1;
	return result_decode(method_by_id(METHOD_block_job), result, job, err);
}

/* How many images the disk's chain has below it; 0 where that is not known. */
static int get_backing(struct command_call *call, uint64_t *backing,
		       struct error *err)
{
	const struct method *m = method_by_id(METHOD_device_list);
	const char *path = call_argument(call, 1);
	struct device_list list = {0};
	autobuf text = {0};
	autofree char *params = NULL;
	autojson result = NULL;

	*backing = 0;
	buf_append_str(&text, "{\"domain\":");
	json_append_string(&text, call_argument(call, 0));
	buf_append_char(&text, '}');
	params = buf_steal_str(&text);
	if (!params)
		return error_set_no_memory(err);
	if (call_method(call, m->name, params, &result, err) < 0 ||
	    result_decode(m, result, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.disk_count; i++) {
		const struct disk_info *d = &list.disk[i];

		if ((d->has_target && strcmp(d->target, path) == 0) ||
		    (d->has_source && strcmp(d->source, path) == 0))
			*backing = d->backing;
	}
	result_free(m, &list);
	return 0;
}

static void on_pause(uv_timer_t *timer)
{
	channel_stop(timer->data);
}

static void on_closed(uv_handle_t *timer)
{
	free(timer);
}

/* Lets the channel live on for POLL_MS. ERROR_INTERRUPTED, _DISCONNECTED. */
static int pause_polling(struct command_call *call, struct error *err)
{
	struct channel *channel = NULL;
	uv_timer_t *timer;
	int rc;

	if (call_channel(call, &channel, err) < 0)
		return -1;
	timer = malloc(sizeof(*timer));
	if (!timer)
		return error_set_no_memory(err);
	uv_timer_init(channel_loop(channel), timer);
	timer->data = channel;
	uv_timer_start(timer, on_pause, POLL_MS, 0);
	rc = channel_run(channel, err);
	uv_close((uv_handle_t *)timer, on_closed);
	return rc;
}

/* The job has gone: whether it did its work shows in the backing chain. */
static int judge_end(const struct wait *w, struct error *err)
{
	uint64_t backing = 0;

	if (w->mirrors)
		return error_set(err, ERROR_FAILED,
				 "%s of disk '%s' has ended before it was "
				 "ready: the host's log tells why",
				 w->what, call_argument(w->call, 1));
	if (get_backing(w->call, &backing, err) < 0)
		return -1;
	if (w->backing && backing >= w->backing)
		return error_set(err, ERROR_FAILED,
				 "%s of disk '%s' has ended, and its backing "
				 "chain is as long as before: the host's log "
				 "tells why",
				 w->what, call_argument(w->call, 1));
	return 0;
}

/* Until it has ended or, where it mirrors, is ready. */
static int poll_job(const struct wait *w, struct error *err)
{
	const struct method *m = method_by_id(METHOD_block_job);

	for (;;) {
		struct block_job job = {0};
		bool active, ready;

		if (get_job(w->call, &job, err) < 0)
			return -1;
		active = job.active;
		ready = job.ready;
		show_progress(w, active ? percent(&job) : 100);
		result_free(m, &job);
		if (!active)
			return judge_end(w, err);
		if (w->mirrors && ready)
			return 0;
		if (pause_polling(w->call, err) < 0)
			return -1;
	}
}

static int wait_for_job(struct wait *w, struct error *err)
{
	const char *async =
		call_flag(w->call, "async") ? ",\"async\":true" : NULL;
	struct error ignored = {0};
	int rc = poll_job(w, err);

	end_progress(w);
	if (rc < 0 && call_is_late(w->call)) {
		error_clear(err);
		deadline_late(call_deadline(w->call), err);
		return error_prefix(err, "%s goes on on the host", w->what);
	}
	if (rc == 0 || !err || err->code != ERROR_INTERRUPTED)
		return rc;
	if (call_disk(w->call, "block.abort", async, NULL, &ignored) < 0) {
		error_clear(&ignored);
		return error_prefix(err, "%s goes on, and was not cancelled",
				    w->what);
	}
	return error_prefix(err, "%s was cancelled", w->what);
}

static struct wait begin_wait(struct command_call *call, const char *what,
			      bool mirrors)
{
	return (struct wait){
		.call = call,
		.what = what,
		.mirrors = mirrors,
		.progress = output_is_text(call_output(call)) &&
			    output_is_terminal(call_output(call)),
	};
}

/* Starts the verb's own method; *RESULT is what it returned. */
static int start(struct command_call *call, struct buf *more,
		 struct json_object **result, struct error *err)
{
	autofree char *params = NULL;

	add_bandwidth(call, more);
	params = params_with(call, more, err);
	if (!params)
		return -1;
	return call_method(call, NULL, params, result, err);
}

/* PIVOT: goes on with the copy; else as before. */
static int end_mirror(struct command_call *call, bool pivot, struct error *err)
{
	return call_disk(call, "block.abort", pivot ? ",\"pivot\":true" : NULL,
			 NULL, err);
}

/* -- the verbs ------------------------------------------------------------- */

int verb_blockpull(struct command_call *call, struct error *err)
{
	struct wait w = begin_wait(call, "Block Pull", false);
	autojson result = NULL;
	autobuf more = {0};

	if (call_flag(call, "wait") && get_backing(call, &w.backing, err) < 0)
		return -1;
	if (start(call, &more, &result, err) < 0)
		return -1;
	if (!call_flag(call, "wait"))
		return call_done(call, "Block Pull started", result, err);
	if (wait_for_job(&w, err) < 0)
		return -1;
	return call_done(call, "Pull complete", result, err);
}

int verb_blockcommit(struct command_call *call, struct error *err)
{
	bool pivot = call_flag(call, "pivot");
	bool keep = call_flag(call, "keep-overlay");
	bool active = call_flag(call, "active") || pivot || keep;
	bool waits = call_flag(call, "wait") || pivot || keep;
	struct wait w = begin_wait(call, "Block Commit", active);
	const char *done =
		active ? "Now in synchronized phase" : "Commit complete";
	autojson result = NULL;
	autobuf more = {0};

	if (pivot && keep)
		return error_set(err, ERROR_USAGE,
				 "--pivot and --keep-overlay exclude each "
				 "other");
	if (waits && !active && get_backing(call, &w.backing, err) < 0)
		return -1;
	buf_append_str(&more, active ? ",\"active\":true" : "");
	if (start(call, &more, &result, err) < 0)
		return -1;
	if (!waits)
		return call_done(call, "Block Commit started", result, err);
	if (wait_for_job(&w, err) < 0 ||
	    ((pivot || keep) && end_mirror(call, pivot, err) < 0))
		return -1;
	if (pivot)
		done = "Successfully pivoted";
	if (keep)
		done = "Commit complete, overlay image kept";
	return call_done(call, done, result, err);
}

int verb_blockcopy(struct command_call *call, struct error *err)
{
	bool pivot = call_flag(call, "pivot");
	bool finish = call_flag(call, "finish");
	struct wait w = begin_wait(call, "Block Copy", true);
	const char *done = "Now in mirroring phase";
	autojson result = NULL;
	autobuf more = {0};

	if (pivot && finish)
		return error_set(err, ERROR_USAGE,
				 "--pivot and --finish exclude each other");
	if (start(call, &more, &result, err) < 0)
		return -1;
	if (!call_flag(call, "wait") && !pivot && !finish)
		return call_done(call, "Block Copy started", result, err);
	if (wait_for_job(&w, err) < 0 ||
	    ((pivot || finish) && end_mirror(call, pivot, err) < 0))
		return -1;
	if (pivot)
		done = "Successfully pivoted";
	if (finish)
		done = "Successfully copied";
	return call_done(call, done, result, err);
}

int verb_blockresize(struct command_call *call, struct error *err)
{
	autojson result = NULL;
	autobuf more = {0};
	autofree char *text = NULL;
	uint64_t size;

	if (scaled_bytes("size", call_argument(call, 2), 1024, &size, err) < 0)
		return -1;
	buf_appendf(&more, ",\"size\":%" PRIu64, size);
	text = buf_steal_str(&more);
	if (!text)
		return error_set_no_memory(err);
	if (call_disk(call, "block.resize", text, &result, err) < 0)
		return -1;
	return call_done(call, "Block device '{path}' is resized", result, err);
}

/* -- blockjob -------------------------------------------------------------- */

static const char *job_words(enum block_job_type type)
{
	static const char *const words[] = {
		[BLOCK_JOB_TYPE_UNKNOWN] = "Unknown job",
		[BLOCK_JOB_TYPE_PULL] = "Block Pull",
		[BLOCK_JOB_TYPE_COPY] = "Block Copy",
		[BLOCK_JOB_TYPE_COMMIT] = "Block Commit",
		[BLOCK_JOB_TYPE_ACTIVE_COMMIT] = "Active Block Commit",
		[BLOCK_JOB_TYPE_BACKUP] = "Backup",
	};

	return (size_t)type < array_size(words) ? words[type] : words[0];
}

static void print_job(struct command_call *call, const struct block_job *job)
{
	FILE *f = output_file(call_output(call));

	if (!job->active) {
		fprintf(f, "No current block job for %s\n",
			call_argument(call, 1));
	} else if (call_flag(call, "raw")) {
		fprintf(f,
			" type=%s\n bandwidth=%" PRIu64 "\n cur=%" PRIu64
			"\n end=%" PRIu64 "\n",
			job_words(job->type), job->bandwidth, job->cur,
			job->end);
	} else {
		fprintf(f, "%s: [%3d %%]", job_words(job->type), percent(job));
		if (job->bandwidth && call_flag(call, "bytes"))
			fprintf(f, "    Bandwidth limit: %" PRIu64 " bytes/s",
				job->bandwidth);
		else if (job->bandwidth)
			fprintf(f, "    Bandwidth limit: %.3f MiB/s",
				(double)job->bandwidth / MIB);
		fputc('\n', f);
	}
}

static int show_job(struct command_call *call, struct error *err)
{
	const struct method *m = method_by_id(METHOD_block_job);
	struct block_job job = {0};
	autojson result = NULL;

	if (call_disk(call, m->name, NULL, &result, err) < 0)
		return -1;
	if (!output_is_text(call_output(call)))
		return output_value(call_output(call), result, err);
	if (result_decode(m, result, &job, err) < 0)
		return -1;
	print_job(call, &job);
	result_free(m, &job);
	return 0;
}

/* METHOD with what is in MORE, and the words for it. */
static int change_job(struct command_call *call, const char *method,
		      struct buf *more, const char *done, struct error *err)
{
	autofree char *text = buf_steal_str(more);
	autojson result = NULL;

	if (!text)
		return error_set_no_memory(err);
	if (call_disk(call, method, text, &result, err) < 0)
		return -1;
	return call_done(call, done, result, err);
}

int verb_blockjob(struct command_call *call, struct error *err)
{
	bool pivot = call_flag(call, "pivot");
	bool async = call_flag(call, "async");
	autobuf more = {0};

	if (call_flag(call, "abort") || pivot || async) {
		buf_append_str(&more, pivot ? ",\"pivot\":true" : "");
		buf_append_str(&more, async ? ",\"async\":true" : "");
		return change_job(call, "block.abort", &more,
				  pivot ? "Successfully pivoted"
					: "Block job aborted",
				  err);
	}
	if (!call_given(call, "bandwidth"))
		return show_job(call, err);
	add_bandwidth(call, &more);
	return change_job(call, "block.set-speed", &more,
			  "Speed of the block job is limited", err);
}
