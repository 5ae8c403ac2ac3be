/*
 * Private sockets of this machine (local.h). The kernel is asked who connects:
 * by the socket's credentials, or for TCP by the owner of the other end.
 */
#include "client/connect/local.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "base/peer.h"
#include "client/connect/channel.h"
#include "client/connect/profile.h"

#define TEMPORARY "/tmp/virtmux-XXXXXX"

/* -- folders --------------------------------------------------------------- */

/* The folder is that of all sessions, whatever the host's name. */
int local_folder(char **folder, struct error *err)
{
	const struct profile any = {.name = (char *)"any"};
	autofree char *path = NULL;
	char *slash;

	if (channel_session_path(&path, &any, err) < 0)
		return -1;
	slash = strrchr(path, '/');
	*slash = '\0';
	if (file_make_dirs(path, S_IRWXU, err) < 0)
		return -1;
	*slash = '/';
	if (channel_session_check(path, err) < 0)
		return -1;
	*slash = '\0';
	*folder = steal(&path);
	return 0;
}

int local_temporary(char **folder, struct error *err)
{
	autofree char *path = strdup(TEMPORARY);

	if (!path)
		return error_set_no_memory(err);
	if (!mkdtemp(path))
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot make a folder in /tmp");
	*folder = steal(&path);
	return 0;
}

/* -- Unix sockets ---------------------------------------------------------- */

bool local_fits(const char *path)
{
	return strlen(path) < sizeof(((struct sockaddr_un *)0)->sun_path);
}

static int unix_socket(int *fd, struct sockaddr_un *address, const char *path,
		       struct error *err)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (!local_fits(path))
		return error_set(err, ERROR_SYSTEM,
				 "%s is too long for a socket's path", path);
	strcpy(address->sun_path, path);
	*fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (*fd < 0 || file_set_cloexec(*fd, true) < 0 ||
	    file_set_nonblock(*fd, true) < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot make a socket");
	return 0;
}

/* The errno of connecting to PATH, 0 where it succeeds. */
static int try_to_connect(const char *path)
{
	struct sockaddr_un address;
	autoclose int fd = -1;

	if (unix_socket(&fd, &address, path, NULL) < 0)
		return EINVAL;
	return connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0
		       ? 0
		       : errno;
}

bool local_answers(const char *path)
{
	int errnum = try_to_connect(path);

	/* A queue that is full belongs to somebody who listens. */
	return errnum == 0 || errnum == EAGAIN;
}

/* Whether PATH is a socket of ours that its process has left behind. */
static bool is_stale(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) &&
	       st.st_uid == geteuid() && try_to_connect(path) == ECONNREFUSED;
}

static int bind_path(int fd, const struct sockaddr_un *address,
		     struct error *err)
{
	const char *path = address->sun_path;

	for (int again = 0;; again++) {
		if (bind(fd, (const struct sockaddr *)address,
			 sizeof(*address)) == 0)
			return 0;
		if (errno != EADDRINUSE)
			return error_set_errno(err, ERROR_SYSTEM, errno,
					       "cannot listen on %s", path);
		if (again || !is_stale(path) || unlink(path) < 0)
			return error_set(err, ERROR_EXISTS,
					 "%s exists already and is in use, or "
					 "is no socket of yours",
					 path);
	}
}

int local_listen(int *result, const char *path, int backlog, struct error *err)
{
	struct sockaddr_un address;
	autoclose int fd = -1;

	if (unix_socket(&fd, &address, path, err) < 0 ||
	    bind_path(fd, &address, err) < 0)
		return -1;
	/* Before listen(2) nobody can connect. */
	if (chmod(path, S_IRUSR | S_IWUSR) < 0 || listen(fd, backlog) < 0) {
		error_set_errno(err, ERROR_SYSTEM, errno, "cannot listen on %s",
				path);
		unlink(path);
		return -1;
	}
	*result = steal_fd(&fd);
	return 0;
}

/* The queue is full: waits for its turn. */
static int connect_patiently(int fd, const struct sockaddr_un *address,
			     uint64_t timeout_ms)
{
	struct timeval limit = {
		.tv_sec = (time_t)(timeout_ms / 1000),
		.tv_usec = (suseconds_t)(timeout_ms % 1000 * 1000),
	};
	int rc;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) <
		    0 ||
	    file_set_nonblock(fd, false) < 0)
		return -1;
	do
		rc = connect(fd, (const struct sockaddr *)address,
			     sizeof(*address));
	while (rc < 0 && errno == EINTR);
	return rc;
}

