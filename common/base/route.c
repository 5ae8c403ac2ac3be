/*
 * The kernel's word that the network has changed (route.h): rtnetlink on Linux, a
 * routing socket (PF_ROUTE) on macOS and the BSDs. What always holds: what was
 * told and did not fit counts as a change; no message is looked into further,
 * since who asks looks for himself.
 */
#include "base/route.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

#define MESSAGE_MAX 8192 /* bytes; what is cut off is not missed */

#ifdef __linux__

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

static int open_socket(void)
{
	struct sockaddr_nl groups = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR |
			     RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |
			     RTMGRP_IPV6_ROUTE,
	};
	autoclose int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);

	if (fd < 0 ||
	    bind(fd, (const struct sockaddr *)&groups, sizeof(groups)) < 0)
		return -1;
	return steal_fd(&fd);
}

#elif defined(PF_ROUTE)

static int open_socket(void)
{
	return socket(PF_ROUTE, SOCK_RAW, AF_UNSPEC);
}

#else

static int open_socket(void)
{
	errno = EAFNOSUPPORT;
	return -1;
}

#endif

int route_watch(int *fd, struct error *err)
{
	autoclose int opened = open_socket();

	if (opened < 0 || file_set_cloexec(opened, true) < 0 ||
	    file_set_nonblock(opened, true) < 0)
		return error_set_errno(err, ERROR_UNSUPPORTED, errno,
				       "changes of the network are not told");
	*fd = steal_fd(&opened);
	return 0;
}

bool route_changed(int fd)
{
	char message[MESSAGE_MAX];
	bool changed = false;
	ssize_t n;

	do {
		n = recv(fd, message, sizeof(message), 0);
		/* ENOBUFS: more has changed than the kernel could keep. */
		changed = changed || n > 0 || (n < 0 && errno == ENOBUFS);
	} while (n > 0 || (n < 0 && (errno == ENOBUFS || errno == EINTR)));
	return changed;
}
