/* common/base/route.c: a change of the network is told, and told once. */
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/route.h"

#define WAIT_MS  10000
#define QUIET_MS 200

/* A network of our own, where nobody else changes anything. */
static void own_network(void)
{
	if (unshare(CLONE_NEWNET) < 0 &&
	    unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		skip();
}

static void set_loopback(bool up)
{
	struct ifreq request = {.ifr_name = "lo"};
	autoclose int fd = socket(AF_INET, SOCK_DGRAM, 0);

	request.ifr_flags = up ? IFF_UP : 0;
	assert_return_code(ioctl(fd, SIOCSIFFLAGS, &request), 0);
}

static bool is_told(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	return poll(&poll_fd, 1, WAIT_MS) == 1 && route_changed(fd);
}

/* All is taken; what the kernel does later because of it, too. */
static void until_quiet(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	for (int i = 0; i < WAIT_MS / QUIET_MS; i++) {
		if (poll(&poll_fd, 1, QUIET_MS) == 0)
			return;
		assert_true(route_changed(fd));
	}
	fail_msg("changes are told without end");
}

static void test_changes_are_told(void **state)
{
	autoclose int fd = -1;

	own_network();
	assert_int_equal(route_watch(&fd, NULL), 0);
	assert_false(route_changed(fd));
	for (int i = 0; i < 2; i++) {
		set_loopback(i == 0);
		assert_true(is_told(fd));
		until_quiet(fd);
	}
}

/* More than the kernel keeps for us: that is a change, too. */
static void test_an_overflow_is_a_change(void **state)
{
	autoclose int fd = -1;
	int least = 1;

	own_network();
	assert_int_equal(route_watch(&fd, NULL), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least,
				    sizeof(least)),
			 0);
	for (int i = 0; i < 50; i++)
		set_loopback(i % 2 == 0);
	assert_true(is_told(fd));
	until_quiet(fd);
	set_loopback(true);
	assert_true(is_told(fd));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes_are_told),
		cmocka_unit_test(test_an_overflow_is_a_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
