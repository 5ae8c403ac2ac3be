/*
 * Bytes on their way through the session, first in, first out, in pieces of memory
 * that all streams share: a stream that waits for nothing holds none, nothing is moved
 * to grow, and the piece used last, which the processor has at hand, is used next.
 * Loop thread only.
 */
#ifndef VIRTMUX_CLIENT_SESSION_PIECES_H
#define VIRTMUX_CLIENT_SESSION_PIECES_H

#include <stddef.h>
#include <stdint.h>

#define PIECE_SIZE  (16u * 1024) /* bytes: about a record of TLS */
#define PIECES_KEPT 64u          /* for reuse, when nobody needs them */

struct piece;

/* Zero is an empty one. */
struct piece_pool {
	struct piece *free;
	unsigned kept;
};

/* Zero is an empty queue. Each queue has one pool from its beginning to its end. */
struct pieces {
	struct piece *first, *last;
	size_t len; /* bytes */
};

/* Copies N bytes to the end. -1 without memory: nothing was appended. */
int pieces_append(struct pieces *pieces, struct piece_pool *pool,
		  const uint8_t *data, size_t n);

/* Moves the first N bytes, of at least so many, to TO. */
void pieces_take(struct pieces *pieces, struct piece_pool *pool, uint8_t *to,
		 size_t n);

/* Throws all bytes away. */
void pieces_clear(struct pieces *pieces, struct piece_pool *pool);

/* Frees what is kept. */
void piece_pool_clear(struct piece_pool *pool);

#endif
