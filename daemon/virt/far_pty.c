/*
 * A guest's end of a line by its pseudo-terminal (far.h), where the driver is in
 * this process and nobody else can hold the line. libvirt's own way there, its
 * table of console streams, is read without its lock when a line is forced or a
 * domain goes away, and crashed this process.
 *
 * What the caller sees to: the terminal is still the domain's after it was
 * opened (serial.c), and one hub holds it (hubs.c).
 */
#include "daemon/virt/far.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "daemon/virt/error.h"
#include "daemon/virt/far_fd.h"
#include "daemon/virt/job.h"

static int pty_recv(struct far *far, void *data, size_t n)
{
	struct far_fd *f = container_of(far, struct far_fd, far);
	ssize_t got;

	do {
		got = read(f->fd, data, n);
	} while (got < 0 && errno == EINTR);
	if (got >= 0)
		return (int)got;
	if (errno == EAGAIN)
		return FAR_AGAIN;
	/* EIO: QEMU has closed its side. */
	return errno == EIO ? 0 : FAR_FAILED;
}

static int pty_send(struct far *far, const void *data, size_t n)
{
	struct far_fd *f = container_of(far, struct far_fd, far);
	ssize_t sent;

	do {
		sent = write(f->fd, data, n);
	} while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return (int)sent;
	return errno == EAGAIN ? FAR_AGAIN : FAR_FAILED;
}

static int pty_finish(struct far *far)
{
	return 0;
}

static void pty_free(struct far *far)
{
	struct far_fd *f = container_of(far, struct far_fd, far);

	far_fd_close(f);
	free(f);
}

static const struct far_ops pty_ops = {
	.recv = pty_recv,
	.send = pty_send,
	.finish = pty_finish,
	.watch = far_fd_watch,
	.want = far_fd_want,
	.free = pty_free,
};

static int open_terminal(struct job *job, const char *path, struct error *err)
{
	autoclose int fd =
		open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	struct termios raw;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		error_set(err, ERROR_SYSTEM,
			  "the serial line of domain '%s' cannot be opened",
			  job->reply->domain.name);
		return error_set_cause(err, "%s: %s", path, strerror(errno));
	}
	if (!S_ISCHR(st.st_mode) || !isatty(fd))
		return error_set(err, ERROR_UNSUPPORTED,
				 "the serial line of domain '%s' is no "
				 "pseudo-terminal",
				 job->reply->domain.name);
	if (tcgetattr(fd, &raw) == 0) {
		cfmakeraw(&raw);
		tcsetattr(fd, TCSANOW, &raw);
	}
	return steal_fd(&fd);
}

struct far *far_open_pty(struct job *job, const struct far_line *line,
			 struct error *err)
{
	struct far_fd *f;

	if (!line->path) {
		error_set(err, ERROR_UNSUPPORTED,
			  "the serial line of domain '%s' is no "
			  "pseudo-terminal: give it <serial type='pty'>",
			  job->reply->domain.name);
		return NULL;
	}
	f = calloc(1, sizeof(*f));
	if (!f) {
		error_set_no_memory(err);
		return NULL;
	}
	f->far.ops = &pty_ops;
	f->watch = -1;
	f->fd = open_terminal(job, line->path, err);
	if (f->fd < 0) {
		free(f);
		return NULL;
	}
	return &f->far;
}
