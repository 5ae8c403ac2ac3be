/*
 * Splitting and quoting (line.h): one pass over the bytes, with the word that grows.
 */
#include "client/line.h"

#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\r\n"

/* What needs no backslash outside of quotes, in any shell of POSIX. */
#define PLAIN                                                                  \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"       \
	"%+,-./:=@_"

void line_clear(struct line *line)
{
	for (size_t i = 0; i < line->n; i++)
		free(line->words[i]);
	free(line->words);
	*line = (struct line){0};
}

/* Takes what WORD has gathered as the next word. */
static int end_word(struct line *line, struct buf *word, struct error *err)
{
	char **words = realloc(line->words, (line->n + 2) * sizeof(*words));

	if (!words)
		return error_set_no_memory(err);
	line->words = words;
	words[line->n + 1] = NULL;
	words[line->n] = buf_steal_str(word);
	if (!words[line->n])
		return error_set_no_memory(err);
	line->n++;
	return 0;
}

/* The character behind a backslash; in "…" only some are meant by it. */
static void append_escaped(struct buf *word, char quote, char c)
{
	if (c == '\n')
		return;
	if (quote == '"' && !strchr("\"\\$`", c))
		buf_append_char(word, '\\');
	buf_append_char(word, c);
}

/* One character that is part of a word, *P, which it may go on from. */
static void take(struct line *line, struct buf *word, const char **p,
		 const char *breaks)
{
	char c = **p;

	if (c == '\\' && line->quote != '\'') {
		if ((*p)[1])
			append_escaped(word, line->quote, *++*p);
		else if (!line->quote)
			line->quote = '\\';
	} else if (line->quote && c == line->quote) {
		line->quote = 0;
	} else if (!line->quote && (c == '\'' || c == '"')) {
		line->quote = c;
		line->quoted_at = word->len;
	} else {
		buf_append_char(word, c);
		if (!line->quote && breaks && strchr(breaks, c))
			line->broken_at =
				word->len - (strchr(BREAKS_KEPT, c) ? 1 : 0);
	}
}

int line_split(struct line *line, const char *text, const char *breaks,
	       struct error *err)
{
	autobuf word = {0};

	*line = (struct line){.between = true};
	line->words = calloc(1, sizeof(*line->words));
	if (!line->words)
		return error_set_no_memory(err);
	for (const char *p = text; *p; p++) {
		if (!line->quote && strchr(BLANKS, *p)) {
			if (!line->between && end_word(line, &word, err) < 0)
				return -1;
			line->between = true;
			continue;
		}
		if (line->between && *p == '#')
			return 0;
		if (line->between) {
			line->begins_at = (size_t)(p - text);
			line->quoted_at = line->broken_at = 0;
		}
		line->between = false;
		take(line, &word, &p, breaks);
	}
	return line->between ? 0 : end_word(line, &word, err);
}

void line_quote(struct buf *out, const char *word, char quote)
{
	for (const char *p = word; *p; p++) {
		unsigned char c = (unsigned char)*p;

		if (quote == '\'' && c == '\'')
			buf_append_str(out, "'\\'");
		else if ((quote == '"' && strchr("\"\\$`", c)) ||
			 ((!quote || quote == '\\') && c < 0x80 &&
			  !strchr(PLAIN, c)))
			buf_append_char(out, '\\');
		buf_append_char(out, *p);
	}
}
