/*
 * The pool of I/O blocks: a short free list, so that a busy loop allocates
 * nothing and an idle one holds little.
 */
#include "wire/block.h"

#include <stdlib.h>

struct block *block_get(struct block_pool *pool)
{
	struct block *block = pool->free;

	if (block) {
		pool->free = block->next;
		pool->kept--;
	} else {
		block = malloc(sizeof(*block));
		if (!block)
			return NULL;
	}
	block->next = NULL;
	block->head = 0;
	block->len = 0;
	return block;
}

void block_put(struct block_pool *pool, struct block *block)
{
	if (!block)
		return;
	if (pool->kept >= WIRE_BLOCKS_KEPT) {
		free(block);
		return;
	}
	block->next = pool->free;
	pool->free = block;
	pool->kept++;
}

void block_pool_clear(struct block_pool *pool)
{
	while (pool->free) {
		struct block *block = pool->free;

		pool->free = block->next;
		free(block);
	}
	pool->kept = 0;
}
