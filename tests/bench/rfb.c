/*
 * A small VNC viewer for measuring (RFC 6143; no authentication, raw pixels, the
 * server's own format). One result line of JSON on standard output.
 *
 * usage: rfb ADDRESS frames SECONDS   asks for all pixels without a pause: two
 *                                     requests are always under way
 *        rfb ADDRESS,… keys COUNT     presses a key, waits for the update that it
 *                                     causes, so often by each address, in turns
 * ADDRESS: the path of a Unix socket, or a port of 127.0.0.1.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define CHUNK     (256 * 1024)
#define NAME_MOST 1024
#define KEY_SPACE 0x20
/*
 * QEMU looks at the screen 30 ms after it has seen a change and again 80 ms later; a
 * key has it look at once, and 30 ms later. With this pause between two keys, it is
 * always that second look which sees what the key has changed, so that the clock of
 * QEMU is in each figure by the same time.
 */
#define PAUSE_MS 85
#define WARM     3 /* keys that are not counted */
#define VIEWERS  8 /* addresses */

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

/* What others' keys have changed is taken first: only this key's update is left. */
static uint64_t press(struct viewer *v)
{
	static const uint8_t keys[] = {4, 1, 0, 0, 0, 0, 0, KEY_SPACE,
				       4, 0, 0, 0, 0, 0, 0, KEY_SPACE};
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
	uint64_t begin;

	ask_for_all(v);
	take_update(v);
	ask(v, true);
	nanosleep(&pause, NULL);
	begin = clock_monotonic_ns();
	give(v, keys, sizeof(keys));
	take_update(v);
	return clock_monotonic_ns() - begin;
}

/* p50 of each address, in their order. */
static void measure_keys(struct viewer *viewers, unsigned n, unsigned count)
{
	struct samples samples[VIEWERS] = {0};

	for (unsigned i = 0; i < WARM + count; i++)
		for (unsigned j = 0; j < n; j++) {
			uint64_t took = press(&viewers[j]);

			if (i >= WARM)
				samples_add(&samples[j], took);
		}
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
	static struct viewer viewers[VIEWERS];
	unsigned n = 0;

	if (argc != 4) {
		fprintf(stderr,
			"usage: rfb ADDRESS[,ADDRESS…] frames|keys N\n");
		return 2;
	}
	for (char *one = strtok(argv[1], ","); one && n < VIEWERS;
	     one = strtok(NULL, ",")) {
		viewers[n].fd = dial(one);
		greet(&viewers[n++]);
	}
	if (strcmp(argv[2], "frames") == 0)
		measure_frames(&viewers[0], atof(argv[3]));
	else
		measure_keys(viewers, n, (unsigned)atoi(argv[3]));
	return 0;
}
