/*
 * The tap: what passes a stream is in the file first, both ways; a disk that sleeps
 * holds this stream and nothing else; one that is full ends it.
 */
#include "daemon/relay/tap.h"

#include "test_relay_rig.h"

#include <sys/stat.h>
#include <sys/un.h>

struct rig {
	struct test t;
	struct lane *lane;
	struct tap *tap;
	char path[64]; /* of the recording; empty: there is none */
	int disk;      /* to look at what was written */
	int failed;    /* the errno that was told */
	bool freed;    /* the format was */
};

/* '>' or '<' before each part, E at the end; 0xc3 begins a character of two. */
static int format_data(void *context, struct buf *out, uint64_t ns,
		       bool to_peer, const uint8_t *data, size_t n, bool last,
		       size_t *used)
{
	assert_true(n > 0 && n <= RELAY_TAP_CHUNK);
	*used = !last && data[n - 1] == 0xc3 ? n - 1 : n;
	if (*used > 0)
		buf_append_char(out, to_peer ? '>' : '<');
	return buf_append(out, data, *used);
}

static int format_end(void *context, struct buf *out, uint64_t ns)
{
	return buf_append_char(out, 'E');
}

static const char *format_failed(void *context, int errnum)
{
	((struct rig *)context)->failed = errnum;
	return "system: full";
}

static void format_free(void *context)
{
	((struct rig *)context)->freed = true;
}

static const struct tap_format format = {
	.data = format_data,
	.end = format_end,
	.failed = format_failed,
	.free = format_free,
};

static void tap_it(struct rig *r, int fd, const char *early, bool end)
{
	struct h2_stream *s = r->t.pair.request;
	const struct tap_options options = {
		.lane = r->lane,
		.handler = &relay_handler,
		.source = &relay_source,
		.context = r->t.relay,
		.format = &format,
		.format_context = r,
		.linger_ms = 100,
	};

	assert_int_equal(tap_new(&r->tap, &r->t.pair.uv, &options, fd, NULL),
			 0);
	h2_stream_set_handler(s, &tap_handler, r->tap);
	assert_int_equal(h2_respond(s, 200, NULL, 0, &tap_source, r->tap), 0);
	relay_start(r->t.relay, s, NULL, 0, false);
	tap_start(r->tap, s, (const uint8_t *)early, strlen(early), end);
	pair_run(&r->t.pair);
	assert_int_equal(r->t.pair.peer.status, 200);
}

