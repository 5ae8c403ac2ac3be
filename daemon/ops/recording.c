/*
 * Files of recordings (recording.h). What always holds: `errnum` and `trouble` are
 * the job's until it is done; there are at most two who hold a recording, its console
 * and its tap.
 */
#include "daemon/ops/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "daemon/ops/room.h"
#include "record/capture.h"
#include "record/cast.h"

#define FOLDER_MODE 0700
#define FILE_MODE   0600
#define LAST_WORDS  769u /* bytes of the trailer: three for each, and NUL */
#define PART_SHOWN  64u  /* bytes of a name in a file's name, escaped */

struct recording {
	struct lane_job job;
	unsigned refs;
	struct ops *ops;
	recording_opened_fn *fn;
	void *context;
	char *identity;
	char *name; /* of the file */
	bool is_cast;
	struct buf header; /* its first bytes */
	struct capture_sums sums;
	int fd;
	struct error trouble; /* of the job: what is wrong, with the cure */
	int errnum;           /* it could not go on */
	char last_words[LAST_WORDS];
};

/* -- its name -------------------------------------------------------------- */

/* As much of TEXT as fits, with %XX for all that has a meaning somewhere. */
static void append_part(struct buf *out, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789.@-";
	size_t end = out->len + PART_SHOWN;

	for (; *text && out->len + 3 <= end; text++) {
		if (strchr(plain, *text))
			buf_append_char(out, *text);
		else
			buf_appendf(out, "%%%02X", (unsigned char)*text);
	}
}

static void append_time(struct buf *out, int64_t now_us)
{
	time_t seconds = (time_t)(now_us / 1000000);
	char text[sizeof("20261121T230102")];
	struct tm utc;

	gmtime_r(&seconds, &utc);
	strftime(text, sizeof(text), "%Y%m%dT%H%M%S", &utc);
	buf_appendf(out, "%s.%03uZ", text, (unsigned)(now_us / 1000 % 1000));
}

static const char *suffix(const char *kind)
{
	if (strcmp(kind, "serial") == 0)
		return "cast";
	return strcmp(kind, "vnc") == 0 ? "rfb" : "spice";
}

/* TIME_IDENTITY_DOMAIN_KINDn_CALL.SUFFIX: "_" stands nowhere else. */
static char *make_name(const struct recording_console *c, int64_t now_us)
{
	autobuf name = {0};

	append_time(&name, now_us);
	buf_append_char(&name, '_');
	append_part(&name, call_caller(c->call)->identity);
	buf_append_char(&name, '_');
	append_part(&name, c->domain);
	buf_appendf(&name, "_%s%u_", c->kind, c->n);
	append_part(&name, call_id(c->call));
	buf_appendf(&name, ".%s", suffix(c->kind));
	return buf_steal_str(&name);
}

static int make_header(struct recording *r, const struct recording_console *c,
		       int64_t now_us)
{
	char n[16];
	struct cast_header header = {
		.width = CAST_WIDTH,
		.height = CAST_HEIGHT,
		.about = {.time_us = now_us,
			  .by = "host",
			  .host = r->ops->hostname,
			  .domain = c->domain,
			  .uuid = c->uuid,
			  .kind = c->kind,
			  .n = n,
			  .identity = r->identity,
			  .call = call_id(c->call)},
	};

	snprintf(n, sizeof(n), "%u", c->n);
	r->is_cast = strcmp(c->kind, "serial") == 0;
	return r->is_cast ? cast_append_header(&r->header, &header)
			  : capture_append_header(&r->header, &header.about);
}

/* -- the file, in the lane's thread ---------------------------------------- */

static int fault(struct recording *r, int errnum, const char *what)
{
	return error_set_errno(&r->trouble, ERROR_SYSTEM, errnum,
			       "[console] record-directory: %s/%s %s",
			       r->ops->record_folder, r->name, what);
}

/* Whoever else may write there could put another recording in its place. */
static int check_folder(struct recording *r, int folder)
{
	const char *path = r->ops->record_folder;
	struct stat st;

	if (fstat(folder, &st) < 0)
		return fault(r, errno, "cannot be judged");
	if (st.st_uid != geteuid())
		return error_set(&r->trouble, ERROR_SYSTEM,
				 "[console] record-directory: %s belongs to "
				 "user %u, not to virtmuxd: chown %u %s",
				 path, (unsigned)st.st_uid, (unsigned)geteuid(),
				 path);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return error_set(&r->trouble, ERROR_SYSTEM,
				 "[console] record-directory: others may write "
				 "to %s: chmod go-w %s",
				 path, path);
	return 0;
}

static int write_file(struct recording *r, int folder)
{
	r->fd = openat(folder, r->name,
		       O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW |
			       O_CLOEXEC,
		       FILE_MODE);
	if (r->fd < 0)
		return fault(r, errno, "cannot be made");
	if (file_write_all(r->fd, buf_bytes(&r->header), r->header.len,
			   &r->trouble) == 0)
		return 0;
	close(steal_fd(&r->fd));
	unlinkat(folder, r->name, 0);
	return error_prefix(&r->trouble, "[console] record-directory: %s/%s",
			    r->ops->record_folder, r->name);
}

