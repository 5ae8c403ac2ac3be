/*
 * daemon/virt/pump.c with a guest's end made of a socket pair: order and count of
 * bytes over slow sides, half-closes, ends, keys, and a line that falls behind.
 */
#include "daemon/test_virt_support.h"

#include <errno.h>
#include <libvirt/libvirt.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/virt/crew.h"
#include "daemon/virt/events.h"
#include "daemon/virt/far_fd.h"
#include "daemon/virt/pump.h"

#define BYTES (1024 * 1024)

struct rig {
	struct crew crew;
	struct events *events;
	struct pumps *pumps;
};

static int fake_recv(struct far *far, void *data, size_t n)
{
	struct far_fd *f = container_of(far, struct far_fd, far);
	ssize_t got = recv(f->fd, data, n, MSG_DONTWAIT);

	return got < 0 && errno == EAGAIN ? FAR_AGAIN : (int)got;
}

static int fake_send(struct far *far, const void *data, size_t n)
{
	struct far_fd *f = container_of(far, struct far_fd, far);
	ssize_t sent = send(f->fd, data, n, MSG_DONTWAIT | MSG_NOSIGNAL);

	return sent < 0 && errno == EAGAIN ? FAR_AGAIN : (int)sent;
}

static int fake_finish(struct far *far)
{
	return 0;
}

static void fake_free(struct far *far)
{
	struct far_fd *f = container_of(far, struct far_fd, far);

	far_fd_close(f);
	free(f);
}

static const struct far_ops fake_ops = {
	.recv = fake_recv,
	.send = fake_send,
	.finish = fake_finish,
	.watch = far_fd_watch,
	.want = far_fd_want,
	.free = fake_free,
};

static const struct far_ops pushing_ops = {
	.pushes = true,
	.recv = fake_recv,
	.send = fake_send,
	.finish = fake_finish,
	.watch = far_fd_watch,
	.want = far_fd_want,
	.free = fake_free,
};

static void on_released(void *context)
{
	fail_msg("a thread was left behind");
}

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct error err = {0};

	crew_init(&rig->crew, on_released, NULL);
	assert_int_equal(events_new(&rig->events, &rig->crew, &err), 0);
	assert_int_equal(pumps_new(&rig->pumps, rig->events, NULL, &err), 0);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	pumps_end_all(rig->pumps);
	events_stop(rig->events);
	assert_true(crew_wait(&rig->crew, CREW_EVENTS,
			      clock_monotonic_ns() + 30 * CLOCK_NS_PER_S));
	assert_true(crew_disband(&rig->crew));
	pumps_free(rig->pumps);
	events_free(rig->events);
	crew_destroy(&rig->crew);
	free(rig);
	return 0;
}