/* A relay of sockets behind a tap that writes to FD. */
static void open_rig(struct rig *r, int fd, const char *early, bool end)
{
	int fds[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	open_with(&r->t, fds[0], fds[1]);
	assert_int_equal(lane_new(&r->lane, &r->t.pair.uv, NULL, NULL), 0);
	tap_it(r, fd, early, end);
}

static int new_file(struct rig *r)
{
	int fd;

	snprintf(r->path, sizeof(r->path), "/tmp/virtmux-tap-XXXXXX");
	fd = mkstemp(r->path);
	assert_true(fd >= 0);
	r->disk = open(r->path, O_RDONLY | O_CLOEXEC);
	return fd;
}

/* A disk that sleeps: the file is a pipe that is full until somebody reads it. */
static int new_sleeper(struct rig *r)
{
	char full[4096] = {0};
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(file_set_nonblock(fds[1], true), 0);
	while (write(fds[1], full, sizeof(full)) > 0)
		;
	assert_int_equal(file_set_nonblock(fds[1], false), 0);
	assert_int_equal(file_set_nonblock(fds[0], true), 0);
	r->disk = fds[0];
	return fds[1];
}

/* Some of what the sleeper holds; it wakes up for as much. */
static void read_disk(struct rig *r, struct buf *to)
{
	uint8_t part[65536];
	ssize_t n = read(r->disk, part, sizeof(part));

	if (n > 0)
		assert_int_equal(buf_append(to, part, (size_t)n), 0);
}

static void close_rig(struct rig *r)
{
	autobuf rest = {0};

	lane_close(r->lane);
	while (!r->freed) {
		pair_run(&r->t.pair);
		read_disk(r, &rest);
	}
	pair_run(&r->t.pair);
	lane_free(r->lane);
	finish(&r->t);
	close(r->disk);
	if (*r->path)
		unlink(r->path);
}

static void end_stream(struct rig *r)
{
	if (r->t.pair.peer.stream)
		h2_stream_reset(r->t.pair.peer.stream, H2_CANCEL);
	pair_run_until(&r->t.pair, &r->t.done);
}

static void expect_disk(struct rig *r, const char *text)
{
	uint64_t limit = pair_limit();
	autobuf got = {0};

	while (got.len < strlen(text)) {
		pair_run_within(&r->t.pair, limit);
		read_disk(r, &got);
	}
	assert_int_equal(got.len, strlen(text));
	assert_memory_equal(buf_bytes(&got), text, got.len);
}

/* -- what is written ------------------------------------------------------- */

static void test_both_ways_stand_in_the_file(void **state)
{
	struct rig r = {0};

	open_rig(&r, new_file(&r), "", false);
	far_write(&r.t, "login: ");
	expect_peer(&r.t, "login: ");
	expect_disk(&r, ">login: ");
	pair_send(&r.t.pair, "root", 4);
	expect_far(&r.t, "root");
	expect_disk(&r, "<root");
	end_stream(&r);
	expect_disk(&r, "E");
	assert_int_equal(r.failed, 0);
	close_rig(&r);
}

static void test_what_came_before_the_answer(void **state)
{
	struct rig r = {0};

	open_rig(&r, new_file(&r), "hello", true);
	expect_far(&r.t, "hello");
	expect_far_end(&r.t);
	expect_disk(&r, "<hello");
	end_stream(&r);
	close_rig(&r);
}

/* At each moment the file has at least what was passed on. */
static void test_bulk_both_ways(void **state)
{
	struct rig r = {0};
	autobuf out = {0}, in = {0};
	struct stat st;
	size_t sent = 0;
	uint64_t limit = pair_limit();

	open_rig(&r, new_file(&r), "", false);
	fill(&out, BULK);
	pair_send(&r.t.pair, buf_bytes(&out), out.len);
	while (r.t.pair.peer.got.len < BULK || in.len < BULK) {
		ssize_t n =
			write(r.t.far, buf_bytes(&out) + sent, out.len - sent);

		sent += n > 0 ? (size_t)n : 0;
		pair_run_within(&r.t.pair, limit);
		far_read(&r.t, &in);
		assert_int_equal(fstat(r.disk, &st), 0);
		assert_true((size_t)st.st_size >=
			    r.t.pair.peer.got.len + in.len);
	}
	check(&in, BULK);
	check(&r.t.pair.peer.got, BULK);
	assert_true((size_t)st.st_size < 2 * BULK + BULK / 1000);
	end_stream(&r);
	close_rig(&r);
}

/* -- characters ------------------------------------------------------------ */

static void test_a_split_character_is_joined(void **state)
{
	struct rig r = {0};

	open_rig(&r, new_file(&r), "", false);
	far_write(&r.t, "caf\xc3");
	expect_peer(&r.t, "caf");
	far_write(&r.t, "\xa9");
	expect_peer(&r.t, "\xc3\xa9");
	expect_disk(&r, ">caf>\xc3\xa9");
	end_stream(&r);
	close_rig(&r);
}

static void test_half_a_character_does_not_wait_for_ever(void **state)
{
	struct rig r = {0};

	open_rig(&r, new_file(&r), "", false);
	far_write(&r.t, "\xc3");
	expect_peer(&r.t, "\xc3");
	pair_send(&r.t.pair, "\xc3", 1);
	expect_far(&r.t, "\xc3");
	expect_disk(&r, ">\xc3<\xc3");
	end_stream(&r);
	close_rig(&r);
}

/* -- ends ------------------------------------------------------------------ */

static void test_the_end_comes_behind_the_last_byte(void **state)
{
	struct rig r = {0};
	uint64_t limit = pair_limit();

	open_rig(&r, new_file(&r), "", false);
	far_write(&r.t, "bye\xc3");
	close_far(&r.t);
	while (!r.t.pair.peer.got_end)
		pair_run_within(&r.t.pair, limit);
	assert_int_equal(r.t.pair.peer.got.len, 4);
	pair_send_end(&r.t.pair);
	pair_run_until(&r.t.pair, &r.t.done);
	assert_int_equal(r.t.end.reason, RELAY_ENDED);
	expect_disk(&r, ">bye>\xc3"
			"E");
	close_rig(&r);
}

/* A slow peer gets the rest, however long ago the server has ended. */
static void test_a_slow_peer_loses_nothing_at_the_end(void **state)
{
	struct rig r = {0};
	autobuf out = {0};
	uint64_t until;

	open_rig(&r, new_file(&r), "", false);
	r.t.pair.peer.stalled = true;
	fill(&out, 128 * 1024);
	for (size_t sent = 0; sent < out.len;) {
		ssize_t n =
			write(r.t.far, buf_bytes(&out) + sent, out.len - sent);

		sent += n > 0 ? (size_t)n : 0;
		pair_run(&r.t.pair);
	}
	close_far(&r.t);
	until = clock_monotonic_ns() + CLOCK_NS_PER_S / 4;
	while (clock_monotonic_ns() < until)
		pair_run(&r.t.pair);
	pair_unstall(&r.t.pair);
	while (!r.t.pair.peer.got_end)
		pair_run_within(&r.t.pair, until + 10 * CLOCK_NS_PER_S);
	check(&r.t.pair.peer.got, 128 * 1024);
	end_stream(&r);
	close_rig(&r);
}

/* -- disks ----------------------------------------------------------------- */

static void on_tick(uv_timer_t *timer)
{
	++*(unsigned *)timer->data;
}

static void test_a_sleeping_disk_holds_its_stream_alone(void **state)
{
	struct rig r = {0};
	unsigned ticks = 0;
	uv_timer_t timer;
	autobuf on_disk = {0};
	uint64_t limit = pair_limit();

	open_rig(&r, new_sleeper(&r), "", false);
	uv_timer_init(&r.t.pair.uv, &timer);
	timer.data = &ticks;
	uv_timer_start(&timer, on_tick, 1, 1);
	far_write(&r.t, "login: ");
	pair_send(&r.t.pair, "root", 4);
	while (ticks < 100)
		pair_run_within(&r.t.pair, limit);
	assert_int_equal(r.t.pair.peer.got.len, 0);
	assert_int_equal(read(r.t.far, &(char){0}, 1), -1);
	while (r.t.pair.peer.got.len == 0) {
		read_disk(&r, &on_disk);
		pair_run_within(&r.t.pair, limit);
	}
	expect_far(&r.t, "root");
	uv_close((uv_handle_t *)&timer, NULL);
	end_stream(&r);
	close_rig(&r);
}

/* While it sleeps, what can gather is bounded: the server blocks. */
static void test_what_waits_for_a_disk_is_bounded(void **state)
{
	struct rig r = {0};
	char part[4096] = {0};
	size_t sent = 0;
	autobuf bulk = {0};

	open_rig(&r, new_sleeper(&r), "", false);
	fill(&bulk, BULK);
	pair_send(&r.t.pair, buf_bytes(&bulk), bulk.len);
	for (unsigned idle = 0; idle < 50; idle++) {
		ssize_t n = write(r.t.far, part, sizeof(part));

		if (n > 0) {
			sent += (size_t)n;
			idle = 0;
		}
		pair_run(&r.t.pair);
	}
	assert_true(sent < 1024 * 1024);
	assert_true(r.t.pair.peer.to_send.len > BULK - 1024 * 1024);
	end_stream(&r);
	close_rig(&r);
}

static void open_full(struct rig *r)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	r->disk = open("/dev/null", O_RDONLY | O_CLOEXEC);
	open_rig(r, fd, "", false);
	far_write(&r->t, "secret");
	pair_run_until(&r->t.pair, &r->t.pair.peer.got_end);
	assert_int_equal(r->t.pair.peer.got.len, 0);
	assert_int_equal(r->failed, ENOSPC);
	assert_string_equal(h2_stream_header(r->t.pair.peer.stream,
					     "virtmux-end"),
			    "system: full");
}

