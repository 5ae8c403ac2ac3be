/*
 * A connection of the library: how it begins and ends, by itself and in a loop of
 * others', and what is refused.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "library/fake_connection.h"

static void test_what_is_known(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(virtmux_host(f->connection), "fake");
	assert_true(virtmux_is_session(f->connection));
	assert_true(virtmux_is_open(f->connection));
	assert_string_equal(virtmux_version(), VIRTMUX_VERSION);
}

static void test_refused(void **state)
{
	struct fixture *f = *state;
	virtmux_error *error = NULL;

	assert_null(virtmux_connect("fak", f->options, &error));
	assert_error(error, VIRTMUX_ERROR_CONFIG, "did you mean 'fake'");
	virtmux_options_set_route(f->options, (enum virtmux_route)7);
	error = NULL;
	assert_null(virtmux_connect("fake", f->options, &error));
	assert_error(error, VIRTMUX_ERROR_USAGE, "no route 7");
	virtmux_options_set_route(f->options, VIRTMUX_ROUTE_DIRECT);
	error = NULL;
	assert_null(virtmux_connect("fake", f->options, &error));
	assert_error(error, VIRTMUX_ERROR_KEY, "certificate");
}

/* One turn of a loop that is the program's: -1 where it has ended. */
static int turn(virtmux_connection *c, virtmux_error **error)
{
	struct pollfd fd = {.fd = virtmux_fd(c), .events = POLLIN};

	assert_true(poll(&fd, 1, virtmux_timeout_ms(c)) >= 0);
	return virtmux_dispatch(c, error);
}

struct told {
	virtmux_connection *connection;
	int connected;
	int failed;
	int answers;
};

static void on_connected(void *context, const virtmux_error *error)
{
	struct told *told = context;

	told->connected += error == NULL;
	told->failed += error != NULL;
}

static void on_answer(void *context, const char *result,
		      const virtmux_error *error)
{
	struct told *told = context;

	told->answers += result != NULL;
}

static void test_without_waiting(void **state)
{
	struct fixture *f = *state;
	struct told told = {0};

	virtmux_close(f->connection);
	f->connection = virtmux_connect_start("fake", f->options, on_connected,
					      &told, NULL);
	assert_non_null(f->connection);
	assert_false(virtmux_is_open(f->connection));
	assert_int_equal(virtmux_reconnect(f->connection, NULL), -1);
	while (!told.connected)
		assert_int_equal(turn(f->connection, NULL), 0);
	assert_true(virtmux_is_open(f->connection));
	virtmux_call_start(f->connection, "session.whoami", NULL, on_answer,
			   &told, NULL);
	while (!told.answers)
		assert_int_equal(turn(f->connection, NULL), 0);
	assert_int_equal(told.connected, 1);
}

/* domain.start ends the connection. */
static void cut(struct fixture *f)
{
	virtmux_error *error = NULL;

	virtmux_call_start(f->connection, "domain.start", "{\"domain\":\"x\"}",
			   on_answer, &(struct told){0}, NULL);
	while (turn(f->connection, &error) == 0)
		continue;
	assert_error(error, VIRTMUX_ERROR_DISCONNECTED, "");
	assert_false(virtmux_is_open(f->connection));
}

static void test_again(void **state)
{
	struct fixture *f = *state;
	struct told told = {0};

	cut(f);
	assert_int_equal(virtmux_reconnect(f->connection, NULL), 0);
	assert_true(virtmux_is_open(f->connection));
	cut(f);
	assert_int_equal(virtmux_reconnect_start(f->connection, on_connected,
						 &told, NULL),
			 0);
	while (!told.connected)
		assert_int_equal(turn(f->connection, NULL), 0);
	assert_int_equal(virtmux_call(f->connection, "session.whoami", NULL,
				      NULL, NULL),
			 0);
}

static void test_close_while_it_connects(void **state)
{
	struct fixture *f = *state;
	struct told told = {0};

	virtmux_close(virtmux_connect_start("fake", f->options, on_connected,
					    &told, NULL));
	assert_int_equal(told.connected + told.failed, 0);
}

static void on_close(void *context, const char *result,
		     const virtmux_error *error)
{
	struct told *told = context;

	told->answers++;
	virtmux_close(told->connection);
}

/* The other answer comes no more. */
static void test_close_in_a_callback(void **state)
{
	struct fixture *f = *state;
	struct told told = {.connection = f->connection};
	virtmux_error *error = NULL;

	for (int i = 0; i < 2; i++)
		virtmux_call_start(f->connection, "session.whoami", NULL,
				   on_close, &told, NULL);
	f->connection = NULL;
	assert_int_equal(virtmux_run(told.connection, &error), -1);
	assert_error(error, VIRTMUX_ERROR_INTERRUPTED, "closed");
	assert_int_equal(told.answers, 1);
}

static void test_interrupt(void **state)
{
	struct fixture *f = *state;
	virtmux_error *error = NULL;

	virtmux_interrupt(f->connection);
	assert_int_equal(virtmux_run(f->connection, &error), -1);
	assert_error(error, VIRTMUX_ERROR_INTERRUPTED, "interrupted");
	assert_int_equal(virtmux_call(f->connection, "session.whoami", NULL,
				      NULL, NULL),
			 0);
}

static void test_poll_ends(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(virtmux_poll(f->connection, 20, NULL), 0);
	assert_int_equal(virtmux_poll(f->connection, 0, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_HOST(test_what_is_known),
		WITH_HOST(test_refused),
		WITH_HOST(test_without_waiting),
		WITH_HOST(test_again),
		WITH_HOST(test_close_while_it_connects),
		WITH_HOST(test_close_in_a_callback),
		WITH_HOST(test_interrupt),
		WITH_HOST(test_poll_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
