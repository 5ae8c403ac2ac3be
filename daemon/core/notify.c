/*
 * Readiness and socket activation. Called at start, reload and stop. What always
 * holds: a message is one datagram; failure is a line in the log and no more.
 */
#include "daemon/core/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

#define MESSAGE_MAX 1024 /* bytes */
#define SOCKETS_MAX 64   /* handed over */

/* "@name" stands for the abstract socket "\0name". 0, or -1 with errno. */
static int make_address(const char *path, struct sockaddr_un *address,
			socklen_t *len)
{
	size_t n = strlen(path);

	if ((*path != '/' && *path != '@') || n >= sizeof(address->sun_path)) {
		errno = EINVAL;
		return -1;
	}
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(address->sun_path, path, n);
	if (*path == '@')
		address->sun_path[0] = '\0';
	*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	return 0;
}

static int send_text(const char *path, const char *text, size_t n)
{
	struct sockaddr_un address;
	socklen_t len;
	autoclose int fd =
		socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || make_address(path, &address, &len) < 0)
		return -1;
	return sendto(fd, text, n, MSG_NOSIGNAL, (struct sockaddr *)&address,
		      len) < 0
		       ? -1
		       : 0;
}

void notify_send(struct log *log, const char *format, ...)
{
	const char *path = getenv("NOTIFY_SOCKET");
	char text[MESSAGE_MAX];
	va_list args;
	int n;

	if (!path || !*path)
		return;
	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (n < 0)
		return;
	if ((size_t)n >= sizeof(text))
		n = sizeof(text) - 1;
	if (send_text(path, text, (size_t)n) < 0)
		log_warning(log, "NOTIFY_SOCKET=%s cannot be told: %s", path,
			    strerror(errno));
}

static long number_from(const char *name)
{
	const char *text = getenv(name);
	char *end;
	long number;

	if (!text || !*text)
		return -1;
	errno = 0;
	number = strtol(text, &end, 10);
	return errno || *end ? -1 : number;
}

int notify_take_sockets(void)
{
	long pid = number_from("LISTEN_PID");
	long count = number_from("LISTEN_FDS");

	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (pid != (long)getpid() || count <= 0 || count > SOCKETS_MAX)
		return 0;
	for (int i = 0; i < count; i++)
		file_set_cloexec(NOTIFY_FIRST_FD + i, true);
	return (int)count;
}
