/*
 * The journal's file, with the keys that it serves: what was recorded comes back
 * after a restart, an unfinished call as unknown; one daemon at a time; history is
 * dropped; what cannot be written is refused before it is done; a damaged file is
 * told of, and stays.
 */
#include "daemon/rpc/journal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "daemon/rpc/idempotency.h"

static const struct idem_limits limits = {
	.keys = 64, .keys_identity = 32, .bytes = 1 << 20, .age_ms = 60000};

struct fixture {
	char top[64];
	char folder[80];
	char file[100];
	char secret[100];
	uv_loop_t uv;
	struct journal *journal;
	struct idem_store *store;
	struct idem_owner anna;
	struct idem_owner bert;
	struct idem_entry *entry;
	struct journal_wait wait;
	bool told;
	bool failed;
	size_t spare;
	struct error err;
};

static int restore(void *context, const struct journal_record *record,
		   struct error *err)
{
	struct fixture *f = context;
	bool anna = strcmp(record->identity, "anna") == 0;

	return idem_restore(f->store, anna ? &f->anna : &f->bert, record,
			    clock_monotonic_ns(), err);
}

/* A daemon's start: 0, or -1 with f->err. */
static int start(struct fixture *f)
{
	const struct journal_config config = {
		.folder = f->folder, .uv = &f->uv, .spare = f->spare};

	idem_owner_init(&f->anna, "anna");
	idem_owner_init(&f->bert, "bert");
	if (journal_open(&f->journal, &config, &f->err) < 0)
		return -1;
	assert_int_equal(idem_new(&f->store, &limits, NULL), 0);
	if (journal_load(f->journal, restore, f, &f->err) < 0)
		return -1;
	idem_set_journal(f->store, f->journal);
	idem_restored(f->store, clock_monotonic_ns());
	return 0;
}

/* Its end. All that it had to write at once, it wrote when it was told to. */
static void stop(struct fixture *f)
{
	if (f->journal)
		journal_close(f->journal);
	uv_run(&f->uv, UV_RUN_DEFAULT);
	idem_free(f->store);
	journal_free(f->journal);
	f->store = NULL;
	f->journal = NULL;
}

static int set_up(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	*state = f;
	strcpy(f->top, "/tmp/test-journal-XXXXXX");
	assert_non_null(mkdtemp(f->top));
	snprintf(f->folder, sizeof(f->folder), "%s/state", f->top);
	snprintf(f->file, sizeof(f->file), "%s/keys.journal", f->folder);
	snprintf(f->secret, sizeof(f->secret), "%s/keys.secret", f->folder);
	uv_loop_init(&f->uv);
	return start(f);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[100];

	stop(f);
	assert_int_equal(uv_loop_close(&f->uv), 0);
	snprintf(command, sizeof(command), "rm -rf %s", f->top);
	assert_int_equal(system(command), 0);
	error_clear(&f->err);
	test_free(f);
	return 0;
}

static void restart(struct fixture *f)
{
	stop(f);
	assert_int_equal(start(f), 0);
}

static enum idem_found begin(struct fixture *f, struct idem_owner *owner,
			     const char *key)
{
	const struct idem_request request = {
		.key = key,
		.method = METHOD_domain_start,
		.params = "{}",
		.params_len = 2,
	};

	error_clear(&f->err);
	return idem_begin(f->store, owner, &request, clock_monotonic_ns(),
			  &f->entry, &f->err);
}

static void on_written(struct journal_wait *wait, const struct error *why)
{
	struct fixture *f = container_of(wait, struct fixture, wait);

	f->told = true;
	f->failed = why != NULL;
	if (why)
		error_set(&f->err, why->code, "%s", error_words(why));
}

/* Until the disk has it; false where it could not be recorded. */
static bool record(struct fixture *f)
{
	f->told = f->failed = false;
	if (idem_record(f->store, f->entry, &f->wait, on_written, &f->err) < 0)
		return false;
	assert_false(f->told);
	while (!f->told)
		uv_run(&f->uv, UV_RUN_ONCE);
	return !f->failed;
}

static void complete(struct fixture *f, const char *json)
{
	struct list waiters;

	list_init(&waiters);
	idem_complete(f->store, f->entry, NULL, json, strlen(json),
		      clock_monotonic_ns(), &waiters);
}

static void withdraw(struct fixture *f)
{
	struct list waiters;

	list_init(&waiters);
	idem_withdraw(f->store, f->entry, &waiters);
}

static void do_one(struct fixture *f, const char *key, const char *json)
{
	assert_int_equal(begin(f, &f->anna, key), IDEM_NEW);
	assert_true(record(f));
	complete(f, json);
}

