/*
 * Sockets of this machine: the folder, what may be replaced and what not, modes
 * before anybody can connect, and names without their escapes.
 */
#include "client/connect/local.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "client/connect/channel.h"

struct place {
	char folder[64];
	char path[128];
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	strcpy(p->folder, "/tmp/virtmux-local-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	snprintf(p->path, sizeof(p->path), "%s/virtmux/s", p->folder);
	setenv("XDG_RUNTIME_DIR", p->folder, 1);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	unlink(p->path);
	*strrchr(p->path, '/') = '\0';
	rmdir(p->path);
	rmdir(p->folder);
	free(p);
	return 0;
}

static void make_folder(void)
{
	autofree char *folder = NULL;
	autoerror err = {0};

	if (local_folder(&folder, &err) < 0)
		fail_msg("%s", error_words(&err));
}

static int must_listen(const char *path)
{
	autoerror err = {0};
	int fd = -1;

	if (local_listen(&fd, path, 4, &err) < 0)
		fail_msg("%s", error_words(&err));
	return fd;
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, path);
	assert_int_equal(
		connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* -- folders --------------------------------------------------------------- */

static void test_folder(void **state)
{
	struct place *p = *state;
	autofree char *folder = NULL;
	autofree char *again = NULL;
	autoerror err = {0};
	char expected[128];

	snprintf(expected, sizeof(expected), "%s/virtmux", p->folder);
	assert_int_equal(local_folder(&folder, &err), 0);
	assert_string_equal(folder, expected);
	assert_int_equal(mode_of(folder), 0700);
	assert_int_equal(local_folder(&again, &err), 0);
}

static void test_folder_that_others_enter(void **state)
{
	struct place *p = *state;
	char path[128];
	autofree char *folder = NULL;
	autoerror err = {0};

	snprintf(path, sizeof(path), "%s/virtmux", p->folder);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chmod(path, 0711), 0);
	assert_int_equal(local_folder(&folder, &err), -1);
	assert_int_equal(err.code, ERROR_DENIED);
	assert_null(folder);
}

static void test_folder_that_is_a_link(void **state)
{
	struct place *p = *state;
	char path[128];
	autofree char *folder = NULL;
	autoerror err = {0};

	snprintf(path, sizeof(path), "%s/virtmux", p->folder);
	assert_int_equal(symlink("/tmp", path), 0);
	assert_int_equal(local_folder(&folder, &err), -1);
	unlink(path);
}

static void test_temporary(void **state)
{
	autofree char *one = NULL;
	autofree char *two = NULL;
	autoerror err = {0};

	assert_int_equal(local_temporary(&one, &err), 0);
	assert_int_equal(local_temporary(&two, &err), 0);
	assert_string_not_equal(one, two);
	assert_int_equal(mode_of(one), 0700);
	assert_int_equal(rmdir(one), 0);
	assert_int_equal(rmdir(two), 0);
}

/* -- Unix sockets ---------------------------------------------------------- */

static void test_listen(void **state)
{
	struct place *p = *state;
	autoclose int fd = -1;
	autoclose int client = -1;
	autoclose int accepted = -1;

	umask(0);
	make_folder();
	fd = must_listen(p->path);
	assert_int_equal(mode_of(p->path), 0600);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_false(local_accept(fd, NULL, &accepted));
	assert_true(local_answers(p->path));
	client = connect_to(p->path);
	assert_true(local_accept(fd, NULL, &accepted)); /* of the question */
	close(accepted);
	assert_true(local_accept(fd, NULL, &accepted));
	assert_true(fcntl(accepted, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(write(client, "x", 1), 1);
}

static void test_stale_is_replaced(void **state)
{
	struct place *p = *state;

	make_folder();
	close(must_listen(p->path));
	assert_false(local_answers(p->path));
	close(must_listen(p->path));
}

static void assert_in_use(const char *path)
{
	autoerror err = {0};
	int fd = -1;

	assert_int_equal(local_listen(&fd, path, 4, &err), -1);
	assert_int_equal(err.code, ERROR_EXISTS);
	assert_int_equal(fd, -1);
}

static void test_in_use_is_kept(void **state)
{
	struct place *p = *state;
	int fd;

	make_folder();
	fd = must_listen(p->path);
	assert_in_use(p->path);
	assert_true(local_answers(p->path));
	close(fd);
}

static void test_other_files_are_kept(void **state)
{
	struct place *p = *state;
	char byte = 0;
	int fd;

	make_folder();
	fd = open(p->path, O_CREAT | O_RDWR, 0600);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_in_use(p->path);
	assert_false(local_answers(p->path));
	assert_int_equal(pread(fd, &byte, 1, 0), 1);
	close(fd);
	unlink(p->path);
	assert_int_equal(symlink("/nowhere", p->path), 0);
	assert_in_use(p->path);
}

static void test_length(void **state)
{
	size_t most = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;
	char path[256];
	autoerror err = {0};
	int fd = -1;

	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[most] = '\0';
	assert_true(local_fits(path));
	path[most] = 'x';
	path[most + 1] = '\0';
	assert_false(local_fits(path));
	assert_false(local_answers(path));
	assert_int_equal(local_listen(&fd, path, 1, &err), -1);
	assert_int_equal(err.code, ERROR_SYSTEM);
}

static void test_no_folder(void **state)
{
	struct place *p = *state;
	autoerror err = {0};
	int fd = -1;

	assert_int_equal(local_listen(&fd, p->path, 1, &err), -1);
	assert_int_equal(err.code, ERROR_SYSTEM);
}

/* -- ports ----------------------------------------------------------------- */

static void test_port(void **state)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	autoclose int fd = -1;
	autoclose int client = socket(AF_INET, SOCK_STREAM, 0);
	autoclose int accepted = -1;
	autoerror err = {0};
	unsigned port = 0;
	int other = -1;

	assert_int_equal(local_listen_port(&fd, &port, 1, &err), 0);
	assert_in_range(port, 1024, 65535);
	assert_int_equal(local_listen_port(&other, &port, 1, &err), -1);
	assert_int_equal(err.code, ERROR_EXISTS);
	address.sin_port = htons((uint16_t)port);
	assert_int_equal(connect(client, (struct sockaddr *)&address,
				 sizeof(address)),
			 0);
	assert_true(local_accept(fd, NULL, &accepted));
	/* Not by another address of the machine. */
	address.sin_addr.s_addr = htonl(0x7f000002);
	close(client);
	client = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(client, (struct sockaddr *)&address,
				 sizeof(address)),
			 -1);
}

/* A viewer that left before it was looked at has no other end. */
static void test_port_of_one_that_left(void **state)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct linger now = {.l_onoff = 1};
	int client = socket(AF_INET, SOCK_STREAM, 0);
	autoclose int fd = -1;
	int accepted = -1;
	unsigned port = 0;

