/*
 * How much of two pictures differs, and where one lies in the other (picture.h).
 *
 * What always holds: a search tests the pixels of the needle first that are not of
 * its most frequent colour, since a screen is mostly background; so nearly every
 * place is given up after a few pixels.
 */
#include "client/consoles/picture.h"

#include <stdlib.h>
#include <string.h>

static const uint8_t *pixel(const struct picture *p, size_t x, size_t y)
{
	return p->rgb + (y * p->width + x) * 3;
}

static bool differ(const uint8_t *a, const uint8_t *b)
{
	return abs(a[0] - b[0]) > PICTURE_SLACK ||
	       abs(a[1] - b[1]) > PICTURE_SLACK ||
	       abs(a[2] - b[2]) > PICTURE_SLACK;
}

bool picture_has(const struct picture *picture,
		 const struct picture_region *region)
{
	return region->width > 0 && region->height > 0 &&
	       region->x < picture->width && region->y < picture->height &&
	       region->width <= picture->width - region->x &&
	       region->height <= picture->height - region->y;
}

size_t picture_differing(const struct picture *a,
			 const struct picture_region *region,
			 const struct picture *b, unsigned x, unsigned y)
{
	size_t n = 0;

	for (size_t row = 0; row < region->height; row++) {
		const uint8_t *p = pixel(a, region->x, region->y + row);
		const uint8_t *q = pixel(b, x, y + row);

		if (memcmp(p, q, (size_t)region->width * 3) == 0)
			continue;
		for (size_t i = 0; i < region->width; i++)
			n += differ(p + 3 * i, q + 3 * i);
	}
	return n;
}

/* -- searching --------------------------------------------------------------- */

#define COLOURS 4096 /* 4 bits of each */

static unsigned colour_class(const uint8_t *p)
{
	return (p[0] >> 4) << 8 | (p[1] >> 4) << 4 | p[2] >> 4;
}

static unsigned background(const struct picture *needle)
{
	size_t counts[COLOURS] = {0};
	size_t n = (size_t)needle->width * needle->height;
	unsigned best = 0;

	for (size_t i = 0; i < n; i++)
		counts[colour_class(needle->rgb + 3 * i)]++;
	for (unsigned c = 0; c < COLOURS; c++)
		if (counts[c] > counts[best])
			best = c;
	return best;
}

/* The needle's pixels in the order in which they are tested; to free(). */
static uint32_t *testing_order(const struct picture *needle)
{
	size_t n = (size_t)needle->width * needle->height, at = 0;
	unsigned common = background(needle);
	uint32_t *order = malloc(n * sizeof(*order));

	for (int turn = 0; order && turn < 2; turn++)
		for (size_t i = 0; i < n; i++)
			if ((colour_class(needle->rgb + 3 * i) == common) ==
			    (turn == 1))
				order[at++] = (uint32_t)i;
	return order;
}

static bool lies_at(const struct picture *picture, const struct picture *needle,
		    const uint32_t *order, size_t most, unsigned x, unsigned y)
{
	size_t n = (size_t)needle->width * needle->height, wrong = 0;

	for (size_t i = 0; i < n && wrong <= most; i++) {
		size_t nx = order[i] % needle->width;
		size_t ny = order[i] / needle->width;

		wrong += differ(needle->rgb + 3 * (size_t)order[i],
				pixel(picture, x + nx, y + ny));
	}
	return wrong <= most;
}

bool picture_find(const struct picture *picture,
		  const struct picture_region *region,
		  const struct picture *needle, size_t most,
		  struct picture_region *at)
{
	autofree uint32_t *order = NULL;

	if (!picture_has(picture, region) || needle->width > region->width ||
	    needle->height > region->height)
		return false;
	order = testing_order(needle);
	if (!order)
		return false;
	*at = (struct picture_region){
		.width = needle->width,
		.height = needle->height,
	};
	for (at->y = region->y;
	     at->y + needle->height <= region->y + region->height; at->y++)
		for (at->x = region->x;
		     at->x + needle->width <= region->x + region->width;
		     at->x++)
			if (lies_at(picture, needle, order, most, at->x, at->y))
				return true;
	return false;
}
