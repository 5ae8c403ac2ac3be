/*
 * The relay's life: from where it can be given up to each way in which it ends,
 * and that nothing stays behind.
 */
#include "test_relay_rig.h"

static void carries_both_ways(void **state)
{
	struct test t;

	open_sockets(&t);
	far_write(&t, "RFB 003.008\n");
	expect_peer(&t, "RFB 003.008\n");
	pair_send(&t.pair, "answer", 6);
	expect_far(&t, "answer");
	far_write(&t, "more");
	expect_peer(&t, "more");
	assert_int_equal(relay_bytes_in(t.relay), 6);
	assert_int_equal(relay_bytes_out(t.relay), 16);
	close_far(&t);
	pair_run(&t.pair);
	assert_true(t.pair.peer.got_end);
	pair_send_end(&t.pair);
	pair_run_until(&t.pair, &t.done);
	assert_int_equal(t.end.reason, RELAY_ENDED);
	assert_int_equal(t.end.code, H2_NO_ERROR);
	assert_int_equal(relay_end_error(&t.end, NULL), 0);
	assert_true(t.pair.peer.closed);
	assert_int_equal(t.pair.blocks.kept, 1); /* given back, used again */
	finish(&t);
}

static void peer_that_never_ends_is_reset(void **state)
{
	struct test t;

	open_sockets(&t);
	close_far(&t);
	pair_run_until(&t.pair, &t.done);
	assert_true(t.pair.peer.got_end);
	assert_int_equal(t.end.reason, RELAY_ENDED);
	assert_true(t.pair.peer.closed);
	assert_int_equal(t.pair.peer.code, H2_NO_ERROR);
	finish(&t);
}

static void peer_resets(void **state)
{
	struct test t;

	open_sockets(&t);
	pair_send(&t.pair, "abc", 3);
	pair_run(&t.pair);
	h2_stream_reset(t.pair.peer.stream, H2_CANCEL);
	pair_run_until(&t.pair, &t.done);
	assert_int_equal(t.end.reason, RELAY_PEER);
	assert_int_equal(t.end.code, H2_CANCEL);
	assert_int_equal(t.end.bytes_in, 3);
	assert_int_equal(relay_end_error(&t.end, NULL), 0);
	expect_far(&t, "abc");
	expect_far_end(&t);
	finish(&t);
}

static void channel_ends(void **state)
{
	struct test t;
	autoerror err = {0};

	open_sockets(&t);
	pair_abort(&t.pair);
	assert_true(t.done);
	assert_int_equal(t.end.reason, RELAY_PEER);
	assert_int_equal(relay_end_error(&t.end, &err), -1);
	assert_int_equal(err.code, ERROR_DISCONNECTED);
	finish(&t);
}

static void host_cuts(void **state)
{
	struct test t;
	autoerror err = {0};

	open_sockets(&t);
	relay_cut(t.relay, H2_CANCEL);
	assert_false(t.done);
	relay_cut(t.relay, H2_CANCEL);
	pair_run_until(&t.pair, &t.done);
	assert_int_equal(t.end.reason, RELAY_CUT);
	assert_true(t.pair.peer.closed);
	assert_int_equal(t.pair.peer.code, H2_CANCEL);
	assert_int_equal(relay_end_error(&t.end, &err), -1);
	assert_int_equal(err.code, ERROR_INTERRUPTED);
	finish(&t);
}

static void open_silent(struct test *t, uint64_t first_ms)
{
	int fds[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	open_within(t, fds[0], fds[1], first_ms);
	start(t, "", false);
}

/* What the peer says does not help: the far end has to say something. */
static void silence_from_the_beginning(void **state)
{
	struct test t;
	autoerror err = {0};

	open_silent(&t, 50);
	pair_send(&t.pair, "hello?", 6);
	pair_run_until(&t.pair, &t.done);
	assert_int_equal(t.end.reason, RELAY_SILENT);
	assert_int_equal(t.end.bytes_in, 6);
	assert_true(t.pair.peer.closed);
	assert_int_equal(t.pair.peer.code, H2_SETTINGS_TIMEOUT);
	assert_int_equal(relay_end_error(&t.end, &err), -1);
	assert_int_equal(err.code, ERROR_TIMED_OUT);
	finish(&t);
}

static void silence_after_a_word(void **state)
{
	struct test t;

	open_silent(&t, 50);
	assert_int_equal(write(t.far, "RFB", 3), 3);
	pair_run(&t.pair);
	usleep(100 * 1000); /* longer than the time for the first word */
	pair_run(&t.pair);
	assert_false(t.done);
	assert_int_equal(t.pair.peer.got.len, 3);
	close_far(&t);
	pair_run_until(&t.pair, &t.done);
	assert_int_equal(t.end.reason, RELAY_ENDED);
	finish(&t);
}

static void cancelled_before_the_start(void **state)
{
	struct test t;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	open_with(&t, fds[0], fds[1]);
	relay_cancel(t.relay);
	expect_far_end(&t);
	assert_false(t.done);
	finish(&t);
}

static void refuses_what_cannot_be_polled(void **state)
{
	struct test t = {0};
	struct relay_options options = {.done = on_done, .context = &t};
	autoerror err = {0};
	char path[] = "/tmp/test_relay.XXXXXX";
	int fd = mkstemp(path);

	unlink(path);
	pair_open(&t.pair);
	options.uv = &t.pair.uv;
	options.blocks = &t.pair.blocks;
	assert_int_equal(relay_new(&t.relay, &options, fd, &err), -1);
	assert_int_equal(err.code, ERROR_SYSTEM);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	pair_close(&t.pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(carries_both_ways),
		cmocka_unit_test(peer_that_never_ends_is_reset),
		cmocka_unit_test(peer_resets),
		cmocka_unit_test(channel_ends),
		cmocka_unit_test(host_cuts),
		cmocka_unit_test(silence_from_the_beginning),
		cmocka_unit_test(silence_after_a_word),
		cmocka_unit_test(cancelled_before_the_start),
		cmocka_unit_test(refuses_what_cannot_be_polled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
