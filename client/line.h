/*
 * A line of words as sh splits them: blanks between words, '…', "…", backslash, and
 * "#" at a word's begin for a comment. Used by `virtmux shell`, and by completion,
 * which also asks how the last word stands there. No variables, no patterns, no
 * operators. No state; any thread.
 */
#ifndef VIRTMUX_CLIENT_LINE_H
#define VIRTMUX_CLIENT_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

#define BREAKS_KEPT                                                            \
	"$@" /* belong to what is behind them (rl_special_prefixes) */

struct line {
	char **words; /* without their quotes; NULL-terminated */
	size_t n;
	bool between; /* the line is empty or ends behind a word: a new one begins */
	char quote; /* that is still open at the end: ' or " (\ for a lone one) */
	size_t begins_at; /* of the last word, in the text */
	size_t quoted_at; /* bytes of the last word before that quote */
	size_t broken_at; /* bytes of the last word that the last BREAKS in it parts */
};

/*
 * Splits TEXT. BREAKS: characters that, unquoted, end what a shell's editor takes
 * for a word (bash's COMP_WORDBREAKS); NULL: none. An open quote is no error here.
 * ERROR_NO_MEMORY.
 */
int line_split(struct line *line, const char *text, const char *breaks,
	       struct error *err);
void line_clear(struct line *line);

#define autoline cleanup(line_clear) struct line

/* WORD so that it stands for itself behind an open QUOTE (0: none); appended. */
void line_quote(struct buf *out, const char *word, char quote);

#endif