static int explain_connect(int errnum, const char *path, struct error *err)
{
	enum error_code code = ERROR_SYSTEM;

	if (errnum == ENOENT || errnum == ECONNREFUSED)
		code = ERROR_NOT_FOUND;
	else if (errnum == EAGAIN)
		code = ERROR_TIMED_OUT;
	return error_set_errno(err, code, errnum, "cannot connect to %s", path);
}

int local_connect(int *result, const char *path, uint64_t timeout_ms,
		  pid_t *server, struct error *err)
{
	struct sockaddr_un address;
	autoclose int fd = -1;
	uid_t uid = 0;
	int rc;

	if (unix_socket(&fd, &address, path, err) < 0)
		return -1;
	rc = connect(fd, (struct sockaddr *)&address, sizeof(address));
	if (rc < 0 && errno == EAGAIN)
		rc = connect_patiently(fd, &address, timeout_ms);
	if (rc < 0)
		return explain_connect(errno, path, err);
	if (peer_process(fd, &uid, server, err) < 0)
		return -1;
	if (uid != geteuid())
		return error_set(err, ERROR_DENIED,
				 "another user (uid %lu) serves on %s",
				 (unsigned long)uid, path);
	*result = steal_fd(&fd);
	return 0;
}

/* -- a loopback port ------------------------------------------------------- */

static int bind_port(int fd, unsigned *port, struct error *err)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)*port),
	};
	socklen_t size = sizeof(address);
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&address, size) < 0)
		return error_set_errno(
			err, errno == EADDRINUSE ? ERROR_EXISTS : ERROR_SYSTEM,
			errno, "cannot listen on port %u of 127.0.0.1", *port);
	if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot listen on 127.0.0.1");
	*port = ntohs(address.sin_port);
	return 0;
}

int local_listen_port(int *result, unsigned *port, int backlog,
		      struct error *err)
{
	autoclose int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || file_set_cloexec(fd, true) < 0 ||
	    file_set_nonblock(fd, true) < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot make a socket");
	if (bind_port(fd, port, err) < 0)
		return -1;
	if (listen(fd, backlog) < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot listen on port %u of 127.0.0.1",
				       *port);
	*result = steal_fd(&fd);
	return 0;
}

/* -- connections ----------------------------------------------------------- */

static int check_user(int fd, int family, struct error *err)
{
	uid_t uid = 0;
	int rc = family == AF_UNIX ? peer_user(fd, &uid, err)
				   : peer_user_tcp(fd, &uid, err);

	if (rc == 0 && uid != geteuid())
		rc = error_set(err, ERROR_DENIED, "it belongs to uid %lu",
			       (unsigned long)uid);
	return rc;
}

bool local_accept(int listener, struct log *log, int *result)
{
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof(address);
	int on = 1;
	int fd;

	while ((fd = accept(listener, (struct sockaddr *)&address, &size)) >=
		       0 ||
	       errno == EINTR || errno == ECONNABORTED) {
		autoclose int taken = fd;
		autoerror why = {0};

		size = sizeof(address);
		if (fd < 0)
			continue;
		if (file_set_cloexec(fd, true) == 0 &&
		    check_user(fd, address.ss_family, &why) == 0) {
			/* A key press waits for nothing; fails on Unix sockets. */
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on,
				   sizeof(on));
			*result = steal_fd(&taken);
			return true;
		}
		log_warning(log, "a connection was refused: %s",
			    error_words(&why));
	}
	return false;
}

/* -- names ----------------------------------------------------------------- */

static int hex_value(char c)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	const char *at = c ? strchr(digits, c) : NULL;
	int n = at ? (int)(at - digits) : -1;

	return n > 15 ? n - 6 : n;
}

char *local_unescape(const char *text)
{
	char *out = strdup(text);
	char *to = out;

	for (const char *p = text; out && *p; to++) {
		int high = p[0] == '%' ? hex_value(p[1]) : -1;
		int low = high >= 0 ? hex_value(p[2]) : -1;

		if (low >= 0 && high + low > 0) {
			*to = (char)(high * 16 + low);
			p += 3;
		} else {
			*to = *p++;
		}
	}
	if (out)
		*to = '\0';
	return out;
}
