/*
 * Who is still awaited, on a line of the terminal: drawn once the wait is long
 * enough to wonder, renewed each second, and wiped before anything else is printed.
 * Nothing where standard error is no terminal, or lines come as they happen (LIVE).
 */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "client/many_private.h"

#define TICK_MS       1000u
#define COLUMNS_LEAST 40u
#define COLUMNS_NONE  80u /* where the terminal does not tell */
#define COLUMNS_MORE  14u /* for ", 123 more" and the cursor */

static size_t columns(void)
{
	struct winsize size = {0};

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return COLUMNS_NONE;
	return size.ws_col > COLUMNS_LEAST ? size.ws_col : COLUMNS_LEAST;
}

/* The names of those that run, as many as fit; appended. */
static void append_names(const struct many *many, struct buf *out, size_t room)
{
	unsigned left = many->running;

	for (size_t i = 0; i < many->count && left > 0; i++) {
		const struct many_host *host = &many->hosts[i];
		size_t width = utf8_columns(host->name) + 2;

		if (host->open == 0)
			continue;
		if (width > room) {
			buf_appendf(out, "%s%u more",
				    left < many->running ? ", " : "", left);
			return;
		}
		buf_appendf(out, "%s%s", left < many->running ? ", " : "",
			    host->name);
		room -= width;
		left--;
	}
}

static void draw(struct many *many)
{
	uint64_t ms = (clock_monotonic_ns() - many->begun_ns) / CLOCK_NS_PER_MS;
	size_t width = columns();
	autobuf head = {0};
	autobuf names = {0};
	autofree char *said = NULL;
	autofree char *awaited = NULL;
	size_t used;

	buf_appendf(&head, "%u of %zu hosts awaited (%u s): ", many->running,
		    many->count, (unsigned)(ms / 1000));
	used = head.len + COLUMNS_MORE;
	append_names(many, &names, used < width ? width - used : 0);
	said = buf_steal_str(&head);
	awaited = buf_steal_str(&names);
	if (!said || !awaited)
		return;
	fprintf(stderr, "\r%s%s\x1b[K", said, awaited);
	many->drawn = true;
}

static void on_tick(uv_timer_t *timer)
{
	draw(timer->data);
}

void many_progress_begin(struct many *many)
{
	const char *term = getenv("TERM");

	many->begun_ns = clock_monotonic_ns();
	uv_timer_init(&many->loop, &many->tick);
	many->tick.data = many;
	if (!many->live && !call_flag(many->call, "quiet") &&
	    isatty(STDERR_FILENO) == 1 && term && strcmp(term, "dumb") != 0)
		uv_timer_start(&many->tick, on_tick, TICK_MS, TICK_MS);
}

void many_progress_hide(struct many *many)
{
	if (many->drawn)
		fputs("\r\x1b[K", stderr);
	many->drawn = false;
}
