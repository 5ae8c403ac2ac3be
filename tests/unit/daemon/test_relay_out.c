/*
 * The relay's way out, from the descriptor into the stream: whole, no further
 * than the window, and to the last byte of an end without ceremony.
 */
#include "test_relay_rig.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <termios.h>

static void bulk_out_is_whole(void **state)
{
	struct test t;
	autobuf all = {0};

	open_sockets(&t);
	fill(&all, BULK);
	while (all.len) {
		ssize_t n = write(t.far, buf_bytes(&all), all.len);

		if (n > 0)
			buf_consume(&all, (size_t)n);
		pair_run(&t.pair);
	}
	assert_in_range(relay_bytes_out(t.relay), 1, BULK);
	close_far(&t);
	pair_run_until(&t.pair, &t.pair.peer.got_end);
	check(&t.pair.peer.got, BULK);
	pair_send_end(&t.pair);
	pair_run_until(&t.pair, &t.done);
	assert_int_equal(t.end.bytes_out, BULK);
	finish(&t);
}

static void stalled_peer_stops_reading(void **state)
{
	struct test t;
	autobuf all = {0};
	ssize_t n;

	open_sockets(&t);
	t.pair.peer.stalled = true;
	fill(&all, BULK);
	do {
		n = write(t.far, buf_bytes(&all), all.len);
		if (n > 0)
			buf_consume(&all, (size_t)n);
		pair_run(&t.pair);
	} while (n > 0);
	assert_true(all.len > BULK / 2);
	assert_true(t.pair.peer.got.len <= WIRE_WINDOW_FIRST);
	/* Nothing spins while it waits for the window. */
	assert_int_equal(uv_run(&t.pair.uv, UV_RUN_NOWAIT), 0);
	pair_unstall(&t.pair);
	while (all.len) {
		n = write(t.far, buf_bytes(&all), all.len);
		if (n > 0)
			buf_consume(&all, (size_t)n);
		pair_run(&t.pair);
	}
	close_far(&t);
	pair_run_until(&t.pair, &t.pair.peer.got_end);
	check(&t.pair.peer.got, BULK);
	pair_send_end(&t.pair);
	pair_run_until(&t.pair, &t.done);
	finish(&t);
}

/* -- reading ahead --------------------------------------------------------- */

#define AHEAD (512u * 1024)

/*
 * Gives the far end as much of ALL as it takes while nothing is carried to the peer:
 * the bytes that the relay has read of it.
 */
static size_t read_ahead(struct test *t, struct buf *all)
{
	size_t given = 0;
	int unread = 0;
	ssize_t n;

	do {
		n = write(t->far, buf_bytes(all), all->len);
		if (n > 0) {
			buf_consume(all, (size_t)n);
			given += (size_t)n;
		}
		uv_run(&t->pair.uv, UV_RUN_NOWAIT);
	} while (n > 0);
	assert_int_equal(ioctl(t->fd, FIONREAD, &unread), 0);
	return given - (size_t)unread;
}

