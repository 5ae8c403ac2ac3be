/*
 * Files: limits, atomic replacement, the rules for secrets (those about other
 * owners only where the test may change owners), and descriptors.
 */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/alloc_fail.h"

#define LIMIT      1000
#define OTHER_USER 65533

struct fixture {
	char dir[64];
	char path[96]; /* DIR/file, not yet there */
	char link[96]; /* DIR/link, not yet there */
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	strcpy(f->dir, "/tmp/virtmux-test-file.XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/file", f->dir);
	snprintf(f->link, sizeof(f->link), "%s/link", f->dir);
	*state = f;
	return 0;
}

/* A temporary file that was left behind makes this fail. */
static int teardown(void **state)
{
	struct fixture *f = *state;
	int r;

	unlink(f->path);
	unlink(f->link);
	r = rmdir(f->dir);
	free(f);
	return r;
}

static void put(const char *path, const char *text, mode_t mode)
{
	autoclose int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
}

static void assert_file(const char *path, const char *text, mode_t mode)
{
	autobuf out = {0};
	struct stat st;

	assert_int_equal(file_read(path, LIMIT, &out, NULL), 0);
	assert_int_equal(out.len, strlen(text));
	assert_memory_equal(buf_bytes(&out), text, out.len);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, mode);
}

static void test_read_appends(void **state)
{
	struct fixture *f = *state;
	autobuf out = {0};

	put(f->path, "content", 0644);
	buf_append_str(&out, "before ");
	assert_int_equal(file_read(f->path, 7, &out, NULL), 0);
	assert_int_equal(out.len, 14);
	assert_memory_equal(buf_bytes(&out), "before content", 14);
}

static void test_read_limit(void **state)
{
	struct fixture *f = *state;
	autoerror err = {0};
	autobuf out = {0};

	put(f->path, "content", 0644);
	buf_append_str(&out, "kept");
	assert_int_equal(file_read(f->path, 6, &out, &err), -1);
	assert_int_equal(err.code, ERROR_TOO_LARGE);
	assert_non_null(strstr(err.words, "/file is larger than 6 bytes"));
	assert_int_equal(out.len, 4);
	assert_int_equal(file_read("/dev/zero", 100000, &out, &err), -1);
	assert_int_equal(err.code, ERROR_TOO_LARGE);
	assert_int_equal(file_read("/dev/null", 0, &out, &err), 0);
	assert_int_equal(out.len, 4);
}

static void test_read_failures(void **state)
{
	struct fixture *f = *state;
	autoerror err = {0};
	autobuf out = {0};

	assert_int_equal(file_read(f->path, LIMIT, &out, &err), -1);
	assert_int_equal(err.code, ERROR_NOT_FOUND);
	assert_non_null(strstr(err.words, f->path));
	assert_int_equal(file_read(f->dir, LIMIT, &out, &err), -1);
	assert_int_equal(err.code, ERROR_SYSTEM);
	assert_non_null(strstr(err.words, f->dir));
}

static void test_read_pipe(void **state)
{
	autobuf out = {0};
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "secret", 6), 6);
	close(ends[1]);
	assert_int_equal(file_read_fd(ends[0], "fd", LIMIT, &out, NULL), 0);
	assert_int_equal(out.len, 6);
	assert_int_equal(fcntl(ends[0], F_GETFD), 0);
	close(ends[0]);
}

/* One allocation: a second one would leave a copy of a key behind. */
static void test_read_allocates_once(void **state)
{
	struct fixture *f = *state;
	char text[LIMIT + 1];
	autobuf out = {0};

	memset(text, 'k', LIMIT);
	text[LIMIT] = '\0';
	put(f->path, text, 0600);
	alloc_fail_at(2);
	assert_int_equal(file_read_private(f->path, LIMIT + 1, &out, NULL), 0);
	assert_false(alloc_fail_end());
	assert_int_equal(out.len, LIMIT);
}

static void assert_private(const char *path, const char *refusal)
{
	autoerror err = {0};
	autobuf out = {0};
	int r = file_read_private(path, LIMIT, &out, &err);

	if (!refusal) {
		if (r < 0)
			fail_msg("%s", error_words(&err));
		assert_int_equal(out.len, 3);
		return;
	}
	assert_int_equal(r, -1);
	assert_int_equal(err.code, ERROR_KEY);
	if (!strstr(error_words(&err), refusal))
		fail_msg("no \"%s\" in \"%s\"", refusal, error_words(&err));
	assert_int_equal(out.len, 0);
}

static void test_private_mode(void **state)
{
	static const mode_t open_modes[] = {0640, 0620, 0610, 0604, 0602, 0601};
	struct fixture *f = *state;
	char command[128];

	snprintf(command, sizeof(command), "chmod 600 %s", f->path);
	put(f->path, "key", 0600);
	assert_private(f->path, NULL);
	put(f->path, "key", 0400);
	assert_private(f->path, NULL);
	for (size_t i = 0; i < array_size(open_modes); i++) {
		chmod(f->path, open_modes[i]);
		assert_private(f->path, command);
	}
}

