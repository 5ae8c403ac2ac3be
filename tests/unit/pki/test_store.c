/*
 * The folder: modes, the way of a certificate into it, and what is left after a
 * crash at each step of that way.
 */
#include "pki/store.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "pki/fixture.h"

#define S1 "0123456789ABCDEF0123456789ABCDEF"
#define S2 "FEDCBA9876543210FEDCBA9876543210"

static struct store *open_locked(struct fixture *f)
{
	struct store *store = store_open(f->pki, NULL);

	assert_non_null(store);
	assert_int_equal(store_make(store, NULL), 0);
	assert_int_equal(store_lock(store, NULL), 0);
	return store;
}

static struct index_entry ann(const char *serial)
{
	struct index_entry entry = {
		.kind = CERTIFICATE_USER,
		.name = (char *)"ann",
		.issued = 1790000000,
		.expires = 1890000000,
	};

	strcpy(entry.serial, serial);
	return entry;
}

static int commit(struct store *store, const char *serial, const char *text)
{
	struct index_entry entry = ann(serial);
	autobio *certificate = BIO_new_mem_buf(text, -1);
	autobio *key = BIO_new_mem_buf(text, -1);

	return store_commit(store, &entry, certificate, STORE_KEY_GIVEN, key,
			    NULL);
}

