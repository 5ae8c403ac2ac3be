/*
 * Thumbnails and their labels (picture.h). The letters are a table of our own, of
 * 5 x 7 pixels: a library for type (FreeType, Pango) would need a font file that a
 * machine may not have, and these are names under thumbnails.
 */
#include "client/consoles/picture.h"

#include <string.h>

#include "base/utf8.h"

#define GLYPH_ROWS    7
#define GLYPH_COLUMNS 5
#define GLYPH_FIRST   ' '
#define UNIT          256 /* of a source pixel, when areas are weighed */

static const uint8_t glyphs[][GLYPH_ROWS] = {
#define GLYPH(character, ...) {__VA_ARGS__},
#include "client/consoles/picture_font.def"
#undef GLYPH
};

/* -- shrinking --------------------------------------------------------------- */

/* The part of a side that a target pixel covers, in units of a source pixel. */
struct span {
	size_t from, to;
};

static struct span span_of(unsigned i, unsigned n, unsigned source)
{
	return (struct span){
		.from = (size_t)i * source * UNIT / n,
		.to = ((size_t)i + 1) * source * UNIT / n,
	};
}

/* How much of source pixel I the span covers, 0 to UNIT. */
static size_t cover(const struct span *s, size_t i)
{
	size_t from = i * UNIT > s->from ? i * UNIT : s->from;
	size_t to = (i + 1) * UNIT < s->to ? (i + 1) * UNIT : s->to;

	return to - from;
}

static void average(const struct picture *p, const struct span *h,
		    const struct span *v, uint8_t *to)
{
	uint64_t sums[3] = {0}, all = 0;

	for (size_t y = v->from / UNIT; y * UNIT < v->to; y++)
		for (size_t x = h->from / UNIT; x * UNIT < h->to; x++) {
			uint64_t weight = cover(h, x) * cover(v, y);
			const uint8_t *rgb = p->rgb + (y * p->width + x) * 3;

			all += weight;
			for (int i = 0; i < 3; i++)
				sums[i] += weight * rgb[i];
		}
	for (int i = 0; i < 3; i++)
		to[i] = (uint8_t)((sums[i] + all / 2) / all);
}

/* The largest size of the same form that fits. */
static void fit(const struct picture *from, unsigned *width, unsigned *height)
{
	size_t w = from->width, h = from->height;

	if (w <= *width && h <= *height) {
		*width = from->width;
		*height = from->height;
	} else if (w * *height > h * *width) {
		*height = (unsigned)(h * *width / w);
	} else {
		*width = (unsigned)(w * *height / h);
	}
	*width = *width ? *width : 1;
	*height = *height ? *height : 1;
}

int picture_shrink(const struct picture *from, unsigned width, unsigned height,
		   struct picture *to, struct error *err)
{
	fit(from, &width, &height);
	if (picture_new(to, width, height, err) < 0)
		return -1;
	for (unsigned y = 0; y < height; y++)
		for (unsigned x = 0; x < width; x++) {
			struct span h = span_of(x, width, from->width);
			struct span v = span_of(y, height, from->height);

			average(from, &h, &v,
				to->rgb + ((size_t)y * width + x) * 3);
		}
	return 0;
}

/* -- filling and copying ----------------------------------------------------- */

static unsigned clip(unsigned at, unsigned n, unsigned side)
{
	if (at >= side)
		return 0;
	return n < side - at ? n : side - at;
}

void picture_fill(struct picture *picture, const struct picture_region *r,
		  uint32_t colour)
{
	unsigned w = clip(r->x, r->width, picture->width);
	unsigned h = clip(r->y, r->height, picture->height);

	for (size_t y = r->y; y < (size_t)r->y + h; y++)
		for (size_t x = r->x; x < (size_t)r->x + w; x++) {
			uint8_t *p =
				picture->rgb + (y * picture->width + x) * 3;

			p[0] = (uint8_t)(colour >> 16);
			p[1] = (uint8_t)(colour >> 8);
			p[2] = (uint8_t)colour;
		}
}

void picture_put(struct picture *picture, unsigned x, unsigned y,
		 const struct picture *from)
{
	unsigned w = clip(x, from->width, picture->width);
	unsigned h = clip(y, from->height, picture->height);

	for (size_t row = 0; row < h; row++)
		memcpy(picture->rgb + ((y + row) * picture->width + x) * 3,
		       from->rgb + row * from->width * 3, (size_t)w * 3);
}

/* -- writing ----------------------------------------------------------------- */

static void draw_glyph(struct picture *p, unsigned x, unsigned y, unsigned size,
		       uint32_t colour, uint32_t point)
{
	size_t last = array_size(glyphs) - 1; /* the box */
	size_t i = point >= GLYPH_FIRST && point < GLYPH_FIRST + last
			   ? point - GLYPH_FIRST
			   : last;

	for (unsigned row = 0; row < GLYPH_ROWS; row++)
		for (unsigned column = 0; column < GLYPH_COLUMNS; column++) {
			const struct picture_region dot = {
				x + column * size, y + row * size, size, size};

			if (glyphs[i][row] >> (GLYPH_COLUMNS - 1 - column) & 1)
				picture_fill(p, &dot, colour);
		}
}

/* The code point at TEXT, and how many bytes to go on. */
static size_t next_point(const char *text, uint32_t *point)
{
	size_t n = utf8_sequence((const uint8_t *)text, strlen(text), point);

	if (n > 0)
		return n;
	*point = 0;
	return 1;
}

void picture_write(struct picture *picture, unsigned x, unsigned y,
		   unsigned width, unsigned size, uint32_t colour,
		   const char *text)
{
	unsigned room = width / (PICTURE_GLYPH_WIDTH * size);
	size_t points = 0;
	uint32_t point;

	for (const char *p = text; *p; p += next_point(p, &point))
		points++;
	for (unsigned i = 0; *text && i < room; i++) {
		text += next_point(text, &point);
		if (points > room && i + 2 >= room)
			point = '.';
		draw_glyph(picture, x + i * PICTURE_GLYPH_WIDTH * size, y, size,
			   colour, point);
	}
}
