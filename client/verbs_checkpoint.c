/*
 * Verbs about checkpoints that show a table or make XML: checkpoint-create-as and
 * checkpoint-list. The others are rows of the table alone.
 */
#include <stdio.h>

#include "api/json.h"
#include "client/output.h"
#include "client/show.h"
#include "client/snapshot_xml.h"
#include "client/verbs.h"
#include "client/words.h"

static int make_xml(const struct snapshot_words *from, char **text,
		    struct error *err)
{
	autobuf xml = {0};

	if (checkpoint_xml(&xml, from, err) < 0)
		return -1;
	*text = buf_steal_str(&xml);
	return *text ? 0 : error_set_no_memory(err);
}

int verb_checkpoint_create_as(struct command_call *call, struct error *err)
{
	const char *disks[WORDS_MAX] = {NULL};
	struct snapshot_words from = {
		.name = call_argument(call, 1),
		.description = call_argument(call, 2),
		.disks = disks,
	};
	autofree char *xml = NULL;
	autowords words = {0};
	autojson result = NULL;

	for (size_t i = 3; i < call_argument_count(call); i++) {
		if (from.n == WORDS_MAX)
			return error_set(err, ERROR_USAGE, "more than %d disks",
					 WORDS_MAX);
		disks[from.n++] = call_argument(call, i);
	}
	if (make_xml(&from, &xml, err) < 0)
		return -1;
	if (call_flag(call, "print-xml")) {
		fputs(xml, output_file(call_output(call)));
		return 0;
	}
	words_add(&words, "domain", call_argument(call, 0));
	words_add_bool(&words, "quiesce", call_flag(call, "quiesce"), true);
	words_add(&words, "xml", from.n ? xml : NULL);
	words_add(&words, "checkpoint", from.n ? NULL : from.name);
	words_add(&words, "description", from.n ? NULL : from.description);
	if (words_call(&words, call, METHOD_checkpoint_create, &result, err) <
	    0)
		return -1;
	return call_done(call, "Domain checkpoint {checkpoint} created", result,
			 err);
}

int verb_checkpoint_list(struct command_call *call, struct error *err)
{
	static const struct show_item items[] = {
		{"Name", "checkpoint", SHOW_TEXT},
		{"Creation Time", "created", SHOW_TIME},
		{"Parent", "parent", SHOW_TEXT},
	};
	size_t n = array_size(items) - (call_flag(call, "parent") ? 0 : 1);
	autojson result = NULL;

	if (call_method(call, NULL, NULL, &result, err) < 0)
		return -1;
	if (call_flag(call, "tree"))
		return show_tree(call, result, "checkpoints", "checkpoint",
				 err);
	if (call_flag(call, "name"))
		return show_names(call, result, "checkpoints", "checkpoint",
				  err);
	return show_table(call, result, "checkpoints", items, n, err);
}
