/*
 * The socket as a byte transport: non-blocking recv() and send() of whole
 * blocks, readiness by uv_poll. uv_stream would copy and send each record by
 * itself (FACTS of the design: few and large send() calls decide).
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "wire/conn_private.h"

static ssize_t socket_recv(void *context, uint8_t *to, size_t room)
{
	struct conn *c = context;
	ssize_t n;

	do
		n = recv(c->socket.fd, to, room, 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static ssize_t socket_send(void *context, const uint8_t *from, size_t n)
{
	struct conn *c = context;
	ssize_t sent;

	do
		sent = send(c->socket.fd, from, n, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : sent;
}

static void on_poll(uv_poll_t *poll, int status, int events);

static void socket_want(void *context, bool readable, bool writable)
{
	struct conn *c = context;
	int events =
		(readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);

	if (events == c->socket.events ||
	    uv_is_closing((uv_handle_t *)&c->socket.poll))
		return;
	c->socket.events = events;
	if (events)
		uv_poll_start(&c->socket.poll, events, on_poll);
	else
		uv_poll_stop(&c->socket.poll);
}

/*
 * libuv stops to watch a socket that has an error. That shows itself in recv(), but
 * behind the bytes that came before it, of which a turn takes a block.
 */
static void watch_again(struct conn *c)
{
	int events = c->socket.events;

	c->socket.events = 0;
	socket_want(c, events & UV_READABLE, events & UV_WRITABLE);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct conn *c = poll->data;

	if (status < 0) {
		watch_again(c);
		events = UV_READABLE;
	}
	conn_transport_ready(c, events & UV_READABLE, events & UV_WRITABLE);
}

static void on_poll_closed(uv_handle_t *handle)
{
	struct conn *c = handle->data;

	close(c->socket.fd);
	c->socket.fd = -1;
	conn_transport_closed(c);
}

static void socket_close(void *context)
{
	struct conn *c = context;

	if (!uv_is_closing((uv_handle_t *)&c->socket.poll))
		uv_close((uv_handle_t *)&c->socket.poll, on_poll_closed);
}

static void socket_finish(void *context)
{
	struct conn *c = context;

	shutdown(c->socket.fd, SHUT_WR);
}

const struct conn_transport conn_socket_transport = {
	.recv = socket_recv,
	.send = socket_send,
	.want = socket_want,
	.finish = socket_finish,
	.close = socket_close,
};

static bool is_loopback(int fd)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);

	if (getpeername(fd, (struct sockaddr *)&peer, &len))
		return false;
	if (peer.ss_family == AF_INET)
		return ntohl(((struct sockaddr_in *)&peer)->sin_addr.s_addr) >>
			       24 ==
		       IN_LOOPBACKNET;
	return peer.ss_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(&((struct sockaddr_in6 *)&peer)->sin6_addr);
}

static bool is_unix(int fd)
{
	struct sockaddr_storage own = {.ss_family = AF_UNSPEC};
	socklen_t len = sizeof(own);

	return getsockname(fd, (struct sockaddr *)&own, &len) == 0 &&
	       own.ss_family == AF_UNIX;
}

/*
 * Where BBR is the machine's congestion control, its pacing timers cost a
 * quarter of the sender's time on a line that has no congestion. Reno has none,
 * and every Linux has it.
 */
static void stop_pacing(int fd)
{
#ifdef TCP_CONGESTION
	setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
#endif
}

/* Small calls leave at once; bulk waits in our buffers, not the kernel's. */
static void tune(int fd)
{
	int lowat = WIRE_NOTSENT_LOWAT;
	int on = 1;

	/* Both fail on Unix sockets, where neither is needed. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowat, sizeof(lowat));
	if (is_loopback(fd))
		stop_pacing(fd);
}

int conn_socket_init(struct conn *c, int fd, struct error *err)
{
	int rc;

	c->socket.fd = fd;
	c->local = !c->tls && is_unix(fd);
	if (file_set_nonblock(fd, true))
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "the socket cannot be used");
	tune(fd);
	rc = uv_poll_init(c->loop->uv, &c->socket.poll, fd);
	if (rc < 0)
		return error_set(err, ERROR_SYSTEM,
				 "the socket cannot be watched: %s",
				 uv_strerror(rc));
	c->socket.poll.data = c;
	return 0;
}