static void work(struct lane_job *job)
{
	struct recording *r = container_of(job, struct recording, job);
	autoclose int folder = -1;

	if (file_make_dirs(r->ops->record_folder, FOLDER_MODE, &r->trouble) <
	    0) {
		error_prefix(&r->trouble, "[console] record-directory");
		return;
	}
	folder = open(r->ops->record_folder,
		      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0)
		fault(r, errno, "cannot be made in that folder");
	else if (check_folder(r, folder) == 0)
		write_file(r, folder);
}

/* -- opening --------------------------------------------------------------- */

void recording_unref(struct recording *r)
{
	if (!r || --r->refs > 0)
		return;
	if (r->fd >= 0)
		close(r->fd);
	error_clear(&r->trouble);
	buf_free(&r->header);
	free(r->identity);
	free(r->name);
	free(r);
}

/* The peer hears that, the log hears why. */
static int refuse(const struct recording *r, struct error *err)
{
	error_set(err, ERROR_SYSTEM,
		  "the consoles of \"%s\" are recorded by the host, which "
		  "cannot write the recording now; its log says why",
		  r->identity);
	return error_set_cause(err, "%s", error_words(&r->trouble));
}

static void done(struct lane_job *job)
{
	struct recording *r = container_of(job, struct recording, job);
	autoerror err = {0};

	buf_free(&r->header);
	if (!error_is_set(&r->trouble)) {
		r->fn(r->context, r, &err);
		return;
	}
	refuse(r, &err);
	r->fn(r->context, NULL, &err);
	recording_unref(r);
}

static int begin(struct recording *r, const struct recording_console *console,
		 struct error *err)
{
	int64_t now_us = clock_realtime_us();

	r->identity = strdup(call_caller(console->call)->identity);
	r->name = make_name(console, now_us);
	if (!r->identity || !r->name || make_header(r, console, now_us) < 0)
		return error_set_no_memory(err);
	return lane_give(r->ops->lane, &r->job, err);
}

int recording_open(struct ops *ops, const struct recording_console *console,
		   recording_opened_fn *fn, void *context, struct error *err)
{
	struct recording *r = calloc(1, sizeof(*r));

	if (!r)
		return error_set_no_memory(err);
	r->refs = 1;
	r->ops = ops;
	r->fn = fn;
	r->context = context;
	r->fd = -1;
	r->job.work = work;
	r->job.done = done;
	if (begin(r, console, err) == 0)
		return 0;
	recording_unref(r);
	return -1;
}

const char *recording_name(const struct recording *r)
{
	return r->name;
}

bool recording_failed(const struct recording *r, struct error *why)
{
	if (!r->errnum)
		return false;
	error_set(why, ERROR_SYSTEM,
		  "the host could not write the recording of the console: %s",
		  strerror(r->errnum));
	return true;
}

/* -- what stands in it ----------------------------------------------------- */

static int append_data(void *context, struct buf *out, uint64_t ns,
		       bool to_peer, const uint8_t *data, size_t n, bool last,
		       size_t *used)
{
	struct recording *r = context;

	if (r->is_cast)
		return cast_append_event(out, ns,
					 to_peer ? CAST_OUTPUT : CAST_INPUT,
					 data, n, last, used);
	*used = n;
	return capture_append_data(out, &r->sums, ns / 1000,
				   to_peer ? CAPTURE_SERVER : CAPTURE_CLIENT,
				   data, n);
}

static int append_end(void *context, struct buf *out, uint64_t ns)
{
	struct recording *r = context;

	return r->is_cast ? 0 : capture_append_end(out, &r->sums, ns / 1000);
}

static const char *on_failed(void *context, int errnum)
{
	struct recording *r = context;
	autoerror why = {0};
	char text[LAST_WORDS / 3];

	r->errnum = errnum;
	log_error(r->ops->log,
		  "the recording %s/%s cannot be written: %s; its console is "
		  "ended, and others of identities that are recorded will be "
		  "refused. Make room there, or repair the disk",
		  r->ops->record_folder, r->name, strerror(errnum));
	recording_failed(r, &why);
	snprintf(text, sizeof(text), "%s: %s", error_code_name(why.code),
		 error_words(&why));
	ops_percent_encode(text, r->last_words, sizeof(r->last_words));
	return r->last_words;
}

static void on_free(void *context)
{
	recording_unref(context);
}

int recording_tap(struct recording *r, const struct h2_handler *handler,
		  const struct h2_source *source, void *context,
		  struct tap **tap, struct error *err)
{
	static const struct tap_format format = {
		.data = append_data,
		.end = append_end,
		.failed = on_failed,
		.free = on_free,
	};
	const struct tap_options options = {
		.lane = r->ops->lane,
		.handler = handler,
		.source = source,
		.context = context,
		.format = &format,
		.format_context = r,
	};

	r->refs++;
	return tap_new(tap, r->ops->uv, &options, steal_fd(&r->fd), err);
}