static void test_private_link(void **state)
{
	struct fixture *f = *state;

	put(f->path, "key", 0600);
	assert_int_equal(symlink("file", f->link), 0);
	assert_private(f->link, NULL);
	chmod(f->path, 0644);
	assert_private(f->link, "chmod 600");
}

static void test_private_owner(void **state)
{
	struct fixture *f = *state;

	put(f->path, "key", 0600);
	if (chown(f->path, OTHER_USER, (gid_t)-1) < 0)
		skip();
	assert_private(f->path, "belongs to uid 65533");
	assert_private(f->path, "chown 0 ");
	assert_int_equal(symlink("file", f->link), 0);
	assert_private(f->link, "to a file of uid 65533");
}

static void test_private_link_of_another(void **state)
{
	struct fixture *f = *state;

	put(f->path, "key", 0600);
	assert_int_equal(symlink("file", f->link), 0);
	if (lchown(f->link, OTHER_USER, (gid_t)-1) < 0)
		skip();
	assert_private(f->link, "is a symbolic link of uid 65533");
}

static void test_private_not_there(void **state)
{
	struct fixture *f = *state;
	autoerror err = {0};
	autobuf out = {0};

	assert_int_equal(file_read_private(f->path, LIMIT, &out, &err), -1);
	assert_int_equal(err.code, ERROR_NOT_FOUND);
}

static void test_write_replaces(void **state)
{
	struct fixture *f = *state;
	autoclose int old = -1;
	autobuf out = {0};

	assert_int_equal(file_write_atomic(f->path, "one", 3, 0644, NULL), 0);
	assert_file(f->path, "one", 0644);
	old = open(f->path, O_RDONLY);
	assert_int_equal(file_write_atomic(f->path, "second", 6, 0600, NULL),
			 0);
	assert_file(f->path, "second", 0600);
	/* Who had it open still reads the old one, whole. */
	assert_int_equal(file_read_fd(old, "old", LIMIT, &out, NULL), 0);
	assert_memory_equal(buf_bytes(&out), "one", 3);
}

static void test_write_ignores_the_umask(void **state)
{
	struct fixture *f = *state;
	mode_t before = umask(0077);

	assert_int_equal(file_write_new(f->path, "x", 1, 0664, NULL), 0);
	umask(before);
	assert_file(f->path, "x", 0664);
}

static void test_write_failures(void **state)
{
	struct fixture *f = *state;
	autoerror err = {0};
	char path[128];

	snprintf(path, sizeof(path), "%s/none/file", f->dir);
	assert_int_equal(file_write_atomic(path, "x", 1, 0600, &err), -1);
	assert_int_equal(err.code, ERROR_SYSTEM);
	assert_non_null(strstr(err.words, path));
	/* A folder cannot be replaced, and no temporary file stays beside. */
	assert_int_equal(mkdir(f->path, 0700), 0);
	assert_int_equal(file_write_atomic(f->path, "x", 1, 0600, &err), -1);
	assert_int_equal(err.code, ERROR_SYSTEM);
	assert_int_equal(rmdir(f->path), 0);
}

