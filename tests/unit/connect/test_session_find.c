/*
 * Unit tests of client/connect/session_find.c: who serves on a socket by the kernel's
 * word and the file beside it, and what that file tells to those who waited.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "client/connect/local.h"
#include "client/connect/profile.h"
#include "client/connect/session_private.h"

#define WAIT_MS 200
#define TICK_MS 10 /* of a kernel, at most */
#define BACKLOG 16

/* That is looked for. */
static const struct profile host = {.address = (char *)"h:1"};

struct place {
	char *folder;
	char path[256];
	int listener;
	int lock;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_int_equal(local_temporary(&p->folder, NULL), 0);
	snprintf(p->path, sizeof(p->path), "%s/h.sock", p->folder);
	p->listener = -1;
	p->lock = -1;
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	char lock[300];

	snprintf(lock, sizeof(lock), "%s.lock", p->path);
	unlink(lock);
	unlink(p->path);
	assert_int_equal(rmdir(p->folder), 0);
	if (p->listener >= 0)
		close(p->listener);
	if (p->lock >= 0)
		close(p->lock);
	free(p->folder);
	free(p);
	return 0;
}

static void listens(struct place *p)
{
	assert_int_equal(local_listen(&p->listener, p->path, BACKLOG, NULL), 0);
}

static void tells(struct place *p, const char *text)
{
	if (p->lock < 0)
		assert_int_equal(session_turn_open(&p->lock, p->path, NULL), 0);
	assert_int_equal(ftruncate(p->lock, 0), 0);
	assert_int_equal(pwrite(p->lock, text, strlen(text), 0), strlen(text));
}

static int find(const struct place *p, struct error *err)
{
	int fd = -1;
	int found = session_find(&fd, p->path, &host, WAIT_MS, err);

	assert_int_equal(fd >= 0, found != SESSION_NONE && found >= 0);
	if (fd >= 0)
		close(fd);
	return found;
}

static void test_nobody(void **state)
{
	struct place *p = *state;

	assert_int_equal(find(p, NULL), SESSION_NONE);
	listens(p);
	close(p->listener);
	p->listener = -1;
	assert_int_equal(find(p, NULL), SESSION_NONE);
}

/* One that was opened when the host's section was another one. */
static void test_changed(void **state)
{
	const struct profile others[] = {
		{.address = (char *)"h:2"},
		{.address = (char *)"h:1", .server_name = (char *)""},
		{.address = (char *)"h:1", .ca = (char *)"x"},
		{.address = (char *)"h:1", .crl = (char *)"x"},
		{.address = (char *)"h:1", .certificate = (char *)"x"},
		{.address = (char *)"h:1", .key = (char *)"x"},
		{.address = (char *)"h:1", .tls_min = 1},
	};
	struct place *p = *state;
	char last[SESSION_MARK_SIZE] = "";
	int fd = -1;

	listens(p);
	assert_int_equal(session_turn_open(&p->lock, p->path, NULL), 0);
	for (size_t i = 0; i < array_size(others); i++) {
		char mark[SESSION_MARK_SIZE];

		session_mark(&others[i], mark);
		assert_string_not_equal(mark, last);
		memcpy(last, mark, sizeof(last));
		assert_int_equal(
			session_turn_tell_owner(p->lock, &others[i], NULL), 0);
		assert_int_equal(session_find(&fd, p->path, &host, WAIT_MS,
					      NULL),
				 SESSION_CHANGED);
		close(fd);
	}
	assert_int_equal(session_find(&fd, p->path, NULL, WAIT_MS, NULL),
			 SESSION_SERVES);
	close(fd);
	assert_int_equal(session_turn_tell_owner(p->lock, &host, NULL), 0);
	assert_int_equal(find(p, NULL), SESSION_SERVES);
}

static void test_version(void **state)
{
	struct place *p = *state;
	char text[128];

	listens(p);
	assert_int_equal(find(p, NULL), SESSION_OTHER); /* no file */
	assert_int_equal(session_turn_open(&p->lock, p->path, NULL), 0);
	assert_int_equal(session_turn_tell_owner(p->lock, &host, NULL), 0);
	assert_int_equal(find(p, NULL), SESSION_SERVES);
	snprintf(text, sizeof(text), "serves %ld 0.0.1\n", (long)getpid());
	tells(p, text);
	assert_int_equal(find(p, NULL), SESSION_OTHER);
	snprintf(text, sizeof(text), "serves %ld " VIRTMUX_VERSION "0\n",
		 (long)getpid());
	tells(p, text);
	assert_int_equal(find(p, NULL), SESSION_OTHER);
	/* Whole nonsense is a version that nobody knows. */
	tells(p, "");
	assert_int_equal(find(p, NULL), SESSION_OTHER);
	tells(p, "serves  -");
	assert_int_equal(find(p, NULL), SESSION_OTHER);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	tells(p, text);
	assert_int_equal(find(p, NULL), SESSION_OTHER);
}

