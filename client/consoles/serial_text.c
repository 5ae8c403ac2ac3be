/*
 * A serial line's bytes into plain text, and the search in it (serial_text.h).
 */
#include "client/consoles/serial_text.h"

#include <string.h>

#define ESC 0x1b
#define BEL 0x07
#define DEL 0x7f

void serial_text_clear(struct serial_text *t)
{
	buf_free(&t->text);
	memset(t, 0, sizeof(*t));
}

static bool begins_string(uint8_t c)
{
	return c == ']' || c == 'P' || c == '^' || c == '_' || c == 'X';
}

/* After ESC: intermediate bytes may come before the one that ends it. */
static enum serial_escape after_escape(uint8_t c)
{
	if (c == '[')
		return SERIAL_CONTROL;
	if (begins_string(c))
		return SERIAL_STRING;
	return c >= 0x20 && c <= 0x2f ? SERIAL_ESCAPE : SERIAL_PLAIN;
}

static enum serial_escape next(enum serial_escape now, uint8_t c)
{
	switch (now) {
	case SERIAL_PLAIN:
		return c == ESC ? SERIAL_ESCAPE : SERIAL_PLAIN;
	case SERIAL_ESCAPE:
		return c == ESC ? SERIAL_ESCAPE : after_escape(c);
	case SERIAL_CONTROL:
		if (c == ESC)
			return SERIAL_ESCAPE;
		return c >= 0x40 && c <= 0x7e ? SERIAL_PLAIN : SERIAL_CONTROL;
	case SERIAL_STRING:
		if (c == ESC)
			return SERIAL_STRING_END;
		/* A guest that never ends one must not silence its line. */
		return c == BEL || c == '\n' ? SERIAL_PLAIN : SERIAL_STRING;
	case SERIAL_STRING_END:
		return c == '\\' ? SERIAL_PLAIN : after_escape(c);
	}
	return SERIAL_PLAIN;
}

static bool is_text(uint8_t c)
{
	return c == '\n' || c == '\t' || (c >= 0x20 && c != DEL);
}

/* The oldest bytes go; a line that lost its head is searched as it is. */
static void forget(struct serial_text *t)
{
	size_t n;

	if (t->text.len <= SERIAL_TEXT_MAX)
		return;
	n = t->text.len - SERIAL_TEXT_MAX;
	buf_consume(&t->text, n);
	t->searched = t->searched > n ? t->searched - n : 0;
}

int serial_text_feed(struct serial_text *t, const uint8_t *data, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		enum serial_escape before = t->escape;

		t->escape = next(before, data[i]);
		if (before == SERIAL_PLAIN && t->escape == SERIAL_PLAIN &&
		    is_text(data[i]))
			buf_append_char(&t->text, (char)data[i]);
		if (t->text.len >= 2 * SERIAL_TEXT_MAX)
			forget(t);
	}
	forget(t);
	return buf_ok(&t->text) ? 0 : -1;
}

char *serial_text_find(struct serial_text *t, const regex_t *pattern)
{
	while (t->searched <= t->text.len && t->text.len > 0) {
		const char *begin =
			(const char *)buf_bytes(&t->text) + t->searched;
		size_t left = t->text.len - t->searched;
		const char *end = memchr(begin, '\n', left);
		size_t n = end ? (size_t)(end - begin) : left;
		char *line = strndup(begin, n);

		if (!line) {
			t->text.failed = true;
			return NULL;
		}
		if (end)
			t->searched += n + 1;
		if (regexec(pattern, line, 0, NULL, 0) == 0)
			return line;
		free(line);
		if (!end)
			break;
	}
	return NULL;
}
