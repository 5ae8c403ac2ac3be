/*
 * A text to read, as a manual page (roff) or on the terminal, from the same words:
 * headings, paragraphs, entries under a tag, and lines that stay as they are. Used by
 * manual.c and by `virtmux help TOPIC`.
 *
 * In words `…` marks what is typed or stands in a file: bold in a manual page, the bare
 * word on the terminal. Memory that runs out shows in the buffer. One thread.
 */
#ifndef VIRTMUX_CLIENT_PAGE_H
#define VIRTMUX_CLIENT_PAGE_H

#include <stdbool.h>

#include "base/buf.h"

struct page {
	struct buf *out; /* borrowed; appended to */
	bool roff;
};

/* "EXIT STATUS". */
void page_heading(const struct page *page, const char *title);
/* One paragraph. */
void page_words(const struct page *page, const char *words);
/* WORDS under TAG. */
void page_entry(const struct page *page, const char *tag, const char *words);
/* Whole lines, each with its newline, as they are. */
void page_code(const struct page *page, const char *lines);

/* For what only a manual page has: TEXT with all that roff would read escaped. */
void page_roff(struct buf *out, const char *text);
/* The same as lines of at most PAGE_ROFF_LINE bytes, with `…` as bold; and newline. */
void page_roff_words(struct buf *out, const char *words);

#define PAGE_ROFF_LINE 78

#endif
