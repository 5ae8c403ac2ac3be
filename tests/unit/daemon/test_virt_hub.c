/*
 * daemon/virt/hub.c and hub_console.c with a guest's end made of a socket pair:
 * order and count of bytes for writers and watchers, who may come and must go,
 * resumption, stalls, and the ends of a line.
 */
#include "daemon/test_virt_support.h"

#include <errno.h>
#include <libvirt/libvirt.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/virt/crew.h"
#include "daemon/virt/far_fd.h"
#include "daemon/virt/hub.h"

#define BYTES (1024 * 1024)

struct rig {
	struct crew crew;
	struct events *events;
	struct hub_yard yard;
	struct list hubs;
	struct hub *hub;
	int guest; /* the guest's side of the hub's far end */
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

static void lock(struct rig *rig)
{
	pthread_mutex_lock(&rig->yard.lock);
}

static void unlock(struct rig *rig)
{
	pthread_mutex_unlock(&rig->yard.lock);
}

/* A guest's end for the hub; its guest's side is the rig's. */
static void attach(struct rig *rig, const struct far_ops *ops)
{
	struct far_fd *f = calloc(1, sizeof(*f));
	int fds[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	f->far.ops = ops;
	list_init(&f->far.node);
	f->fd = fds[0];
	f->watch = -1;
	rig->guest = fds[1];
	lock(rig);
	hub_attach(rig->hub, &f->far);
	unlock(rig);
}

static int setup_with(void **state, const struct far_ops *ops)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct virt_reply domain = {.domain = {"u", (char *)"guest"}};
	struct error err = {0};

	crew_init(&rig->crew, on_released, NULL);
	list_init(&rig->hubs);
	assert_int_equal(events_new(&rig->events, &rig->crew, &err), 0);
	hub_yard_init(&rig->yard, rig->events, NULL);
	lock(rig);
	rig->hub = hub_new(&rig->yard, &rig->hubs, &domain, 0, 7, &err);
	unlock(rig);
	attach(rig, ops);
	*state = rig;
	return 0;
}

static int setup(void **state)
{
	return setup_with(state, &fake_ops);
}

static int setup_pushing(void **state)
{
	return setup_with(state, &pushing_ops);
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	lock(rig);
	list_for_each_safe (node, &rig->hubs)
		hub_end(list_entry(node, struct hub, node), ERROR_DRAINING,
			"over");
	unlock(rig);
	events_stop(rig->events);
	assert_true(crew_wait(&rig->crew, CREW_EVENTS,
			      clock_monotonic_ns() + 30 * CLOCK_NS_PER_S));
	assert_true(crew_disband(&rig->crew));
	hub_yard_destroy(&rig->yard);
	events_free(rig->events);
	crew_destroy(&rig->crew);
	close(rig->guest);
	free(rig);
	return 0;
}

/* One more console; the code of the error where it is refused. */
static enum error_code join(struct rig *rig, const struct virt_serial_ask *ask,
			    struct virt_serial *out)
{
	struct virt_serial_ask full = *ask;
	struct error err = {0};
	enum error_code code;