/* As on a full disk: the old file stays, and nothing beside it. */
static void test_write_cut_short(void **state)
{
	struct fixture *f = *state;
	struct rlimit before, small;
	autoerror err = {0};
	int r;

	put(f->path, "old", 0600);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 4;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	r = file_write_atomic(f->path, "longer", 6, 0600, &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(r, -1);
	assert_int_equal(err.code, ERROR_SYSTEM);
	assert_non_null(strstr(err.words, f->path));
	assert_file(f->path, "old", 0600);
}

static void test_write_new(void **state)
{
	struct fixture *f = *state;
	autoerror err = {0};

	assert_int_equal(file_write_new(f->path, "first", 5, 0600, &err), 0);
	assert_file(f->path, "first", 0600);
	assert_int_equal(file_write_new(f->path, "other", 5, 0600, &err), -1);
	assert_int_equal(err.code, ERROR_EXISTS);
	assert_file(f->path, "first", 0600);
}

static void test_write_in_the_working_folder(void **state)
{
	struct fixture *f = *state;
	autofree char *before = getcwd(NULL, 0);

	assert_non_null(before);
	assert_int_equal(chdir(f->dir), 0);
	assert_int_equal(file_write_atomic("file", "x", 1, 0600, NULL), 0);
	assert_int_equal(chdir(before), 0);
	assert_file(f->path, "x", 0600);
}

static void test_make_dirs(void **state)
{
	struct fixture *f = *state;
	autoerror err = {0};
	char deep[128], top[128];
	struct stat st;

	snprintf(top, sizeof(top), "%s/a", f->dir);
	snprintf(deep, sizeof(deep), "%s/a//b/", f->dir);
	assert_int_equal(file_make_dirs(deep, 0700, &err), 0);
	assert_int_equal(stat(deep, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(chmod(top, 0750), 0);
	assert_int_equal(file_make_dirs(deep, 0700, &err), 0);
	assert_int_equal(stat(top, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
	assert_int_equal(rmdir(deep) | rmdir(top), 0);
	assert_int_equal(file_make_dirs("/", 0700, &err), 0);

	put(f->path, "", 0600);
	assert_int_equal(file_make_dirs(f->path, 0700, &err), -1);
	assert_int_equal(err.code, ERROR_SYSTEM);
	assert_non_null(strstr(err.words, f->path));
}

static void *drain(void *arg)
{
	int *from = arg;
	size_t total = 0;
	char block[4096];
	ssize_t n;

	while ((n = read(*from, block, sizeof(block))) > 0)
		total += (size_t)n;
	return (void *)(uintptr_t)total;
}

static void test_write_all_waits_for_a_full_pipe(void **state)
{
	const size_t len = 1 << 20;
	autofree char *data = calloc(1, len);
	pthread_t reader;
	void *total;
	int ends[2];

	assert_non_null(data);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(file_set_nonblock(ends[1], true), 0);
	assert_int_equal(pthread_create(&reader, NULL, drain, &ends[0]), 0);
	assert_int_equal(file_write_all(ends[1], data, len, NULL), 0);
	close(ends[1]);
	pthread_join(reader, &total);
	assert_int_equal((uintptr_t)total, len);
	close(ends[0]);
}

static void test_write_all_fails(void **state)
{
	autoclose int fd = open("/dev/full", O_WRONLY);
	autoerror err = {0};

	if (fd < 0)
		skip();
	assert_int_equal(file_write_all(fd, "x", 1, &err), -1);
	assert_int_equal(err.code, ERROR_SYSTEM);
	assert_non_null(strstr(err.words, strerror(ENOSPC)));
}

static void test_flags(void **state)
{
	autoclose int fd = open("/dev/null", O_WRONLY);

	assert_int_equal(file_set_nonblock(fd, true), 0);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_int_equal(file_set_nonblock(fd, false), 0);
	assert_false(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_int_equal(file_set_cloexec(fd, true), 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(file_set_cloexec(fd, false), 0);
	assert_false(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(file_set_nonblock(-1, true), -1);
	assert_int_equal(errno, EBADF);
}

static void assert_path(char *made, const char *expected)
{
	assert_non_null(made);
	assert_string_equal(made, expected);
	free(made);
}

static void test_paths(void **state)
{
	assert_path(file_join("/a", "b"), "/a/b");
	assert_path(file_join("/a/", "b"), "/a/b");
	assert_path(file_join("/", "b"), "/b");
	assert_path(file_join("", "b"), "b");
	setenv("HOME", "/home/u", 1);
	assert_path(file_expand_home("~/k.pem"), "/home/u/k.pem");
	assert_path(file_expand_home("~other/k"), "~other/k");
	assert_path(file_expand_home("/k/~/x"), "/k/~/x");
	unsetenv("HOME");
	assert_path(file_expand_home("~/k.pem"), "~/k.pem");
}

static int use_all(void *context)
{
	struct fixture *f = context;
	autofree char *joined = NULL;
	autoerror err = {0};
	autobuf out = {0};

	if (file_make_dirs(f->dir, 0700, &err) < 0 ||
	    file_write_atomic(f->path, "key", 3, 0600, &err) < 0 ||
	    file_read_private(f->path, LIMIT, &out, &err) < 0) {
		assert_int_equal(err.code, ERROR_NO_MEMORY);
		return -1;
	}
	joined = file_join(f->dir, "x");
	return joined ? 0 : -1;
}

static void test_each_allocation_failing(void **state)
{
	assert_true(alloc_fail_each(use_all, *state) >= 5);
}

#define folder_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		folder_test(test_read_appends),
		folder_test(test_read_limit),
		folder_test(test_read_failures),
		cmocka_unit_test(test_read_pipe),
		folder_test(test_read_allocates_once),
		folder_test(test_private_mode),
		folder_test(test_private_link),
		folder_test(test_private_owner),
		folder_test(test_private_link_of_another),
		folder_test(test_private_not_there),
		folder_test(test_write_replaces),
		folder_test(test_write_ignores_the_umask),
		folder_test(test_write_failures),
		folder_test(test_write_cut_short),
		folder_test(test_write_new),
		folder_test(test_write_in_the_working_folder),
		folder_test(test_make_dirs),
		cmocka_unit_test(test_write_all_waits_for_a_full_pipe),
		cmocka_unit_test(test_write_all_fails),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_paths),
		folder_test(test_each_allocation_failing),
	};

	return cmocka_run_group_tests_name("base/file", tests, NULL, NULL);
}
