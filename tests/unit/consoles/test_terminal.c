/*
 * The terminal's modes on a pseudo-terminal: raw, given back, given back by the
 * guard where we cannot, and what is not ours to change.
 */
#include "client/consoles/terminal.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#define WAIT_NS    10000000 /* between two looks */
#define WAIT_TIMES 3000

/* A child whose test has failed does not stay. */
#define CHILD_LIFE_MS 60000

struct pty {
	int master, slave;
	struct termios before;
};

static int setup(void **state)
{
	struct pty *p = calloc(1, sizeof(*p));

	p->master = posix_openpt(O_RDWR | O_NOCTTY);
	assert_true(p->master >= 0);
	assert_int_equal(grantpt(p->master), 0);
	assert_int_equal(unlockpt(p->master), 0);
	p->slave = open(ptsname(p->master), O_RDWR | O_NOCTTY);
	assert_true(p->slave >= 0);
	assert_int_equal(tcgetattr(p->slave, &p->before), 0);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct pty *p = *state;

	close(p->slave);
	close(p->master);
	free(p);
	return 0;
}

static bool is_same(const struct pty *p)
{
	struct termios now;

	assert_int_equal(tcgetattr(p->slave, &now), 0);
	return now.c_iflag == p->before.c_iflag &&
	       now.c_oflag == p->before.c_oflag &&
	       now.c_cflag == p->before.c_cflag &&
	       now.c_lflag == p->before.c_lflag &&
	       memcmp(now.c_cc, p->before.c_cc, sizeof(now.c_cc)) == 0;
}

static bool is_raw(const struct pty *p)
{
	struct termios now;

	assert_int_equal(tcgetattr(p->slave, &now), 0);
	return !(now.c_lflag & (ICANON | ECHO | ISIG | IEXTEN)) &&
	       !(now.c_oflag & OPOST) && !(now.c_iflag & (ICRNL | IXON));
}

static void await(bool (*condition)(const struct pty *p), const struct pty *p)
{
	const struct timespec pause = {.tv_nsec = WAIT_NS};

	for (int i = 0; i < WAIT_TIMES && !condition(p); i++)
		nanosleep(&pause, NULL);
	assert_true(condition(p));
}

static void test_raw_and_back(void **state)
{
	struct pty *p = *state;
	struct terminal *t = NULL;
	autoerror err = {0};

	assert_int_equal(terminal_new(&t, p->slave, &err), 0);
	assert_true(is_same(p));
	assert_int_equal(terminal_raw(t, &err), 0);
	assert_true(is_raw(p));
	assert_int_equal(terminal_raw(t, &err), 0);
	terminal_restore(t);
	assert_true(is_same(p));
	terminal_restore(t);
	assert_int_equal(terminal_raw(t, &err), 0);
	terminal_free(t);
	assert_true(is_same(p));
	/* The guard is gone, too. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

/* What was typed for the guest must not be run by the shell. */
static void test_unread_keys_are_thrown_away(void **state)
{
	struct pty *p = *state;
	struct terminal *t = NULL;
	int n = -1;

	assert_int_equal(terminal_new(&t, p->slave, NULL), 0);
	assert_int_equal(terminal_raw(t, NULL), 0);
	assert_int_equal(write(p->master, "rm\n", 3), 3);
	do
		assert_int_equal(ioctl(p->slave, FIONREAD, &n), 0);
	while (n < 3);
	terminal_free(t);
	assert_int_equal(ioctl(p->slave, FIONREAD, &n), 0);
	assert_int_equal(n, 0);
}

static void test_no_terminal(void **state)
{
	struct terminal *t = NULL;
	autoerror err = {0};
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(terminal_new(&t, ends[0], &err), -1);
	assert_int_equal(err.code, ERROR_SYSTEM);
	close(ends[0]);
	close(ends[1]);
	terminal_free(NULL);
}

/* -- killed ---------------------------------------------------------------- */

/* A process that makes the terminal raw and stays until it is killed. */
static pid_t start_raw(const struct pty *p)
{
	static const struct rlimit no_core;
	pid_t pid = fork();
	struct terminal *t = NULL;

	if (pid)
		return pid;
	signal(SIGSEGV, SIG_DFL); /* cmocka has taken it */
	setrlimit(RLIMIT_CORE, &no_core);
	if (terminal_new(&t, p->slave, NULL) < 0 || terminal_raw(t, NULL) < 0)
		_exit(1);
	alarm(CHILD_LIFE_MS / 1000);
	pause();
	_exit(1);
}

static void test_killed(void **state)
{
	struct pty *p = *state;
	pid_t pid = start_raw(p);

	await(is_raw, p);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	await(is_same, p);
}

static void test_killed_by_its_own_fault(void **state)
{
	struct pty *p = *state;
	pid_t pid = start_raw(p);

	await(is_raw, p);
	kill(pid, SIGSEGV);
	waitpid(pid, NULL, 0);
	await(is_same, p);
}

/* -- signals --------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer)
{
}

/* The same with a loop that watches for signals. */
static pid_t start_watching(const struct pty *p)
{
	pid_t pid = fork();
	struct terminal *t = NULL;
	uv_loop_t uv;
	uv_timer_t forever;

	if (pid)
		return pid;
	setpgid(0, 0);
	if (terminal_new(&t, p->slave, NULL) < 0 || uv_loop_init(&uv) < 0 ||
	    terminal_watch(t, &uv, NULL) < 0 || terminal_raw(t, NULL) < 0)
		_exit(1);
	uv_timer_init(&uv, &forever);
	uv_timer_start(&forever, on_timer, CHILD_LIFE_MS, 0);
	uv_run(&uv, UV_RUN_DEFAULT);
	_exit(1);
}

static void test_stop_and_continue(void **state)
{
	struct pty *p = *state;
	pid_t pid = start_watching(p);
	int status = 0;

	await(is_raw, p);
	kill(pid, SIGTSTP);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	assert_true(is_same(p));
	kill(pid, SIGCONT);
	await(is_raw, p);
	kill(pid, SIGQUIT);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGQUIT);
	assert_true(is_same(p));
}

/* The loop's handles outlive the call; memory goes with the last. */
static void test_watch_and_free(void **state)
{
	struct pty *p = *state;
	struct terminal *t = NULL;
	uv_loop_t uv;

	assert_int_equal(uv_loop_init(&uv), 0);
	assert_int_equal(terminal_new(&t, p->slave, NULL), 0);
	assert_int_equal(terminal_watch(t, &uv, NULL), 0);
	assert_int_equal(terminal_raw(t, NULL), 0);
	terminal_free(t);
	assert_true(is_same(p));
	uv_run(&uv, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&uv), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_raw_and_back),
		TEST(test_unread_keys_are_thrown_away),
		cmocka_unit_test(test_no_terminal),
		TEST(test_killed),
		TEST(test_killed_by_its_own_fault),
		TEST(test_stop_and_continue),
		TEST(test_watch_and_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
