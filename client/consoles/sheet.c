/*
 * Thumbnails in rows and columns (sheet.h).
 */
#include "client/consoles/sheet.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define GAP          12 /* pixels around each thumbnail */
#define NAME_SIZE    2  /* of the letters, times the font's */
#define NAME_HEIGHT  (NAME_SIZE * PICTURE_GLYPH_HEIGHT)
#define WHY_SIZE     1
#define CELL_WIDTH   (SHEET_WIDTH + GAP)
#define CELL_HEIGHT  (SHEET_HEIGHT + NAME_HEIGHT + 2 * GAP)
#define PAPER        0x20242au
#define BLANK        0x343a43u
#define INK          0xf2f2f2u
#define PALE_INK     0xb8bec8u
#define WHY_LINES    4
#define WHY_LINE     ((SHEET_WIDTH - 2 * GAP) / (WHY_SIZE * PICTURE_GLYPH_WIDTH))
#define LINE_SPACING (WHY_SIZE * PICTURE_GLYPH_HEIGHT + 4)

struct sheet {
	struct picture picture;
	size_t n, at; /* cells, drawn ones */
	unsigned columns;
};

int sheet_new(struct sheet **sheet, size_t n, struct error *err)
{
	autoptr(sheet) s = calloc(1, sizeof(*s));
	struct picture_region all = {0};
	unsigned rows;

	assert(n > 0 && n <= SHEET_MAX);
	if (!s)
		return error_set_no_memory(err);
	s->n = n;
	while ((size_t)s->columns * s->columns < n)
		s->columns++;
	rows = (unsigned)((n + s->columns - 1) / s->columns);
	if (picture_new(&s->picture, GAP + s->columns * CELL_WIDTH,
			GAP + rows * CELL_HEIGHT, err) < 0)
		return -1;
	all.width = s->picture.width;
	all.height = s->picture.height;
	picture_fill(&s->picture, &all, PAPER);
	*sheet = steal(&s);
	return 0;
}

void sheet_free(struct sheet *s)
{
	if (!s)
		return;
	picture_clear(&s->picture);
	free(s);
}

/* The room of the next thumbnail, after its name was written under it. */
static struct picture_region next_cell(struct sheet *s, const char *name)
{
	struct picture_region cell = {
		.x = GAP + (unsigned)(s->at % s->columns) * CELL_WIDTH,
		.y = GAP + (unsigned)(s->at / s->columns) * CELL_HEIGHT,
		.width = SHEET_WIDTH,
		.height = SHEET_HEIGHT,
	};

	assert(s->at < s->n);
	s->at++;
	picture_write(&s->picture, cell.x, cell.y + SHEET_HEIGHT + GAP / 2,
		      SHEET_WIDTH, NAME_SIZE, INK, name);
	return cell;
}

int sheet_add(struct sheet *s, const char *name, const struct picture *screen,
	      struct error *err)
{
	struct picture_region cell = next_cell(s, name);
	autopicture small = {0};

	if (picture_shrink(screen, SHEET_WIDTH, SHEET_HEIGHT, &small, err) < 0)
		return -1;
	/* Centred, and standing on its name. */
	picture_put(&s->picture, cell.x + (SHEET_WIDTH - small.width) / 2,
		    cell.y + SHEET_HEIGHT - small.height, &small);
	return 0;
}

/* How many bytes of WHY go on a line: words whole where they fit. */
static size_t line_length(const char *why)
{
	size_t n = strlen(why), cut = WHY_LINE;

	if (n <= WHY_LINE)
		return n;
	while (cut > 0 && why[cut] != ' ')
		cut--;
	return cut > 0 ? cut : WHY_LINE;
}

void sheet_add_blank(struct sheet *s, const char *name, const char *why)
{
	struct picture_region cell = next_cell(s, name);

	picture_fill(&s->picture, &cell, BLANK);
	picture_write(&s->picture, cell.x + GAP, cell.y + GAP,
		      SHEET_WIDTH - 2 * GAP, NAME_SIZE, INK, "no picture");
	for (unsigned line = 0; *why && line < WHY_LINES; line++) {
		size_t n = line_length(why);
		autofree char *words = strndup(why, n);

		picture_write(&s->picture, cell.x + GAP,
			      cell.y + 2 * GAP + NAME_HEIGHT +
				      line * LINE_SPACING,
			      SHEET_WIDTH - 2 * GAP, WHY_SIZE, PALE_INK,
			      words ? words : "");
		why += n + strspn(why + n, " ");
	}
}

const struct picture *sheet_picture(const struct sheet *s)
{
	return &s->picture;
}
