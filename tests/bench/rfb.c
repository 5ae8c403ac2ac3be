/*
 * A small VNC viewer for measuring (RFC 6143; no authentication, raw pixels, the
 * server's own format). One result line of JSON on standard output.
 *
 * usage: rfb ADDRESS frames SECONDS   asks for all pixels without a pause: two
 *                                     requests are always under way
 *        rfb ADDRESS,… keys COUNT     presses a key, waits for the update that it
 *                                     causes, so often by each address, in turns; the
 *                                     first one's display tells QEMU's clock as well
 * ADDRESS: the path of a Unix socket, or a port of 127.0.0.1.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bench.h"

#define CHUNK     (256 * 1024)
#define NAME_MOST 1024
#define KEY_SPACE 0x20
/*
 * QEMU looks at the screen each 30 ms for as long as a pointer moves: its clock. When
 * within those 30 ms a key comes decides how long it waits, so that each way presses
 * its keys at the same moments, spread evenly over them.
 */
#define TICK_NS      30000000ull
#define TICK_MOST_MS 5000 /* without one, something is wrong */
#define QUIET        2 /* ticks without an update, after which the screen is settled */
#define WARM         3 /* keys that are not counted */
#define VIEWERS      8 /* addresses */

struct viewer {
	int fd;
	unsigned width, height;
	uint8_t buffer[CHUNK];
	uint64_t bytes; /* received */
};

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "rfb: %s: %s\n", what, strerror(errno));
	exit(1);
}

static _Noreturn void refuse(const char *what)
{
	fprintf(stderr, "rfb: %s\n", what);
	exit(1);
}

