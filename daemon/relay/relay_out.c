/*
 * A relay's way out: from the descriptor into the stream. Its source is asked by
 * the HTTP/2 engine, and only while the peer's window is open: this is where
 * reading is driven. relay.c calls it where the descriptor is readable.
 *
 * What always holds: a block is held only while it has bytes; after a full read
 * the next one is tried at once, after a short one the loop is asked first. The
 * source itself never calls h2.
 */
#include "daemon/relay/relay_private.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/copy.h"

static void drop_first(struct relay *r)
{
	struct block *first = r->ahead;

	r->ahead = first->next;
	block_put(r->options.blocks, first);
}

void relay_out_drop(struct relay *r)
{
	while (r->ahead)
		drop_first(r);
	r->ahead_len = 0;
}

static void append(struct relay *r, struct block *block, size_t len)
{
	block->next = NULL;
	block->head = 0;
	block->len = len;
	if (r->ahead)
		r->ahead_last->next = block;
	else
		r->ahead = block;
	r->ahead_last = block;
	r->ahead_len += len;
}

/* Whether bytes may be read behind those that wait for the stream. */
static bool has_room(const struct relay *r)
{
	return !r->ahead || (r->ahead_len < r->options.ahead && r->stream &&
			     r->ahead_len < h2_stream_room(r->stream));
}

/* What came before the error goes first. */
static void read_failed(struct relay *r, int errnum)
{
	if (errnum == EAGAIN)
		r->wants_read = true;
	else if (relay_is_plain_end(r, errnum))
		relay_set_half(r, &r->out, HALF_DRAIN);
	else if (r->ahead)
		r->read_errnum = errnum;
	else
		relay_end_soon(r, RELAY_DESCRIPTOR, errnum);
}

/* One read() into an empty block; the stream is told by the caller. */
static void read_block(struct relay *r)
{
	struct block *block = block_get(r->options.blocks);
	ssize_t n;

	r->read_more = false;
	if (!block) {
		relay_end_soon(r, RELAY_DESCRIPTOR, ENOMEM);
		return;
	}
	do {
		n = read(r->fd, block->data, RELAY_READ);
	} while (n < 0 && errno == EINTR);
	if (n > 0) {
		append(r, block, (size_t)n);
		r->read_more = n == RELAY_READ;
		return;
	}
	if (n == 0)
		relay_set_half(r, &r->out, HALF_DRAIN);
	else
		read_failed(r, errno);
	block_put(r->options.blocks, block);
}

static void pass_end(struct relay *r)
{
	relay_set_half(r, &r->out, HALF_CLOSED);
	relay_update_poll(r);
	relay_linger(r);
}

static size_t source_ready(void *context, bool *end)
{
	struct relay *r = context;

	if (!r->ahead && r->out == HALF_OPEN && r->read_more && !r->ending)
		read_block(r);
	*end = r->out != HALF_OPEN;
	if (r->ahead)
		return r->ahead_len;
	if (r->out == HALF_DRAIN) {
		pass_end(r);
	} else if (r->out == HALF_OPEN) {
		r->wants_read = true;
		relay_update_poll(r);
	}
	return 0;
}

/* Bytes of the first block. */
static void take_some(struct relay *r, uint8_t *to, size_t n)
{
	struct block *b = r->ahead;

	copy_bulk(to, b->data + b->head, n);
	b->head += n;
	b->len -= n;
	if (b->len == 0)
		drop_first(r);
}

static void source_take(void *context, uint8_t *to, size_t n)
{
	struct relay *r = context;

	r->end.bytes_out += n;
	r->ahead_len -= n;
	while (n > 0) {
		size_t part = n < r->ahead->len ? n : r->ahead->len;

		take_some(r, to, part);
		to += part;
		n -= part;
	}
	if (r->ahead_len < r->options.ahead / 2 && r->out == HALF_OPEN &&
	    !r->wants_read) {
		r->wants_read = true;
		relay_update_poll(r);
	}
	if (r->ahead)
		return;
	if (r->read_errnum)
		relay_end_soon(r, RELAY_DESCRIPTOR, r->read_errnum);
	if (r->out == HALF_DRAIN)
		pass_end(r);
}

static bool source_trailer(void *context, struct h2_header *field)
{
	const struct relay_options *options =
		&((struct relay *)context)->options;

	field->name = "virtmux-end";
	field->value = options->last_words
			       ? options->last_words(options->context)
			       : NULL;
	return field->value;
}

const struct h2_source relay_source = {
	.ready = source_ready,
	.take = source_take,
	.trailer = source_trailer,
};

static void read_and_tell(struct relay *r)
{
	bool dry = !r->ahead;

	do {
		read_block(r);
	} while (r->read_more && has_room(r));
	if (dry && r->stream)
		h2_stream_resume(r->stream);
}

void relay_out_readable(struct relay *r)
{
	/* What was read before waits for the window: it must go first. */
	if (r->out != HALF_OPEN || r->read_errnum || !has_room(r))
		r->wants_read = false;
	else
		read_and_tell(r);
}

void relay_out_failed(struct relay *r)
{
	if (r->out != HALF_OPEN)
		return;
	if (!r->ahead)
		read_and_tell(r);
	if (!r->ahead && r->out == HALF_OPEN)
		relay_end_soon(r, RELAY_DESCRIPTOR, EIO);
	/* The errno stands behind the bytes that came before it: the source finds it. */
	r->read_more = true;
	r->wants_read = false;
	r->options.ahead = 0;
}
