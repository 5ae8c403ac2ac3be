/*
 * The count of a serial line's bytes (serial_book.h). The host counts what it took by
 * token and run of the line; `taken` follows that count, `typed` begins there.
 */
#include "client/consoles/serial_book.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client/connect/channel.h"

void serial_book_clear(struct serial_book *b)
{
	buf_free(&b->typed);
	free(b->line);
	*b = (struct serial_book){0};
}

bool serial_book_can_return(const struct serial_book *b)
{
	return b->line;
}

/* -- asking ---------------------------------------------------------------- */

static void add_query(struct buf *path, char *separator, const char *name,
		      const char *value)
{
	buf_appendf(path, "%c%s=%s", *separator, name, value);
	*separator = '&';
}

static void add_number(struct buf *path, char *separator, const char *name,
		       uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	add_query(path, separator, name, text);
}

char *serial_book_path(const struct serial_book *b,
		       const struct serial_ask *ask)
{
	autofree char *domain = channel_escape(ask->domain);
	autofree char *line = channel_escape(b->line ? b->line : "");
	autobuf path = {0};
	char separator = '?';

	if (!domain || !line)
		return NULL;
	buf_appendf(&path, "/domains/%s/serial/%u", domain, ask->n);
	if (ask->watch)
		add_query(&path, &separator, "watch", "true");
	else if (b->token[0])
		add_query(&path, &separator, "writer", b->token);
	if (b->line) {
		/* Who has taken the place meanwhile shall keep it: no force. */
		add_query(&path, &separator, "line", line);
		add_number(&path, &separator, "after", b->next);
		return buf_steal_str(&path);
	}
	if (ask->force)
		add_query(&path, &separator, "force", "true");
	if (ask->history >= 0)
		add_number(&path, &separator, "history",
			   (uint64_t)ask->history);
	return buf_steal_str(&path);
}

/* -- the answer ------------------------------------------------------------ */

static int read_number(const char *name, const char *text, uint64_t *value,
		       struct error *err)
{
	char *end = NULL;

	*value = 0;
	if (!text)
		return 0;
	if (*text >= '0' && *text <= '9')
		*value = strtoull(text, &end, 10);
	if (!end || *end || *value == UINT64_MAX)
		return error_set(err, ERROR_DISCONNECTED,
				 "the host's answer cannot be understood: %s "
				 "is no number",
				 name);
	return 0;
}

/* On a run that we have not seen: the count begins there. */
static int begin(struct serial_book *b, const char *line, uint64_t offset,
		 uint64_t taken, struct error *err)
{
	char *copy = strdup(line);

	if (!copy)
		return error_set_no_memory(err);
	free(b->line);
	b->line = copy;
	b->next = offset;
	b->skip = 0;
	b->taken = taken;
	return 0;
}

/* What was typed for the former run is nothing for this one. */
static int begin_anew(struct serial_book *b, const char *line, uint64_t offset,
		      uint64_t taken, struct serial_news *news,
		      struct error *err)
{
	news->anew = true;
	news->unknown = b->sent;
	news->dropped = b->typed.len - b->sent;
	buf_reset(&b->typed);
	b->sent = 0;
	return begin(b, line, offset, taken, err);
}

static void go_on_reading(struct serial_book *b, uint64_t offset,
			  struct serial_news *news)
{
	if (offset > b->next) {
		news->missed = offset - b->next;
		b->next = offset;
	}
	b->skip = b->next - offset;
}

static int go_on_writing(struct serial_book *b, uint64_t taken,
			 struct serial_news *news, struct error *err)
{
	if (taken < b->taken) {
		/* The host has forgotten us: it counts from there on. */
		news->unknown = b->sent;
		buf_consume(&b->typed, b->sent);
	} else if (taken - b->taken > b->sent) {
		return error_set(err, ERROR_DISCONNECTED,
				 "the host's answer cannot be understood: it "
				 "has taken more than was sent");
	} else {
		buf_consume(&b->typed, (size_t)(taken - b->taken));
	}
	b->taken = taken;
	b->sent = 0;
	return 0;
}

int serial_book_answer(struct serial_book *b,
		       const struct serial_answer *answer,
		       struct serial_news *news, struct error *err)
{
	uint64_t offset, taken;

	*news = (struct serial_news){.again = b->line};
	if (read_number("virtmux-offset", answer->offset, &offset, err) < 0 ||
	    read_number("virtmux-taken", answer->taken, &taken, err) < 0)
		return -1;
	if (!answer->line)
		return b->line ? error_set(err, ERROR_DISCONNECTED,
					   "the host does not tell which run "
					   "of the line it is any more")
			       : 0;
	if (!b->line)
		return begin(b, answer->line, offset, taken, err);
	if (strcmp(b->line, answer->line) != 0)
		return begin_anew(b, answer->line, offset, taken, news, err);
	go_on_reading(b, offset, news);
	return go_on_writing(b, taken, news, err);
}

/* -- bytes ----------------------------------------------------------------- */

int serial_book_type(struct serial_book *b, const uint8_t *data, size_t n)
{
	return buf_append(&b->typed, data, n);
}

size_t serial_book_unsent(const struct serial_book *b, const uint8_t **at)
{
	if (at)
		*at = buf_bytes(&b->typed) + b->sent;
	return b->typed.len - b->sent;
}

void serial_book_sent(struct serial_book *b, size_t n)
{
	size_t over;

	b->sent += n;
	if (b->sent <= SERIAL_HELD_MAX)
		return;
	over = b->sent - SERIAL_HELD_MAX;
	buf_consume(&b->typed, over);
	b->taken += over;
	b->sent -= over;
}

size_t serial_book_got(struct serial_book *b, size_t n)
{
	size_t again = b->skip < n ? (size_t)b->skip : n;

	b->skip -= again;
	b->next += n - again;
	return again;
}