static void assert_result(struct fixture *f, const char *key, const char *json)
{
	size_t len;

	assert_int_equal(begin(f, &f->anna, key), IDEM_DONE);
	assert_null(idem_error(f->entry));
	assert_string_equal(idem_result(f->entry, &len), json);
	assert_int_equal(len, strlen(json));
}

static size_t file_size(const struct fixture *f)
{
	struct stat st;

	assert_int_equal(stat(f->file, &st), 0);
	return (size_t)st.st_size;
}

/* -- restarts ------------------------------------------------------------- */

static void test_results_outlive_a_restart(void **state)
{
	struct fixture *f = *state;
	autoerror err = {0};
	struct list waiters;

	list_init(&waiters);
	do_one(f, "k1", "{\"a\":1}");
	assert_int_equal(begin(f, &f->anna, "k2"), IDEM_NEW);
	assert_true(record(f));
	error_set(&err, ERROR_STATE, "it runs");
	idem_complete(f->store, f->entry, &err, NULL, 0, clock_monotonic_ns(),
		      &waiters);
	for (int i = 0; i < 2; i++) {
		restart(f);
		assert_result(f, "k1", "{\"a\":1}");
		assert_int_equal(begin(f, &f->anna, "k2"), IDEM_DONE);
		assert_int_equal(idem_error(f->entry)->code, ERROR_STATE);
		assert_string_equal(idem_error(f->entry)->words, "it runs");
		assert_int_equal(begin(f, &f->bert, "k1"), IDEM_NEW);
		withdraw(f);
	}
}

static void test_the_same_key_for_another_call_is_still_refused(void **state)
{
	struct fixture *f = *state;
	const struct idem_request request = {.key = "k1",
					     .method = METHOD_domain_resume,
					     .params = "{}",
					     .params_len = 2};

	do_one(f, "k1", "{}");
	restart(f);
	assert_int_equal(idem_begin(f->store, &f->anna, &request,
				    clock_monotonic_ns(), &f->entry, &f->err),
			 IDEM_REFUSED);
}

static void test_what_has_no_end_is_unknown(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(begin(f, &f->anna, "k1"), IDEM_NEW);
	assert_true(record(f));
	for (int i = 0; i < 2; i++) {
		restart(f);
		assert_int_equal(begin(f, &f->anna, "k1"), IDEM_DONE);
		assert_int_equal(idem_error(f->entry)->code,
				 ERROR_UNKNOWN_OUTCOME);
		assert_non_null(strstr(idem_error(f->entry)->words,
				       "domain.start was begun at 20"));
	}
}

static void test_what_was_withdrawn_is_new(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(begin(f, &f->anna, "k1"), IDEM_NEW);
	assert_true(record(f));
	withdraw(f);
	restart(f);
	assert_int_equal(begin(f, &f->anna, "k1"), IDEM_NEW);
	withdraw(f);
}

static void test_history_is_dropped(void **state)
{
	struct fixture *f = *state;
	char key[16];
	size_t most = 0;

	f->spare = 2000;
	restart(f);
	for (int i = 0; i < 400; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		do_one(f, key, "{\"some\":\"result\"}");
		if (file_size(f) > most)
			most = file_size(f);
	}
	/* 32 keys of one identity, 180 bytes each, twice that and the spare. */
	assert_in_range(most, 5000, 20000);
	restart(f);
	assert_result(f, "k399", "{\"some\":\"result\"}");
	assert_result(f, "k370", "{\"some\":\"result\"}");
}

/* An entry that runs while the file is written anew keeps its begin. */
static void test_what_runs_outlives_the_new_file(void **state)
{
	struct fixture *f = *state;
	struct idem_entry *running;
	char key[16];

	f->spare = 100;
	restart(f);
	assert_int_equal(begin(f, &f->bert, "long"), IDEM_NEW);
	assert_true(record(f));
	running = f->entry;
	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		do_one(f, key, "{}");
	}
	assert_int_equal(begin(f, &f->bert, "long"), IDEM_RUNNING);
	assert_ptr_equal(f->entry, running);
	/* Killed here: the fixture's end writes no more of it. */
	restart(f);
	assert_int_equal(begin(f, &f->bert, "long"), IDEM_DONE);
	assert_int_equal(idem_error(f->entry)->code, ERROR_UNKNOWN_OUTCOME);
}

/* -- the file ------------------------------------------------------------- */

