/*
 * The ring of a serial line's last bytes (history.h). It doubles while it is
 * full and may grow; from then on the newest bytes overwrite the oldest.
 */
#include "daemon/virt/history.h"

#include <stdlib.h>
#include <string.h>

/* Without memory it stays as it is. */
static void grow(struct history *h)
{
	size_t size = h->size ? 2 * h->size : HISTORY_FIRST;
	uint8_t *data = malloc(size);
	const uint8_t *from;
	size_t n;

	if (!data)
		return;
	/* A piece of the old ring wraps nowhere in a larger one either. */
	for (uint64_t o = history_first(h); o < h->end; o += n) {
		n = history_from(h, o, &from);
		memcpy(data + o % size, from, n);
	}
	free(h->data);
	h->data = data;
	h->size = size;
}

size_t history_room(struct history *h, uint64_t keep, uint8_t **at)
{
	size_t room, place;

	if (h->len == h->size && h->size < h->most)
		grow(h);
	if (h->size == 0)
		return 0;
	room = h->size - (size_t)(h->end - keep);
	place = (size_t)(h->end % h->size);
	*at = h->data + place;
	return room < h->size - place ? room : h->size - place;
}

void history_added(struct history *h, size_t n)
{
	h->end += n;
	h->len = h->len + n < h->size ? h->len + n : h->size;
}

size_t history_from(const struct history *h, uint64_t offset,
		    const uint8_t **at)
{
	size_t held = (size_t)(h->end - offset);
	size_t place;

	if (held == 0)
		return 0;
	place = (size_t)(offset % h->size);
	*at = h->data + place;
	return held < h->size - place ? held : h->size - place;
}

void history_free(struct history *h)
{
	free(h->data);
	h->data = NULL;
	h->size = h->len = 0;
}