	full.who = full.who ? full.who : "alice";
	full.from = "192.0.2.1:5";
	memset(out, 0, sizeof(*out));
	lock(rig);
	hub_join(rig->hub, &full, out, &err);
	unlock(rig);
	code = err.code;
	if (code == ERROR_BUSY) {
		assert_non_null(strstr(error_words(&err),
				       "alice writes on serial line 0 of "
				       "domain 'guest', from 192.0.2.1:5 "
				       "since 20"));
		assert_non_null(strstr(error_words(&err), "--force"));
	}
	error_clear(&err);
	return code;
}

static const struct virt_serial_ask writes = {0}, watches = {.watch = true};

static void leave(struct virt_serial *s)
{
	close(s->fd);
	virt_console_free(s->console);
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

/* Reads until the end comes; how many bytes there were. */
static size_t get_all(int fd, size_t at)
{
	size_t in = 0, n;

	do {
		assert_true(readable(fd, REPLY_MS));
		n = get(fd, at + in, 7000);
		in += n;
	} while (n > 0);
	return in;
}

/* N bytes from AT on; no more are read. */
static void get_some(int fd, size_t at, size_t n)
{
	for (size_t in = 0; in < n;) {
		assert_true(readable(fd, REPLY_MS));
		in += get(fd, at + in, n - in);
	}
}

static void put_all(int fd, size_t at, size_t n)
{
	for (size_t out = 0; out < n;) {
		struct pollfd p = {fd, POLLOUT, 0};

		assert_int_equal(poll(&p, 1, REPLY_MS), 1);
		out += put(fd, at + out, n - out);
	}
}

/* What the guest says, read by nobody but the hub. */
static void say(struct rig *rig, size_t at, size_t n)
{
	uint64_t deadline = clock_monotonic_ns() + REPLY_MS * CLOCK_NS_PER_MS;
	uint64_t end;

	put_all(rig->guest, at, n);
	do {
		assert_true(clock_monotonic_ns() < deadline);
		usleep(1000);
		lock(rig);
		end = rig->hub->history.end;
		unlock(rig);
	} while (end < at + n);
}

static void assert_why(struct virt_serial *s, const char *words)
{
	struct error err = {0};

	assert_true(virt_console_why(s->console, &err));
	if (!strstr(error_words(&err), words))
		fail_msg("'%s' is not '%s'", error_words(&err), words);
	error_clear(&err);
}

static void test_both_ways(void **state)
{
	struct rig *rig = *state;
	struct virt_serial a;

	assert_int_equal(join(rig, &writes, &a), 0);
	carry(a.fd, rig->guest, 7000);
	carry(rig->guest, a.fd, 7000);
	assert_int_equal(a.offset, 0);
	carry(a.fd, rig->guest, 333);
	leave(&a);
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
	assert_true(out < BYTES);
	get_some(to, 0, out);
}

static void test_backpressure(void **state)
{
	struct rig *rig = *state;
	struct virt_serial a;

	assert_int_equal(join(rig, &writes, &a), 0);
	stalls(a.fd, rig->guest);
	stalls(rig->guest, a.fd);
	leave(&a);
}

/* With nobody there a guest is never held back, and the last bytes are kept. */
static void test_nobody_there(void **state)
{
	struct rig *rig = *state;
	struct virt_serial a, b, c;
	struct virt_serial_ask some = {
		.watch = true, .has_history = true, .history = 100};

	say(rig, 0, 2 * BYTES);
	assert_int_equal(rig->hub->history.size, VIRT_HISTORY);
	assert_int_equal(join(rig, &watches, &a), 0);
	assert_int_equal(a.offset, 2 * BYTES - VIRT_HISTORY);
	get_some(a.fd, (size_t)a.offset, VIRT_HISTORY);
	assert_int_equal(join(rig, &some, &b), 0);
	assert_int_equal(b.offset, 2 * BYTES - 100);
	get_some(b.fd, (size_t)b.offset, 100);
	some.history = 0;
	assert_int_equal(join(rig, &some, &c), 0);
	assert_int_equal(c.offset, 2 * BYTES);
	put_all(rig->guest, 2 * BYTES, 50);
	get_some(a.fd, 2 * BYTES, 50);
	get_some(b.fd, 2 * BYTES, 50);
	get_some(c.fd, 2 * BYTES, 50);
	leave(&a);
	leave(&b);
	leave(&c);
}

/* Two watchers and a writer, each at its pace, get the same. */
static void test_all_get_the_same(void **state)
{
	static const size_t steps[] = {7000, 100, 1300};
	struct rig *rig = *state;
	struct virt_serial s[3];
	size_t in[3] = {0}, out = 0;

	assert_int_equal(join(rig, &writes, &s[0]), 0);
	assert_int_equal(join(rig, &watches, &s[1]), 0);
	assert_int_equal(join(rig, &watches, &s[2]), 0);
	assert_true(!s[0].watches && s[1].watches);
	while (in[0] < BYTES || in[1] < BYTES || in[2] < BYTES) {
		if (out < BYTES)
			out += put(rig->guest, out, BYTES - out);
		for (int i = 0; i < 3; i++)
			if (readable(s[i].fd, 0))
				in[i] += get(s[i].fd, in[i], steps[i]);
	}
	for (int i = 0; i < 3; i++)
		leave(&s[i]);
}

/* What was written before an end is read behind it. */
static void test_ends(void **state)
{
	struct rig *rig = *state;
	struct virt_serial a, b;

	assert_int_equal(join(rig, &writes, &a), 0);
	put_all(a.fd, 0, 5000);
	close(a.fd);
	get_some(rig->guest, 0, 5000);
	assert_int_equal(join(rig, &writes, &b), 0);
	put_all(rig->guest, 0, 5000);
	close(rig->guest);
	lock(rig);
	hub_stopped(rig->hub, "destroyed");
	unlock(rig);
	assert_int_equal(get_all(b.fd, 0), 5000);
	assert_why(&b, "domain 'guest' has stopped (destroyed)");
	virt_console_free(a.console);
	leave(&b);
	rig->guest = -1;
}

static void test_half_close(void **state)
{
	struct rig *rig = *state;
	struct virt_serial a, b;

	assert_int_equal(join(rig, &writes, &a), 0);
	assert_int_equal(shutdown(a.fd, SHUT_WR), 0);
	carry(rig->guest, a.fd, 7000);
	assert_int_equal(join(rig, &writes, &b), ERROR_BUSY);
	leave(&a);
}

static void test_one_writer(void **state)
{
	struct virt_serial_ask bob = {.who = "bob", .force = true};
	struct virt_serial a, b, c;
	struct rig *rig = *state;

	assert_int_equal(join(rig, &writes, &a), 0);
	assert_int_equal(join(rig, &writes, &b), ERROR_BUSY);
	say(rig, 0, 3000);
	assert_int_equal(join(rig, &bob, &b), 0);
	assert_int_equal(get_all(a.fd, 0), 3000);
	assert_why(&a, "bob has taken the line over, from 192.0.2.1:5");
	carry(b.fd, rig->guest, 7000);
	close(b.fd);
	assert_int_equal(join(rig, &writes, &c), 0);
	carry(c.fd, rig->guest, 7000);
	leave(&a);
	virt_console_free(b.console);
	leave(&c);
}

/* A line that is cut again and again: nothing is lost, nothing comes twice. */
static void test_resumes(void **state)
{
	struct virt_serial_ask again = {.token = "me"};
	char line[VIRT_LINE_SIZE];
	struct rig *rig = *state;
	size_t at = 0, out = 0, sent = 0;
	struct virt_serial a;

	srand(2);
	assert_int_equal(join(rig, &again, &a), 0);
	assert_true(a.counted && a.taken == 0);
	memcpy(line, a.line, sizeof(line));
	again.line = line;
	for (int i = 0; i < 200; i++) {
		struct virt_serial b;

		/* Never more behind than the history holds. */
		if (out - at < VIRT_HISTORY / 2)
			out += put(rig->guest, out, (size_t)rand() % 5000);
		if (readable(a.fd, 10))
			at += get(a.fd, at, (size_t)rand() % 3000 + 1);
		put(a.fd, sent, (size_t)rand() % 3000 + 1);
		while (readable(rig->guest, 0)) {
			size_t n = get(rig->guest, sent, 700);

			sent += n;
			if (rand() % 3 == 0)
				break;
		}
		/* The cut; the old one may be there still. */
		if (rand() % 2)
			close(steal_fd(&a.fd));
		again.after = at;
		assert_int_equal(join(rig, &again, &b), 0);
		assert_string_equal(b.line, line);
		assert_int_equal(b.offset, at);
		assert_int_equal(b.missed, 0);
		/* What it took is what the guest has, or will have. */
		assert_true(b.counted && b.taken >= sent);
		get_some(rig->guest, sent, (size_t)b.taken - sent);
		sent = (size_t)b.taken;
		if (a.fd >= 0)
			close(a.fd);
		virt_console_free(a.console);
		a = b;
	}
	get_some(a.fd, at, out - at);
	assert_true(sent > 10000 && out > 2 * VIRT_HISTORY);
	leave(&a);
}

static void test_missed(void **state)
{
	struct virt_serial_ask again = {.watch = true};
	struct rig *rig = *state;
	struct virt_serial a, b;

	assert_int_equal(join(rig, &watches, &a), 0);
	again.line = a.line;
	again.after = 1000;
	close(a.fd);
	say(rig, 0, BYTES);
	assert_int_equal(join(rig, &again, &b), 0);
	assert_int_equal(b.offset, BYTES - VIRT_HISTORY);
	assert_int_equal(b.missed, BYTES - VIRT_HISTORY - 1000);
	get_some(b.fd, (size_t)b.offset, VIRT_HISTORY);
	leave(&b);
	/* Beyond what there is, and another run. */
	again.after = 2 * BYTES;
	assert_int_equal(join(rig, &again, &b), 0);
	assert_int_equal(b.offset, BYTES);
	leave(&b);
	again.line = "another";
	assert_int_equal(join(rig, &again, &b), 0);
	assert_int_equal(b.offset, BYTES - VIRT_HISTORY);
	assert_int_equal(b.missed, 0);
	leave(&b);
	virt_console_free(a.console);
}

/* Of each token for itself, however many writers come between. */
static void test_counts_each_writer(void **state)
{
	struct virt_serial_ask ask = {.force = true};
	char tokens[VIRT_HUB_WRITERS][8];
	struct rig *rig = *state;
	struct virt_serial a;
	size_t at = 0;

	for (int round = 0; round < 3; round++)
		for (size_t i = 0; i < VIRT_HUB_WRITERS; i++) {
			snprintf(tokens[i], sizeof(tokens[i]), "t%zu", i);
			ask.token = tokens[i];
			assert_int_equal(join(rig, &ask, &a), 0);
			assert_int_equal(a.taken, (size_t)round * 10 * (i + 1));
			put_all(a.fd, at, 10 * (i + 1));
			get_some(rig->guest, at, 10 * (i + 1));
			at += 10 * (i + 1);
			leave(&a);
		}
	ask.token = "new";
	assert_int_equal(join(rig, &ask, &a), 0);
	assert_int_equal(a.taken, 0);
	leave(&a);
	ask.token = tokens[0]; /* the one that was used longest ago */
	assert_int_equal(join(rig, &ask, &a), 0);
	assert_int_equal(a.taken, 0);
	leave(&a);
}

/* One that takes nothing holds the others up for a time, and is then let go. */
static void test_a_stalled_one_among_others(void **state)
{
	struct rig *rig = *state;
	struct virt_serial a, b;
	size_t in = 0, out = 0;
	uint64_t begin = clock_monotonic_ns(), ms;

	assert_int_equal(join(rig, &writes, &a), 0);
	assert_int_equal(join(rig, &watches, &b), 0);
	while (in < BYTES) {
		if (out < BYTES)
			out += put(rig->guest, out, BYTES - out);
		if (readable(a.fd, 1))
			in += get(a.fd, in, 7000);
	}
	ms = (clock_monotonic_ns() - begin) / CLOCK_NS_PER_MS;
	assert_true(ms >= VIRT_HUB_STALL_MS && ms < 2 * VIRT_HUB_STALL_MS);
	in = get_all(b.fd, 0);
	assert_true(in > VIRT_HUB_SOCKET / 4 && in < BYTES / 2);
	assert_why(&b, "took nothing for 10 s");
	leave(&a);
	leave(&b);
}

/* libvirt's own stream would queue without end: the line goes on. */
static void test_pushed(void **state)
{
	struct rig *rig = *state;
	struct virt_serial a;
	size_t in;

	assert_int_equal(join(rig, &writes, &a), 0);
	say(rig, 0, 4 * BYTES);
	in = get_all(a.fd, 0);
	assert_true(in > VIRT_HUB_SOCKET / 4 && in < 3 * BYTES);
	assert_int_equal(rig->hub->history.size, VIRT_HISTORY_PUSHED);
	leave(&a);
}

/* The line is lost, but its guest runs: the same run, attached anew. */
static void test_lost_and_attached_anew(void **state)
{
	struct virt_serial_ask again = {.token = "me"};
	struct rig *rig = *state;
	struct virt_serial a, b;

	assert_int_equal(join(rig, &again, &a), 0);
	put_all(rig->guest, 0, 5000);
	close(rig->guest);
	assert_int_equal(get_all(a.fd, 0), 5000);
	assert_why(&a, "another program of the host has taken the line");
	assert_null(rig->hub->far);
	attach(rig, &fake_ops);
	again.line = a.line;
	again.after = 4000;
	assert_int_equal(join(rig, &again, &b), 0);
	assert_int_equal(b.offset, 4000);
	put_all(rig->guest, 5000, 2000);
	get_some(b.fd, 4000, 3000);
	leave(&a);
	leave(&b);
}

/* One that is back in time was never away. */
static void test_attached_anew_in_time(void **state)
{
	struct rig *rig = *state;
	struct virt_serial a;

	assert_int_equal(join(rig, &writes, &a), 0);
	put_all(rig->guest, 0, 5000);
	close(rig->guest);
	get_some(a.fd, 0, 5000);
	attach(rig, &fake_ops);
	put_all(rig->guest, 5000, 2000);
	get_some(a.fd, 5000, 2000);
	carry(a.fd, rig->guest, 7000);
	leave(&a);
}

static void test_limits(void **state)
{
	struct virt_serial s[VIRT_HUB_CONSOLES], one_more;
	struct rig *rig = *state;
	struct error err = {0};

	for (size_t i = 0; i < VIRT_HUB_CONSOLES; i++)
		assert_int_equal(join(rig, &watches, &s[i]), 0);
	lock(rig);
	assert_int_equal(hub_join(rig->hub, &watches, &one_more, &err), -1);
	unlock(rig);
	assert_int_equal(err.code, ERROR_BUSY);
	error_clear(&err);
	for (size_t i = 0; i < VIRT_HUB_CONSOLES; i++)
		leave(&s[i]);
}

#define LINE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LINE_TEST(test_both_ways),
		LINE_TEST(test_backpressure),
		LINE_TEST(test_nobody_there),
		LINE_TEST(test_all_get_the_same),
		LINE_TEST(test_ends),
		LINE_TEST(test_half_close),
		LINE_TEST(test_one_writer),
		LINE_TEST(test_resumes),
		LINE_TEST(test_missed),
		LINE_TEST(test_counts_each_writer),
		LINE_TEST(test_a_stalled_one_among_others),
		LINE_TEST(test_lost_and_attached_anew),
		LINE_TEST(test_attached_anew_in_time),
		LINE_TEST(test_limits),
		cmocka_unit_test_setup_teardown(test_pushed, setup_pushing,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
