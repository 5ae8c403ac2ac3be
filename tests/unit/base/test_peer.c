/*
 * Who is behind a local connection: this process, and where root runs the test,
 * another user's.
 */
#include "base/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#define OTHER 65534 /* nobody */

static int listen_tcp(struct sockaddr_in *address)
{
	socklen_t size = sizeof(*address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*address = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	assert_int_equal(bind(fd, (struct sockaddr *)address, size), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)address, &size), 0);
	return fd;
}

/* Connects from a process of another user, which stays until END is closed. */
static pid_t connect_as_other(const struct sockaddr_in *address, int end)
{
	pid_t pid = fork();
	char byte;

	if (pid != 0)
		return pid;
	if (setuid(OTHER) == 0) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (connect(fd, (const struct sockaddr *)address,
			    sizeof(*address)) == 0 &&
		    read(end, &byte, 1) == 0)
			_exit(0);
	}
	_exit(1);
}

static void test_unix(void **state)
{
	autoerror err = {0};
	uid_t uid = OTHER + 1;
	pid_t pid = -1;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(peer_user(fds[0], &uid, &err), 0);
	assert_int_equal(uid, geteuid());
	assert_int_equal(peer_process(fds[0], &uid, &pid, &err), 0);
	assert_int_equal(uid, geteuid());
	assert_int_equal(pid, getpid());
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(peer_user(fds[0], &uid, &err), -1);
	assert_int_equal(err.code, ERROR_SYSTEM);
}

static void test_tcp(void **state)
{
	struct sockaddr_in address;
	int listener = listen_tcp(&address);
	int client = socket(AF_INET, SOCK_STREAM, 0);
	autoerror err = {0};
	uid_t uid = OTHER + 1;
	int fd;

	assert_int_equal(connect(client, (struct sockaddr *)&address,
				 sizeof(address)),
			 0);
	fd = accept(listener, NULL, NULL);
	assert_int_equal(peer_user_tcp(fd, &uid, &err), 0);
	assert_int_equal(uid, geteuid());
	assert_int_equal(peer_user_tcp(client, &uid, &err), 0);
	assert_int_equal(uid, geteuid());
	close(client);
	close(fd);
	close(listener);
}

static void test_tcp_of_another_user(void **state)
{
	struct sockaddr_in address;
	autoerror err = {0};
	uid_t uid = 0;
	int status, fd, ends[2];
	int listener;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	listener = listen_tcp(&address);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	pid = connect_as_other(&address, ends[1]);
	close(ends[1]);
	fd = accept(listener, NULL, NULL);
	assert_int_equal(peer_user_tcp(fd, &uid, &err), 0);
	assert_int_equal(uid, OTHER);
	shutdown(ends[0], SHUT_RDWR);
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(fd);
	close(listener);
}

static void test_no_connection(void **state)
{
	struct sockaddr_in address;
	int listener = listen_tcp(&address);
	autoerror err = {0};
	uid_t uid = 0;
	int fds[2];

	assert_int_equal(peer_user_tcp(listener, &uid, &err), -1);
	assert_int_equal(err.code, ERROR_NOT_FOUND);
	close(listener);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(peer_user_tcp(fds[0], &uid, &err), -1);
	assert_int_equal(err.code, ERROR_UNSUPPORTED);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unix),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_tcp_of_another_user),
		cmocka_unit_test(test_no_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