	assert_int_equal(local_listen_port(&fd, &port, 1, NULL), 0);
	address.sin_port = htons((uint16_t)port);
	assert_int_equal(connect(client, (struct sockaddr *)&address,
				 sizeof(address)),
			 0);
	setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(client);
	assert_false(local_accept(fd, NULL, &accepted));
	assert_int_equal(accepted, -1);
}

/* -- names ----------------------------------------------------------------- */

static void assert_unescaped(const char *text, const char *expected)
{
	autofree char *got = local_unescape(text);

	assert_string_equal(got, expected);
}

static void test_unescape(void **state)
{
	assert_unescaped("", "");
	assert_unescaped("web-1", "web-1");
	assert_unescaped("a%20b%2Fc%2f", "a b/c/");
	assert_unescaped("%C3%B6", "ö");
	assert_unescaped("100%", "100%");
	assert_unescaped("%4", "%4");
	assert_unescaped("%zz%4", "%zz%4");
	assert_unescaped("a%00b", "a%00b"); /* nothing can hide behind it */
	assert_unescaped("%25%32%35", "%25");
}

static void test_unescape_undoes_escape(void **state)
{
	char text[256];
	autofree char *escaped = NULL;

	for (int i = 1; i < 256; i++)
		text[i - 1] = (char)i;
	text[255] = '\0';
	escaped = channel_escape(text);
	assert_unescaped(escaped, text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_folder),
		TEST(test_folder_that_others_enter),
		TEST(test_folder_that_is_a_link),
		cmocka_unit_test(test_temporary),
		TEST(test_listen),
		TEST(test_stale_is_replaced),
		TEST(test_in_use_is_kept),
		TEST(test_other_files_are_kept),
		TEST(test_length),
		TEST(test_no_folder),
		cmocka_unit_test(test_port),
		cmocka_unit_test(test_port_of_one_that_left),
		cmocka_unit_test(test_unescape),
		cmocka_unit_test(test_unescape_undoes_escape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
