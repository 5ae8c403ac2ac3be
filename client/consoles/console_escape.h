/*
 * Finding what is for us in what is typed at a console: the escape key anywhere, and
 * at the start of a line "~" with a further key, as in ssh ("~~" there is one "~").
 * Called by console.c for every chunk of input; chunks may be split anywhere.
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

enum console_action {
	CONSOLE_NOTHING, /* all of it was for the guest */
	CONSOLE_LEAVE,   /* the escape key, "~." */
	CONSOLE_HELP,    /* "~?" */
	CONSOLE_RESIZE,  /* "~r" */
	CONSOLE_SUSPEND, /* "~^Z" */
};

struct console_escape {
	int key;    /* a byte, or CONSOLE_NO_KEY */
	bool tilde; /* "~" at the start of a line is for us */
	enum console_place place;
};

/*
 * Appends to OUT what of DATA is for the guest, up to the first action: that is told
 * in *ACTION, and the number of bytes looked at is returned. A failure to append
 * shows in buf_ok(OUT).
 */
size_t console_escape_feed(struct console_escape *escape, const uint8_t *data,
			   size_t n, struct buf *out,
			   enum console_action *action);

/* The input has ended: what was held back goes out. */
void console_escape_end(struct console_escape *escape, struct buf *out);

/*
 * "^]", "Ctrl-]", "Ctrl+A", "C-a", "^5" (what a terminal sends for that key with
 * Ctrl), "0x1d", one character, or "none". ERROR_USAGE.
 */
int console_escape_parse(const char *text, int *key, struct error *err);

#define CONSOLE_KEY_TEXT 48

/* "^] (Ctrl + ] or Ctrl + 5)", "x"; TEXT has CONSOLE_KEY_TEXT bytes. */
void console_escape_describe(int key, char *text);

#endif
