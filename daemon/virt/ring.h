/*
 * A ring of bytes of a fixed size, for one direction of a serial line. One
 * owner, one thread; no allocation but for its data.
 */
#ifndef VIRTMUX_VIRT_RING_H
#define VIRTMUX_VIRT_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
	uint8_t *data;
	size_t size;
	size_t start, len;
	uint64_t total; /* bytes that have left it */
};

/* Where the next bytes go, and how many: one piece of the ring. */
static inline size_t ring_room(const struct ring *ring, uint8_t **at)
{
	size_t end = (ring->start + ring->len) % ring->size;
	size_t room = ring->size - ring->len;

	*at = ring->data + end;
	return room < ring->size - end ? room : ring->size - end;
}

static inline void ring_added(struct ring *ring, size_t n)
{
	ring->len += n;
}

/* The oldest bytes, and how many: one piece. */
static inline size_t ring_held(const struct ring *ring, uint8_t **at)
{
	*at = ring->data ? ring->data + ring->start : NULL;
	if (ring->len < ring->size - ring->start)
		return ring->len;
	return ring->size - ring->start;
}

/* Empty, it begins at its start again: a large one touches little memory. */
static inline void ring_taken(struct ring *ring, size_t n)
{
	ring->len -= n;
	ring->total += n;
	ring->start = ring->len ? (ring->start + n) % ring->size : 0;
}

static inline bool ring_full(const struct ring *ring)
{
	return ring->len == ring->size;
}

#endif
