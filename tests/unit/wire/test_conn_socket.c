/*
 * A connection's socket when the other end goes away: raw bytes on a socket pair, so
 * that each stands in the kernel when it is to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire/conn.h"

static const char preface[] =
	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	"\0\0\0\4\0\0\0\0"; /* SETTINGS, its NUL included */
static const char window_update[] = "\0\0\4\x8\0\0\0\0\0\0\0\0\1";

struct world {
	uv_loop_t uv;
	struct conn_loop *loop;
	struct conn *host;
	int peer; /* the other end, in clear text */
	bool opened, closed;
	struct error why;
};

static void on_open(void *context, struct conn *conn)
{
	struct world *w = context;

	w->opened = true;
}

static void on_closed(void *context, struct conn *conn, const struct error *why)
{
	struct world *w = context;

	w->closed = true;
	error_copy(&w->why, why);
}

static const struct conn_events events = {.on_open = on_open,
					  .on_closed = on_closed};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	const struct conn_options options = {.role = H2_HOST,
					     .peer = "the client",
					     .events = &events,
					     .context = w};
	int fds[2];

	assert_non_null(w);
	uv_loop_init(&w->uv);
	assert_int_equal(conn_loop_new(&w->loop, &w->uv, &conn_limits_default,
				       NULL, NULL),
			 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(conn_new(&w->host, w->loop, fds[0], &options, NULL),
			 0);
	w->peer = fds[1];
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	conn_loop_close(w->loop);
	uv_run(&w->uv, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w->uv), 0);
	conn_loop_free(w->loop);
	error_clear(&w->why);
	free(w);
	return 0;
}

/* What the host answers stays unread. */
static void greet(struct world *w)
{
	assert_int_equal(write(w->peer, preface, sizeof(preface)),
			 sizeof(preface));
	while (!w->opened)
		uv_run(&w->uv, UV_RUN_ONCE);
	while (uv_run(&w->uv, UV_RUN_NOWAIT) && uv_backend_timeout(&w->uv) == 0)
		continue;
}

/*
 * A peer that goes with unread bytes before it leaves an error behind his own last
 * bytes: both are read, and his end is noticed before anything has to be sent.
 */
static void test_end_behind_the_last_bytes(void **state)
{
	struct world *w = *state;

	greet(w);
	assert_int_equal(write(w->peer, window_update, 13), 13);
	close(w->peer);
	while (!w->closed)
		uv_run(&w->uv, UV_RUN_ONCE);
	assert_string_equal(error_words(&w->why),
			    "the connection to the client broke: Connection "
			    "reset by peer");
}

static void test_end_with_nothing_unread(void **state)
{
	struct world *w = *state;
	char bytes[4096];

	greet(w);
	assert_true(read(w->peer, bytes, sizeof(bytes)) > 0);
	close(w->peer);
	while (!w->closed)
		uv_run(&w->uv, UV_RUN_ONCE);
	assert_false(error_is_set(&w->why));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_end_behind_the_last_bytes),
		TEST(test_end_with_nothing_unread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