static void reads_ahead(size_t ahead, int32_t window, size_t least, size_t most)
{
	struct test t;
	autobuf all = {0};
	int fds[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	open_ahead(&t, fds[0], fds[1], ahead, window);
	fill(&all, BULK);
	assert_in_range(read_ahead(&t, &all), least, most);
	/* Nothing spins while it waits for the window. */
	assert_int_equal(uv_run(&t.pair.uv, UV_RUN_NOWAIT), 0);
	while (all.len) {
		ssize_t n = write(t.far, buf_bytes(&all), all.len);

		if (n > 0)
			buf_consume(&all, (size_t)n);
		pair_run(&t.pair);
	}
	close_far(&t);
	pair_run_until(&t.pair, &t.pair.peer.got_end);
	check(&t.pair.peer.got, BULK);
	pair_send_end(&t.pair);
	pair_run_until(&t.pair, &t.done);
	assert_int_equal(t.end.bytes_out, BULK);
	finish(&t);
}

static void reads_as_far_ahead_as_asked(void **state)
{
	reads_ahead(AHEAD, 4 * AHEAD, AHEAD, AHEAD + RELAY_READ);
}

static void reads_no_further_than_the_window(void **state)
{
	reads_ahead(AHEAD, 0, WIRE_WINDOW_FIRST,
		    WIRE_WINDOW_FIRST + RELAY_READ);
}

static void descriptor_half_closes(void **state)
{
	struct test t;

	open_sockets(&t);
	far_write(&t, "bye");
	shutdown(t.far, SHUT_WR);
	expect_peer(&t, "bye");
	assert_true(t.pair.peer.got_end);
	pair_send(&t.pair, "answer", 6);
	expect_far(&t, "answer");
	pair_send_end(&t.pair);
	pair_run_until(&t.pair, &t.done);
	assert_int_equal(t.end.reason, RELAY_ENDED);
	assert_int_equal(t.end.bytes_in, 6);
	expect_far_end(&t);
	finish(&t);
}

static void last_words_survive_a_broken_pipe(void **state)
{
	struct test t;

	open_sockets(&t);
	pair_send(&t.pair, "unread", 6);
	pair_run(&t.pair);
	far_write(&t, "last words");
	close_far(&t); /* with unread bytes: ECONNRESET on our side */
	pair_send(&t.pair, "x", 1);
	pair_run_until(&t.pair, &t.pair.peer.got_end);
	expect_peer(&t, "last words");
	pair_send_end(&t.pair);
	pair_run_until(&t.pair, &t.done);
	assert_int_equal(t.end.reason, RELAY_ENDED);
	finish(&t);
}

static void terminal_hangs_up(void **state)
{
	struct test t;
	struct termios raw;
	int master, slave;

	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	assert_int_equal(tcgetattr(slave, &raw), 0);
	cfmakeraw(&raw);
	assert_int_equal(tcsetattr(slave, TCSANOW, &raw), 0);
	open_with(&t, master, slave);
	start(&t, "", false);
	far_write(&t, "login: ");
	expect_peer(&t, "login: ");
	pair_send(&t.pair, "root\r", 5);
	expect_far(&t, "root\r");
	far_write(&t, "end");
	close_far(&t);
	pair_run_until(&t.pair, &t.pair.peer.got_end);
	expect_peer(&t, "end");
	pair_send_end(&t.pair);
	pair_run_until(&t.pair, &t.done);
	assert_int_equal(t.end.reason, RELAY_ENDED);
	finish(&t);
}

static void open_tcp(int fds[2])
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(a);
	autoclose int listener = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &size),
			 0);
	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fds[0], (struct sockaddr *)&a, sizeof(a)), 0);
	fds[1] = accept(listener, NULL, NULL);
	assert_true(fds[1] >= 0);
}

static void tcp_reset_is_an_error(void **state)
{
	struct linger at_once = {.l_onoff = 1, .l_linger = 0};
	struct test t;
	int fds[2];

	open_tcp(fds);
	open_with(&t, fds[0], fds[1]);
	start(&t, "", false);
	far_write(&t, "hello");
	expect_peer(&t, "hello");
	setsockopt(t.far, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close_far(&t);
	pair_run_until(&t.pair, &t.done);
	assert_int_equal(t.end.reason, RELAY_DESCRIPTOR);
	assert_int_equal(t.end.errnum, ECONNRESET);
	assert_true(t.pair.peer.closed);
	assert_int_equal(t.pair.peer.code, H2_CONNECT_ERROR);
	finish(&t);
}

/* What came before it is not lost, however much of it waits. */
static void reset_comes_behind_what_was_read(void **state)
{
	struct linger at_once = {.l_onoff = 1, .l_linger = 0};
	struct test t;
	autobuf all = {0};
	int fds[2];

	open_tcp(fds);
	open_ahead(&t, fds[0], fds[1], AHEAD, 4 * AHEAD);
	fill(&all, AHEAD / 2);
	while (all.len)
		read_ahead(&t, &all);
	setsockopt(t.far, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close_far(&t);
	uv_run(&t.pair.uv, UV_RUN_ONCE);
	pair_run_until(&t.pair, &t.done);
	check(&t.pair.peer.got, AHEAD / 2);
	assert_int_equal(t.end.reason, RELAY_DESCRIPTOR);
	assert_int_equal(t.end.errnum, ECONNRESET);
	assert_int_equal(t.pair.peer.code, H2_CONNECT_ERROR);
	finish(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bulk_out_is_whole),
		cmocka_unit_test(stalled_peer_stops_reading),
		cmocka_unit_test(reads_as_far_ahead_as_asked),
		cmocka_unit_test(reads_no_further_than_the_window),
		cmocka_unit_test(descriptor_half_closes),
		cmocka_unit_test(last_words_survive_a_broken_pipe),
		cmocka_unit_test(terminal_hangs_up),
		cmocka_unit_test(tcp_reset_is_an_error),
		cmocka_unit_test(reset_comes_behind_what_was_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
