/*
 * daemon/virt and a real QEMU, by qemu:///embed and by a libvirtd of the test's
 * own; without a disk: its boot sector stands here. The screen, the display and
 * the serial lines, whose bytes are counted: an echo, a flood that nobody reads,
 * ends on both sides. Skipped where QEMU does not start.
 */
#include "daemon/test_virt_server.h"

#include <errno.h>

#include "daemon/virt/connection.h"

#define FLOPPY_SIZE (1440 * 1024)
#define ECHO_SIZE   (48 * 1024)
#define FLOOD_SIZE  (512 * 1024)

/*
 * COM1 echoes what comes. COM2, once it has got a byte, sends 0, 1, … 255, 0, …
 * without end.
 */
static const unsigned char boot_sector[] = {
	/* 00 FCR of COM1 and COM2: FIFOs on */
	0xb0,
	0x01,
	0xba,
	0xfa,
	0x03,
	0xee,
	0xba,
	0xfa,
	0x02,
	0xee,
	/* 0a loop: has COM1 a byte? */
	0xba,
	0xfd,
	0x03,
	0xec,
	0xa8,
	0x01,
	0x74,
	0x16,
	/* 12 take it */
	0xba,
	0xf8,
	0x03,
	0xec,
	0x88,
	0xc4,
	/* 18 wait for the transmitter */
	0xba,
	0xfd,
	0x03,
	0xec,
	0xa8,
	0x20,
	0x74,
	0xfb,
	/* 20 send it; loop */
	0xba,
	0xf8,
	0x03,
	0x88,
	0xe0,
	0xee,
	0xeb,
	0xe2,
	/* 28 has COM2 one? else loop */
	0xba,
	0xfd,
	0x02,
	0xec,
	0xa8,
	0x01,
	0x74,
	0xda,
	/* 30 take it, CL = 0 */
	0xba,
	0xf8,
	0x02,
	0xec,
	0x30,
	0xc9,
	/* 36 flood: wait for the transmitter */
	0xba,
	0xfd,
	0x02,
	0xec,
	0xa8,
	0x20,
	0x74,
	0xfb,
	/* 3e send CL, add one; flood */
	0xba,
	0xf8,
	0x02,
	0x88,
	0xc8,
	0xee,
	0xfe,
	0xc1,
	0xeb,
	0xee,
};

static const struct virt_domain_ref guest = {"guest", NULL};

struct host {
	char dir[64];
	struct virt *v;
	struct server *server; /* NULL: qemu:///embed */
};

static void write_file(const struct host *h, const char *name, const void *data,
		       size_t len, size_t size)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", h->dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fflush(f), 0);
	assert_int_equal(ftruncate(fileno(f), (off_t)size), 0);
	fclose(f);
}

static void write_floppy(const struct host *h)
{
	unsigned char sector[512] = {0};

	memcpy(sector, boot_sector, sizeof(boot_sector));
	sector[510] = 0x55;
	sector[511] = 0xaa;
	write_file(h, "boot.img", sector, sizeof(sector), FLOPPY_SIZE);
}

static void make_xml(const struct host *h, char *xml, size_t size)
{
	snprintf(xml, size,
		 "<domain type='qemu'><name>guest</name><memory unit='MiB'>32"
		 "</memory><os><type machine='pc'>hvm</type><boot dev='fd'/>"
		 "</os><devices><disk type='file' device='floppy'>"
		 "<driver name='qemu' type='raw'/><source file='%s/boot.img'/>"
		 "<target dev='fda'/></disk><graphics type='vnc'>"
		 "<listen type='none'/></graphics><video><model type='vga'/>"
		 "</video><serial type='pty'/><serial type='pty'/></devices>"
		 "</domain>",
		 h->dir);
}

/* Boots the guest in the hypervisor at URI; h->v stays NULL without one. */
static void boot(struct host *h, const char *uri)
{
	struct answer a = {0};
	char xml[1024];

	write_floppy(h);
	h->v = open_virt(uri, NULL);
	make_xml(h, xml, sizeof(xml));
	ask(h->v, &a, virt_domain_create(h->v, xml, NULL, 0, done, &err));
	if (error_is_set(&a.reply.error)) {
		print_message("no QEMU here: %s (%s)\n",
			      error_words(&a.reply.error), a.reply.error.cause);
		virt_free(h->v);
		h->v = NULL;
	}
	reply_clear(&a.reply);
}

