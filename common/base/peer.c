/*
 * The user behind a local connection. A Unix socket knows it; for TCP, Linux has
 * a table of all connections with their owners in /proc. What always holds: what
 * cannot be found out is an error, never a guess.
 */
#include "base/peer.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef __linux__

#define TCP_TABLE "/proc/net/tcp"

int peer_process(int fd, uid_t *uid, pid_t *pid, struct error *err)
{
	struct ucred who = {0};
	socklen_t size = sizeof(who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot tell who connected");
	*uid = who.uid;
	*pid = who.pid;
	return 0;
}

/* A line of the table: addresses as the kernel has them, ports as numbers. */
struct row {
	uint32_t local, remote;
	unsigned local_port, remote_port;
	unsigned long uid;
};

static bool read_row(const char *line, struct row *row)
{
	return sscanf(line, " %*u: %8x:%4x %8x:%4x %*x %*x:%*x %*x:%*x %*x %lu",
		      &row->local, &row->local_port, &row->remote,
		      &row->remote_port, &row->uid) == 5;
}

/* The peer's own row: what is local to it is remote to us. */
static bool is_peer(const struct row *row, const struct sockaddr_in *ours,
		    const struct sockaddr_in *theirs)
{
	return row->local == theirs->sin_addr.s_addr &&
	       row->local_port == ntohs(theirs->sin_port) &&
	       row->remote == ours->sin_addr.s_addr &&
	       row->remote_port == ntohs(ours->sin_port);
}

static int find_peer(const struct sockaddr_in *ours,
		     const struct sockaddr_in *theirs, uid_t *uid,
		     struct error *err)
{
	autofclose FILE *table = fopen(TCP_TABLE, "re");
	char line[512];

	if (!table)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot read " TCP_TABLE);
	while (fgets(line, sizeof(line), table)) {
		struct row row = {0};

		if (!read_row(line, &row) || !is_peer(&row, ours, theirs))
			continue;
		*uid = (uid_t)row.uid;
		return 0;
	}
	return error_set(err, ERROR_NOT_FOUND,
			 "the connection has no other end on this machine");
}

int peer_user_tcp(int fd, uid_t *uid, struct error *err)
{
	struct sockaddr_in ours = {0};
	struct sockaddr_in theirs = {0};
	socklen_t size = sizeof(ours);

	if (getsockname(fd, (struct sockaddr *)&ours, &size) < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot tell who connected");
	size = sizeof(theirs);
	if (getpeername(fd, (struct sockaddr *)&theirs, &size) < 0)
		return error_set_errno(err, ERROR_NOT_FOUND, errno,
				       "the connection's other end has gone");
	if (ours.sin_family != AF_INET || theirs.sin_family != AF_INET)
		return error_set(err, ERROR_UNSUPPORTED,
				 "it is no connection over IPv4");
	return find_peer(&ours, &theirs, uid, err);
}

#else

int peer_process(int fd, uid_t *uid, pid_t *pid, struct error *err)
{
	gid_t gid = 0;

	*pid = 0;
	if (getpeereid(fd, uid, &gid) < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot tell who connected");
	return 0;
}

int peer_user_tcp(int fd, uid_t *uid, struct error *err)
{
	return error_set(err, ERROR_UNSUPPORTED,
			 "this system does not tell which user owns a TCP "
			 "connection");
}

#endif

int peer_user(int fd, uid_t *uid, struct error *err)
{
	pid_t pid;

	return peer_process(fd, uid, &pid, err);
}
