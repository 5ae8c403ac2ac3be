/* Signals that come at any moment, with and without a loop beside. */
#include "client/interrupt.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

#define LONG_MS 600000u

static void expect_interrupted(struct interrupt *i, uint64_t ms)
{
	autoerror err = {0};

	assert_int_equal(interrupt_pause(i, ms, &err), -1);
	assert_int_equal(err.code, ERROR_INTERRUPTED);
}

static void test_pause(void **state)
{
	autoptr(interrupt) i = NULL;
	autoerror err = {0};
	uint64_t begun = uv_hrtime();

	assert_int_equal(interrupt_watch(&i, NULL, &err), 0);
	assert_int_equal(interrupt_pause(i, 0, &err), 0);
	assert_int_equal(interrupt_pause(i, 30, &err), 0);
	assert_true(uv_hrtime() - begun >= 25000000);
}

/* It came between two pauses, and is told of by each that follows. */
static void test_before(void **state)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

	for (size_t s = 0; s < array_size(signals); s++) {
		autoptr(interrupt) i = NULL;

		assert_int_equal(interrupt_watch(&i, NULL, NULL), 0);
		raise(signals[s]);
		expect_interrupted(i, 0);
		expect_interrupted(i, LONG_MS);
	}
}

static void test_within(void **state)
{
	autoptr(interrupt) i = NULL;
	pid_t child;

	assert_int_equal(interrupt_watch(&i, NULL, NULL), 0);
	child = fork();
	if (child == 0) {
		const struct timespec t = {.tv_nsec = 50000000};

		nanosleep(&t, NULL);
		kill(getppid(), SIGINT);
		_exit(0);
	}
	expect_interrupted(i, LONG_MS);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void on_signal(uv_signal_t *handle, int number)
{
	*(int *)handle->data = number;
	uv_close((uv_handle_t *)handle, NULL);
}

/* A channel's loop that gets the signal, or ends without looking, takes nothing. */
static void test_beside_a_loop(void **state)
{
	for (int looks = 0; looks < 2; looks++) {
		autoptr(interrupt) i = NULL;
		uv_loop_t uv;
		uv_signal_t handle;
		int seen = 0;

		assert_int_equal(interrupt_watch(&i, NULL, NULL), 0);
		assert_int_equal(uv_loop_init(&uv), 0);
		uv_signal_init(&uv, &handle);
		handle.data = &seen;
		uv_signal_start(&handle, on_signal, SIGINT);
		raise(SIGINT);
		if (looks)
			uv_run(&uv, UV_RUN_DEFAULT);
		else
			uv_close((uv_handle_t *)&handle, NULL);
		uv_run(&uv, UV_RUN_DEFAULT);
		assert_int_equal(uv_loop_close(&uv), 0);
		assert_int_equal(seen, looks ? SIGINT : 0);
		expect_interrupted(i, LONG_MS);
	}
}

static void test_afterwards(void **state)
{
	struct interrupt *i = NULL;
	struct sigaction action;

	assert_int_equal(interrupt_watch(&i, NULL, NULL), 0);
	sigaction(SIGINT, NULL, &action);
	assert_true(action.sa_handler != SIG_DFL);
	interrupt_free(i);
	sigaction(SIGINT, NULL, &action);
	assert_true(action.sa_handler == SIG_DFL);
	interrupt_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_before),
		cmocka_unit_test(test_within),
		cmocka_unit_test(test_beside_a_loop),
		cmocka_unit_test(test_afterwards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
