/*
 * Pictures of screens on the client: PNG from and to pixels, how much of two
 * pictures differs, where one lies in the other, and what a sheet of thumbnails is
 * drawn with. No I/O; any thread.
 *
 * What always holds: a host's PNG is not believed: its sizes are checked before
 * memory is taken for its pixels.
 */
#ifndef VIRTMUX_CLIENT_PICTURE_H
#define VIRTMUX_CLIENT_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

#define PICTURE_SIDE_MAX   16384u              /* pixels, as on the host */
#define PICTURE_PIXELS_MAX (36u * 1024 * 1024) /* 8K UHD has 32 Mi: 108 MiB */

/* Rows from the top, 3 bytes a pixel: red, green, blue. */
struct picture {
	unsigned width, height; /* pixels */
	uint8_t *rgb;           /* owned; picture_clear() */
};

#define autopicture cleanup(picture_clear) struct picture

/* In pixels from the upper left corner. */
struct picture_region {
	unsigned x, y, width, height;
};

/* Black. ERROR_TOO_LARGE above the limits, ERROR_NO_MEMORY. */
int picture_new(struct picture *picture, unsigned width, unsigned height,
		struct error *err);
void picture_clear(struct picture *picture);

/*
 * From PNG of any kind, which is laid on black where it is transparent. ERROR_FAILED
 * where it is none, ERROR_TOO_LARGE above the limits.
 */
int picture_decode(const void *png, size_t len, struct picture *picture,
		   struct error *err);

/* As PNG, appended to PNG. */
int picture_encode(const struct picture *picture, struct buf *png,
		   struct error *err);

/* -- comparing (picture_compare.c) ------------------------------------------- */

/*
 * Two pixels differ where one of their colours differs by more than that many
 * steps of 255: less is what scaling and dithering make.
 */
#define PICTURE_SLACK 16

/* Whether REGION, which is not empty, lies in PICTURE. */
bool picture_has(const struct picture *picture,
		 const struct picture_region *region);

/*
 * How many pixels of REGION in A differ from the region of that size in B that
 * begins at X, Y. Both must lie in their pictures.
 */
size_t picture_differing(const struct picture *a,
			 const struct picture_region *region,
			 const struct picture *b, unsigned x, unsigned y);

/*
 * The first place, row by row, in REGION of PICTURE where NEEDLE lies with at most
 * MOST pixels that differ; *AT gets its place and size. False where there is none.
 */
bool picture_find(const struct picture *picture,
		  const struct picture_region *region,
		  const struct picture *needle, size_t most,
		  struct picture_region *at);

/* -- drawing (picture_draw.c) ------------------------------------------------ */

#define PICTURE_GLYPH_WIDTH                                                    \
	6 /* pixels of a character at size 1, with its gap */
#define PICTURE_GLYPH_HEIGHT 8

/*
 * A smaller copy that fits into WIDTH x HEIGHT, by averaging over the area that each
 * of its pixels covers; one that fits already is copied as it is.
 */
int picture_shrink(const struct picture *from, unsigned width, unsigned height,
		   struct picture *to, struct error *err);

/* Fills REGION, or what of it lies in the picture, with a colour 0xRRGGBB. */
void picture_fill(struct picture *picture, const struct picture_region *region,
		  uint32_t colour);

/* Copies FROM to X, Y; what lies outside is left out. */
void picture_put(struct picture *picture, unsigned x, unsigned y,
		 const struct picture *from);

/*
 * Writes UTF-8 text in one line, SIZE times as large as the font, at most WIDTH
 * pixels wide: what is longer ends in "..". What is not ASCII is a box.
 */
void picture_write(struct picture *picture, unsigned x, unsigned y,
		   unsigned width, unsigned size, uint32_t colour,
		   const char *text);

#endif
