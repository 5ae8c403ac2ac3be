/*
 * Readiness of any descriptor (splice_fd.h). epoll and kqueue wait for terminals,
 * pipes and sockets; a file is always ready and is tried in each turn of the
 * loop; what neither holds for is tried every few milliseconds.
 */
#include "client/consoles/splice_fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

#define RETRY_MS      10  /* where readiness cannot be waited for */
#define CAREFUL_PIECE 512 /* bytes: POSIX's least PIPE_BUF */
#define NAME_SIZE     256

/* -- opening --------------------------------------------------------------- */

/*
 * The same terminal by an open file description of our own, or -1: O_NONBLOCK on
 * the one that we got would be seen by the shell and by everybody on that
 * terminal, also after a crash.
 */
static int open_again(int fd)
{
	char name[NAME_SIZE];
	struct stat before, after;
	autoclose int again = -1;
	int mode = fcntl(fd, F_GETFL);

	if (mode < 0 || ttyname_r(fd, name, sizeof(name)) != 0)
		return -1;
	again = open(name,
		     (mode & O_ACCMODE) | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (again < 0 || fstat(fd, &before) < 0 || fstat(again, &after) < 0 ||
	    before.st_rdev != after.st_rdev)
		return -1;
	return steal_fd(&again);
}

static bool is_file(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 &&
	       (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode));
}

static bool is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* Decides how F is waited for. uv_poll_init() makes it non-blocking. */
static void prepare(struct splice_fd *f, uv_loop_t *uv)
{
	int flags = fcntl(f->fd, F_GETFL);
	bool blocks = flags >= 0 && !(flags & O_NONBLOCK);

	f->socket = is_socket(f->fd);
	f->polled = !is_file(f->fd) && uv_poll_init(uv, &f->poll, f->fd) == 0;
	if (f->polled) {
		f->restore = blocks && !f->owned;
		f->poll.data = f;
	} else {
		f->careful = blocks && !is_file(f->fd);
		uv_timer_init(uv, &f->timer);
		f->timer.data = f;
	}
}

static void take_terminal(struct splice_fd *f, uv_loop_t *uv)
{
	int again = open_again(f->fd);

	if (again >= 0) {
		if (f->owned)
			close(f->fd);
		f->fd = again;
		f->owned = true;
		prepare(f, uv);
		return;
	}
	prepare(f, uv);
	/* Not ours alone: it stays blocking, and we look before each step. */
	if (f->restore)
		file_set_nonblock(f->fd, false);
	f->careful = f->restore;
	f->restore = false;
}

int splice_fd_open(struct splice_fd *f, uv_loop_t *uv,
		   const struct splice_fd_options *options, struct error *err)
{
	*f = (struct splice_fd){
		.fd = options->fd,
		.owned = options->owned,
		.events = options->events,
		.on_ready = options->on_ready,
		.on_closed = options->on_closed,
		.context = options->context,
	};
	if (fcntl(f->fd, F_GETFD) < 0) {
		int errnum = errno;

		f->fd = -1;
		return error_set_errno(err, ERROR_SYSTEM, errnum,
				       "standard input or output");
	}
	if (isatty(f->fd))
		take_terminal(f, uv);
	else
		prepare(f, uv);
	return 0;
}

/* -- waiting --------------------------------------------------------------- */

static void update(struct splice_fd *f);

/* An error shows itself in read() or write(). */
static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct splice_fd *f = poll->data;

	if (status < 0)
		f->started = false;
	f->on_ready(f->context);
	update(f);
}

static void on_timer(uv_timer_t *timer)
{
	struct splice_fd *f = timer->data;

	f->started = false;
	f->on_ready(f->context);
	update(f);
}

static void update(struct splice_fd *f)
{
	if (f->fd < 0 || f->wanted == f->started)
		return;
	f->started = f->wanted;
	if (f->polled && f->wanted)
		uv_poll_start(&f->poll, f->events, on_poll);
	else if (f->polled)
		uv_poll_stop(&f->poll);
	else if (f->wanted)
		uv_timer_start(&f->timer, on_timer, f->pause_ms, 0);
	else
		uv_timer_stop(&f->timer);
}

void splice_fd_want(struct splice_fd *f, bool wanted)
{
	f->wanted = wanted;
	update(f);
}

/* -- bytes ----------------------------------------------------------------- */

static bool is_ready(const struct splice_fd *f)
{
	struct pollfd p = {.fd = f->fd,
			   .events =
				   f->events == UV_READABLE ? POLLIN : POLLOUT};

	return !f->careful || poll(&p, 1, 0) != 0;
}

static ssize_t outcome(struct splice_fd *f, ssize_t n)
{
	int errnum = n < 0 ? errno : 0;

	if (errnum == EWOULDBLOCK)
		errnum = EAGAIN;
	f->pause_ms = errnum == EAGAIN ? RETRY_MS : 0;
	return n < 0 ? -errnum : n;
}

ssize_t splice_fd_read(struct splice_fd *f, uint8_t *to, size_t room)
{
	ssize_t n;

	if (!is_ready(f)) {
		f->pause_ms = RETRY_MS;
		return -EAGAIN;
	}
	do {
		n = read(f->fd, to, room);
	} while (n < 0 && errno == EINTR);
	return outcome(f, n);
}

ssize_t splice_fd_write(struct splice_fd *f, const uint8_t *from, size_t n)
{
	ssize_t put;

	if (!is_ready(f)) {
		f->pause_ms = RETRY_MS;
		return -EAGAIN;
	}
	if (f->careful && n > CAREFUL_PIECE)
		n = CAREFUL_PIECE;
	do {
		put = write(f->fd, from, n);
	} while (put < 0 && errno == EINTR);
	return outcome(f, put);
}

void splice_fd_finish(struct splice_fd *f)
{
	if (f->socket)
		shutdown(f->fd, SHUT_WR);
}

/* -- the end --------------------------------------------------------------- */

static void on_handle_closed(uv_handle_t *handle)
{
	struct splice_fd *f = handle->data;

	f->on_closed(f->context);
}

void splice_fd_close(struct splice_fd *f)
{
	if (f->fd < 0)
		return;
	if (f->polled)
		uv_close((uv_handle_t *)&f->poll, on_handle_closed);
	else
		uv_close((uv_handle_t *)&f->timer, on_handle_closed);
	if (f->restore)
		file_set_nonblock(f->fd, false);
	if (f->owned)
		close(f->fd);
	f->fd = -1;
}
