/*
 * A pool of I/O blocks of WIRE_BLOCK_SIZE bytes. One pool for each loop; an
 * idle connection holds none. conn takes a block while output waits for the
 * kernel and gives it back when all is sent. Loop thread only.
 */
#ifndef VIRTMUX_WIRE_BLOCK_H
#define VIRTMUX_WIRE_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "wire/limits.h"

/* Content is data[head .. head + len). */
struct block {
	struct block *next; /* the pool's */
	size_t head;
	size_t len;
	uint8_t data[WIRE_BLOCK_SIZE];
};

struct block_pool {
	struct block *free;
	unsigned kept;
};

/* An empty block, or NULL without memory. Give it back with block_put(). */
struct block *block_get(struct block_pool *pool);
void block_put(struct block_pool *pool, struct block *block); /* NULL-safe */
void block_pool_clear(struct block_pool *pool);

/* Bytes that can still be appended behind the content. */
static inline size_t block_room(const struct block *b)
{
	return WIRE_BLOCK_SIZE - b->head - b->len;
}

#endif