static int setup_embed(void **state)
{
	struct host *h = calloc(1, sizeof(*h));
	char uri[128], path[128];

	snprintf(h->dir, sizeof(h->dir), "/tmp/virtmux-test-XXXXXX");
	assert_non_null(mkdtemp(h->dir));
	snprintf(path, sizeof(path), "%s/etc", h->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/etc/qemu.conf", h->dir);
	write_qemu_config(path);
	snprintf(uri, sizeof(uri), "qemu:///embed?root=%s", h->dir);
	boot(h, uri);
	*state = h;
	return 0;
}

static int setup_server(void **state)
{
	struct host *h = calloc(1, sizeof(*h));

	h->server = new_server();
	snprintf(h->dir, sizeof(h->dir), "%s", h->server->dir);
	if (start_server(h->server))
		boot(h, h->server->qemu_uri);
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	struct host *h = *state;
	struct answer a = {0};
	char command[128];

	if (h->v)
		ask(h->v, &a, virt_domain_destroy(h->v, &guest, 0, done, &err));
	reply_clear(&a.reply);
	virt_free(h->v);
	if (h->server)
		free_server(h->server);
	snprintf(command, sizeof(command), "rm -rf %s", h->dir);
	assert_int_equal(system(command), 0);
	free(h);
	return 0;
}

static struct virt *host_of(void **state)
{
	struct host *h = *state;

	if (!h->v)
		skip();
	return h->v;
}

static int open_serial(struct virt *v, const char *device, bool force)
{
	struct virt_serial_ask line = {
		.device = device, .force = force, .has_history = true};
	struct answer a = {0};
	int fd;

	ask(v, &a, virt_domain_open_serial(v, &guest, &line, done, &err));
	assert_done(&a);
	assert_int_equal(a.reply.kind, VIRT_VALUE_SERIAL);
	fd = steal_fd(&a.reply.value.serial.fd);
	reply_clear(&a.reply);
	return fd;
}

static bool readable(int fd, int ms)
{
	struct pollfd p = {fd, POLLIN, 0};

	return poll(&p, 1, ms) == 1;
}

/* All of LEN bytes, or up to the end of file; how many there were. */
static size_t read_all(int fd, unsigned char *data, size_t len)
{
	size_t at = 0;
	ssize_t n;

	while (at < len) {
		assert_true(readable(fd, REPLY_MS));
		n = read(fd, data + at, len - at);
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	return at;
}

/* The firmware takes its time: until the boot sector echoes. */
static void wait_for_echo(int fd)
{
	uint64_t deadline = clock_monotonic_ns() + REPLY_MS * CLOCK_NS_PER_MS;
	unsigned char byte = 0;

	while (byte != 'A') {
		assert_true(clock_monotonic_ns() < deadline);
		assert_int_equal(write(fd, "A", 1), 1);
		if (readable(fd, 200))
			assert_int_equal(read(fd, &byte, 1), 1);
	}
	while (readable(fd, 300)) /* those sent before */
		assert_int_equal(read(fd, &byte, 1), 1);
}

/* Writes what the line takes; *AT of LEN. */
static void write_some(int fd, const unsigned char *data, size_t len,
		       size_t *at)
{
	ssize_t n = write(fd, data + *at, len - *at);

	if (n < 0)
		assert_int_equal(errno, EAGAIN);
	else
		*at += (size_t)n;
	if (*at == len)
		assert_int_equal(shutdown(fd, SHUT_WR), 0);
}

/* Sent as fast as the line takes it, ended by half: all of it comes back. */
static void test_echo(void **state)
{
	struct virt *v = host_of(state);
	unsigned char *sent = malloc(ECHO_SIZE), *got = malloc(ECHO_SIZE);
	size_t out = 0, in = 0;
	int fd = open_serial(v, "0", false);

	for (size_t i = 0; i < ECHO_SIZE; i++)
		sent[i] = (unsigned char)(i * 31 + (i >> 8));
	wait_for_echo(fd);
	while (in < ECHO_SIZE) {
		struct pollfd p = {fd, POLLIN, 0};
		ssize_t n;

		if (out < ECHO_SIZE)
			p.events |= POLLOUT;
		assert_int_equal(poll(&p, 1, REPLY_MS), 1);
		if (p.revents & POLLOUT)
			write_some(fd, sent, ECHO_SIZE, &out);
		if (!(p.revents & POLLIN))
			continue;
		n = read(fd, got + in, ECHO_SIZE - in);
		assert_true(n > 0);
		in += (size_t)n;
	}
	assert_memory_equal(sent, got, ECHO_SIZE);
	close(fd);
	free(sent);
	free(got);
}

/* After a close the line is free again, soon and without force. */
static int reopen_serial(struct virt *v, const char *device)
{
	struct virt_serial_ask line = {.device = device, .has_history = true};
	struct answer a = {0};
	int fd;

	do {
		ask(v, &a,
		    virt_domain_open_serial(v, &guest, &line, done, &err));
		if (error_is_set(&a.reply.error))
			assert_failed(&a, BUSY);
	} while (error_is_set(&a.reply.error));
	fd = steal_fd(&a.reply.value.serial.fd);
	reply_clear(&a.reply);
	return fd;
}

static void test_reopen(void **state)
{
	int fd = reopen_serial(host_of(state), "serial0");

	wait_for_echo(fd);
	close(fd);
}

static void test_held_and_forced(void **state)
{
	struct virt *v = host_of(state);
	int first = open_serial(v, "0", true), second;
	struct virt_serial_ask line = {.device = "0"};
	struct answer a = {0};
	unsigned char bytes[4096];
	ssize_t n;

	ask(v, &a, virt_domain_open_serial(v, &guest, &line, done, &err));
	assert_failed(&a, BUSY);
	second = open_serial(v, NULL, true);
	do {
		assert_true(readable(first, REPLY_MS));
		n = read(first, bytes, sizeof(bytes));
	} while (n > 0);
	assert_int_equal(n, 0);
	wait_for_echo(second);
	close(first);
	close(second);
	reply_clear(&a.reply);
}

static void test_no_such_line(void **state)
{
	struct virt *v = host_of(state);
	struct virt_serial_ask line = {.device = "7"};
	struct answer a = {0};

	ask(v, &a, virt_domain_open_serial(v, &guest, &line, done, &err));
	assert_failed(&a, NOT_FOUND);
	line.device = "x";
	ask(v, &a, virt_domain_open_serial(v, &guest, &line, done, &err));
	assert_failed(&a, NOT_FOUND);
	ask(v, &a, virt_domain_open_graphics(v, &guest, 1, NULL, done, &err));
	assert_failed(&a, NOT_FOUND);
	ask(v, &a, virt_domain_screenshot(v, &guest, 7, done, &err));
	assert_failed(&a, NOT_FOUND);
	reply_clear(&a.reply);
}

static void test_screenshot(void **state)
{
	struct virt *v = host_of(state);
	struct answer a = {0};

	ask(v, &a, virt_domain_screenshot(v, &guest, 0, done, &err));
	assert_done(&a);
	assert_int_equal(a.reply.kind, VIRT_VALUE_PICTURE);
	assert_int_equal(a.reply.value.picture.width, 720);
	assert_int_equal(a.reply.value.picture.height, 400);
	assert_memory_equal(a.reply.value.picture.png, "\x89PNG", 4);
	reply_clear(&a.reply);
}

static void test_info(void **state)
{
	struct virt *v = host_of(state);
	struct answer a = {0};
	const struct virt_consoles *c = &a.reply.value.info.consoles;

	ask(v, &a, virt_domain_info(v, &guest, done, &err));
	assert_done(&a);
	assert_int_equal(c->displays_count, 1);
	assert_string_equal(c->displays[0].type, "vnc");
	assert_string_equal(c->displays[0].listen, "none");
	assert_int_equal(c->displays[0].port, 0);
	assert_int_equal(c->lines_count, 2);
	assert_string_equal(c->lines[1].alias, "serial1");
	assert_string_equal(c->lines[1].target, "isa-serial");
	reply_clear(&a.reply);
}

static void test_graphics(void **state)
{
	struct virt *v = host_of(state);
	struct answer a = {0};
	unsigned char banner[12];

	ask(v, &a, virt_domain_open_graphics(v, &guest, 0, NULL, done, &err));
	assert_done(&a);
	assert_int_equal(a.reply.value.graphics.type, VIRT_GRAPHICS_VNC);
	assert_int_equal(read_all(a.reply.value.graphics.fd, banner, 12), 12);
	assert_memory_equal(banner, "RFB 003.008\n", 12);
	reply_clear(&a.reply);
}

static void open_run(struct virt *v, struct answer *a, const char *run)
{
	ask(v, a, virt_domain_open_graphics(v, &guest, 0, run, done, &err));
}

/* The same run again, and no other. */
static void test_graphics_of_a_run(void **state)
{
	struct virt *v = host_of(state);
	struct answer a = {0};
	char run[VIRT_RUN_SIZE], other[VIRT_RUN_SIZE + 1];

	open_run(v, &a, NULL);
	assert_done(&a);
	strcpy(run, a.reply.value.graphics.run);
	assert_true(strlen(run) > CONNECTION_EPOCH_SIZE);
	open_run(v, &a, run);
	assert_done(&a);
	assert_string_equal(a.reply.value.graphics.run, run);
	snprintf(other, sizeof(other), "%s0", run);
	open_run(v, &a, other);
	assert_failed(&a, STATE);
	open_run(v, &a, "");
	assert_failed(&a, STATE);
	reply_clear(&a.reply);
}

/*
 * A guest that writes without end while nobody reads waits, and goes on where it
 * stopped; when it is destroyed, what was held still comes, then the end.
 */
static void test_flood_and_end(void **state)
{
	struct virt *v = host_of(state);
	struct answer a = {0};
	unsigned char *got = malloc(FLOOD_SIZE);
	int fd = open_serial(v, "1", false);
	size_t rest;

	/* What was written before the close still reaches the guest. */
	assert_int_equal(write(fd, "!", 1), 1);
	close(fd);
	fd = reopen_serial(v, "1");
	assert_true(readable(fd, REPLY_MS));
	sleep(2); /* the stalled reader that this is about */
	assert_int_equal(read_all(fd, got, FLOOD_SIZE), FLOOD_SIZE);
	for (size_t i = 1; i < FLOOD_SIZE; i++)
		assert_int_equal(got[i], (unsigned char)(got[i - 1] + 1));
	ask(v, &a, virt_domain_destroy(v, &guest, 0, done, &err));
	assert_done(&a);
	do {
		unsigned char last = got[FLOOD_SIZE - 1];

		rest = read_all(fd, got, FLOOD_SIZE);
		if (rest)
			assert_int_equal(got[0], (unsigned char)(last + 1));
	} while (rest == FLOOD_SIZE);
	close(fd);
	ask(v, &a, virt_domain_info(v, &guest, done, &err));
	assert_failed(&a, NOT_FOUND);
	reply_clear(&a.reply);
	free(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_reopen),
		cmocka_unit_test(test_held_and_forced),
		cmocka_unit_test(test_no_such_line),
		cmocka_unit_test(test_screenshot),
		cmocka_unit_test(test_info),
		cmocka_unit_test(test_graphics),
		cmocka_unit_test(test_graphics_of_a_run),
		cmocka_unit_test(test_flood_and_end),
	};
	int failed = 0;

	/* In this order: a process with an embedded driver can no longer reach
	 * a libvirtd for QEMU. */
	failed += cmocka_run_group_tests_name("libvirtd", tests, setup_server,
					      teardown);
	failed += cmocka_run_group_tests_name("embed", tests, setup_embed,
					      teardown);
	return failed;
}