/* A line: *GUEST is the guest's side, *NEAR what a caller gets. */
static int start(struct rig *rig, const struct far_ops *ops, const char *key,
		 bool force, int *guest, int *near)
{
	struct pump_line line = {"guest", key, force};
	struct far_fd *f = calloc(1, sizeof(*f));
	struct far *far = &f->far;
	struct error err = {0};
	enum error_code code;
	int fds[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	f->far.ops = ops;
	f->fd = fds[0];
	f->watch = -1;
	*guest = fds[1];
	if (pump_start(rig->pumps, &far, &line, near, &err) == 0)
		return 0;
	code = err.code;
	error_clear(&err);
	far_free(far);
	close(*guest);
	return (int)code;
}

static bool readable(int fd, int ms)
{
	struct pollfd p = {fd, POLLIN, 0};

	return poll(&p, 1, ms) == 1;
}

static unsigned char byte_at(size_t i)
{
	return (unsigned char)(i * 7 + (i >> 8) + (i >> 16));
}

/* send() of at most MOST bytes from byte number AT. */
static ssize_t send_at(int fd, size_t at, size_t most)
{
	unsigned char data[5000];
	size_t n = most < sizeof(data) ? most : sizeof(data);

	for (size_t i = 0; i < n; i++)
		data[i] = byte_at(at + i);
	return send(fd, data, n, MSG_NOSIGNAL);
}

/* Writes what goes in now. */
static size_t put(int fd, size_t at, size_t most)
{
	ssize_t sent = send_at(fd, at, most);

	if (sent < 0)
		assert_int_equal(errno, EAGAIN);
	return sent < 0 ? 0 : (size_t)sent;
}

/* Reads what is there, at most N, and checks it. */
static size_t get(int fd, size_t at, size_t n)
{
	unsigned char data[7000];
	ssize_t got;

	got = read(fd, data, n < sizeof(data) ? n : sizeof(data));
	if (got < 0)
		assert_int_equal(errno, EAGAIN);
	for (ssize_t i = 0; i < got; i++)
		assert_int_equal(data[i], byte_at(at + (size_t)i));
	return got < 0 ? 0 : (size_t)got;
}

/* BYTES from one side to the other, the reader taking STEP at a time. */
static void carry(int from, int to, size_t step)
{
	size_t out = 0, in = 0;

	while (in < BYTES) {
		if (out < BYTES)
			out += put(from, out, BYTES - out);
		if (readable(to, out < BYTES ? 0 : REPLY_MS))
			in += get(to, in, step);
	}
}

static void test_both_ways(void **state)
{
	int guest, near;

	assert_int_equal(start(*state, &fake_ops, NULL, false, &guest, &near),
			 0);
	carry(near, guest, 7000);
	carry(guest, near, 7000);
	carry(near, guest, 333);
	carry(guest, near, 333);
	close(near);
	assert_true(readable(guest, REPLY_MS));
	assert_int_equal(get(guest, 0, 1), 0);
	close(guest);
}

/* Nobody reads: the writer is held back, however long it tries. */
static void stalls(int from, int to)
{
	size_t out = 0, before;

	do {
		before = out;
		for (int i = 0; i < 20; i++) {
			out += put(from, out, 5000);
			usleep(2000);
		}
	} while (out > before);
	assert_true(out < 2 * BYTES);
	for (size_t in = 0; in < out;) {
		assert_true(readable(to, REPLY_MS));
		in += get(to, in, 7000);
	}
}

static void test_backpressure(void **state)
{
	int guest, near;

	assert_int_equal(start(*state, &fake_ops, NULL, false, &guest, &near),
			 0);
	stalls(near, guest);
	stalls(guest, near);
	close(guest);
	close(near);
}

/* What was written before an end is read behind it. */
static void test_ends(void **state)
{
	int guest, near;
	size_t out, in;

	assert_int_equal(start(*state, &fake_ops, NULL, false, &guest, &near),
			 0);
	out = put(guest, 0, 5000);
	close(guest);
	for (in = 0; in < out; in += get(near, in, 100))
		assert_true(readable(near, REPLY_MS));
	assert_true(readable(near, REPLY_MS));
	assert_int_equal(get(near, in, 1), 0);
	close(near);
	assert_int_equal(start(*state, &fake_ops, NULL, false, &guest, &near),
			 0);
	out = put(near, 0, 5000);
	close(near);
	for (in = 0; in < out; in += get(guest, in, 100))
		assert_true(readable(guest, REPLY_MS));
	assert_true(readable(guest, REPLY_MS));
	assert_int_equal(get(guest, in, 1), 0);
	close(guest);
}

static void test_half_close(void **state)
{
	int guest, near;

	assert_int_equal(start(*state, &fake_ops, NULL, false, &guest, &near),
			 0);
	assert_int_equal(shutdown(near, SHUT_WR), 0);
	carry(guest, near, 7000);
	close(guest);
	assert_true(readable(near, REPLY_MS));
	assert_int_equal(get(near, 0, 1), 0);
	close(near);
}

static void test_keys(void **state)
{
	int guest, near, guest2, near2;

	assert_int_equal(start(*state, &fake_ops, "a", false, &guest, &near),
			 0);
	assert_int_equal(start(*state, &fake_ops, "a", false, &guest2, &near2),
			 ERROR_BUSY);
	assert_int_equal(start(*state, &fake_ops, "a", true, &guest2, &near2),
			 0);
	assert_true(readable(near, REPLY_MS));
	assert_int_equal(get(near, 0, 1), 0);
	carry(guest2, near2, 7000);
	close(near);
	close(guest);
	assert_int_equal(start(*state, &fake_ops, "b", false, &guest, &near),
			 0);
	close(guest2); /* gives the key up, though near2 is still open */
	assert_true(readable(near2, REPLY_MS));
	close(near2);
	close(guest);
	close(near);
}

/* Keeps the event thread busy until it is let go. */
struct brake {
	struct events_task task;
	pthread_mutex_t lock;
};

static void wait_for_release(struct events_task *task)
{
	struct brake *brake = container_of(task, struct brake, task);

	pthread_mutex_lock(&brake->lock);
	pthread_mutex_unlock(&brake->lock);
}

/* Each asked with force before any of them had begun: the last one has it. */
static void test_forced_in_a_row(void **state)
{
	enum { LINES = 4 };
	struct rig *rig = *state;
	struct brake brake = {.task.run = wait_for_release};
	int guests[LINES], nears[LINES];

	list_init(&brake.task.node);
	pthread_mutex_init(&brake.lock, NULL);
	pthread_mutex_lock(&brake.lock);
	assert_true(events_post(rig->events, &brake.task));
	for (int i = 0; i < LINES; i++)
		assert_int_equal(start(rig, &fake_ops, "a", true, &guests[i],
				       &nears[i]),
				 0);
	pthread_mutex_unlock(&brake.lock);
	for (int i = 0; i < LINES - 1; i++) {
		assert_true(readable(nears[i], REPLY_MS));
		assert_int_equal(get(nears[i], 0, 1), 0);
	}
	carry(guests[LINES - 1], nears[LINES - 1], 7000);
	for (int i = 0; i < LINES; i++) {
		close(guests[i]);
		close(nears[i]);
	}
	pthread_mutex_destroy(&brake.lock);
}

/* libvirt's own stream would queue without end: the line is ended. */
static void test_falls_behind(void **state)
{
	size_t out = 0, in = 0, n;
	int guest, near;

	assert_int_equal(
		start(*state, &pushing_ops, NULL, false, &guest, &near), 0);
	while (out < 4 * BYTES) {
		struct pollfd p = {guest, POLLOUT, 0};
		ssize_t sent;

		assert_int_equal(poll(&p, 1, REPLY_MS), 1);
		sent = send_at(guest, out, 5000);
		if (sent < 0 && errno == EPIPE)
			break;
		assert_true(sent > 0 || errno == EAGAIN);
		out += sent > 0 ? (size_t)sent : 0;
	}
	assert_true(out >= VIRT_PUMP_BACKLOG && out < 4 * BYTES);
	do {
		assert_true(readable(near, REPLY_MS));
		n = get(near, in, 7000);
		in += n;
	} while (n > 0);
	close(guest);
	close(near);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_both_ways, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_backpressure, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_half_close, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forced_in_a_row, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_falls_behind, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
