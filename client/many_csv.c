/*
 * The tables of many hosts as one (RFC 4180): the column "host", then every column
 * that any of them has, in the order of first sight. Hosts of different versions may
 * give different columns; a value that a host does not give stays empty.
 */
#include <stdlib.h>
#include <string.h>

#include "client/many_private.h"

#define COLUMNS_MAX 256

/* A field as it stands there, with its quotes; borrowed from the text. */
struct field {
	const char *text;
	size_t len;
};

struct reader {
	const char *at;
	const char *end;
};

/* The next field; *LAST: its row ends behind it. False at the end of the text. */
static bool next_field(struct reader *r, struct field *field, bool *last)
{
	bool quoted = false;

	if (r->at == r->end)
		return false;
	field->text = r->at;
	for (; r->at < r->end; r->at++) {
		if (*r->at == '"')
			quoted = !quoted;
		else if (!quoted && (*r->at == ',' || *r->at == '\n'))
			break;
	}
	field->len = (size_t)(r->at - field->text);
	*last = r->at == r->end || *r->at == '\n';
	if (*last && field->len > 0 && field->text[field->len - 1] == '\r')
		field->len--;
	if (r->at < r->end)
		r->at++;
	return true;
}

/* The number of a row's fields, of which COLUMNS_MAX are kept; 0 at the end. */
static size_t next_row(struct reader *r, struct field *fields)
{
	bool last = false;
	size_t n = 0;

	while (!last && next_field(r, &fields[n], &last))
		if (n + 1 < COLUMNS_MAX)
			n++;
	return n;
}

static size_t find_column(const struct field *columns, size_t n,
			  const struct field *name)
{
	for (size_t i = 0; i < n; i++)
		if (columns[i].len == name->len &&
		    memcmp(columns[i].text, name->text, name->len) == 0)
			return i;
	return n;
}

static struct reader reader_of(const struct many_host *host)
{
	const struct buf *text = &host->streams[MANY_RESULT].text;
	const char *begin = text->len ? (const char *)buf_bytes(text) : "";

	return (struct reader){begin, begin + text->len};
}

static size_t all_columns(const struct many *many, struct field *columns,
			  struct field *row)
{
	size_t n = 0;

	for (size_t i = 0; i < many->count; i++) {
		struct reader r = reader_of(&many->hosts[i]);
		size_t fields = next_row(&r, row);

		for (size_t k = 0; k < fields; k++)
			if (find_column(columns, n, &row[k]) == n &&
			    n + 1 < COLUMNS_MAX)
				columns[n++] = row[k];
	}
	return n;
}

/* As a field, in quotes where it needs them: an address may be given as a host. */
static void append_name(struct buf *out, const char *name)
{
	if (!strpbrk(name, ",\"\r\n")) {
		buf_append_str(out, name);
		return;
	}
	buf_append_char(out, '"');
	for (; *name; name++)
		buf_appendf(out, *name == '"' ? "\"%c" : "%c", *name);
	buf_append_char(out, '"');
}

static void append_host(struct buf *out, const struct many_host *host,
			const struct field *columns, size_t n,
			struct field *row)
{
	struct field head[COLUMNS_MAX];
	struct reader r = reader_of(host);
	size_t own = next_row(&r, head);
	size_t fields = 0;

	while ((fields = next_row(&r, row)) > 0) {
		append_name(out, host->name);
		for (size_t i = 0; i < n; i++) {
			size_t place = find_column(head, own, &columns[i]);

			buf_append_char(out, ',');
			if (place < fields)
				buf_append(out, row[place].text,
					   row[place].len);
		}
		buf_append_str(out, "\r\n");
	}
}

int many_join_csv(const struct many *many, struct buf *out)
{
	autofree struct field *columns = calloc(COLUMNS_MAX, sizeof(*columns));
	autofree struct field *row = calloc(COLUMNS_MAX, sizeof(*row));
	size_t n = 0;

	if (!columns || !row)
		return -1;
	n = all_columns(many, columns, row);
	buf_append_str(out, "host");
	for (size_t i = 0; i < n; i++) {
		buf_append_char(out, ',');
		buf_append(out, columns[i].text, columns[i].len);
	}
	buf_append_str(out, "\r\n");
	for (size_t i = 0; i < many->count; i++)
		append_host(out, &many->hosts[i], columns, n, row);
	return buf_ok(out) ? 0 : -1;
}