static void test_the_file_is_private(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(stat(f->folder, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(f->file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void test_one_daemon_at_a_time(void **state)
{
	struct fixture *f = *state;
	int status;
	pid_t child = fork();

	/* A process's own lock is no hindrance to itself: fcntl(2). */
	if (child == 0) {
		const struct journal_config config = {.folder = f->folder,
						      .uv = &f->uv};
		struct journal *second = NULL;
		char pid[32];
		int rc = journal_open(&second, &config, &f->err);

		snprintf(pid, sizeof(pid), "(process %d)", (int)getppid());
		_exit(rc < 0 && strstr(error_words(&f->err), pid) ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void test_a_torn_end_is_cut(void **state)
{
	struct fixture *f = *state;
	size_t whole;

	do_one(f, "k1", "{}");
	do_one(f, "k2", "{}");
	stop(f);
	whole = file_size(f);
	assert_int_equal(truncate(f->file, (off_t)whole - 3), 0);
	assert_int_equal(start(f), 0);
	assert_result(f, "k1", "{}");
	/* Its end was torn off: nobody knows what came of it. */
	assert_int_equal(begin(f, &f->anna, "k2"), IDEM_DONE);
	assert_int_equal(idem_error(f->entry)->code, ERROR_UNKNOWN_OUTCOME);
	do_one(f, "k3", "{}");
	restart(f);
	assert_result(f, "k3", "{}");
}

static void test_a_damaged_file_is_told_of_and_stays(void **state)
{
	struct fixture *f = *state;
	size_t size;
	int fd;

	do_one(f, "k1", "{}");
	do_one(f, "k2", "{}");
	stop(f);
	size = file_size(f);
	fd = open(f->file, O_RDWR | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "?", 1, JOURNAL_HEAD_SIZE + 20), 1);
	close(fd);
	assert_int_equal(start(f), -1);
	assert_int_equal(f->err.code, ERROR_SYSTEM);
	assert_non_null(strstr(f->err.words, f->file));
	assert_non_null(strstr(f->err.words, "at byte 16"));
	assert_non_null(strstr(f->err.words, ".damaged"));
	assert_int_equal(file_size(f), size);
	stop(f);
	unlink(f->file);
	assert_int_equal(start(f), 0);
}

/* -- the key of its hashes ------------------------------------------------ */

static enum idem_found begin_with(struct fixture *f, const char *params)
{
	const struct idem_request request = {.key = "k1",
					     .method = METHOD_domain_start,
					     .params = params,
					     .params_len = strlen(params)};

	error_clear(&f->err);
	return idem_begin(f->store, &f->anna, &request, clock_monotonic_ns(),
			  &f->entry, &f->err);
}

static int hash_of(void *context, const struct journal_record *record,
		   struct error *err)
{
	if (record->kind == JOURNAL_BEGIN)
		*(uint64_t *)context = record->params;
	return 0;
}

static uint64_t hash_in_file(const struct fixture *f)
{
	autobuf data = {0};
	uint64_t hash = 0;
	size_t good;

	assert_int_equal(file_read(f->file, 1 << 20, &data, NULL), 0);
	assert_int_equal(journal_read(buf_bytes(&data), data.len, hash_of,
				      &hash, &good, NULL),
			 0);
	return hash;
}

/* One request, told of under two keys. */
static void test_the_hash_has_a_key(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	uint64_t first;

	assert_int_equal(begin_with(f, "{\"password\":\"x\"}"), IDEM_NEW);
	assert_true(record(f));
	complete(f, "{}");
	first = hash_in_file(f);
	assert_int_not_equal(first, 0);
	assert_int_equal(stat(f->secret, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 32);
	restart(f);
	assert_int_equal(begin_with(f, "{\"password\":\"y\"}"), IDEM_REFUSED);
	assert_int_equal(begin_with(f, "{\"password\":\"x\"}"), IDEM_DONE);
	stop(f);
	unlink(f->file);
	unlink(f->secret);
	assert_int_equal(start(f), 0);
	assert_int_equal(begin_with(f, "{\"password\":\"x\"}"), IDEM_NEW);
	assert_true(record(f));
	complete(f, "{}");
	assert_int_not_equal(hash_in_file(f), first);
}

/* What it was hashed with is lost: the key of the call and its method count, and
 * the hash is written nowhere again. */
static void test_a_lost_key_loses_no_outcome(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 2; i++) {
		stop(f);
		unlink(f->file);
		assert_int_equal(start(f), 0);
		do_one(f, "k1", "{\"a\":1}");
		stop(f);
		if (i == 0)
			unlink(f->secret);
		else
			assert_int_equal(truncate(f->secret, 7), 0);
		for (int again = 0; again < 2; again++) {
			assert_int_equal(start(f), 0);
			assert_result(f, "k1", "{\"a\":1}");
			stop(f);
			assert_int_equal(hash_in_file(f), 0);
		}
		assert_int_equal(start(f), 0);
	}
}

static void test_a_key_that_others_can_read_is_refused(void **state)
{
	struct fixture *f = *state;

	stop(f);
	assert_int_equal(chmod(f->secret, 0644), 0);
	assert_int_equal(start(f), -1);
	assert_int_equal(f->err.code, ERROR_KEY);
	assert_non_null(strstr(f->err.words, "keys.secret"));
	stop(f);
	assert_int_equal(chmod(f->secret, 0600), 0);
	assert_int_equal(start(f), 0);
}

/* Version 1 had hashes without a key: they are given up, and the file made anew. */
static void test_an_older_file_is_taken_over(void **state)
{
	struct fixture *f = *state;
	char head[JOURNAL_HEAD_SIZE + 1] = {0};
	int fd;

	do_one(f, "k1", "{\"a\":1}");
	stop(f);
	fd = open(f->file, O_RDWR | O_CLOEXEC);
	assert_int_equal(pwrite(fd, JOURNAL_HEAD_OLD, JOURNAL_HEAD_SIZE, 0),
			 JOURNAL_HEAD_SIZE);
	close(fd);
	assert_int_equal(start(f), 0);
	assert_result(f, "k1", "{\"a\":1}");
	do_one(f, "k2", "{}");
	stop(f);
	fd = open(f->file, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, head, JOURNAL_HEAD_SIZE), JOURNAL_HEAD_SIZE);
	close(fd);
	assert_string_equal(head, JOURNAL_HEAD);
	assert_int_equal(start(f), 0);
	assert_result(f, "k1", "{\"a\":1}");
	assert_result(f, "k2", "{}");
}

/* -- what cannot be written ----------------------------------------------- */

/* A disk that is full, for this process: write(2) gives EFBIG. */
static void limit_file(rlim_t bytes)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_no_room_refuses_and_recovers(void **state)
{
	struct fixture *f = *state;
	size_t size;

	do_one(f, "k1", "{}");
	size = file_size(f);
	limit_file(size + 10);
	assert_int_equal(begin(f, &f->anna, "k2"), IDEM_NEW);
	assert_false(record(f));
	assert_int_equal(f->err.code, ERROR_SYSTEM);
	assert_non_null(strstr(f->err.words, "make room"));
	withdraw(f);
	assert_int_equal(file_size(f), size);
	limit_file(RLIM_INFINITY);
	do_one(f, "k2", "{}");
	restart(f);
	assert_result(f, "k1", "{}");
	assert_result(f, "k2", "{}");
}

/* The begin had room and the end has none: the next begin mends it, or fails. */
static void test_no_room_for_an_end(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(begin(f, &f->anna, "k1"), IDEM_NEW);
	assert_true(record(f));
	limit_file(file_size(f) + 10);
	complete(f, "{}");
	assert_int_equal(begin(f, &f->anna, "k2"), IDEM_NEW);
	assert_false(record(f));
	withdraw(f);
	limit_file(RLIM_INFINITY);
	do_one(f, "k3", "{}");
	restart(f);
	assert_result(f, "k1", "{}");
	assert_result(f, "k3", "{}");
	assert_int_equal(begin(f, &f->anna, "k2"), IDEM_NEW);
	withdraw(f);
}

static void test_a_folder_that_went_refuses(void **state)
{
	struct fixture *f = *state;
	char command[200];

	do_one(f, "k1", "{}");
	snprintf(command, sizeof(command), "rm -r %s", f->folder);
	assert_int_equal(system(command), 0);
	assert_int_equal(begin(f, &f->anna, "k2"), IDEM_NEW);
	assert_false(record(f));
	withdraw(f);
	assert_int_equal(mkdir(f->folder, 0700), 0);
	do_one(f, "k2", "{}");
	restart(f);
	assert_result(f, "k1", "{}");
	assert_result(f, "k2", "{}");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_results_outlive_a_restart),
		TEST(test_the_same_key_for_another_call_is_still_refused),
		TEST(test_what_has_no_end_is_unknown),
		TEST(test_what_was_withdrawn_is_new),
		TEST(test_history_is_dropped),
		TEST(test_what_runs_outlives_the_new_file),
		TEST(test_the_file_is_private),
		TEST(test_one_daemon_at_a_time),
		TEST(test_a_torn_end_is_cut),
		TEST(test_a_damaged_file_is_told_of_and_stays),
		TEST(test_the_hash_has_a_key),
		TEST(test_a_lost_key_loses_no_outcome),
		TEST(test_a_key_that_others_can_read_is_refused),
		TEST(test_an_older_file_is_taken_over),
		TEST(test_no_room_refuses_and_recovers),
		TEST(test_no_room_for_an_end),
		TEST(test_a_folder_that_went_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
