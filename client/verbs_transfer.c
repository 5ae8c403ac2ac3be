/*
 * vol-upload and vol-download: what the words on the command line mean, the file of
 * this machine, and what is said in the end. The bytes are moved by transfer.c.
 *
 * What always holds: a download stands in FILE.part until it is complete and right;
 * what was interrupted says how to go on.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/codec.h"
#include "api/json.h"
#include "base/clock.h"
#include "client/connect/channel.h"
#include "client/output.h"
#include "client/scaled.h"
#include "client/transfer.h"
#include "client/verbs.h"

#define PART ".part"

struct errand {
	struct command_call *call;
	struct volume_ref volume;
	struct transfer transfer;
	char *path;
	const char *file; /* as the user calls it */
	uint64_t begun_ns;
};

static void errand_clear(struct errand *e)
{
	result_free(method_by_id(METHOD_volume_lookup), &e->volume);
	cleanup_close(&e->transfer.fd);
	free(e->path);
}

static int size_option(struct command_call *call, const char *name,
		       uint64_t fallback, uint64_t *bytes, struct error *err)
{
	const char *text = call_text(call, name, NULL);

	*bytes = fallback;
	return text ? scaled_bytes(name, text, 1, bytes, err) : 0;
}

/* Its pool and its name there, by which the resource is called. */
static int find_volume(struct errand *e, struct error *err)
{
	const struct volume_lookup_params params = {
		.volume = (char *)call_argument(e->call, 0),
		.pool = (char *)call_text(e->call, "pool", NULL),
		.has_pool = call_given(e->call, "pool"),
	};
	struct channel *channel = NULL;
	autofree char *pool = NULL;
	autofree char *name = NULL;

	call_keep_key(e->call);
	if (call_channel(e->call, &channel, err) < 0 ||
	    channel_call_typed(channel, METHOD_volume_lookup, &params,
			       &e->volume, err) < 0)
		return -1;
	pool = channel_escape(e->volume.pool);
	name = channel_escape(e->volume.name);
	if (!pool || !name ||
	    asprintf(&e->path, "/pools/%s/volumes/%s", pool, name) < 0) {
		e->path = NULL;
		return error_set_no_memory(err);
	}
	return 0;
}

static int begin(struct errand *e, bool upload, struct error *err)
{
	struct command_call *call = e->call;
	struct transfer *t = &e->transfer;

	e->file = call_argument(call, 1);
	e->begun_ns = clock_monotonic_ns();
	*t = (struct transfer){
		.call = call,
		.fd = -1,
		.upload = upload,
		.resume = call_flag(call, "resume"),
		.progress = !call_flag(call, "quiet"),
	};
	if (size_option(call, "offset", 0, &t->offset, err) < 0 ||
	    size_option(call, "length", UINT64_MAX, &t->length, err) < 0 ||
	    find_volume(e, err) < 0)
		return -1;
	t->pool = e->volume.pool;
	t->volume = e->volume.name;
	t->path = e->path;
	return 0;
}

/* -- the end --------------------------------------------------------------- */

static int say_json(struct errand *e, struct error *err)
{
	const struct transfer *t = &e->transfer;
	autojson o = json_object_new_object();

	if (!o)
		return error_set_no_memory(err);
	json_object_object_add(o, "pool", json_object_new_string(t->pool));
	json_object_object_add(o, "volume", json_object_new_string(t->volume));
	json_object_object_add(o, "file", json_object_new_string(e->file));
	json_object_object_add(o, "offset",
			       json_object_new_int64((int64_t)t->offset));
	json_object_object_add(o, "length",
			       json_object_new_int64((int64_t)t->length));
	json_object_object_add(o, "skipped",
			       json_object_new_int64((int64_t)t->skipped));
	json_object_object_add(o, "cuts", json_object_new_int64(t->cuts));
	if (t->sha256[0])
		json_object_object_add(o, "sha256",
				       json_object_new_string(t->sha256));
	return output_value(call_output(e->call), o, err);
}

