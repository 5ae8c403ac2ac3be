/*
 * Streams of the library: reading and writing with a bound, refusals, and being freed
 * where it is least convenient.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "client/library/library_private.h"
#include "library/fake_connection.h"
#include "wire/limits.h"

#define SIZE  (20u << 20) /* bytes, far more than a window */
#define TURNS 500

static size_t read_all(virtmux_stream *s)
{
	char bytes[4096];
	size_t all = 0;

	for (;;) {
		ssize_t n = virtmux_stream_read(s, bytes, sizeof(bytes), NULL);

		if (n == 0)
			return all;
		if (n == VIRTMUX_AGAIN)
			assert_int_equal(virtmux_stream_wait(
						 s, VIRTMUX_READABLE, -1, NULL),
					 VIRTMUX_READABLE);
		else
			assert_true(n > 0);
		all += n > 0 ? (size_t)n : 0;
	}
}

static void test_read(void **state)
{
	struct fixture *f = *state;
	virtmux_stream *s =
		virtmux_get(f->connection, "/speed?bytes=20971520", NULL);
	char byte;

	assert_int_equal(virtmux_stream_read(s, &byte, 1, NULL), VIRTMUX_AGAIN);
	assert_null(virtmux_stream_header(s, ":status"));
	assert_int_equal(read_all(s), SIZE);
	assert_int_equal(virtmux_stream_read(s, &byte, 1, NULL), 0);
	assert_string_equal(virtmux_stream_header(s, ":status"), "200");
	virtmux_stream_free(s);
}

/* What the program does not read holds a window, and no more. */
static void test_what_is_not_read_is_not_sent(void **state)
{
	struct fixture *f = *state;
	virtmux_stream *s =
		virtmux_get(f->connection, "/speed?bytes=20971520", NULL);

	assert_int_equal(virtmux_stream_wait(s, VIRTMUX_READABLE, -1, NULL),
			 VIRTMUX_READABLE);
	for (int i = 0; i < TURNS; i++)
		assert_int_equal(virtmux_poll(f->connection, 1, NULL), 0);
	assert_in_range(s->in.len, 1, WIRE_WINDOW_MOST);
	/* Others are served meanwhile. */
	assert_int_equal(virtmux_call(f->connection, "session.whoami", NULL,
				      NULL, NULL),
			 0);
	assert_int_equal(read_all(s), SIZE);
	virtmux_stream_free(s);
}

static void test_refused(void **state)
{
	struct fixture *f = *state;
	virtmux_stream *s = virtmux_get(f->connection, "/missing", NULL);
	virtmux_error *error = NULL;
	char byte;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(virtmux_stream_wait(s, VIRTMUX_OPENED, -1,
						     NULL),
				 VIRTMUX_OPENED);
		error = NULL;
		assert_int_equal(virtmux_stream_read(s, &byte, 1, &error), -1);
		assert_error(error, VIRTMUX_ERROR_NOT_FOUND, "no such picture");
	}
	virtmux_stream_free(s);
}

static void test_console(void **state)
{
	struct fixture *f = *state;
	virtmux_stream *s = virtmux_console_open(
		f->connection, "a b", VIRTMUX_CONSOLE_SERIAL, 1, NULL);
	char bytes[64];
	ssize_t n;

	assert_int_equal(virtmux_stream_wait(s, VIRTMUX_READABLE, -1, NULL),
			 VIRTMUX_READABLE);
	n = virtmux_stream_read(s, bytes, sizeof(bytes), NULL);
	assert_int_equal(n, strlen("/domains/a%20b/serial/1"));
	assert_memory_equal(bytes, "/domains/a%20b/serial/1", n);
	virtmux_stream_free(s);
}