static void test_a_process_that_is_no_session(void **state)
{
	struct place *p = *state;
	autoerror err = {0};

	listens(p);
	tells(p, "serves 1 " VIRTMUX_VERSION "\n");
	assert_int_equal(find(p, &err), -1);
	assert_int_equal(err.code, ERROR_DENIED);
	assert_non_null(strstr(error_words(&err), "is no session"));
}

static void test_others_can_reach_it(void **state)
{
	struct place *p = *state;
	autoerror err = {0};

	listens(p);
	assert_int_equal(chmod(p->path, 0660), 0);
	assert_int_equal(find(p, &err), -1);
	assert_int_equal(err.code, ERROR_DENIED);
}

static void test_a_queue_that_is_full(void **state)
{
	struct place *p = *state;
	autoerror err = {0};
	pid_t server = 0;
	uint64_t begun;
	int fds[2 * BACKLOG];
	size_t n = 0;

	listens(p);
	begun = clock_monotonic_ns();
	while (n < array_size(fds) &&
	       local_connect(&fds[n], p->path, WAIT_MS, &server, &err) == 0)
		n++;
	assert_in_range(n, 1, array_size(fds) - 1);
	assert_int_equal(server, getpid());
	assert_int_equal(err.code, ERROR_TIMED_OUT);
	/* The kernel counts in ticks, the first of which is not a whole one. */
	assert_true(clock_monotonic_ns() - begun >=
		    (WAIT_MS - TICK_MS) * CLOCK_NS_PER_MS);
	while (n > 0)
		close(fds[--n]);
}

static void test_the_lock_is_no_link(void **state)
{
	struct place *p = *state;
	char lock[300];
	int fd = -1;

	snprintf(lock, sizeof(lock), "%s.lock", p->path);
	assert_int_equal(symlink("/nowhere", lock), 0);
	assert_int_equal(session_turn_open(&fd, p->path, NULL), -1);
	assert_int_equal(fd, -1);
}

/* -- who waited ------------------------------------------------------------ */

static bool fails(const struct place *p, enum error_code code, bool asked,
		  uint64_t then, bool asks)
{
	autoerror why = {0};
	autoerror err = {0};
	bool failed;

	error_set(&why, code, "%s", "50% of it: is it up?");
	assert_int_equal(session_turn_tell_failure(p->lock, 1000, asked, &why),
			 0);
	failed = session_turn_failed_since(p->lock, then, asks, &err);
	if (failed) {
		assert_int_equal(err.code, code);
		assert_string_equal(error_words(&err), error_words(&why));
	}
	return failed;
}

static void test_failures(void **state)
{
	struct place *p = *state;

	assert_int_equal(session_turn_open(&p->lock, p->path, NULL), 0);
	assert_false(session_turn_failed_since(p->lock, 0, true, NULL));
	assert_true(fails(p, ERROR_CONNECT, false, 999, true));
	assert_true(fails(p, ERROR_TLS, true, 1000, false));
	assert_false(fails(p, ERROR_CONNECT, true, 1001, true)); /* before */
	assert_true(fails(p, ERROR_KEY, true, 999, true));
	assert_false(fails(p, ERROR_KEY, true, 999, false));
	assert_false(fails(p, ERROR_KEY, false, 999, true));
	assert_false(fails(p, ERROR_INTERRUPTED, true, 999, true));
	assert_int_equal(session_turn_tell_owner(p->lock, &host, NULL), 0);
	assert_false(session_turn_failed_since(p->lock, 0, true, NULL));
}

static void test_aside(void **state)
{
	autofree char *path = session_aside_path("/run/virtmux/a.b.sock", 17);

	assert_string_equal(path, "/run/virtmux/a.b.17.drain");
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(test_nobody),
		IN_PLACE(test_changed),
		IN_PLACE(test_version),
		IN_PLACE(test_a_process_that_is_no_session),
		IN_PLACE(test_others_can_reach_it),
		IN_PLACE(test_a_queue_that_is_full),
		IN_PLACE(test_the_lock_is_no_link),
		IN_PLACE(test_failures),
		cmocka_unit_test(test_aside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
