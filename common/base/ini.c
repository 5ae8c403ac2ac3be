/*
 * The INI reader. Called where a program reads its configuration. inih judges
 * and splits the entries, but is shown their keys alone: it would cut lines at
 * 200 bytes, sections at 50 and values at " ;", take an indented line for more
 * of the value above, and tell its handler neither the line nor an empty
 * section. What always holds: names and values point into the reader's copy of
 * the text, and after the first fault inih is given no further line.
 */
#include "base/ini.h"

#include <ini.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/utf8.h"

#define BLANKS          "\t\v\f\r "
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

struct name {
	const char *text;
	unsigned line;
};

struct names {
	struct name *items;
	size_t count;
	size_t cap;
};

struct reader {
	ini_entry_fn *entry;
	void *context;
	struct error *err;
	bool failed;

	char *rest;    /* of the text, from the next line */
	unsigned line; /* of the line taken last; from 1 */
	const char *section;
	const char *key; /* shown to inih; NULL once it has called back */
	const char *value;

	struct names sections;
	struct names keys; /* of the present section */
};

static const struct name *find_name(const struct names *names, const char *text)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->items[i].text, text) == 0)
			return &names->items[i];
	return NULL;
}

static int remember(struct names *names, const char *text, unsigned line,
		    struct error *err)
{
	size_t cap = names->cap ? names->cap * 2 : 16;
	struct name *items;

	if (names->count == INI_NAMES_MAX)
		return error_set(err, ERROR_CONFIG,
				 "more than %d sections, or keys in a section",
				 INI_NAMES_MAX);
	if (names->count == names->cap) {
		items = realloc(names->items, cap * sizeof(*items));
		if (!items)
			return error_set_no_memory(err);
		names->items = items;
		names->cap = cap;
	}
	names->items[names->count++] = (struct name){text, line};
	return 0;
}

/* Cuts blanks from both ends, in place. */
static char *trim(char *text)
{
	size_t n;

	text += strspn(text, BLANKS);
	n = strlen(text);
	while (n > 0 && strchr(BLANKS, text[n - 1]))
		n--;
	text[n] = '\0';
	return text;
}

static int begin_section(struct reader *r, char *line)
{
	const struct name *earlier;
	size_t n = strlen(line);
	char *section;

	if (line[n - 1] != ']')
		return error_set(r->err, ERROR_CONFIG,
				 "a section is [NAME], with nothing behind the "
				 "']'");
	line[n - 1] = '\0';
	section = trim(line + 1);
	if (!*section)
		return error_set(r->err, ERROR_CONFIG,
				 "the section has no name");
	earlier = find_name(&r->sections, section);
	if (earlier)
		return error_set(r->err, ERROR_CONFIG,
				 "the section [%s] began on line %u already; "
				 "put its keys there",
				 section, earlier->line);
	if (remember(&r->sections, section, r->line, r->err) < 0)
		return -1;
	r->section = section;
	r->keys.count = 0;
	return r->entry(r->context, section, NULL, NULL, r->line, r->err);
}

static int not_an_entry(struct reader *r)
{
	return error_set(r->err, ERROR_CONFIG,
			 "this is neither KEY = VALUE nor [SECTION]; a comment "
			 "begins with '#'");
}

/* Splits the line and puts the key, which BUFFER holds, before inih. */
static int show_entry(struct reader *r, char *line, char *buffer, size_t size)
{
	char *separator = line + strcspn(line, "=:");

	if (!*separator)
		return not_an_entry(r);
	*separator = '\0';
	r->key = trim(line);
	r->value = trim(separator + 1);
	if (!*r->key)
		return error_set(r->err, ERROR_CONFIG,
				 "there is no key before the '='");
	if (strlen(r->key) > INI_KEY_MAX || strlen(r->key) + 3 > size)
		return error_set(r->err, ERROR_CONFIG,
				 "the key is longer than %d bytes",
				 INI_KEY_MAX);
	stpcpy(stpcpy(buffer, r->key), "=\n");
	return 0;
}

