/*
 * A relay between a pair's stream and a descriptor, whose other end the test
 * holds. Included by test_relay_{in,out,relay}.c alone.
 */
#ifndef VIRTMUX_TEST_RELAY_RIG_H
#define VIRTMUX_TEST_RELAY_RIG_H

#include "test_relay_pair.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "daemon/relay/relay.h"

#define BULK (8u * 1024 * 1024)

struct test {
	struct pair pair;
	struct relay *relay;
	int fd;            /* the relay's */
	int far;           /* its other end, ours; non-blocking */
	uint64_t first_ms; /* options of the relay */
	size_t ahead;
	bool done;
	struct relay_end end;
};

static inline void on_done(void *context, const struct relay_end *end)
{
	struct test *t = context;

	assert_false(t->done);
	t->done = true;
	t->end = *end;
	errno = 0;
	assert_int_equal(fcntl(t->fd, F_GETFD), -1);
}

static inline void make(struct test *t, int fd, int far)
{
	struct relay_options options = {
		.uv = &t->pair.uv,
		.blocks = &t->pair.blocks,
		.linger_ms = 100,
		.first_ms = t->first_ms,
		.ahead = t->ahead,
		.done = on_done,
		.context = t,
	};

	t->fd = fd;
	t->far = far;
	assert_int_equal(file_set_nonblock(far, true), 0);
	assert_int_equal(relay_new(&t->relay, &options, fd, NULL), 0);
}

static inline void start(struct test *t, const char *early, bool end)
{
	struct h2_stream *s = t->pair.request;

	h2_stream_set_handler(s, &relay_handler, t->relay);
	assert_int_equal(h2_respond(s, 200, NULL, 0, &relay_source, t->relay),
			 0);
	relay_start(t->relay, s, (const uint8_t *)early, strlen(early), end);
	pair_run(&t->pair);
	assert_int_equal(t->pair.peer.status, 200);
}

static inline void open_within(struct test *t, int fd, int far,
			       uint64_t first_ms)
{
	memset(t, 0, sizeof(*t));
	t->first_ms = first_ms;
	pair_open(&t->pair);
	pair_connect(&t->pair);
	make(t, fd, far);
}

static inline void open_with(struct test *t, int fd, int far)
{
	open_within(t, fd, far, 0);
}

static inline void open_sockets(struct test *t)
{
	int fds[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	open_with(t, fds[0], fds[1]);
	start(t, "", false);
}

/* The relay reads AHEAD bytes ahead; WINDOW: of the peer at first, 0: as usual. */
static inline void open_ahead(struct test *t, int fd, int far, size_t ahead,
			      int32_t window)
{
	memset(t, 0, sizeof(*t));
	t->ahead = ahead;
	pair_open_wide(&t->pair, window);
	pair_connect(&t->pair);
	make(t, fd, far);
	start(t, "", false);
}

static inline void finish(struct test *t)
{
	if (t->far >= 0)
		close(t->far);
	pair_close(&t->pair);
}

static inline void close_far(struct test *t)
{
	close(steal_fd(&t->far));
}

static inline uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 31 + (i >> 8) * 7);
}

static inline void fill(struct buf *b, size_t n)
{
	assert_int_equal(buf_reserve(b, n), 0);
	for (size_t i = 0; i < n; i++)
		buf_end(b)[i] = pattern(i);
	buf_added(b, n);
}

static inline void check(const struct buf *b, size_t n)
{
	assert_int_equal(b->len, n);
	for (size_t i = 0; i < n; i++)
		if (buf_bytes(b)[i] != pattern(i))
			fail_msg("byte %zu differs", i);
}

/* What the far end can read now; -1: end of file. */
static inline ssize_t far_read(struct test *t, struct buf *to)
{
	ssize_t n;

	assert_int_equal(buf_reserve(to, 65536), 0);
	n = read(t->far, buf_end(to), 65536);
	if (n > 0)
		buf_added(to, (size_t)n);
	if (n == 0)
		return -1;
	return n < 0 ? 0 : n;
}

static inline void expect_far(struct test *t, const char *text)
{
	uint64_t limit = pair_limit();
	autobuf got = {0};

	do {
		pair_run_within(&t->pair, limit);
		far_read(t, &got);
	} while (got.len < strlen(text));
	assert_int_equal(got.len, strlen(text));
	assert_memory_equal(buf_bytes(&got), text, got.len);
}

static inline void expect_far_end(struct test *t)
{
	autobuf got = {0};

	pair_run(&t->pair);
	assert_int_equal(far_read(t, &got), -1);
}

static inline void expect_peer(struct test *t, const char *text)
{
	struct buf *got = &t->pair.peer.got;
	uint64_t limit = pair_limit();

	do {
		pair_run_within(&t->pair, limit);
	} while (got->len < strlen(text));
	assert_int_equal(got->len, strlen(text));
	assert_memory_equal(buf_bytes(got), text, got->len);
	buf_reset(got);
}

static inline void far_write(struct test *t, const char *text)
{
	assert_int_equal(write(t->far, text, strlen(text)), strlen(text));
}

#endif
