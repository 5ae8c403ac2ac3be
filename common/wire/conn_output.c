/*
 * The way out of a connection: HTTP/2 fills one record of plaintext, TLS
 * appends it to the output block, and one send() carries the block. Called in
 * the connection's turn and when the transport takes bytes again.
 */
#include <errno.h>

#include "wire/conn_private.h"

#define RECORD_ROOM (WIRE_RECORD_PLAIN + WIRE_RECORD_OVERHEAD)
#define CLEAR_ROOM  (WIRE_FRAME_LOCAL + WIRE_FRAME_HEADER)
/* So that what was received in one block is sent in one. */
#define CLEAR_LEAST 256u

/* 1: done, 0: nothing to say, -1: broken. */
static int add_record(struct conn *c, struct error *err)
{
	ssize_t n =
		h2_pull(c->h2, c->loop->write_plain, WIRE_RECORD_PLAIN, err);

	if (n <= 0)
		return (int)n;
	return tls_write(c->tls, c->loop->write_plain, (size_t)n, err) == TLS_OK
		       ? 1
		       : -1;
}

/* The same in clear text, where no record ends. */
static int add_clear(struct conn *c, struct error *err)
{
	size_t room = block_room(c->out);
	ssize_t n = h2_pull(c->h2, c->out->data + c->out->head + c->out->len,
			    room < CLEAR_ROOM ? room : CLEAR_ROOM, err);

	if (n <= 0)
		return (int)n;
	c->out->len += (size_t)n;
	return 1;
}

static int fill_block(struct conn *c, struct error *err)
{
	size_t least = c->tls ? RECORD_ROOM : CLEAR_LEAST;
	int rc = 1;

	while (rc > 0 && c->h2 && block_room(c->out) >= least)
		rc = c->tls ? add_record(c, err) : add_clear(c, err);
	return rc < 0 ? -1 : 0;
}

/* Gives the block to the transport. 1: all gone, 0: it is full, -1: broken. */
static int send_block(struct conn *c, size_t *budget, struct error *err)
{
	while (c->out->len > 0) {
		ssize_t n = c->transport->send(c->transport_context,
					       c->out->data + c->out->head,
					       c->out->len);

		if (n == -EAGAIN || n == -ENOBUFS)
			return 0;
		if (n < 0)
			return error_set_errno(err, ERROR_DISCONNECTED, (int)-n,
					       "the connection to %s broke",
					       c->peer);
		c->out->head += (size_t)n;
		c->out->len -= (size_t)n;
		*budget = *budget > (size_t)n ? *budget - (size_t)n : 0;
	}
	c->out->head = 0;
	return 1;
}

int conn_hold_block(struct conn *c, struct error *err)
{
	if (c->out)
		return 0;
	c->out = block_get(&c->loop->blocks);
	if (!c->out)
		return error_set_no_memory(err);
	if (c->tls)
		tls_set_output(c->tls, c->out);
	return 0;
}

void conn_release_block(struct conn *c)
{
	if (!c->out || c->out->len > 0)
		return;
	if (c->tls)
		tls_set_output(c->tls, NULL);
	block_put(&c->loop->blocks, c->out);
	c->out = NULL;
}

int conn_flush(struct conn *c, struct error *err)
{
	size_t budget = WIRE_WRITE_TURN;
	int sent = 1;

	if (conn_hold_block(c, err))
		return -1;
	c->blocked = false;
	while (sent > 0 && budget >= WIRE_RECORD_PLAIN) {
		if (fill_block(c, err))
			return -1;
		if (c->out->len == 0) {
			conn_release_block(c);
			return 0;
		}
		sent = send_block(c, &budget, err);
	}
	conn_release_block(c);
	if (sent < 0)
		return -1;
	/* More to say: when the kernel has room, or when the others had a turn. */
	if (sent == 0)
		c->blocked = true;
	else
		conn_mark_later(c);
	return 0;
}

bool conn_say_goodbye(struct conn *c)
{
	size_t budget = WIRE_WRITE_TURN;
	autoerror ignored = {0};
	int sent;

	if (conn_hold_block(c, &ignored))
		return false;
	if (block_room(c->out) >= RECORD_ROOM && c->h2)
		fill_block(c, &ignored);
	if (c->tls)
		tls_close(c->tls);
	sent = send_block(c, &budget, &ignored);
	conn_release_block(c);
	return sent > 0;
}
