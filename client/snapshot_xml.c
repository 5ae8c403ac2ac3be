/*
 * Specifications to XML (snapshot_xml.h). What holds: every text of the user's is
 * escaped; what a specification says twice, or what it cannot say, is refused.
 */
#include "client/snapshot_xml.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS_MAX 8

/* "key=value" words of a specification, owned. */
struct fields {
	char *list[FIELDS_MAX];
	bool used[FIELDS_MAX];
	size_t n;
};

static void fields_clear(struct fields *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->list[i]);
}

#define autofields cleanup(fields_clear) struct fields

static int split(struct fields *f, const char *spec, struct error *err)
{
	autobuf word = {0};

	for (const char *p = spec;; p++) {
		if (*p == ',' && p[1] == ',')
			buf_append_char(&word, *p++);
		else if (*p && *p != ',')
			buf_append_char(&word, *p);
		else if (f->n == FIELDS_MAX)
			return error_set(err, ERROR_USAGE, "'%s' says too much",
					 spec);
		else if (!(f->list[f->n] = buf_steal_str(&word)))
			return error_set_no_memory(err);
		else if (f->n++, !*p)
			return 0;
	}
}

/* The value of KEY, used up; NULL where there is none. */
static const char *take(struct fields *f, const char *key)
{
	size_t len = strlen(key);

	for (size_t i = 0; i < f->n; i++)
		if (!f->used[i] && strncmp(f->list[i], key, len) == 0 &&
		    f->list[i][len] == '=') {
			f->used[i] = true;
			return f->list[i] + len + 1;
		}
	return NULL;
}

static int check_used(const struct fields *f, const char *spec,
		      struct error *err)
{
	for (size_t i = 0; i < f->n; i++)
		if (!f->used[i])
			return error_set(err, ERROR_USAGE,
					 "'%s' in '%s' is not understood",
					 f->list[i], spec);
	return 0;
}

static void add_escaped(struct buf *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			buf_append_str(out, "&amp;");
			break;
		case '<':
			buf_append_str(out, "&lt;");
			break;
		case '>':
			buf_append_str(out, "&gt;");
			break;
		case '\'':
			buf_append_str(out, "&apos;");
			break;
		default:
			buf_append_char(out, *text);
		}
	}
}

static void add_attribute(struct buf *out, const char *name, const char *value)
{
	if (!value)
		return;
	buf_appendf(out, " %s='", name);
	add_escaped(out, value);
	buf_append_char(out, '\'');
}

static void add_element(struct buf *out, const char *name, const char *text)
{
	if (!text)
		return;
	buf_appendf(out, "  <%s>", name);
	add_escaped(out, text);
	buf_appendf(out, "</%s>\n", name);
}

static int add_memory(struct buf *out, const char *spec, struct error *err)
{
	autofields f = {.n = 0};
	const char *file = NULL;
	const char *type = NULL;

	if (!spec)
		return 0;
	if (split(&f, spec, err) < 0)
		return -1;
	file = take(&f, "file");
	type = take(&f, "snapshot");
	if (!file && !f.used[0] && !strchr(f.list[0], '=')) {
		file = f.list[0];
		f.used[0] = true;
	}
	if (check_used(&f, spec, err) < 0)
		return -1;
	buf_append_str(out, "  <memory");
	add_attribute(out, "snapshot", type);
	add_attribute(out, "file", file);
	buf_append_str(out, "/>\n");
	return 0;
}

static int add_snapshot_disk(struct buf *out, const char *spec,
			     struct error *err)
{
	autofields f = {.n = 0};
	const char *type = NULL, *driver = NULL, *storage = NULL, *file = NULL;
	bool block;

	if (split(&f, spec, err) < 0)
		return -1;
	f.used[0] = true;
	type = take(&f, "snapshot");
	driver = take(&f, "driver");
	storage = take(&f, "stype");
	file = take(&f, "file");
	if (check_used(&f, spec, err) < 0)
		return -1;
	block = storage && strcmp(storage, "block") == 0;
	if (storage && !block && strcmp(storage, "file") != 0)
		return error_set(err, ERROR_USAGE,
				 "stype in '%s' is file or block", spec);
	buf_append_str(out, "    <disk");
	add_attribute(out, "name", f.list[0]);
	add_attribute(out, "snapshot", type);
	add_attribute(out, "type", storage);
	if (!driver && !file) {
		buf_append_str(out, "/>\n");
		return 0;
	}
	buf_append_str(out, ">\n");
	if (driver) {
		buf_append_str(out, "      <driver");
		add_attribute(out, "type", driver);
		buf_append_str(out, "/>\n");
	}
	if (file) {
		buf_append_str(out, "      <source");
		add_attribute(out, block ? "dev" : "file", file);
		buf_append_str(out, "/>\n");
	}
	buf_append_str(out, "    </disk>\n");
	return 0;
}

static int add_checkpoint_disk(struct buf *out, const char *spec,
			       struct error *err)
{
	autofields f = {.n = 0};
	const char *type = NULL, *bitmap = NULL;

	if (split(&f, spec, err) < 0)
		return -1;
	f.used[0] = true;
	type = take(&f, "checkpoint");
	bitmap = take(&f, "bitmap");
	if (check_used(&f, spec, err) < 0)
		return -1;
	buf_append_str(out, "    <disk");
	add_attribute(out, "name", f.list[0]);
	add_attribute(out, "checkpoint", type);
	add_attribute(out, "bitmap", bitmap);
	buf_append_str(out, "/>\n");
	return 0;
}

typedef int add_disk_fn(struct buf *out, const char *spec, struct error *err);

static int make(struct buf *out, const char *root,
		const struct snapshot_words *words, add_disk_fn *add_disk,
		struct error *err)
{
	buf_appendf(out, "<%s>\n", root);
	add_element(out, "name", words->name);
	add_element(out, "description", words->description);
	if (add_memory(out, words->memory, err) < 0)
		return -1;
	if (words->n)
		buf_append_str(out, "  <disks>\n");
	for (size_t i = 0; i < words->n; i++)
		if (add_disk(out, words->disks[i], err) < 0)
			return -1;
	if (words->n)
		buf_append_str(out, "  </disks>\n");
	buf_appendf(out, "</%s>\n", root);
	return buf_ok(out) ? 0 : error_set_no_memory(err);
}

int snapshot_xml(struct buf *out, const struct snapshot_words *words,
		 struct error *err)
{
	return make(out, "domainsnapshot", words, add_snapshot_disk, err);
}

int checkpoint_xml(struct buf *out, const struct snapshot_words *words,
		   struct error *err)
{
	return make(out, "domaincheckpoint", words, add_checkpoint_disk, err);
}
