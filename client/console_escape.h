/*
 * Finding what leaves a console in what is typed: the escape key anywhere, and
 * "~." at the start of a line, as in ssh ("~~" there is one "~"). Called by
 * console.c for every chunk of input; chunks may be split anywhere.
 */
#ifndef VIRTMUX_CLIENT_CONSOLE_ESCAPE_H
#define VIRTMUX_CLIENT_CONSOLE_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

#define CONSOLE_NO_KEY (-1)

enum console_place {
	CONSOLE_LINE_START, /* nothing was typed since the last return */
	CONSOLE_TILDE,      /* a "~" there, which is held back */
	CONSOLE_MIDDLE,
};

struct console_escape {
	int key;    /* a byte, or CONSOLE_NO_KEY */
	bool tilde; /* "~." leaves too */
	enum console_place place;
};

/*
 * Appends to OUT what of DATA is for the guest. True where it leaves: nothing
 * behind that is appended. A failure to append shows in buf_ok(OUT).
 */
bool console_escape_feed(struct console_escape *escape, const uint8_t *data,
			 size_t n, struct buf *out);

/* The input has ended: what was held back goes out. */
void console_escape_end(struct console_escape *escape, struct buf *out);

/*
 * "^]", "^a" or "^A", "^?", one character, or "none". ERROR_USAGE.
 */
int console_escape_parse(const char *text, int *key, struct error *err);

#define CONSOLE_KEY_TEXT 32

/* "^] (Ctrl + ])", "x"; TEXT has CONSOLE_KEY_TEXT bytes. */
void console_escape_describe(int key, char *text);

#endif
