/*
 * Names on the channel: percent-escaping, the place of a session's socket, and who
 * may own it.
 */
#include "client/connect/channel.h"

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

#include "base/file.h"
#include "client/connect/profile.h"

#define FOLDER "/tmp/virtmux-test-path"
#define SOCKET FOLDER "/x.sock"

static void assert_escaped(const char *text, const char *expected)
{
	autofree char *got = channel_escape(text);

	assert_string_equal(got, expected);
}

static void test_escape(void **state)
{
	assert_escaped("web-1_a.b~C", "web-1_a.b~C");
	assert_escaped("a/b c?d#e%f", "a%2Fb%20c%3Fd%23e%25f");
	assert_escaped("\xc3\xa4", "%C3%A4");
	assert_escaped("..", "..");
	assert_escaped("", "");
}

static void assert_path(const char *name, const char *expected)
{
	struct profile p = {.name = (char *)name};
	autofree char *path = NULL;

	assert_int_equal(channel_session_path(&path, &p, NULL), 0);
	assert_string_equal(path, expected);
}

static void test_path(void **state)
{
	struct profile p = {.name = (char *)"home"};
	autofree char *path = NULL;
	autoerror err = {0};
	char expected[64];
	char deep[200];

	setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
	assert_path("home", "/run/user/7/virtmux/home.sock");
	assert_path("[::1]:5", "/run/user/7/virtmux/%5B%3A%3A1%5D%3A5.sock");
	snprintf(expected, sizeof(expected), "/tmp/virtmux-%lu/home.sock",
		 (unsigned long)getuid());
	unsetenv("XDG_RUNTIME_DIR");
	assert_path("home", expected);
	setenv("XDG_RUNTIME_DIR", "relative", 1);
	assert_path("home", expected);
	memset(deep, 'd', sizeof(deep) - 1);
	deep[0] = '/';
	deep[sizeof(deep) - 1] = '\0';
	setenv("XDG_RUNTIME_DIR", deep, 1);
	assert_int_equal(channel_session_path(&path, &p, &err), -1);
	assert_non_null(strstr(error_words(&err), "too long"));
}

static void make_socket(mode_t mode)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX,
				      .sun_path = SOCKET};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	unlink(SOCKET);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)),
			 0);
	assert_int_equal(chmod(SOCKET, mode), 0);
	close(fd);
}

static void assert_refused(const char *words)
{
	autoerror err = {0};

	assert_int_equal(channel_session_check(SOCKET, &err), -1);
	assert_int_equal(err.code, ERROR_DENIED);
	if (!strstr(error_words(&err), words))
		fail_msg("%s", error_words(&err));
}

static void test_check(void **state)
{
	/* What does not exist is no danger. */
	assert_int_equal(channel_session_check(SOCKET, NULL), 0);
	assert_int_equal(file_make_dirs(FOLDER, 0700, NULL), 0);
	assert_int_equal(channel_session_check(SOCKET, NULL), 0);
	make_socket(0600);
	assert_int_equal(channel_session_check(SOCKET, NULL), 0);
	make_socket(0660);
	assert_refused("chmod go= '" SOCKET "'");
	make_socket(0600);
	assert_int_equal(chmod(FOLDER, 0755), 0);
	assert_refused("chmod go= '" FOLDER "'");
	assert_int_equal(chmod(FOLDER, 0700), 0);
	unlink(SOCKET);
	assert_int_equal(file_write_atomic(SOCKET, "x", 1, 0600, NULL), 0);
	assert_refused("not a socket");
	unlink(SOCKET);
	assert_int_equal(symlink("/run/elsewhere.sock", SOCKET), 0);
	assert_refused("not a socket");
	unlink(SOCKET);
}

static void test_check_owner(void **state)
{
	if (geteuid() != 0)
		skip();
	assert_int_equal(file_make_dirs(FOLDER, 0700, NULL), 0);
	make_socket(0600);
	assert_int_equal(chown(SOCKET, 65534, 65534), 0);
	assert_refused("another user (uid 65534)");
	make_socket(0600);
	assert_int_equal(chown(FOLDER, 65534, 65534), 0);
	assert_refused("another user");
}

static int teardown(void **state)
{
	unlink(SOCKET);
	return rmdir(FOLDER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_check_owner),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
