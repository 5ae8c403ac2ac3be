/*
 * A relay's way in: from the stream into the descriptor. Called by relay.c for
 * the stream's events and where the descriptor is writable again.
 *
 * What always holds: bytes are written at once or held in their order; the
 * stream's window is given back for bytes that the descriptor has taken, or that
 * nobody will take any more; so what is held is bounded by the window.
 */
#include "daemon/relay/relay_private.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static void consume(struct relay *r, size_t n)
{
	if (r->stream && n)
		h2_stream_consume(r->stream, n);
}

/* The descriptor takes no more: what comes from now on is thrown away. */
static void close_in(struct relay *r)
{
	relay_set_half(r, &r->in, HALF_CLOSED);
	consume(r, r->held.len);
	buf_free(&r->held);
	if (r->life == LIFE_FLUSHING)
		relay_end_soon(r, RELAY_ENDED, 0);
	else
		relay_linger(r);
}

/* Bytes that the descriptor took at once; none after a failure, either. */
static size_t write_some(struct relay *r, const uint8_t *data, size_t len)
{
	ssize_t n;

	do {
		n = r->socket ? send(r->fd, data, len, MSG_NOSIGNAL)
			      : write(r->fd, data, len);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && relay_is_plain_end(r, errno))
		close_in(r);
	else if (n < 0 && errno != EAGAIN)
		relay_end_soon(r, RELAY_DESCRIPTOR, errno);
	if (n <= 0)
		return 0;
	r->end.bytes_in += (uint64_t)n;
	consume(r, (size_t)n);
	return (size_t)n;
}

/* The peer has ended and all is written: so does the descriptor's other end. */
static void pass_end(struct relay *r)
{
	if (r->socket)
		shutdown(r->fd, SHUT_WR);
	relay_set_half(r, &r->in, HALF_CLOSED);
	if (r->life == LIFE_FLUSHING)
		relay_end_soon(r, RELAY_ENDED, 0);
}

void relay_in_flush(struct relay *r)
{
	size_t n = write_some(r, buf_bytes(&r->held), r->held.len);

	if (r->in == HALF_CLOSED)
		return;
	buf_consume(&r->held, n);
	if (r->held.len)
		return;
	buf_free(&r->held);
	if (r->in == HALF_DRAIN)
		pass_end(r);
}

void relay_in_data(struct relay *r, const uint8_t *data, size_t len)
{
	size_t n = 0;

	if (r->in == HALF_OPEN && !r->held.len && !r->ending)
		n = write_some(r, data, len);
	if (n == len)
		return;
	if (r->in != HALF_OPEN || r->ending)
		consume(r, len - n);
	else if (buf_append(&r->held, data + n, len - n) < 0)
		relay_end_soon(r, RELAY_DESCRIPTOR, ENOMEM);
	relay_update_poll(r);
}

void relay_in_end(struct relay *r)
{
	if (r->in != HALF_OPEN)
		return;
	if (r->held.len)
		relay_set_half(r, &r->in, HALF_DRAIN);
	else
		pass_end(r);
}
