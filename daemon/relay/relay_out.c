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

void relay_out_drop(struct relay *r)
{
	block_put(r->options.blocks, steal(&r->ahead));
}

static void read_failed(struct relay *r, int errnum)
{
	if (errnum == EAGAIN)
		r->wants_read = true;
	else if (relay_is_plain_end(r, errnum))
		relay_set_half(r, &r->out, HALF_DRAIN);
	else
		relay_end_soon(r, RELAY_DESCRIPTOR, errnum);
}

/* One read() into an empty block; the stream is told by the caller. */
static void read_ahead(struct relay *r)
{
	ssize_t n;

	r->ahead = block_get(r->options.blocks);
	if (!r->ahead) {
		relay_end_soon(r, RELAY_DESCRIPTOR, ENOMEM);
		return;
	}
	do {
		n = read(r->fd, r->ahead->data, RELAY_READ);
	} while (n < 0 && errno == EINTR);
	r->read_more = n == RELAY_READ;
	if (n > 0) {
		r->ahead->head = 0;
		r->ahead->len = (size_t)n;
		return;
	}
	if (n == 0)
		relay_set_half(r, &r->out, HALF_DRAIN);
	else
		read_failed(r, errno);
	relay_out_drop(r);
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
		read_ahead(r);
	*end = r->out != HALF_OPEN;
	if (r->ahead)
		return r->ahead->len;
	if (r->out == HALF_DRAIN) {
		pass_end(r);
	} else if (r->out == HALF_OPEN) {
		r->wants_read = true;
		relay_update_poll(r);
	}
	return 0;
}

static void source_take(void *context, uint8_t *to, size_t n)
{
	struct relay *r = context;
	struct block *b = r->ahead;

	copy_bulk(to, b->data + b->head, n);
	b->head += n;
	b->len -= n;
	r->end.bytes_out += n;
	if (b->len)
		return;
	relay_out_drop(r);
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
	read_ahead(r);
	if (r->stream)
		h2_stream_resume(r->stream);
}

void relay_out_readable(struct relay *r)
{
	/* What was read before waits for the window: it must go first. */
	if (r->ahead || r->out != HALF_OPEN)
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
	/* The errno stands behind the bytes that came before it. */
	r->read_more = true;
}
