/*
 * The queue of pieces (session_pieces.h). What always holds: a queue without bytes has
 * no piece; no piece of a queue is empty.
 */
#include "client/connect/session_pieces.h"

#include <assert.h>
#include <stdlib.h>

#include "base/copy.h"

struct piece {
	struct piece *next;
	size_t head, len; /* bytes: data[head .. head + len) */
	uint8_t data[PIECE_SIZE];
};

static struct piece *get(struct piece_pool *pool)
{
	struct piece *p = pool->free;

	if (p) {
		pool->free = p->next;
		pool->kept--;
	} else {
		p = malloc(sizeof(*p));
		if (!p)
			return NULL;
	}
	p->next = NULL;
	p->head = 0;
	p->len = 0;
	return p;
}

static void put(struct piece_pool *pool, struct piece *p)
{
	if (pool->kept == PIECES_KEPT) {
		free(p);
		return;
	}
	p->next = pool->free;
	pool->free = p;
	pool->kept++;
}

static size_t room(const struct piece *p)
{
	return p ? PIECE_SIZE - p->head - p->len : 0;
}

/* New pieces for N bytes: *FIRST to *LAST; none where N is 0. */
static int get_chain(struct piece_pool *pool, size_t n, struct piece **first,
		     struct piece **last)
{
	*first = *last = NULL;
	for (size_t got = 0; got < n; got += PIECE_SIZE) {
		struct piece *p = get(pool);

		if (!p)
			return -1;
		if (*last)
			(*last)->next = p;
		else
			*first = p;
		*last = p;
	}
	return 0;
}

static void put_chain(struct piece_pool *pool, struct piece *p)
{
	while (p) {
		struct piece *next = p->next;

		put(pool, p);
		p = next;
	}
}

/* As much of N bytes as has room in P. */
static size_t fill(struct piece *p, const uint8_t *data, size_t n)
{
	size_t part = room(p) < n ? room(p) : n;

	if (part == 0)
		return 0;
	copy_bulk(p->data + p->head + p->len, data, part);
	p->len += part;
	return part;
}

int pieces_append(struct pieces *pieces, struct piece_pool *pool,
		  const uint8_t *data, size_t n)
{
	size_t here = room(pieces->last);
	struct piece *first, *last;
	size_t done;

	if (get_chain(pool, n > here ? n - here : 0, &first, &last) < 0) {
		put_chain(pool, first);
		return -1;
	}
	done = fill(pieces->last, data, n);
	for (struct piece *p = first; p; p = p->next)
		done += fill(p, data + done, n - done);
	if (first) {
		if (pieces->last)
			pieces->last->next = first;
		else
			pieces->first = first;
		pieces->last = last;
	}
	pieces->len += n;
	return 0;
}

void pieces_take(struct pieces *pieces, struct piece_pool *pool, uint8_t *to,
		 size_t n)
{
	assert(n <= pieces->len);
	pieces->len -= n;
	while (n > 0) {
		struct piece *p = pieces->first;
		size_t part = p->len < n ? p->len : n;

		copy_bulk(to, p->data + p->head, part);
		to += part;
		n -= part;
		p->head += part;
		p->len -= part;
		if (p->len > 0)
			continue;
		pieces->first = p->next;
		if (!p->next)
			pieces->last = NULL;
		put(pool, p);
	}
}

void pieces_clear(struct pieces *pieces, struct piece_pool *pool)
{
	put_chain(pool, pieces->first);
	*pieces = (struct pieces){0};
}

void piece_pool_clear(struct piece_pool *pool)
{
	while (pool->free) {
		struct piece *p = pool->free;

		pool->free = p->next;
		free(p);
	}
	pool->kept = 0;
}
