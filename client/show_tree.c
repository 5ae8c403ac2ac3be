/*
 * Entries drawn as a tree by their parents (show.h), as virsh draws snapshots and
 * node devices. What holds: each entry is drawn once, under its parent; a ring of
 * parents, which no host has, is not drawn at all.
 */
#include "client/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "client/output.h"

#define NONE ((size_t)-1)

struct tree {
	struct json_object *list;
	const char *key;
	size_t n;
	size_t *parents; /* the place of each entry's parent, or NONE */
	FILE *file;
	struct buf indent;
};

static const char *name_of(const struct tree *t, size_t i)
{
	const char *name =
		json_text(json_object_array_get_idx(t->list, i), t->key);

	return name ? name : "";
}

static size_t place_of(const struct tree *t, const char *name)
{
	for (size_t i = 0; name && i < t->n; i++)
		if (strcmp(name_of(t, i), name) == 0)
			return i;
	return NONE;
}

static void print_line(struct tree *t, const char *mark, const char *name)
{
	autobuf text = {0};
	autofree char *shown = NULL;

	output_escape(&text, name);
	shown = buf_steal_str(&text);
	fwrite(buf_bytes(&t->indent), 1, t->indent.len, t->file);
	fprintf(t->file, "%s%s\n", mark, shown ? shown : "");
}

/* The first child of I behind AFTER (NONE: from the start), or NONE. */
static size_t next_child(const struct tree *t, size_t i, size_t after)
{
	for (size_t k = after == NONE ? 0 : after + 1; k < t->n; k++)
		if (t->parents[k] == i)
			return k;
	return NONE;
}

/* Depth is that of the host's own tree, at most its number of entries. */
static void draw(struct tree *t, size_t i, bool root, bool last)
{
	size_t child = next_child(t, i, NONE);
	size_t len = t->indent.len;
	bool leaf = child == NONE;

	print_line(t, root ? "" : "+- ", name_of(t, i));
	if (!root)
		buf_append_str(&t->indent, last ? "  " : "| ");
	if (!leaf)
		print_line(t, "  |", "");
	buf_append_str(&t->indent, "  ");
	while (child != NONE) {
		size_t next = next_child(t, i, child);

		draw(t, child, false, next == NONE);
		child = next;
	}
	t->indent.len -= 2;
	if (leaf && last)
		print_line(t, "", "");
	t->indent.len = len;
}

int show_tree(struct command_call *call, struct json_object *result,
	      const char *list, const char *key, struct error *err)
{
	struct output *output = call_output(call);
	struct tree t = {.key = key, .file = output_file(output)};

	if (!output_is_text(output))
		return show_entries(call, result, list, err);
	if (!json_object_object_get_ex(result, list, &t.list))
		return 0;
	t.n = json_object_array_length(t.list);
	t.parents = calloc(t.n + 1, sizeof(*t.parents));
	if (!t.parents)
		return error_set_no_memory(err);
	for (size_t i = 0; i < t.n; i++)
		t.parents[i] = place_of(
			&t, json_text(json_object_array_get_idx(t.list, i),
				      "parent"));
	for (size_t i = 0; i < t.n; i++)
		if (t.parents[i] == NONE)
			draw(&t, i, true, true);
	free(t.parents);
	buf_free(&t.indent);
	return 0;
}
