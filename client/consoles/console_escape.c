/*
 * The keys that are not for the guest (console_escape.h): a state of three places,
 * moved on byte by byte, so that no split of the input matters.
 */
#include "client/consoles/console_escape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CTRL_BIT  0x40
#define DELETE    0x7f
#define CTRL_Z    0x1a
#define BYTE_SIZE 5 /* "0x1d" and NUL */

/*
 * What a terminal sends for Ctrl with the digits from 2 on (DEC VT220, chapter 3): on
 * many keyboards the only way to ^@ ^[ ^\ ^] ^^ ^_ and ^?.
 */
static const char digits[] = "\0\x1b\x1c\x1d\x1e\x1f\x7f";

#define DIGIT_FIRST '2'
#define DIGIT_LAST  '8'

static bool ends_line(uint8_t c)
{
	return c == '\r' || c == '\n';
}

static enum console_action command_of(uint8_t c)
{
	switch (c) {
	case '.':
		return CONSOLE_LEAVE;
	case '?':
		return CONSOLE_HELP;
	case 'r':
		return CONSOLE_RESIZE;
	case CTRL_Z:
		return CONSOLE_SUSPEND;
	default:
		return CONSOLE_NOTHING;
	}
}

/* Behind a held "~". */
static enum console_action feed_tilde(struct console_escape *e, uint8_t c,
				      struct buf *out)
{
	enum console_action action = command_of(c);

	/* The guest has seen nothing: its line has still to begin. */
	e->place = CONSOLE_LINE_START;
	if (action != CONSOLE_NOTHING)
		return action;
	buf_append_char(out, '~');
	if (c != '~')
		buf_append_char(out, (char)c);
	e->place = ends_line(c) ? CONSOLE_LINE_START : CONSOLE_MIDDLE;
	return CONSOLE_NOTHING;
}

static enum console_action feed_byte(struct console_escape *e, uint8_t c,
				     struct buf *out)
{
	if (c == e->key)
		return CONSOLE_LEAVE;
	if (e->place == CONSOLE_TILDE)
		return feed_tilde(e, c, out);
	if (e->tilde && c == '~' && e->place == CONSOLE_LINE_START) {
		e->place = CONSOLE_TILDE;
		return CONSOLE_NOTHING;
	}
	buf_append_char(out, (char)c);
	e->place = ends_line(c) ? CONSOLE_LINE_START : CONSOLE_MIDDLE;
	return CONSOLE_NOTHING;
}

size_t console_escape_feed(struct console_escape *e, const uint8_t *data,
			   size_t n, struct buf *out,
			   enum console_action *action)
{
	for (size_t i = 0; i < n; i++) {
		*action = feed_byte(e, data[i], out);
		if (*action != CONSOLE_NOTHING)
			return i + 1;
	}
	*action = CONSOLE_NOTHING;
	return n;
}

void console_escape_end(struct console_escape *e, struct buf *out)
{
	if (e->place == CONSOLE_TILDE)
		buf_append_char(out, '~');
	e->place = CONSOLE_LINE_START;
}

/* -- names ----------------------------------------------------------------- */

static bool parse_control(char c, int *key)
{
	if (c >= DIGIT_FIRST && c <= DIGIT_LAST) {
		*key = digits[c - DIGIT_FIRST];
		return true;
	}
	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	if (c != '?' && (c < '@' || c > '_'))
		return false;
	*key = c ^ CTRL_BIT;
	return true;
}

/* What stands behind "^", "Ctrl-", "Ctrl+" or "C-", or NULL. */
static const char *behind_control(const char *text)
{
	static const char *const names[] = {"^", "Ctrl-", "Ctrl+", "C-"};

	for (size_t i = 0; i < array_size(names); i++) {
		size_t n = strlen(names[i]);

		if (strncasecmp(text, names[i], n) == 0 && text[n] &&
		    !text[n + 1])
			return text + n;
	}
	return NULL;
}

/* "0x1d": below 0x80, since a byte above may be a part of a character. */
static bool parse_code(const char *text, int *key)
{
	char *end = NULL;
	unsigned long value;

	if (strncmp(text, "0x", 2) != 0 || strlen(text) >= BYTE_SIZE)
		return false;
	value = strtoul(text + 2, &end, 16);
	if (end == text + 2 || *end || value > DELETE)
		return false;
	*key = (int)value;
	return true;
}

int console_escape_parse(const char *text, int *key, struct error *err)
{
	const char *control = behind_control(text);

	if (strcmp(text, "none") == 0) {
		*key = CONSOLE_NO_KEY;
		return 0;
	}
	if (text[0] > 0 && !text[1]) {
		*key = text[0];
		return 0;
	}
	if ((control && parse_control(*control, key)) || parse_code(text, key))
		return 0;
	return error_set(err, ERROR_USAGE,
			 "'%s' is no escape key: write a character, ^ or Ctrl- "
			 "and a letter, a digit from 2 to 8 or one of "
			 "[ ] \\ ^ _, a code such as 0x1d, or none",
			 text);
}

void console_escape_describe(int key, char *text)
{
	char name = (char)(key ^ CTRL_BIT);
	const char *digit = NULL;

	for (const char *d = digits; d < digits + sizeof(digits) - 1; d++)
		if (*d == key)
			digit = d;
	if (key == CONSOLE_NO_KEY)
		snprintf(text, CONSOLE_KEY_TEXT, "none");
	else if (key >= ' ' && key != DELETE)
		snprintf(text, CONSOLE_KEY_TEXT, "%c", key);
	else if (digit)
		snprintf(text, CONSOLE_KEY_TEXT, "^%c (Ctrl + %c or Ctrl + %c)",
			 name, name, (char)(DIGIT_FIRST + (digit - digits)));
	else
		snprintf(text, CONSOLE_KEY_TEXT, "^%c (Ctrl + %c)", name, name);
}
