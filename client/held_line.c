/*
 * Words and place of the line that tells of a wait (held_line.h).
 */
#include "client/held_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "client/connect/channel.h"

#define COLUMNS_LEAST 40u
#define COLUMNS_NONE  80u /* where the terminal does not tell */
#define TIME_SIZE     32
#define US_PER_S      1000000

static size_t columns(void)
{
	struct winsize size = {0};

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return COLUMNS_NONE;
	return size.ws_col > COLUMNS_LEAST ? size.ws_col : COLUMNS_LEAST;
}

/* To a valid string that takes no more than WIDTH columns. */
static void cut(char *text, size_t width)
{
	size_t n = utf8_valid_prefix((const uint8_t *)text, strlen(text));

	text[n] = '\0';
	while (n > 0 && utf8_columns(text) > width) {
		do
			n--;
		while (n > 0 && ((uint8_t)text[n] & 0xc0) == 0x80);
		text[n] = '\0';
	}
}

/* "14:03:12", or with its day where that is another one. */
static void format_since(time_t since, time_t now, char text[TIME_SIZE])
{
	struct tm then, today;

	localtime_r(&since, &then);
	localtime_r(&now, &today);
	strftime(text, TIME_SIZE,
		 then.tm_yday == today.tm_yday && then.tm_year == today.tm_year
			 ? "%H:%M:%S"
			 : "%Y-%m-%d %H:%M:%S",
		 &then);
}

char *held_line_text(const char *host, const struct channel_held *held,
		     uint64_t now_ns, int64_t now_us, size_t width)
{
	int64_t away_us = (int64_t)((now_ns - held->since_ns) / 1000);
	int64_t since_us = now_us - away_us + US_PER_S / 2;
	char since[TIME_SIZE];
	autobuf text = {0};
	char *line;

	format_since((time_t)(since_us / US_PER_S), (time_t)(now_us / US_PER_S),
		     since);
	buf_appendf(&text, "virtmux: host '%s' is away since %s, ", host,
		    since);
	if (held->next_ns > now_ns)
		buf_appendf(&text, "tried again in %llu s",
			    (held->next_ns - now_ns) / CLOCK_NS_PER_S + 1);
	else
		buf_append_str(&text, "being tried");
	buf_append_str(&text, "; Ctrl-C: nothing is done");
	if (held->words)
		buf_appendf(&text, " (%s)", held->words);
	line = buf_steal_str(&text);
	if (line)
		cut(line, width);
	return line;
}

static void wipe(struct held_line *line)
{
	if (line->drawn)
		fputs("\r\x1b[K", stderr);
	line->drawn = false;
}

static void draw(struct held_line *line, const char *words)
{
	const char *term = getenv("TERM");

	if (term && strcmp(term, "dumb") != 0) {
		fprintf(stderr, "\r%s\x1b[K", words);
		line->drawn = true;
	} else if (!line->said) {
		fprintf(stderr, "%s\n", words);
		line->said = true;
	}
}

void held_line_show(struct held_line *line, const char *host,
		    const struct channel_held *held)
{
	autofree char *words = NULL;

	if (!held) {
		wipe(line);
		return;
	}
	/* The last column is left to the cursor. */
	words = held_line_text(host, held, clock_monotonic_ns(),
			       clock_realtime_us(), columns() - 1);
	if (words)
		draw(line, words);
}
