/*
 * Calls of the library: text in and out, many at once, given up, and from where they may
 * be made.
 */
#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "library/fake_connection.h"

#define MANY 20

static void test_call(void **state)
{
	struct fixture *f = *state;
	virtmux_error *error = NULL;
	char *result = NULL;

	assert_int_equal(virtmux_call(f->connection, "session.whoami", NULL,
				      &result, NULL),
			 0);
	assert_string_equal(result, "{\"identity\":\"tester\",\"key\":\"\"}");
	virtmux_free(result);
	assert_int_equal(virtmux_call(f->connection, "domain.resume",
				      "{\"domain\":\"a/b\"}", &result, NULL),
			 0);
	assert_string_equal(result, "{\"domain\":\"a/b\",\"name\":\"guest\"}");
	virtmux_free(result);
	assert_int_equal(virtmux_call(f->connection, "domain.info",
				      "{\"domain\":\"x\"}", NULL, &error),
			 -1);
	assert_error(error, VIRTMUX_ERROR_NOT_FOUND, "no domain 'x'");
}

struct many {
	virtmux_connection *connection;
	virtmux_request *other;
	int answers;
	int errors;
};

static void on_answer(void *context, const char *result,
		      const virtmux_error *error)
{
	struct many *m = context;

	assert_true(!result != !error);
	m->answers += result != NULL;
	m->errors += error != NULL;
	if (m->answers + m->errors == MANY)
		virtmux_stop(m->connection);
}

static void test_many(void **state)
{
	struct fixture *f = *state;
	struct many m = {.connection = f->connection};

	for (int i = 0; i < MANY; i++)
		assert_non_null(virtmux_call_start(
			f->connection, i % 2 ? "session.whoami" : "domain.info",
			"{\"domain\":\"x\"}", on_answer, &m, NULL));
	assert_int_equal(m.answers + m.errors, 0);
	assert_int_equal(virtmux_run(f->connection, NULL), 0);
	assert_int_equal(m.answers, MANY / 2);
	assert_int_equal(m.errors, MANY / 2);
}

static void on_never(void *context, const char *result,
		     const virtmux_error *error)
{
	fail_msg("a request that was given up was answered");
}

static void on_cancel(void *context, const char *result,
		      const virtmux_error *error)
{
	struct many *m = context;

	virtmux_call_cancel(m->other);
	m->answers++;
}

/* One that will be answered, and one that never is; the latter in a callback. */
static void test_cancel(void **state)
{
	struct fixture *f = *state;
	struct many m = {.connection = f->connection};

	virtmux_call_cancel(virtmux_call_start(f->connection, "session.whoami",
					       NULL, on_never, NULL, NULL));
	m.other = virtmux_call_start(f->connection, "domain.list", NULL,
				     on_never, NULL, NULL);
	virtmux_call_start(f->connection, "session.whoami", NULL, on_cancel, &m,
			   NULL);
	while (!m.answers)
		assert_int_equal(virtmux_poll(f->connection, -1, NULL), 0);
	assert_int_equal(virtmux_call(f->connection, "session.whoami", NULL,
				      NULL, NULL),
			 0);
}

static void on_call_again(void *context, const char *result,
			  const virtmux_error *error)
{
	struct many *m = context;
	virtmux_error *refused = NULL;

	assert_int_equal(virtmux_call(m->connection, "session.whoami", NULL,
				      NULL, &refused),
			 -1);
	assert_error(refused, VIRTMUX_ERROR_STATE,
		     "virtmux_call() runs the loop");
	m->answers++;
	virtmux_stop(m->connection);
}

static void test_not_from_a_callback(void **state)
{
	struct fixture *f = *state;
	struct many m = {.connection = f->connection};

	virtmux_call_start(f->connection, "session.whoami", NULL, on_call_again,
			   &m, NULL);
	assert_int_equal(virtmux_run(f->connection, NULL), 0);
	assert_int_equal(m.answers, 1);
}

static void test_timeout(void **state)
{
	struct fixture *f = *state;
	virtmux_error *error = NULL;

	virtmux_close(f->connection);
	virtmux_options_set_timeout(f->options, 50);
	f->connection = virtmux_connect("fake", f->options, NULL);
	assert_int_equal(virtmux_call(f->connection, "domain.list", NULL, NULL,
				      &error),
			 -1);
	assert_error(error, VIRTMUX_ERROR_TIMED_OUT, "within 50 ms");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_HOST(test_call),    WITH_HOST(test_many),
		WITH_HOST(test_cancel),  WITH_HOST(test_not_from_a_callback),
		WITH_HOST(test_timeout),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
