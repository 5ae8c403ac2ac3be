/*
 * The journal's file: appended to by the loop, brought to the disk by a job in a
 * thread of libuv's, one at a time (journal.h). Those who wait while a job runs
 * share the next one.
 *
 * What always holds: `fd` is the file that the next daemon will read; while
 * another is made (COPYING, REPLACING), each record goes to both, so that a crash
 * at any moment leaves one that is whole. `bad`: the file lacks an outcome, or
 * cannot be trusted to be on the disk; then nobody is told of success before
 * another one has taken its place.
 */
#include "daemon/rpc/journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/secret.h"
#include "daemon/rpc/journal_key.h"
#include "daemon/rpc/limits.h"

#define FILE_NAME "keys.journal"
#define NEW_NAME  "keys.journal.new"
#define LOCK_NAME "lock"
#define FILE_MODE 0600
#define DIR_MODE  0700

enum state {
	IDLE,
	SYNCING,   /* fdatasync() of the file */
	COPYING,   /* the snapshot is written to a new one */
	REPLACING, /* fdatasync() of the new one, and its rename */
};

struct journal {
	struct journal_config config;
	char *path, *new_path, *lock_path, *folder;
	journal_snapshot_fn *snapshot;
	void *context;
	int lock, fd, new_fd;
	enum state state;
	bool closed;
	bool bad;     /* see above */
	bool new_bad; /* the same of the new file */
	bool told;    /* it was logged that it cannot be written */
	bool strange; /* its hashes are not by `key`, and are not taken over */
	size_t size;  /* of the file */
	size_t new_size;  /* of the new one */
	size_t base;      /* size after it was last written anew */
	uint64_t place;   /* counts appended records */
	uint64_t synced;  /* those up to here are on the disk */
	uint64_t target;  /* those that the job brings there */
	struct buf copy;  /* the snapshot, for the job */
	struct buf since; /* appended while it is written */
	struct list waiting;
	uv_work_t work;
	uv_timer_t timer; /* for outcomes that nobody waits for */
	int failure;      /* errno of the job, or 0 */
	bool renamed;     /* by the job */
	uint8_t key[DIGEST_BYTES];
};

/* -- opening -------------------------------------------------------------- */

