/* A recording of the user's own (recorder.h). */
#include "client/consoles/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "record/capture.h"
#include "record/cast.h"

#define FILE_MODE 0600

struct recorder {
	char *path;
	int fd;
	enum recorder_format format;
	bool begun;
	uint64_t begun_ns;
	struct buf tails[2]; /* of a character, by direction */
	struct capture_sums sums;
	struct error why;
};

static int make_file(struct recorder *r, bool force, struct error *err)
{
	if (force && unlink(r->path) < 0 && errno != ENOENT)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "'%s' cannot be replaced", r->path);
	r->fd = open(r->path,
		     O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC |
			     O_NOFOLLOW,
		     FILE_MODE);
	if (r->fd >= 0)
		return 0;
	if (errno == EEXIST)
		return error_set(
			err, ERROR_EXISTS,
			"'%s' is there already; --overwrite records in "
			"its place",
			r->path);
	return error_set_errno(err, ERROR_SYSTEM, errno,
			       "the recording '%s' cannot be made", r->path);
}

static void free_recorder(struct recorder *r)
{
	if (r->fd >= 0)
		close(r->fd);
	buf_free(&r->tails[0]);
	buf_free(&r->tails[1]);
	error_clear(&r->why);
	free(r->path);
	free(r);
}

int recorder_new(struct recorder **recorder, const char *path, bool force,
		 enum recorder_format format, struct error *err)
{
	struct recorder *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return error_set_no_memory(err);
	r->fd = -1;
	r->format = format;
	r->path = strdup(path);
	rc = r->path ? make_file(r, force, err) : error_set_no_memory(err);
	if (rc < 0)
		free_recorder(r);
	else
		*recorder = r;
	return rc;
}

/* -- writing --------------------------------------------------------------- */

/* What stands in the file are whole lines or records, also where it is full. */
static void write_out(struct recorder *r, const struct buf *text)
{
	off_t before;

	if (error_is_set(&r->why) || text->len == 0)
		return;
	before = lseek(r->fd, 0, SEEK_END);
	if (!buf_ok(text))
		error_set_no_memory(&r->why);
	else if (file_write_all(r->fd, buf_bytes(text), text->len, &r->why) < 0)
		error_prefix(&r->why, "the recording '%s' has ended", r->path);
	if (error_is_set(&r->why) && ftruncate(r->fd, before) < 0)
		return; /* a reader bears half a line */
}

void recorder_begin(struct recorder *r, const struct record_about *given)
{
	struct cast_header header = {
		.width = CAST_WIDTH,
		.height = CAST_HEIGHT,
		.term = getenv("TERM"),
		.about = *given,
	};
	autobuf text = {0};

	header.about.time_us = clock_realtime_us();
	header.about.by = "client";
	if (r->format == RECORDER_CAST)
		cast_append_header(&text, &header);
	else
		capture_append_header(&text, &header.about);
	r->begun = true;
	r->begun_ns = clock_monotonic_ns();
	write_out(r, &text);
}

bool recorder_has_begun(const struct recorder *r)
{
	return r->begun;
}

/* The begin of a character waits for the rest. */
static void add_events(struct recorder *r, struct buf *text, bool to_host,
		       uint64_t ns, bool last)
{
	struct buf *tail = &r->tails[to_host];
	size_t used = 1;

	while (tail->len > 0 && used > 0) {
		bool all = tail->len <= CAST_DATA_MAX;

		if (cast_append_event(
			    text, ns, to_host ? CAST_INPUT : CAST_OUTPUT,
			    buf_bytes(tail), all ? tail->len : CAST_DATA_MAX,
			    last && all, &used) < 0)
			break;
		buf_consume(tail, used);
	}
	if (!buf_ok(tail))
		text->failed = true;
}

void recorder_add(struct recorder *r, bool to_host, const uint8_t *data,
		  size_t n)
{
	uint64_t ns = clock_monotonic_ns() - r->begun_ns;
	autobuf text = {0};

	if (!r->begun || error_is_set(&r->why))
		return;
	if (r->format == RECORDER_CAST) {
		buf_append(&r->tails[to_host], data, n);
		add_events(r, &text, to_host, ns, false);
	} else {
		capture_append_data(&text, &r->sums, ns / 1000,
				    to_host ? CAPTURE_CLIENT : CAPTURE_SERVER,
				    data, n);
	}
	write_out(r, &text);
}

const struct error *recorder_why(const struct recorder *r)
{
	return error_is_set(&r->why) ? &r->why : NULL;
}

static void finish(struct recorder *r)
{
	uint64_t ns = clock_monotonic_ns() - r->begun_ns;
	autobuf text = {0};

	if (r->format == RECORDER_CAST) {
		add_events(r, &text, false, ns, true);
		add_events(r, &text, true, ns, true);
	} else {
		capture_append_end(&text, &r->sums, ns / 1000);
	}
	write_out(r, &text);
}

int recorder_close(struct recorder *r, struct error *err)
{
	int rc = 0;

	if (!r)
		return 0;
	if (r->begun)
		finish(r);
	else
		unlink(r->path);
	if (close(steal_fd(&r->fd)) < 0 && !error_is_set(&r->why))
		error_set_errno(&r->why, ERROR_SYSTEM, errno,
				"the recording '%s' may not be complete",
				r->path);
	if (error_is_set(&r->why))
		rc = error_move(err, &r->why);
	free_recorder(r);
	return rc;
}