static void test_a_full_disk_ends_the_stream(void **state)
{
	struct rig r = {0};

	open_full(&r);
	pair_send_end(&r.t.pair);
	pair_run_until(&r.t.pair, &r.t.done);
	assert_int_equal(r.t.pair.peer.code, H2_NO_ERROR);
	close_rig(&r);
}

/* A peer that goes on gets nothing through, and is not waited for. */
static void test_a_peer_that_does_not_follow_is_reset(void **state)
{
	struct rig r = {0};

	open_full(&r);
	pair_send(&r.t.pair, "rm", 2);
	pair_run_until(&r.t.pair, &r.t.pair.peer.closed);
	assert_int_equal(r.t.pair.peer.code, H2_INTERNAL_ERROR);
	pair_run_until(&r.t.pair, &r.t.done);
	assert_int_equal(r.t.end.bytes_in, 0);
	close_rig(&r);
}

/* Cancelled before it began: nobody is called but to free. */
static void test_cancelled(void **state)
{
	struct rig r = {0};
	struct tap_options options = {.format = &format, .format_context = &r};

	memset(&r.t, 0, sizeof(r.t));
	pair_open(&r.t.pair);
	assert_int_equal(lane_new(&r.lane, &r.t.pair.uv, NULL, NULL), 0);
	options.lane = r.lane;
	assert_int_equal(
		tap_new(&r.tap, &r.t.pair.uv, &options, new_file(&r), NULL), 0);
	tap_cancel(r.tap);
	r.t.far = -1;
	close_rig(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways_stand_in_the_file),
		cmocka_unit_test(test_what_came_before_the_answer),
		cmocka_unit_test(test_bulk_both_ways),
		cmocka_unit_test(test_a_split_character_is_joined),
		cmocka_unit_test(test_half_a_character_does_not_wait_for_ever),
		cmocka_unit_test(test_the_end_comes_behind_the_last_byte),
		cmocka_unit_test(test_a_slow_peer_loses_nothing_at_the_end),
		cmocka_unit_test(test_a_sleeping_disk_holds_its_stream_alone),
		cmocka_unit_test(test_what_waits_for_a_disk_is_bounded),
		cmocka_unit_test(test_a_full_disk_ends_the_stream),
		cmocka_unit_test(test_a_peer_that_does_not_follow_is_reset),
		cmocka_unit_test(test_cancelled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
