/*
 * A slow line: a TCP relay that carries each direction at RATE bits a second
 * and DELAY milliseconds one way, with a queue of QUEUE bytes (then it stops
 * reading, as a full router would drop). One thread, poll(2); ends on SIGTERM.
 *
 * usage: line LISTEN_PORT TARGET_PORT RATE_BITS DELAY_MS [QUEUE_BYTES]
 * Prints "ready" when it listens. 127.0.0.1 both ways.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

#define PACKET    1448
#define LINES_MAX 16

struct packet {
	uint64_t due_ns;
	size_t len;
	size_t sent;
	uint8_t data[PACKET];
};

/* One direction: packets wait for their time of arrival. */
struct direction {
	int from;
	int to;
	uint64_t free_ns; /* when the line has sent what it took */
	struct packet *queue;
	size_t head, count, cap;
	bool ended;
};

struct settings {
	double ns_a_byte;
	uint64_t delay_ns;
	size_t queue;
};

static int tcp(unsigned port, bool listening)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int on = 1;
	int small = 32 * 1024;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	/* The line's queue is ours; the kernel's must not add its own. */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	if (listening ? bind(fd, (struct sockaddr *)&a, sizeof(a)) ||
				listen(fd, 8)
		      : connect(fd, (struct sockaddr *)&a, sizeof(a))) {
		perror(listening ? "listen" : "connect");
		exit(1);
	}
	return fd;
}

/* Bytes in the queue that the line has not sent yet: its backlog. */
static bool is_full(const struct direction *d, const struct settings *s,
		    uint64_t now)
{
	return d->count == d->cap ||
	       (d->free_ns > now &&
		(double)(d->free_ns - now) / s->ns_a_byte > (double)s->queue);
}

static void take(struct direction *d, const struct settings *s, uint64_t now)
{
	while (!d->ended && !is_full(d, s, now)) {
		struct packet *p = &d->queue[(d->head + d->count) % d->cap];
		ssize_t n = recv(d->from, p->data, PACKET, MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			d->ended = true;
			return;
		}
		if (d->free_ns < now)
			d->free_ns = now;
		d->free_ns += (uint64_t)((double)n * s->ns_a_byte);
		p->len = (size_t)n;
		p->sent = 0;
		p->due_ns = d->free_ns + s->delay_ns;
		d->count++;
	}
}

static void give(struct direction *d, uint64_t now)
{
	while (d->count > 0 && d->queue[d->head].due_ns <= now) {
		struct packet *p = &d->queue[d->head];
		ssize_t n = send(d->to, p->data + p->sent, p->len - p->sent,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			n = (ssize_t)(p->len - p->sent);
		if (n < 0)
			return;
		p->sent += (size_t)n;
		if (p->sent < p->len)
			return;
		d->head = (d->head + 1) % d->cap;
		d->count--;
	}
	if (d->ended && d->count == 0 && d->to >= 0) {
		shutdown(d->to, SHUT_WR);
		d->to = -1;
	}
}

static void open_line(struct direction *d, int a, int b,
		      const struct settings *s)
{
	for (int i = 0; i < 2; i++) {
		d[i] = (struct direction){.from = i ? b : a, .to = i ? a : b};
		d[i].cap = (size_t)((double)s->delay_ns / s->ns_a_byte +
				    (double)s->queue) /
				   64 +
			   1024;
		d[i].queue = malloc(d[i].cap * sizeof(struct packet));
		if (!d[i].queue)
			exit(1);
	}
}

/* Milliseconds until something is due, at most 1 s; polls with ppoll. */
static struct timespec until_due(struct direction *d, size_t n, uint64_t now)
{
	uint64_t wait = CLOCK_NS_PER_S;

	for (size_t i = 0; i < n; i++) {
		uint64_t due;

		if (d[i].count == 0)
			continue;
		due = d[i].queue[d[i].head].due_ns;
		if (due <= now)
			due = now + 100000;
		if (due - now < wait)
			wait = due - now;
	}
	return (struct timespec){.tv_nsec = (long)(wait % CLOCK_NS_PER_S)};
}

static void run(int listener, unsigned target, const struct settings *s)
{
	static struct direction lines[2 * LINES_MAX];
	struct pollfd fds[2 * LINES_MAX + 1];
	size_t n = 0;

	for (;;) {
		uint64_t now = clock_monotonic_ns();
		struct timespec wait = until_due(lines, n, now);

		fds[0] = (struct pollfd){.fd = listener, .events = POLLIN};
		for (size_t i = 0; i < n; i++)
			fds[i + 1] = (struct pollfd){
				.fd = lines[i].ended ||
						      is_full(&lines[i], s, now)
					      ? -1
					      : lines[i].from,
				.events = POLLIN};
		ppoll(fds, n + 1, &wait, NULL);
		now = clock_monotonic_ns();
		if ((fds[0].revents & POLLIN) && n < 2 * LINES_MAX) {
			int fd = accept(listener, NULL, NULL);

			open_line(&lines[n], fd, tcp(target, false), s);
			n += 2;
		}
		for (size_t i = 0; i < n; i++) {
			take(&lines[i], s, now);
			give(&lines[i], now);
		}
	}
}

int main(int argc, char **argv)
{
	struct settings s;
	int listener;

	if (argc < 5) {
		fprintf(stderr, "usage: line LISTEN_PORT TARGET_PORT RATE_BITS "
				"DELAY_MS [QUEUE_BYTES]\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	s.ns_a_byte = 8e9 / atof(argv[3]);
	s.delay_ns = (uint64_t)(atof(argv[4]) * 1e6);
	s.queue = argc > 5 ? (size_t)atol(argv[5]) : 256 * 1024;
	listener = tcp((unsigned)atoi(argv[1]), true);
	printf("ready\n");
	fflush(stdout);
	run(listener, (unsigned)atoi(argv[2]), &s);
	return 0;
}
