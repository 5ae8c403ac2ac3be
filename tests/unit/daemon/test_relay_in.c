/*
 * The relay's way in, from the stream into the descriptor: whole, in order,
 * within a window, also past the stream's end.
 */
#include "test_relay_rig.h"

static void early_bytes_come_first(void **state)
{
	struct test t;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	open_with(&t, fds[0], fds[1]);
	start(&t, "early ", false);
	pair_send(&t.pair, "late", 4);
	expect_far(&t, "early late");
	h2_stream_reset(t.pair.peer.stream, H2_CANCEL);
	pair_run_until(&t.pair, &t.done);
	finish(&t);
}

static void early_end_is_passed_on(void **state)
{
	struct test t;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	open_with(&t, fds[0], fds[1]);
	t.pair.peer.end = true;
	h2_stream_resume(t.pair.peer.stream);
	pair_run(&t.pair);
	start(&t, "only", true);
	expect_far(&t, "only");
	expect_far_end(&t);
	far_write(&t, "answer");
	expect_peer(&t, "answer");
	close_far(&t);
	pair_run_until(&t.pair, &t.done);
	assert_int_equal(t.end.reason, RELAY_ENDED);
	finish(&t);
}

static void bulk_in_is_whole(void **state)
{
	struct test t;
	autobuf got = {0};

	open_sockets(&t);
	fill(&t.pair.peer.to_send, BULK);
	pair_send_end(&t.pair);
	while (far_read(&t, &got) >= 0)
		pair_run(&t.pair);
	check(&got, BULK);
	assert_int_equal(relay_bytes_in(t.relay), BULK);
	close_far(&t);
	pair_run_until(&t.pair, &t.done);
	assert_int_equal(t.end.reason, RELAY_ENDED);
	finish(&t);
}

static void stalled_descriptor_holds_a_window(void **state)
{
	struct test t;
	autobuf got = {0};
	size_t left;

	open_sockets(&t);
	fill(&t.pair.peer.to_send, BULK);
	pair_send_end(&t.pair);
	pair_run(&t.pair);
	left = t.pair.peer.to_send.len;
	assert_true(BULK - left - relay_bytes_in(t.relay) <= WIRE_WINDOW_MOST);
	assert_true(left > BULK / 4);
	pair_run(&t.pair);
	assert_int_equal(t.pair.peer.to_send.len, left);
	while (far_read(&t, &got) >= 0)
		pair_run(&t.pair);
	check(&got, BULK);
	close_far(&t);
	pair_run_until(&t.pair, &t.done);
	finish(&t);
}

static void peer_half_closes(void **state)
{
	struct test t;

	open_sockets(&t);
	pair_send(&t.pair, "last", 4);
	pair_send_end(&t.pair);
	expect_far(&t, "last");
	expect_far_end(&t);
	usleep(150 * 1000); /* longer than the linger: it does not apply */
	far_write(&t, "still here");
	expect_peer(&t, "still here");
	assert_false(t.done);
	close_far(&t);
	pair_run_until(&t.pair, &t.done);
	assert_int_equal(t.end.reason, RELAY_ENDED);
	finish(&t);
}

static void peer_that_sends_to_nobody_is_reset(void **state)
{
	struct test t;

	open_sockets(&t);
	fill(&t.pair.peer.to_send, BULK);
	pair_send(&t.pair, "", 0);
	pair_run(&t.pair);
	close_far(&t);
	pair_run_until(&t.pair, &t.done);
	assert_int_equal(t.end.reason, RELAY_ENDED);
	assert_true(t.pair.peer.closed);
	finish(&t);
}

static void held_bytes_outlive_the_stream(void **state)
{
	struct test t;
	autobuf got = {0};
	size_t sent = WIRE_WINDOW_FIRST;
	int small = 4096;

	open_sockets(&t);
	setsockopt(t.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	shutdown(t.far, SHUT_WR);
	pair_run(&t.pair);
	fill(&t.pair.peer.to_send, sent);
	pair_send_end(&t.pair);
	pair_run(&t.pair);
	assert_true(t.pair.peer.closed);
	assert_false(t.done);
	while (far_read(&t, &got) >= 0)
		pair_run(&t.pair);
	check(&got, sent);
	pair_run_until(&t.pair, &t.done);
	assert_int_equal(t.end.reason, RELAY_ENDED);
	assert_int_equal(t.end.bytes_in, sent);
	finish(&t);
}

static void held_bytes_do_not_wait_for_ever(void **state)
{
	struct test t;
	autoerror err = {0};
	int small = 4096;

	open_sockets(&t);
	setsockopt(t.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	shutdown(t.far, SHUT_WR);
	pair_run(&t.pair);
	fill(&t.pair.peer.to_send, WIRE_WINDOW_FIRST);
	pair_send_end(&t.pair);
	pair_run_until(&t.pair, &t.done);
	assert_int_equal(t.end.reason, RELAY_DESCRIPTOR);
	assert_int_equal(t.end.errnum, ETIMEDOUT);
	assert_int_equal(relay_end_error(&t.end, &err), -1);
	assert_int_equal(err.code, ERROR_SYSTEM);
	finish(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(early_bytes_come_first),
		cmocka_unit_test(early_end_is_passed_on),
		cmocka_unit_test(bulk_in_is_whole),
		cmocka_unit_test(stalled_descriptor_holds_a_window),
		cmocka_unit_test(peer_half_closes),
		cmocka_unit_test(peer_that_sends_to_nobody_is_reset),
		cmocka_unit_test(held_bytes_outlive_the_stream),
		cmocka_unit_test(held_bytes_do_not_wait_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