static int say_done(struct errand *e, struct error *err)
{
	struct output *output = call_output(e->call);
	const struct transfer *t = &e->transfer;
	double seconds = (double)(clock_monotonic_ns() - e->begun_ns) / 1e9;
	char size[OUTPUT_SIZE_TEXT];

	if (!output_is_text(output))
		return say_json(e, err);
	output_size(size, t->length);
	output_say(output,
		   "Volume '%s' %s '%s': %s in %.1f s, checksums compared",
		   t->volume, t->upload ? "written from" : "saved to", e->file,
		   size, seconds);
	if (t->skipped)
		output_say(output, "(%" PRIu64 " bytes were there already)",
			   t->skipped);
	if (t->cuts)
		output_say(output, "(it was cut off %u times and went on)",
			   t->cuts);
	return 0;
}

/* How far it came, and how to go on. */
static int tell_place(const struct errand *e, struct error *err)
{
	const struct transfer *t = &e->transfer;

	if (err)
		error_prefix(err,
			     "volume '%s' was %s up to byte %" PRIu64
			     " (the same command with --resume goes on from "
			     "there)",
			     t->volume, t->upload ? "written" : "saved",
			     t->offset + t->done);
	return -1;
}

static int run(struct errand *e, struct error *err)
{
	if (transfer_run(&e->transfer, err) == 0)
		return 0;
	return e->transfer.done ? tell_place(e, err) : -1;
}

/* -- up -------------------------------------------------------------------- */

static int open_source(struct errand *e, struct error *err)
{
	struct transfer *t = &e->transfer;
	off_t size;

	t->fd = open(e->file, O_RDONLY | O_CLOEXEC);
	if (t->fd < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno, "%s", e->file);
	size = lseek(t->fd, 0, SEEK_END);
	if (size < 0)
		return error_set(err, ERROR_USAGE,
				 "%s is neither a file nor a disk: a transfer "
				 "must be able to begin anew",
				 e->file);
	if (t->length > (uint64_t)size)
		t->length = (uint64_t)size;
	return 0;
}

int verb_vol_upload(struct command_call *call, struct error *err)
{
	cleanup(errand_clear) struct errand e = {.call = call,
						 .transfer.fd = -1};

	if (begin(&e, true, err) < 0 || open_source(&e, err) < 0)
		return -1;
	e.transfer.sparse = !call_flag(call, "no-sparse");
	return run(&e, err) < 0 ? -1 : say_done(&e, err);
}

/* -- down ------------------------------------------------------------------ */

/* What of the volume there is to save; and how much of it FILE.part may have. */
static int measure(struct errand *e, struct error *err)
{
	struct transfer *t = &e->transfer;
	struct stat st;

	if (!t->resume)
		return 0;
	if (fstat(t->fd, &st) < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno, "%s", e->file);
	t->done = (uint64_t)st.st_size;
	if (t->done > t->length)
		t->done = t->length;
	return 0;
}

static int open_part(struct errand *e, const char *part, struct error *err)
{
	int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW;

	if (!e->transfer.resume)
		flags |= O_TRUNC;
	e->transfer.fd = open(part, flags, 0600);
	if (e->transfer.fd < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno, "%s", part);
	return measure(e, err);
}

int verb_vol_download(struct command_call *call, struct error *err)
{
	cleanup(errand_clear) struct errand e = {.call = call,
						 .transfer.fd = -1};
	autofree char *part = NULL;

	if (begin(&e, false, err) < 0)
		return -1;
	if (asprintf(&part, "%s" PART, e.file) < 0) {
		part = NULL;
		return error_set_no_memory(err);
	}
	if (open_part(&e, part, err) < 0 || run(&e, err) < 0)
		return -1;
	if (rename(part, e.file) < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "%s cannot become %s", part, e.file);
	return say_done(&e, err);
}
