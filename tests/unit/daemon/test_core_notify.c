/*
 * NOTIFY_SOCKET by path and by abstract name, nobody there, and LISTEN_FDS.
 */
#include "daemon/core/notify.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

/* A datagram socket at NAME; '@' first: an abstract one. */
static int listen_at(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
				    strlen(name));

	memcpy(address.sun_path, name, strlen(name));
	if (*name == '@')
		address.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	return fd;
}

static void assert_arrives(const char *name)
{
	int fd = listen_at(name);
	char text[64] = "";

	setenv("NOTIFY_SOCKET", name, 1);
	notify_send(NULL, "READY=%d\nSTATUS=%s", 1, "here");
	assert_int_equal(recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT), 19);
	assert_string_equal(text, "READY=1\nSTATUS=here");
	unsetenv("NOTIFY_SOCKET");
	close(fd);
}

static void test_by_path(void **state)
{
	char dir[] = "/tmp/test-notify-XXXXXX";
	char path[64];

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	assert_arrives(path);
	unlink(path);
	rmdir(dir);
}

static void test_by_abstract_name(void **state)
{
	char name[64];

	snprintf(name, sizeof(name), "@test-notify-%d", (int)getpid());
	assert_arrives(name);
}

static void test_nobody_there(void **state)
{
	unsetenv("NOTIFY_SOCKET");
	notify_send(NULL, "READY=1");
	setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
	notify_send(NULL, "READY=1");
	setenv("NOTIFY_SOCKET", "relative", 1);
	notify_send(NULL, "READY=1");
	unsetenv("NOTIFY_SOCKET");
}

static int take(const char *pid, const char *count)
{
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", count, 1);
	setenv("LISTEN_FDNAMES", "x", 1);
	return notify_take_sockets();
}

static void test_sockets(void **state)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	dup2(STDERR_FILENO, NOTIFY_FIRST_FD);
	fcntl(NOTIFY_FIRST_FD, F_SETFD, 0);
	assert_int_equal(take(pid, "1"), 1);
	assert_null(getenv("LISTEN_PID"));
	assert_null(getenv("LISTEN_FDS"));
	assert_null(getenv("LISTEN_FDNAMES"));
	assert_int_equal(fcntl(NOTIFY_FIRST_FD, F_GETFD), FD_CLOEXEC);
	assert_int_equal(notify_take_sockets(), 0);
	assert_int_equal(take("1", "1"), 0);
	assert_int_equal(take(pid, "x"), 0);
	assert_int_equal(take(pid, "-1"), 0);
	assert_int_equal(take(pid, "1000"), 0);
	assert_int_equal(take("", ""), 0);
	close(NOTIFY_FIRST_FD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_path),
		cmocka_unit_test(test_by_abstract_name),
		cmocka_unit_test(test_nobody_there),
		cmocka_unit_test(test_sockets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