static mode_t mode_of(const char *dir, const char *name)
{
	char path[256];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void assert_file(const char *dir, const char *name, const char *text)
{
	char path[256];
	autobuf data = {0};

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(file_read(path, 1000, &data, NULL), 0);
	assert_int_equal(data.len, strlen(text));
	assert_memory_equal(buf_bytes(&data), text, data.len);
}

static void test_modes(void **state)
{
	struct fixture *f = *state;
	autoptr(store) store = open_locked(f);

	assert_int_equal(commit(store, S1, "one"), 0);
	assert_int_equal(mode_of(f->pki, ""), 0700);
	assert_int_equal(mode_of(f->pki, "users"), 0700);
	assert_int_equal(mode_of(f->pki, "hosts"), 0700);
	assert_int_equal(mode_of(f->pki, "pending"), 0700);
	assert_int_equal(mode_of(f->pki, "users/ann.key"), 0600);
	assert_int_equal(mode_of(f->pki, "users/ann.crt"), 0644);
	assert_int_equal(mode_of(f->pki, "index.tsv"), 0600);
	assert_file(f->pki, "users/ann.key", "one");
}

static void test_folder_of_another_use(void **state)
{
	struct fixture *f = *state;
	autoptr(store) store = store_open(f->pki, NULL);
	autoerror err = {0};
	char path[128];

	assert_int_equal(mkdir(f->pki, 0755), 0);
	assert_int_equal(chmod(f->pki, 0755), 0);
	snprintf(path, sizeof(path), "%s/letter", f->pki);
	fixture_write(path, "dear", 0644);
	assert_int_equal(store_make(store, &err), -1);
	assert_int_equal(err.code, ERROR_KEY);
	assert_int_equal(mode_of(f->pki, ""), 0755);
	unlink(path);
	assert_int_equal(store_make(store, NULL), 0);
	assert_int_equal(mode_of(f->pki, ""), 0700);
}

static void test_no_folder(void **state)
{
	struct fixture *f = *state;
	autoptr(store) store = store_open(f->pki, NULL);
	autoerror err = {0};

	assert_int_equal(store_index(store)->count, 0);
	assert_int_equal(store_lock(store, &err), -1);
	assert_int_equal(err.code, ERROR_NOT_FOUND);
}

static void test_replacement(void **state)
{
	struct fixture *f = *state;
	autoptr(store) store = open_locked(f);

	assert_int_equal(commit(store, S1, "one"), 0);
	assert_int_equal(commit(store, S2, "two"), 0);
	assert_file(f->pki, "users/ann.key", "two");
	assert_file(f->pki, "users/ann.crt", "two");
	assert_int_equal(store_index(store)->entries[0].state, INDEX_REPLACED);
}

static void test_same_serial(void **state)
{
	struct fixture *f = *state;
	autoptr(store) store = open_locked(f);

	assert_int_equal(commit(store, S1, "one"), 0);
	assert_int_equal(commit(store, S1, "two"), -1);
	assert_file(f->pki, "users/ann.key", "one");
	assert_int_equal(store_index(store)->count, 1);
	assert_false(fixture_exists("%s/pending/%s.key", f->pki, S1));
}

/* Killed before the index was renamed: nothing was issued. */
static void test_crash_before_commit(void **state)
{
	struct fixture *f = *state;
	char path[160];

	store_free(open_locked(f));
	snprintf(path, sizeof(path), "%s/pending/%s.crt", f->pki, S1);
	fixture_write(path, "one", 0644);
	snprintf(path, sizeof(path), "%s/pending/%s.key.a1b2c3", f->pki, S1);
	fixture_write(path, "on", 0600);
	autoptr(store) store = open_locked(f);

	assert_int_equal(store_index(store)->count, 0);
	assert_false(fixture_exists("%s/pending/%s.crt", f->pki, S1));
	assert_false(fixture_exists("%s", path));
	assert_false(fixture_exists("%s/users/ann.crt", f->pki));
}

/* Killed after it, with both files, or with one, still to be moved. */
static void crash_after_commit(struct fixture *f, bool key_moved)
{
	char from[160], to[160];

	store_free(open_locked(f));
	autoptr(store) store = open_locked(f);

	assert_int_equal(commit(store, S1, "one"), 0);
	assert_int_equal(commit(store, S2, "two"), 0);
	snprintf(from, sizeof(from), "%s/users/ann.crt", f->pki);
	snprintf(to, sizeof(to), "%s/pending/%s.crt", f->pki, S2);
	assert_int_equal(rename(from, to), 0);
	fixture_write(from, "one", 0644);
	if (key_moved)
		return;
	snprintf(from, sizeof(from), "%s/users/ann.key", f->pki);
	snprintf(to, sizeof(to), "%s/pending/%s.key", f->pki, S2);
	assert_int_equal(rename(from, to), 0);
	fixture_write(from, "one", 0600);
}

static void test_crash_after_commit(void **state)
{
	struct fixture *f = *state;

	for (int key_moved = 0; key_moved < 2; key_moved++) {
		crash_after_commit(f, key_moved);
		store_free(open_locked(f));
		assert_file(f->pki, "users/ann.crt", "two");
		assert_file(f->pki, "users/ann.key", "two");
		assert_false(fixture_exists("%s/pending/%s.crt", f->pki, S2));
		assert_false(fixture_exists("%s/pending/%s.key", f->pki, S2));
		nftw(f->pki, fixture_remove, 8, FTW_DEPTH | FTW_PHYS);
	}
}

/* Revokes S1; the list's text is "list". */
static int revoke_one(struct store *store)
{
	autobio *list = BIO_new_mem_buf("list", -1);

	assert_int_equal(store_revoke(store, S1, 1790000500, NULL, NULL), 0);
	store_next_crl(store, 1790000000, 1890000000);
	return store_commit_crl(store, list, NULL);
}

static void test_revocation(void **state)
{
	struct fixture *f = *state;
	uint64_t number;

	autoptr(store) store = open_locked(f);
	autofree char *path = store_crl_path(store);

	assert_int_equal(commit(store, S1, "one"), 0);
	assert_int_equal(revoke_one(store), 0);
	number = store_index(store)->crl.number;
	assert_in_range(number, time(NULL) - 60, time(NULL));
	store_next_crl(store, 1790000000, 1890000000);
	assert_int_equal(store_index(store)->crl.number, number + 1);
	assert_file(f->pki, "crl.pem", "list");
	assert_true(fixture_exists("%s", path));
	assert_int_equal(mode_of(f->pki, "crl.pem"), 0644);
}

/* Killed before and after the index that has the list's number. */
static void test_crash_of_a_list(void **state)
{
	struct fixture *f = *state;
	struct store *store = open_locked(f);
	char from[128], to[128];

	assert_int_equal(commit(store, S1, "one"), 0);
	assert_int_equal(revoke_one(store), 0);
	snprintf(from, sizeof(from), "%s/crl.pem", f->pki);
	snprintf(to, sizeof(to), "%s/pending/%ju.crl", f->pki,
		 (uintmax_t)store_index(store)->crl.number);
	assert_int_equal(rename(from, to), 0);
	snprintf(from, sizeof(from), "%s/pending/1.crl", f->pki);
	fixture_write(from, "never counted", 0644);
	snprintf(from, sizeof(from), "%s/pending/1.crl.a1b2c3", f->pki);
	fixture_write(from, "half", 0600);
	snprintf(from, sizeof(from), "%s/index.tsv.a1b2c3", f->pki);
	fixture_write(from, "half", 0600);
	store_free(store);
	store_free(open_locked(f));
	assert_file(f->pki, "crl.pem", "list");
	assert_false(fixture_exists("%s", from));
	snprintf(from, sizeof(from), "%s/pending", f->pki);
	assert_int_equal(rmdir(from), 0);
}

/* The index cannot be written: the list does not count either. */
static void test_failed_revocation(void **state)
{
	struct fixture *f = *state;
	struct rlimit old, none;

	autoptr(store) store = open_locked(f);

	assert_int_equal(commit(store, S1, "one"), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	none = old;
	none.rlim_cur = 10; /* room for the list, not for the index */
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_int_equal(revoke_one(store), -1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(store_index(store)->crl.number, 0);
	assert_int_equal(store_index(store)->entries[0].state, INDEX_VALID);
	assert_false(fixture_exists("%s/crl.pem", f->pki));
	assert_int_equal(revoke_one(store), 0);
	assert_file(f->pki, "crl.pem", "list");
}

/* In the child: 0 where the lock was won after the first entry. */
static int lock_and_count(struct fixture *f, int ready)
{
	struct store *second = store_open(f->pki, NULL);
	int status = 1;

	if (write(ready, "r", 1) == 1 && store_lock(second, NULL) == 0 &&
	    store_index(second)->count == 1)
		status = 0;
	store_free(second);
	return status;
}

/* The second writer must wait for the first, in another process. */
static void test_lock_excludes(void **state)
{
	struct fixture *f = *state;
	struct store *first = open_locked(f);
	int ends[2];
	char byte = 0;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		int status = lock_and_count(f, ends[1]);

		store_free(first);
		_exit(status);
	}
	assert_int_equal(read(ends[0], &byte, 1), 1);
	assert_int_equal(commit(first, S1, "one"), 0);
	assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
	store_free(first);
	int status = -1;

	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(ends[0]);
	close(ends[1]);
}

static void test_damaged_index(void **state)
{
	struct fixture *f = *state;
	autoerror err = {0};
	char path[128];

	store_free(open_locked(f));
	snprintf(path, sizeof(path), "%s/index.tsv", f->pki);
	fixture_write(path, "nonsense\n", 0600);
	assert_null(store_open(f->pki, &err));
	assert_int_equal(err.code, ERROR_CONFIG);
	fixture_write(path, "", 0600);
	assert_null(store_open(f->pki, &err));
}

static void test_certificate_is_gone(void **state)
{
	struct fixture *f = *state;
	autoptr(store) store = open_locked(f);
	struct index_entry entry = ann(S1);
	autoerror err = {0};

	assert_int_equal(commit(store, S1, "no certificate"), 0);
	assert_null(store_certificate(store, &entry, &err));
	assert_int_equal(err.code, ERROR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(test_modes),
		fixture_test(test_folder_of_another_use),
		fixture_test(test_no_folder),
		fixture_test(test_replacement),
		fixture_test(test_same_serial),
		fixture_test(test_crash_before_commit),
		fixture_test(test_crash_after_commit),
		fixture_test(test_revocation),
		fixture_test(test_crash_of_a_list),
		fixture_test(test_failed_revocation),
		fixture_test(test_lock_excludes),
		fixture_test(test_damaged_index),
		fixture_test(test_certificate_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