/* The next line without its end, or NULL behind the last one. */
static char *take_line(struct reader *r)
{
	char *line = r->rest;

	if (!line || !*line)
		return NULL;
	r->rest = strchr(line, '\n');
	if (r->rest)
		*r->rest++ = '\0';
	r->line++;
	return line;
}

/* Goes on to the next entry: 1, 0 at the end, or -1. */
static int next_entry(struct reader *r, char *buffer, size_t size)
{
	char *line;

	/* inih did not take the line before for an entry. */
	if (r->key)
		return not_an_entry(r);
	while ((line = take_line(r))) {
		if (strlen(line) > INI_LINE_MAX)
			return error_set(r->err, ERROR_CONFIG,
					 "the line is longer than %d bytes",
					 INI_LINE_MAX);
		line = trim(line);
		if (*line == '[') {
			if (begin_section(r, line) < 0)
				return -1;
		} else if (*line && *line != '#' && *line != ';') {
			return show_entry(r, line, buffer, size) < 0 ? -1 : 1;
		}
	}
	return 0;
}

static char *on_read(char *buffer, int size, void *stream)
{
	struct reader *r = stream;
	int next = 0;

	if (!r->failed)
		next = next_entry(r, buffer, (size_t)size);
	if (next < 0)
		r->failed = true;
	return next > 0 ? buffer : NULL;
}

static int take_entry(struct reader *r, const char *key, const char *value)
{
	const struct name *earlier = find_name(&r->keys, key);

	if (earlier)
		return error_set(r->err, ERROR_CONFIG,
				 "\"%s\" was set on line %u already; keep one "
				 "of the two",
				 key, earlier->line);
	if (remember(&r->keys, key, r->line, r->err) < 0)
		return -1;
	return r->entry(r->context, r->section, key, value, r->line, r->err);
}

static int on_entry(void *user, const char *section, const char *key,
		    const char *value)
{
	struct reader *r = user;

	if (take_entry(r, steal(&r->key), r->value) < 0)
		r->failed = true;
	return !r->failed;
}

/* What holds for the text as a whole; names the line of the fault. */
static int check_text(const char *text, size_t len, const char *file,
		      struct error *err)
{
	const char *nul = memchr(text, '\0', len);
	size_t valid = utf8_valid_prefix((const uint8_t *)text, len);
	size_t end = nul ? (size_t)(nul - text) : len;
	unsigned line = 1;

	if (len > INI_TEXT_MAX)
		return error_set(err, ERROR_CONFIG, "%s: larger than %d bytes",
				 file, INI_TEXT_MAX);
	if (valid >= end && !nul)
		return 0;
	for (size_t i = 0; i < end && i < valid; i++)
		line += text[i] == '\n';
	return error_set(err, ERROR_CONFIG,
			 "%s:%u: %s; is this a text file in UTF-8?", file, line,
			 valid < end ? "not valid UTF-8" : "a NUL byte");
}

int ini_read(const char *text, size_t len, const char *file,
	     ini_entry_fn *entry, void *context, struct error *err)
{
	struct reader r = {.entry = entry, .context = context, .err = err};
	autofree char *copy = NULL;

	if (check_text(text, len, file, err) < 0)
		return -1;
	copy = strndup(text, len);
	if (!copy)
		return error_set_no_memory(err);
	r.rest = copy;
	if (strncmp(copy, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0)
		r.rest += strlen(BYTE_ORDER_MARK);
	r.section = "";
	ini_parse_stream(on_read, &r, on_entry, &r);
	free(r.sections.items);
	free(r.keys.items);
	return r.failed ? error_prefix(err, "%s:%u", file, r.line) : 0;
}

int ini_read_file(const char *path, ini_entry_fn *entry, void *context,
		  struct error *err)
{
	autobuf text = {0};

	if (file_read(path, INI_TEXT_MAX, &text, err) < 0)
		return -1;
	return ini_read((const char *)buf_bytes(&text), text.len, path, entry,
			context, err);
}