static int take_lock(struct journal *j, struct error *err)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	j->lock = open(j->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		       FILE_MODE);
	if (j->lock < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "[daemon] state-directory: %s cannot be "
				       "opened for writing",
				       j->lock_path);
	/* Not flock(2): children of the libvirt driver would inherit it. */
	if (fcntl(j->lock, F_SETLK, &lock) == 0)
		return 0;
	if (errno != EACCES && errno != EAGAIN)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot lock %s", j->lock_path);
	if (fcntl(j->lock, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
		lock.l_pid = 0;
	return error_set(err, ERROR_SYSTEM,
			 "another virtmuxd (process %ld) uses the "
			 "state-directory %s; end it, or give each a "
			 "state-directory of its own",
			 (long)lock.l_pid, j->folder);
}

static int open_file(const char *path, int more)
{
	return open(path,
		    O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW |
			    O_NOCTTY | more,
		    FILE_MODE);
}

static int make_paths(struct journal *j, const char *folder, struct error *err)
{
	j->folder = strdup(folder);
	j->path = file_join(folder, FILE_NAME);
	j->new_path = file_join(folder, NEW_NAME);
	j->lock_path = file_join(folder, LOCK_NAME);
	if (!j->folder || !j->path || !j->new_path || !j->lock_path)
		return error_set_no_memory(err);
	return 0;
}

static int open_all(struct journal *j, struct error *err)
{
	if (make_paths(j, j->config.folder, err) < 0)
		return -1;
	if (file_make_dirs(j->folder, DIR_MODE, err) < 0)
		return error_prefix(err, "[daemon] state-directory");
	if (take_lock(j, err) < 0 ||
	    journal_key_take(j->folder, j->config.log, j->key, &j->strange,
			     err) < 0)
		return -1;
	j->fd = open_file(j->path, 0);
	if (j->fd < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "the journal %s cannot be opened for "
				       "writing",
				       j->path);
	unlink(j->new_path);
	return 0;
}

int journal_open(struct journal **out, const struct journal_config *config,
		 struct error *err)
{
	struct journal *j = calloc(1, sizeof(*j));

	if (!j)
		return error_set_no_memory(err);
	j->config = *config;
	if (j->config.spare == 0)
		j->config.spare = RPC_JOURNAL_SPARE;
	j->lock = j->fd = j->new_fd = -1;
	list_init(&j->waiting);
	if (open_all(j, err) < 0) {
		journal_free(j);
		return -1;
	}
	uv_timer_init(config->uv, &j->timer);
	j->timer.data = j;
	j->work.data = j;
	*out = j;
	return 0;
}

/* -- loading -------------------------------------------------------------- */

static int sync_folder(const struct journal *j)
{
	autoclose int fd = open(j->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || (fsync(fd) < 0 && errno != EINVAL) ? -1 : 0;
}

/* -1 with errno; then a part of it may be in the file. */
static int write_all(int fd, const struct buf *data)
{
	size_t done = 0;

	while (done < data->len) {
		ssize_t n = write(fd, buf_bytes(data) + done, data->len - done);

		if (n < 0 && errno != EINTR)
			return -1;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static void tell_failure(struct journal *j, int errnum)
{
	if (!j->told)
		log_error(j->config.log,
			  "the journal %s cannot be written: %s; calls with an "
			  "idempotency-key that change something are refused "
			  "until it can. Make room there, or repair the disk",
			  j->path, strerror(errnum));
	j->told = true;
}

static void tell_success(struct journal *j)
{
	if (j->told)
		log_warning(j->config.log,
			    "the journal %s can be written again", j->path);
	j->told = false;
}

/* Without room for it the daemon starts all the same, and only reads. */
static void begin_file(struct journal *j)
{
	autobuf head = {0};

	if (ftruncate(j->fd, 0) == 0 &&
	    buf_append_str(&head, JOURNAL_HEAD) == 0 &&
	    write_all(j->fd, &head) == 0 && fsync(j->fd) == 0 &&
	    sync_folder(j) == 0) {
		j->size = head.len;
		return;
	}
	tell_failure(j, errno);
	j->bad = true;
}

static void cut_tail(struct journal *j, size_t good, size_t size)
{
	log_warning(j->config.log,
		    "the journal %s ends in a record that was not written to "
		    "its end: %zu bytes are cut off; what it was for was not "
		    "begun",
		    j->path, size - good);
	if (ftruncate(j->fd, (off_t)good) == 0)
		return;
	tell_failure(j, errno);
	j->bad = true;
}

struct taking_over {
	const struct journal *journal;
	journal_record_fn *fn;
	void *context;
};

static int take_over(void *context, const struct journal_record *record,
		     struct error *err)
{
	const struct taking_over *t = context;
	struct journal_record copy = *record;

	if (t->journal->strange)
		copy.params = 0;
	return t->fn(t->context, &copy, err);
}

int journal_load(struct journal *j, journal_record_fn *fn, void *context,
		 struct error *err)
{
	autobuf data = {0};
	struct taking_over taking = {j, fn, context};
	size_t good = 0;

	if (file_read_fd(j->fd, j->path, RPC_JOURNAL_MAX, &data, err) < 0)
		return -1;
	if (journal_is_old(buf_bytes(&data), data.len))
		j->strange = true;
	if (journal_read(buf_bytes(&data), data.len, take_over, &taking, &good,
			 err) < 0) {
		error_prefix(err, "the journal %s", j->path);
		return error_set(
			err, err->code,
			"%s. It tells what was done for retries of calls. "
			"Keep it and begin a new one: mv %s %s.damaged; then a "
			"retry of a call from before may act a second time",
			error_words(err), j->path, j->path);
	}
	if (good < data.len && good > 0)
		cut_tail(j, good, data.len);
	j->size = good;
	j->base = good;
	if (good == 0)
		begin_file(j);
	return 0;
}

/* -- the job -------------------------------------------------------------- */

/* In libuv's thread: touches what is the job's alone. */
static int do_copy(struct journal *j)
{
	if (!buf_ok(&j->copy)) {
		errno = ENOMEM;
		return -1;
	}
	unlink(j->new_path);
	j->new_fd = open_file(j->new_path, O_EXCL);
	if (j->new_fd < 0 || write_all(j->new_fd, &j->copy) < 0)
		return -1;
	return fdatasync(j->new_fd);
}

static int do_replace(struct journal *j)
{
	if (fdatasync(j->new_fd) < 0 || rename(j->new_path, j->path) < 0)
		return -1;
	j->renamed = true;
	return sync_folder(j);
}

static void on_work(uv_work_t *work)
{
	struct journal *j = work->data;
	int rc = 0;

	if (j->state == SYNCING)
		rc = fdatasync(j->fd);
	else if (j->state == COPYING)
		rc = do_copy(j);
	else
		rc = do_replace(j);
	j->failure = rc < 0 ? errno : 0;
}

static void on_worked(uv_work_t *work, int status);

static void start_job(struct journal *j, enum state state)
{
	j->state = state;
	j->target = j->place;
	j->failure = 0;
	uv_queue_work(j->config.uv, &j->work, on_work, on_worked);
}

/* Tells those whose records are on the disk; WHY: all of them, of failure. */
static void tell_waiting(struct journal *j, const struct error *why)
{
	struct list told;

	list_init(&told);
	list_for_each_safe (node, &j->waiting) {
		struct journal_wait *wait =
			list_entry(node, struct journal_wait, node);

		if (!why && wait->place > j->synced)
			continue;
		list_remove(node);
		list_append(&told, node);
	}
	while (!list_empty(&told)) {
		struct journal_wait *wait =
			list_entry(told.next, struct journal_wait, node);

		list_remove(&wait->node);
		wait->fn(wait, why);
	}
}

static int set_failure(struct error *err, int errnum)
{
	return error_set_errno(err, ERROR_SYSTEM, errnum,
			       "the host cannot write its journal of changes; "
			       "make room on the disk of its state-directory, "
			       "or see its log");
}

static void drop_new(struct journal *j)
{
	if (j->new_fd >= 0)
		close(steal_fd(&j->new_fd));
	unlink(j->new_path);
	buf_free(&j->copy);
	buf_free(&j->since);
	j->state = IDLE;
}

/* The next one is tried when the file has grown by as much again. */
static void fail_copy(struct journal *j, int errnum)
{
	autoerror why = {0};

	drop_new(j);
	j->base = j->size;
	if (!j->bad) {
		log_warning(j->config.log,
			    "the journal %s cannot be written anew, and grows: "
			    "%s",
			    j->path, strerror(errnum));
		return;
	}
	tell_failure(j, errnum);
	set_failure(&why, errnum);
	tell_waiting(j, &why);
}

static void begin_copy(struct journal *j)
{
	j->new_bad = false;
	j->renamed = false;
	buf_append_str(&j->copy, JOURNAL_HEAD);
	if (j->snapshot(j->context, &j->copy) < 0)
		j->copy.failed = true;
	j->new_size = j->copy.len;
	start_job(j, COPYING);
}

void journal_set_snapshot(struct journal *j, journal_snapshot_fn *snapshot,
			  void *context)
{
	j->snapshot = snapshot;
	j->context = context;
	if (j->strange && j->size > JOURNAL_HEAD_SIZE)
		begin_copy(j);
	j->strange = false;
}

const uint8_t *journal_key(const struct journal *j)
{
	return j->key;
}

static bool is_large(const struct journal *j)
{
	return j->size > 2 * j->base + j->config.spare;
}

/* What is to be done next, where nothing runs. */
static void go_on(struct journal *j)
{
	bool wanted = !list_empty(&j->waiting);

	if (j->state != IDLE)
		return;
	if (j->bad ? wanted : is_large(j) && !j->closed)
		begin_copy(j);
	else if (wanted)
		start_job(j, SYNCING);
}

static void synced(struct journal *j)
{
	j->state = IDLE;
	if (j->failure != 0) {
		/* What is on the disk now nobody knows (fsync(2)). */
		tell_failure(j, j->failure);
		j->bad = true;
	}
	if (j->bad)
		return;
	tell_success(j);
	j->synced = j->target;
	tell_waiting(j, NULL);
}

/* The new one lacks what came meanwhile. */
static void copied(struct journal *j)
{
	if (j->failure != 0) {
		fail_copy(j, j->failure);
		return;
	}
	if (j->new_bad || !buf_ok(&j->since)) {
		fail_copy(j, ENOMEM);
		return;
	}
	if (write_all(j->new_fd, &j->since) < 0) {
		fail_copy(j, errno);
		return;
	}
	j->base = j->copy.len;
	j->new_size += j->since.len;
	buf_free(&j->copy);
	buf_free(&j->since);
	start_job(j, REPLACING);
}

static void replaced(struct journal *j)
{
	if (!j->renamed) {
		fail_copy(j, j->failure);
		return;
	}
	close(j->fd);
	j->fd = steal_fd(&j->new_fd);
	j->size = j->new_size;
	j->state = IDLE;
	j->bad = j->new_bad || j->failure != 0;
	if (j->failure != 0) {
		tell_failure(j, j->failure);
		return;
	}
	tell_success(j);
	j->synced = j->target;
	tell_waiting(j, NULL);
}

static void on_worked(uv_work_t *work, int status)
{
	struct journal *j = work->data;

	switch (j->state) {
	case IDLE:
		break;
	case SYNCING:
		synced(j);
		break;
	case COPYING:
		copied(j);
		break;
	case REPLACING:
		replaced(j);
		break;
	}
	go_on(j);
}

/* -- appending ------------------------------------------------------------ */

/* Somebody removed the file, or its folder: nobody would find it again. */
static bool is_removed(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 || st.st_nlink == 0;
}

/* To the file that is being made; what it lacks makes it useless. */
static void append_new(struct journal *j, const struct buf *record)
{
	if (j->state == COPYING) {
		if (buf_append(&j->since, buf_bytes(record), record->len) < 0)
			j->new_bad = true;
	} else if (j->state == REPLACING) {
		if (write_all(j->new_fd, record) < 0)
			j->new_bad = true;
		else
			j->new_size += record->len;
	}
}

/* -1 with errno. */
static int append_old(struct journal *j, const struct buf *record)
{
	if (j->bad)
		return 0; /* the snapshot will have it */
	if (is_removed(j->fd)) {
		log_error(j->config.log,
			  "the journal %s was removed: it is made anew",
			  j->path);
		j->bad = true;
		return 0;
	}
	if (write_all(j->fd, record) < 0) {
		int errnum = errno;

		if (ftruncate(j->fd, (off_t)j->size) < 0)
			j->bad = true;
		errno = errnum;
		return -1;
	}
	j->size += record->len;
	return 0;
}

static void on_timer(uv_timer_t *timer)
{
	struct journal *j = timer->data;

	if (j->state == IDLE && !j->bad && j->synced < j->place)
		start_job(j, SYNCING);
}

/* Nobody waits for an outcome: it goes to the disk with the next that waits. */
static void sync_soon(struct journal *j)
{
	if (!j->closed && !uv_is_active((uv_handle_t *)&j->timer))
		uv_timer_start(&j->timer, on_timer, RPC_JOURNAL_DELAY_MS, 0);
}

int journal_append(struct journal *j, const struct journal_record *record,
		   struct error *err)
{
	autobuf bytes = {0};

	if (journal_encode(&bytes, record) < 0) {
		j->bad = j->bad || record->kind != JOURNAL_BEGIN;
		return error_set_no_memory(err);
	}
	if (append_old(j, &bytes) < 0) {
		int errnum = errno;

		tell_failure(j, errnum);
		/* The snapshot has less than the file: a BEGIN is taken back. */
		j->bad = j->bad || record->kind != JOURNAL_BEGIN;
		return set_failure(err, errnum);
	}
	append_new(j, &bytes);
	j->place++;
	if (record->kind != JOURNAL_BEGIN)
		sync_soon(j);
	return 0;
}

void journal_sync(struct journal *j, struct journal_wait *wait,
		  journal_written_fn *fn)
{
	wait->fn = fn;
	wait->place = j->place;
	list_append(&j->waiting, &wait->node);
	go_on(j);
}

/* -- the end -------------------------------------------------------------- */

void journal_close(struct journal *j)
{
	assert(list_empty(&j->waiting));
	j->closed = true;
	uv_close((uv_handle_t *)&j->timer, NULL);
}

void journal_free(struct journal *j)
{
	if (!j)
		return;
	if (j->new_fd >= 0)
		drop_new(j);
	if (j->fd >= 0) {
		fdatasync(j->fd);
		close(j->fd);
	}
	if (j->lock >= 0)
		close(j->lock);
	buf_free(&j->copy);
	buf_free(&j->since);
	free(j->path);
	free(j->new_path);
	free(j->lock_path);
	secret_wipe(j->key, sizeof(j->key));
	free(j->folder);
	free(j);
}
