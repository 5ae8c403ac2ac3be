/*
 * A sheet of thumbnails with a name under each, for screenshot --all. Drawn as its
 * cells are added, so that only one whole screen is held at a time. One thread.
 */
#ifndef VIRTMUX_CLIENT_SHEET_H
#define VIRTMUX_CLIENT_SHEET_H

#include "client/consoles/picture.h"

#define SHEET_MAX    256 /* cells: 16 x 16 of them are 70 MiB of pixels */
#define SHEET_WIDTH  320 /* pixels of a thumbnail at most */
#define SHEET_HEIGHT 240

struct sheet;

/* For N cells, 1 to SHEET_MAX, about as many columns as rows. ERROR_NO_MEMORY. */
int sheet_new(struct sheet **sheet, size_t n, struct error *err);
void sheet_free(struct sheet *sheet); /* NULL-safe */

DEFINE_CLEANUP(sheet, sheet_free);

/* The next cell: SCREEN made smaller. No more than N times. ERROR_NO_MEMORY. */
int sheet_add(struct sheet *sheet, const char *name,
	      const struct picture *screen, struct error *err);

/* The next cell: a blank in which WHY is written. */
void sheet_add_blank(struct sheet *sheet, const char *name, const char *why);

/* What was drawn; borrowed. */
const struct picture *sheet_picture(const struct sheet *sheet);

#endif