/* The host counts what it gets; the buffer is never more than it says. */
static void test_write(void **state)
{
	struct fixture *f = *state;
	virtmux_stream *s =
		virtmux_volume_write(f->connection, "p", "v", 0, SIZE, NULL);
	char piece[10000] = {0};
	virtmux_error *error = NULL;
	size_t left = SIZE;
	char answer[64];
	ssize_t n;

	while (left > 0) {
		size_t size = left < sizeof(piece) ? left : sizeof(piece);

		n = virtmux_stream_write(s, piece, size, NULL);
		assert_true(s->out.len <= VIRTMUX_STREAM_BUFFER);
		if (n == VIRTMUX_AGAIN)
			assert_int_equal(virtmux_stream_wait(
						 s, VIRTMUX_WRITABLE, -1, NULL),
					 VIRTMUX_WRITABLE);
		left -= n > 0 ? (size_t)n : 0;
	}
	virtmux_stream_finish(s);
	assert_int_equal(virtmux_stream_write(s, piece, 1, &error), -1);
	assert_error(error, VIRTMUX_ERROR_STATE, "nothing follows");
	assert_int_equal(virtmux_stream_wait(s, VIRTMUX_READABLE, -1, NULL),
			 VIRTMUX_READABLE);
	n = virtmux_stream_read(s, answer, sizeof(answer) - 1, NULL);
	assert_true(n > 0);
	answer[n] = '\0';
	assert_string_equal(answer, "{\"bytes\":20971520,\"duration\":1000}");
	virtmux_stream_free(s);
}

static void test_no_range(void **state)
{
	struct fixture *f = *state;
	virtmux_error *error = NULL;

	assert_null(virtmux_volume_write(f->connection, "p", "v", 1,
					 VIRTMUX_TO_THE_END, &error));
	assert_error(error, VIRTMUX_ERROR_USAGE, "range");
	error = NULL;
	assert_null(virtmux_volume_read(f->connection, "p", "v", 0, 0, &error));
	assert_error(error, VIRTMUX_ERROR_USAGE, "range");
}

static void on_ready_free(void *context, virtmux_stream *s, unsigned ready)
{
	int *times = context;

	++*times;
	virtmux_stream_free(s);
}

/* In its own callback, while it is waited for. */
static void test_freed_in_a_callback(void **state)
{
	struct fixture *f = *state;
	virtmux_stream *s =
		virtmux_get(f->connection, "/speed?bytes=20971520", NULL);
	virtmux_error *error = NULL;
	int times = 0;

	virtmux_stream_on_ready(s, on_ready_free, &times);
	assert_int_equal(virtmux_stream_wait(s, 0, -1, &error), -1);
	assert_error(error, VIRTMUX_ERROR_INTERRUPTED, "freed");
	for (int i = 0; i < TURNS; i++)
		assert_int_equal(virtmux_poll(f->connection, 0, NULL), 0);
	assert_int_equal(times, 1);
}

/* All that the host's end means for a stream. */
static void test_cut(void **state)
{
	struct fixture *f = *state;
	virtmux_stream *s =
		virtmux_get(f->connection, "/speed?bytes=20971520", NULL);
	virtmux_error *error = NULL;
	char bytes[65536];
	ssize_t n;

	assert_int_equal(virtmux_stream_wait(s, VIRTMUX_READABLE, -1, NULL),
			 VIRTMUX_READABLE);
	kill(f->host.pid, SIGKILL);
	while (virtmux_poll(f->connection, -1, NULL) == 0)
		continue;
	do
		n = virtmux_stream_read(s, bytes, sizeof(bytes), &error);
	while (n > 0);
	assert_int_equal(n, -1);
	assert_error(error, VIRTMUX_ERROR_DISCONNECTED, "");
	assert_int_equal(virtmux_stream_write(s, bytes, 1, NULL), -1);
	virtmux_stream_free(s);
	error = NULL;
	assert_null(virtmux_get(f->connection, "/speed?bytes=1", &error));
	assert_error(error, VIRTMUX_ERROR_DISCONNECTED, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_HOST(test_read),
		WITH_HOST(test_what_is_not_read_is_not_sent),
		WITH_HOST(test_refused),
		WITH_HOST(test_console),
		WITH_HOST(test_write),
		WITH_HOST(test_no_range),
		WITH_HOST(test_freed_in_a_callback),
		WITH_HOST(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
