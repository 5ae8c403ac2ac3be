/* Reading and writing for a console (console_io.h). */
#include "client/consoles/console_io.h"

#include <errno.h>
#include <unistd.h>

#include "client/consoles/splice.h"

static void on_fd_closed(void *context)
{
	struct console_io *io = context;

	io->handles--;
}

static void fail(struct console_io *io, int errnum, const char *what)
{
	autoerror why = {0};

	if (io->failed)
		return;
	io->failed = true;
	splice_fd_want(&io->in, false);
	splice_fd_want(&io->out, false);
	error_set_errno(&why, ERROR_SYSTEM, errnum, "%s", what);
	io->events->on_failed(io->context, &why);
}

/* -- input ----------------------------------------------------------------- */

static void on_readable(void *context)
{
	struct console_io *io = context;
	uint8_t chunk[SPLICE_READ];
	ssize_t n = splice_fd_read(&io->in, chunk, sizeof(chunk));

	if (n == -EAGAIN)
		return;
	/* A terminal that was hung up has ended. */
	if (n < 0 && n != -EIO && n != -EPIPE) {
		fail(io, (int)-n, "cannot read the input");
		return;
	}
	if (n <= 0) {
		io->ended = true;
		splice_fd_want(&io->in, false);
	}
	io->events->on_read(io->context, chunk, n > 0 ? (size_t)n : 0);
}

void console_io_want(struct console_io *io, bool wanted)
{
	if (io->in.fd >= 0)
		splice_fd_want(&io->in, wanted && !io->ended && !io->failed);
}

/* -- output ---------------------------------------------------------------- */

static size_t write_some(struct console_io *io, const uint8_t *data, size_t len)
{
	size_t done = 0;

	while (done < len && !io->failed) {
		ssize_t n = splice_fd_write(&io->out, data + done, len - done);

		if (n == -EAGAIN)
			break;
		if (n < 0)
			fail(io, (int)-n, "cannot write the output");
		else
			done += (size_t)n;
	}
	if (done > 0)
		io->events->on_shown(io->context, data, done);
	return done;
}

static void on_writable(void *context)
{
	struct console_io *io = context;
	size_t n = write_some(io, buf_bytes(&io->held), io->held.len);

	buf_consume(&io->held, n);
	if (io->held.len > 0)
		return;
	buf_free(&io->held);
	splice_fd_want(&io->out, false);
}

void console_io_show(struct console_io *io, const uint8_t *data, size_t n)
{
	size_t done = io->held.len == 0 ? write_some(io, data, n) : 0;

	if (io->failed)
		return;
	if (buf_append(&io->held, data + done, n - done) < 0)
		fail(io, ENOMEM, "what the guest said cannot be kept");
	else if (io->held.len > 0)
		splice_fd_want(&io->out, true);
}

/* -- begin and end --------------------------------------------------------- */

static int open_fd(struct console_io *io, struct splice_fd *f, int fd,
		   struct error *err)
{
	bool input = f == &io->in;
	struct splice_fd_options options = {
		.fd = fd,
		.events = input ? UV_READABLE : UV_WRITABLE,
		.on_ready = input ? on_readable : on_writable,
		.on_closed = on_fd_closed,
		.context = io,
	};

	if (splice_fd_open(f, io->uv, &options, err) < 0)
		return -1;
	io->handles++;
	return 0;
}

int console_io_open(struct console_io *io, uv_loop_t *uv,
		    const struct console_io_events *events, void *context,
		    struct error *err)
{
	io->uv = uv;
	io->events = events;
	io->context = context;
	io->in.fd = io->out.fd = -1;
	if (open_fd(io, &io->in, STDIN_FILENO, err) < 0 ||
	    open_fd(io, &io->out, STDOUT_FILENO, err) < 0)
		return -1;
	return 0;
}

void console_io_close(struct console_io *io)
{
	if (!io->uv)
		return;
	splice_fd_close(&io->in);
	splice_fd_close(&io->out);
	while (io->handles > 0)
		uv_run(io->uv, UV_RUN_ONCE);
	buf_free(&io->held);
	io->uv = NULL;
}
