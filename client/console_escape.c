/*
 * The keys that leave a console (console_escape.h): a state of three places,
 * moved on byte by byte, so that no split of the input matters.
 */
#include "client/console_escape.h"

#include <stdio.h>
#include <string.h>

#define CTRL_BIT 0x40
#define DELETE   0x7f

static bool ends_line(uint8_t c)
{
	return c == '\r' || c == '\n';
}

/* Behind a held "~": whether it leaves. */
static bool feed_tilde(struct console_escape *e, uint8_t c, struct buf *out)
{
	e->place = CONSOLE_MIDDLE;
	if (c == '.')
		return true;
	buf_append_char(out, '~');
	if (c == '~')
		return false;
	buf_append_char(out, (char)c);
	if (ends_line(c))
		e->place = CONSOLE_LINE_START;
	return false;
}

static bool feed_byte(struct console_escape *e, uint8_t c, struct buf *out)
{
	if (c == e->key)
		return true;
	if (e->place == CONSOLE_TILDE)
		return feed_tilde(e, c, out);
	if (e->tilde && c == '~' && e->place == CONSOLE_LINE_START) {
		e->place = CONSOLE_TILDE;
		return false;
	}
	buf_append_char(out, (char)c);
	e->place = ends_line(c) ? CONSOLE_LINE_START : CONSOLE_MIDDLE;
	return false;
}

bool console_escape_feed(struct console_escape *e, const uint8_t *data,
			 size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++)
		if (feed_byte(e, data[i], out))
			return true;
	return false;
}

void console_escape_end(struct console_escape *e, struct buf *out)
{
	if (e->place == CONSOLE_TILDE)
		buf_append_char(out, '~');
	e->place = CONSOLE_LINE_START;
}

static bool parse_control(char c, int *key)
{
	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	if (c != '?' && (c < '@' || c > '_'))
		return false;
	*key = c ^ CTRL_BIT;
	return true;
}

int console_escape_parse(const char *text, int *key, struct error *err)
{
	size_t n = strlen(text);

	if (strcmp(text, "none") == 0) {
		*key = CONSOLE_NO_KEY;
		return 0;
	}
	if (n == 1 && text[0] > 0) {
		*key = text[0];
		return 0;
	}
	if (n == 2 && text[0] == '^' && parse_control(text[1], key))
		return 0;
	return error_set(err, ERROR_USAGE,
			 "'%s' is no escape key: write a character, ^ and a "
			 "letter or one of [ ] \\ ^ _, or none",
			 text);
}

void console_escape_describe(int key, char *text)
{
	char name = (char)(key ^ CTRL_BIT);

	if (key == CONSOLE_NO_KEY)
		snprintf(text, CONSOLE_KEY_TEXT, "none");
	else if (key < ' ' || key == DELETE)
		snprintf(text, CONSOLE_KEY_TEXT, "^%c (Ctrl + %c)", name, name);
	else
		snprintf(text, CONSOLE_KEY_TEXT, "%c", key);
}
