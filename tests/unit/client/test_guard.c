/*
 * The guard in processes that do not end: its words and status where nobody else has
 * said any, its silence where somebody has, and that it leaves alone who is in time.
 */
#include "client/guard.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "client/connect/deadline.h"

#define WORDS   "late\n"
#define LONG_MS 600000u

/* A child that sleeps for ever with a guard; TOLD: its status was said, unless -1. */
static pid_t begin(uint64_t ms, int told, int *from)
{
	struct deadline d;
	struct guard *guard = NULL;
	int ends[2];
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		deadline_set(&d, ms, clock_monotonic_ns());
		if (guard_new(&guard, &d, WORDS, 7, NULL) < 0)
			_exit(99);
		if (told >= 0)
			guard_told(guard, told);
		for (;;)
			pause();
	}
	close(ends[1]);
	*from = ends[0];
	return child;
}

/* Its exit status; SAID is what it has written. */
static int await(pid_t child, int from, char said[64])
{
	ssize_t n, len = 0;
	int status = 0;

	while ((n = read(from, said + len, (size_t)(63 - len))) > 0)
		len += n;
	said[len] = '\0';
	close(from);
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_it_ends(void **state)
{
	char said[64];
	int from = -1;
	pid_t child = begin(1, -1, &from);

	assert_int_equal(await(child, from, said), 7);
	assert_string_equal(said, WORDS);
}

static void test_what_was_said_is_not_said_twice(void **state)
{
	char said[64];
	int from = -1;
	pid_t child = begin(1, 9, &from);

	assert_int_equal(await(child, from, said), 9);
	assert_string_equal(said, "");
}

static void test_who_is_in_time(void **state)
{
	struct guard *guard = NULL;
	struct deadline d;

	deadline_set(&d, LONG_MS, clock_monotonic_ns());
	assert_int_equal(guard_new(&guard, &d, WORDS, 7, NULL), 0);
	guard_free(guard);
	/* Lifted, its thread has ended by itself, or does so now. */
	assert_int_equal(guard_new(&guard, &d, WORDS, 7, NULL), 0);
	deadline_lift(&d);
	guard_free(guard);
	guard_free(NULL);
}

/* They are for the thread that waits for them. */
static void test_signals_pass_it_by(void **state)
{
	struct guard *guard = NULL;
	struct deadline d;
	sigset_t usr, before, waiting;

	deadline_set(&d, LONG_MS, clock_monotonic_ns());
	assert_int_equal(guard_new(&guard, &d, WORDS, 7, NULL), 0);
	sigemptyset(&usr);
	sigaddset(&usr, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr, &before);
	kill(getpid(), SIGUSR1);
	sigpending(&waiting);
	assert_true(sigismember(&waiting, SIGUSR1) == 1);
	signal(SIGUSR1, SIG_IGN);
	sigprocmask(SIG_SETMASK, &before, NULL);
	guard_free(guard);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_ends),
		cmocka_unit_test(test_what_was_said_is_not_said_twice),
		cmocka_unit_test(test_who_is_in_time),
		cmocka_unit_test(test_signals_pass_it_by),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