static int dial_unix(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (strlen(path) >= sizeof(address.sun_path))
		refuse("the socket's path is too long");
	strcpy(address.sun_path, path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die(path);
	return fd;
}

static int dial_port(const char *port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(port)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die(port);
	return fd;
}

static void take(struct viewer *v, void *to, size_t len)
{
	uint8_t *at = to;

	while (len > 0) {
		ssize_t n = read(v->fd, at, len);

		if (n < 0)
			die("read");
		if (n == 0)
			refuse("the display has ended");
		at += n;
		len -= (size_t)n;
		v->bytes += (uint64_t)n;
	}
}

static void skip(struct viewer *v, size_t len)
{
	while (len > 0) {
		size_t n = len < CHUNK ? len : CHUNK;

		take(v, v->buffer, n);
		len -= n;
	}
}

static void give(const struct viewer *v, const void *from, size_t len)
{
	if (write(v->fd, from, len) != (ssize_t)len)
		die("write");
}

static unsigned read_u16(const uint8_t *at)
{
	return (unsigned)(at[0] << 8 | at[1]);
}

static uint32_t read_u32(const uint8_t *at)
{
	return (uint32_t)read_u16(at) << 16 | read_u16(at + 2);
}

/* RFC 6143 sections 7.1 to 7.3, and SetEncodings with raw alone. */
static void greet(struct viewer *v)
{
	static const uint8_t none = 1, shared = 1;
	static const uint8_t encodings[] = {2, 0, 0, 1, 0, 0, 0, 0};
	uint8_t head[24];

	take(v, head, 12);
	give(v, "RFB 003.008\n", 12);
	take(v, head, 1);
	skip(v, head[0]);
	give(v, &none, 1);
	take(v, head, 4);
	if (read_u32(head))
		refuse("the display wants a password");
	give(v, &shared, 1);
	take(v, head, 24);
	v->width = read_u16(head);
	v->height = read_u16(head + 2);
	if (head[4] != 32 || read_u32(head + 20) > NAME_MOST)
		refuse("not 32 bits a pixel");
	skip(v, read_u32(head + 20));
	give(v, encodings, sizeof(encodings));
}

static void ask(const struct viewer *v, bool incremental)
{
	const uint8_t request[] = {
		3,
		incremental,
		0,
		0,
		0,
		0,
		(uint8_t)(v->width >> 8),
		(uint8_t)v->width,
		(uint8_t)(v->height >> 8),
		(uint8_t)v->height,
	};

	give(v, request, sizeof(request));
}

/*
 * For all pixels. QEMU looks ever more seldom, in the end each 3 s, at a screen that
 * does not change, and anew every 30 ms once the pointer was moved.
 */
static void ask_for_all(const struct viewer *v)
{
	static const uint8_t pointer[] = {5, 0, 0, 1, 0, 1};

	give(v, pointer, sizeof(pointer));
	ask(v, false);
}

/* One FramebufferUpdate (section 7.6.1); other messages are skipped. */
static void take_update(struct viewer *v)
{
	uint8_t head[12];
	unsigned rectangles;

	take(v, head, 1);
	while (head[0] == 2) /* Bell */
		take(v, head, 1);
	if (head[0] != 0)
		refuse("an unexpected message");
	take(v, head + 1, 3);
	for (rectangles = read_u16(head + 2); rectangles; rectangles--) {
		take(v, head, 12);
		if (read_u32(head + 8) != 0)
			refuse("a rectangle that is not raw");
		skip(v, (size_t)read_u16(head + 4) * read_u16(head + 6) * 4);
	}
}

static void measure_frames(struct viewer *v, double seconds)
{
	uint64_t begin, end, limit = (uint64_t)(seconds * 1e9);
	uint64_t updates = 0;

	ask_for_all(v);
	ask_for_all(v);
	take_update(v);
	v->bytes = 0;
	begin = clock_monotonic_ns();
	do {
		ask_for_all(v);
		take_update(v);
		updates++;
		end = clock_monotonic_ns();
	} while (end - begin < limit);
	printf("{\"bytes_per_second\": %.0f, \"updates_per_second\": %.2f}\n",
	       (double)v->bytes * 1e9 / (double)(end - begin),
	       (double)updates * 1e9 / (double)(end - begin));
}

/* -- keys ------------------------------------------------------------------ */

/* Has the clock tick on: a pointer that moves, and one pixel that is asked for. */
static void wind(const struct viewer *clock)
{
	static const uint8_t pointer[] = {5, 0, 0, 1, 0, 1};
	static const uint8_t pixel[] = {3, 0, 0, 0, 0, 0, 0, 1, 0, 1};

	give(clock, pointer, sizeof(pointer));
	give(clock, pixel, sizeof(pixel));
}

static bool is_readable(const struct viewer *v, int timeout_ms)
{
	struct pollfd p = {.fd = v->fd, .events = POLLIN};

	return poll(&p, 1, timeout_ms) > 0;
}

static void await_tick(struct viewer *clock)
{
	if (!is_readable(clock, TICK_MOST_MS))
		refuse("the display's clock stands still");
	take_update(clock);
	wind(clock);
}

/* Takes what others' keys have changed; then V waits for its next update. */
static void settle(struct viewer *v, struct viewer *clock)
{
	ask(v, true);
	for (unsigned quiet = 0; quiet < QUIET; quiet++) {
		await_tick(clock);
		if (!is_readable(v, 0))
			continue;
		take_update(v);
		ask(v, true);
		quiet = 0;
	}
}

/* Pressed PHASE ns after a tick: the ns until the update has come. */
static uint64_t press(struct viewer *v, struct viewer *clock, uint64_t phase)
{
	static const uint8_t keys[] = {4, 1, 0, 0, 0, 0, 0, KEY_SPACE,
				       4, 0, 0, 0, 0, 0, 0, KEY_SPACE};
	const struct timespec wait = {.tv_nsec = (long)phase};
	struct pollfd p[] = {{.fd = v->fd, .events = POLLIN},
			     {.fd = clock->fd, .events = POLLIN}};
	uint64_t begin;

	settle(v, clock);
	await_tick(clock);
	nanosleep(&wait, NULL); /* the phase is part of what is measured */
	begin = clock_monotonic_ns();
	give(v, keys, sizeof(keys));
	while (!p[0].revents) {
		if (poll(p, array_size(p), TICK_MOST_MS) <= 0)
			refuse("a key changes nothing on the screen");
		if (p[1].revents)
			await_tick(clock);
	}
	take_update(v);
	return clock_monotonic_ns() - begin;
}

/* p50 of each address, in their order. */
static void measure_keys(struct viewer *viewers, unsigned n,
			 struct viewer *clock, unsigned count)
{
	struct samples samples[VIEWERS] = {0};

	wind(clock);
	for (unsigned i = 0; i < WARM; i++)
		for (unsigned j = 0; j < n; j++)
			press(&viewers[j], clock, 0);
	for (unsigned i = 0; i < count; i++)
		for (unsigned j = 0; j < n; j++)
			samples_add(&samples[j],
				    press(&viewers[j], clock,
					  TICK_NS * (2 * i + 1) / (2 * count)));
	for (unsigned j = 0; j < n; j++)
		printf("%s%.1f%s", j ? ", " : "{\"p50_us\": [",
		       samples_us(&samples[j], 0.5), j + 1 < n ? "" : "]}\n");
}

static int dial(const char *address)
{
	return strchr(address, '/') ? dial_unix(address) : dial_port(address);
}

int main(int argc, char **argv)
{
	static struct viewer viewers[VIEWERS], clock;
	const char *first;
	unsigned n = 0;

	if (argc != 4) {
		fprintf(stderr,
			"usage: rfb ADDRESS[,ADDRESS…] frames|keys N\n");
		return 2;
	}
	first = strtok(argv[1], ",");
	for (const char *one = first; one && n < VIEWERS;
	     one = strtok(NULL, ",")) {
		viewers[n].fd = dial(one);
		greet(&viewers[n++]);
	}
	if (strcmp(argv[2], "frames") == 0) {
		measure_frames(&viewers[0], atof(argv[3]));
	} else {
		clock.fd = dial(first);
		greet(&clock);
		measure_keys(viewers, n, &clock, (unsigned)atoi(argv[3]));
	}
	return 0;
}
