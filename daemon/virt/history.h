/*
 * What a guest wrote last on a serial line: a ring whose bytes are known by their
 * offset, counted from the first one. Readers keep an offset of their own, so
 * that any number of them costs nothing. Allocated as it is needed.
 *
 * What holds: the bytes [history_first(), end) are there; first never goes back.
 * One owner, one thread at a time.
 */
#ifndef VIRTMUX_VIRT_HISTORY_H
#define VIRTMUX_VIRT_HISTORY_H

#include <stddef.h>
#include <stdint.h>

struct history {
	uint8_t *data; /* the byte of offset N stands at N % size */
	size_t size;   /* allocated: 0, or a power of two */
	size_t most;   /* it grows to that: a power of two */
	size_t len;    /* bytes held */
	uint64_t end;  /* offset behind the newest */
};

/* Bytes of the first allocation. */
#define HISTORY_FIRST 1024

static inline uint64_t history_first(const struct history *h)
{
	return h->end - h->len;
}

/*
 * Where the next bytes go, and how many at most: one piece, after which all from
 * the offset KEEP on is still held; what is older may be lost. 0: none, for KEEP
 * or without memory. KEEP is from first to end.
 */
size_t history_room(struct history *h, uint64_t keep, uint8_t **at);

/* N bytes were written there. */
void history_added(struct history *h, size_t n);

/* The bytes from OFFSET on (first to end), and how many: one piece. */
size_t history_from(const struct history *h, uint64_t offset,
		    const uint8_t **at);

void history_free(struct history *h);

#endif
