/*
 * Verbs about snapshots that show more than a line, or whose options are not the
 * method's: snapshot-create-as, snapshot-list and the like. The host lists all
 * snapshots of a domain with their parents; filters and the tree are made here.
 */
#include <json-c/json_object.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "client/output.h"
#include "client/show.h"
#include "client/snapshot_xml.h"
#include "client/verbs.h"
#include "client/words.h"

#define SNAPSHOT_COLUMNS 16 /* as virsh snapshot-info */

/* -- create ---------------------------------------------------------------- */

static const char *created_words(const struct command_call *call)
{
	return call_argument(call, 1) ? "Domain snapshot {snapshot} created "
					"from '{xmlfile}'"
				      : "Domain snapshot {snapshot} created";
}

int verb_snapshot_create(struct command_call *call, struct error *err)
{
	autojson result = NULL;

	if (call_method(call, NULL, NULL, &result, err) < 0)
		return -1;
	return call_done(call, created_words(call), result, err);
}

static void add_flags(const struct command_call *call, struct words *words)
{
	static const char *const options[][2] = {
		{"no-metadata", "no_metadata"},
		{"halt", "halt"},
		{"disk-only", "disk_only"},
		{"reuse-external", "reuse_external"},
		{"quiesce", "quiesce"},
		{"atomic", "atomic"},
		{"live", "live"},
		{"validate", "validate"},
	};

	for (size_t i = 0; i < array_size(options); i++)
		words_add_bool(words, options[i][1],
			       call_flag(call, options[i][0]), true);
}

/* XML where plain parameters do not do. */
static int add_content(const struct command_call *call, struct words *words,
		       const struct snapshot_words *from, struct error *err)
{
	autobuf xml = {0};
	autofree char *text = NULL;

	if (!from->memory && !from->n) {
		words_add(words, "name", from->name);
		words_add(words, "description", from->description);
		return 0;
	}
	if (snapshot_xml(&xml, from, err) < 0)
		return -1;
	text = buf_steal_str(&xml);
	words_add(words, "xml", text);
	return 0;
}

static int print_xml(struct command_call *call,
		     const struct snapshot_words *from, struct error *err)
{
	autobuf xml = {0};

	if (snapshot_xml(&xml, from, err) < 0)
		return -1;
	fwrite(buf_bytes(&xml), 1, xml.len, output_file(call_output(call)));
	return 0;
}

int verb_snapshot_create_as(struct command_call *call, struct error *err)
{
	const char *disks[WORDS_MAX] = {NULL};
	struct snapshot_words from = {
		.name = call_argument(call, 1),
		.description = call_argument(call, 2),
		.memory = call_text(call, "memspec", NULL),
		.disks = disks,
	};
	autowords words = {0};
	autojson result = NULL;

	for (size_t i = 3; i < call_argument_count(call); i++) {
		if (from.n == WORDS_MAX)
			return error_set(err, ERROR_USAGE, "more than %d disks",
					 WORDS_MAX);
		disks[from.n++] = call_argument(call, i);
	}
	if (call_flag(call, "print-xml"))
		return print_xml(call, &from, err);
	words_add(&words, "domain", call_argument(call, 0));
	add_flags(call, &words);
	if (add_content(call, &words, &from, err) < 0 ||
	    words_call(&words, call, METHOD_snapshot_create, &result, err) < 0)
		return -1;
	return call_done(call, "Domain snapshot {snapshot} created", result,
			 err);
}

/* -- list ------------------------------------------------------------------ */

static struct json_object *find(struct json_object *list, const char *name)
{
	size_t n = json_object_array_length(list);

	for (size_t i = 0; name && i < n; i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		const char *is = json_text(o, "snapshot");

		if (is && strcmp(is, name) == 0)
			return o;
	}
	return NULL;
}

static bool is_member(struct json_object *o, const char *key, const char *text)
{
	const char *is = json_text(o, key);

	return is && strcmp(is, text) == 0;
}

/* Whether O comes after FROM, at once or, with DEEP, at any distance. */
static bool comes_from(struct json_object *list, struct json_object *o,
		       const char *from, bool deep)
{
	size_t steps = json_object_array_length(list);

	for (; o && steps > 0; steps--) {
		if (is_member(o, "parent", from))
			return true;
		if (!deep)
			return false;
		o = find(list, json_text(o, "parent"));
	}
	return false;
}

/* One of two filters that exclude each other: whether VALUE passes. */
static bool passes(const struct command_call *call, const char *yes,
		   const char *no, bool value)
{
	return (!call_flag(call, yes) || value) &&
	       (!call_flag(call, no) || !value);
}

static bool passes_state(const struct command_call *call, struct json_object *o)
{
	bool off = is_member(o, "state", "shutoff");
	bool disk = is_member(o, "state", "disk-snapshot");

	if (!call_flag(call, "inactive") && !call_flag(call, "active") &&
	    !call_flag(call, "disk-only"))
		return true;
	return (call_flag(call, "inactive") && off) ||
	       (call_flag(call, "disk-only") && disk) ||
	       (call_flag(call, "active") && !off && !disk);
}

static bool is_wanted(const struct command_call *call, struct json_object *list,
		      struct json_object *o)
{
	const char *from = call_text(call, "from", NULL);
	bool leaf = is_member(o, "children", "0");

	if (from && !comes_from(list, o, from, call_flag(call, "descendants")))
		return false;
	if (call_flag(call, "roots") && json_text(o, "parent"))
		return false;
	return passes(call, "leaves", "no-leaves", leaf) &&
	       passes(call, "metadata", "no-metadata",
		      json_is_true(o, "metadata")) &&
	       passes(call, "external", "internal",
		      json_is_true(o, "external")) &&
	       passes_state(call, o);
}

/* RESULT with its list replaced by what is wanted. */
static int filter(const struct command_call *call, struct json_object *result,
		  struct error *err)
{
	struct json_object *list = NULL;
	struct json_object *wanted = json_object_new_array();

	if (!wanted)
		return error_set_no_memory(err);
	if (!json_object_object_get_ex(result, "snapshots", &list) ||
	    !json_object_is_type(list, json_type_array)) {
		json_object_put(wanted);
		return error_set(err, ERROR_INVALID_REQUEST,
				 "the host's answer has no snapshots");
	}
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (is_wanted(call, list, o))
			json_object_array_add(wanted, json_object_get(o));
	}
	json_object_object_add(result, "snapshots", wanted);
	return 0;
}

int verb_snapshot_list(struct command_call *call, struct error *err)
{
	static const struct show_item items[] = {
		{"Name", "snapshot", SHOW_TEXT},
		{"Creation Time", "created", SHOW_TIME},
		{"State", "state", SHOW_TEXT},
		{"Parent", "parent", SHOW_TEXT},
	};
	size_t n = array_size(items) - (call_flag(call, "parent") ? 0 : 1);
	autojson result = NULL;

	if (call_flag(call, "descendants") && !call_given(call, "from"))
		return error_set(err, ERROR_USAGE,
				 "--descendants belongs to --from");
	if (call_method(call, NULL, NULL, &result, err) < 0 ||
	    filter(call, result, err) < 0)
		return -1;
	if (call_flag(call, "tree"))
		return show_tree(call, result, "snapshots", "snapshot", err);
	if (call_flag(call, "name"))
		return show_names(call, result, "snapshots", "snapshot", err);
	return show_table(call, result, "snapshots", items, n, err);
}

/* -- one ------------------------------------------------------------------- */

static int find_info(struct json_object *result, struct json_object **info,
		     struct error *err)
{
	if (json_object_object_get_ex(result, "info", info))
		return 0;
	return error_set(err, ERROR_INVALID_REQUEST,
			 "the host's answer has no snapshot");
}

static void print_info(struct output *o, struct json_object *result,
		       struct json_object *info)
{
	const char *parent = json_text(info, "parent");

	output_field_columns(o, SNAPSHOT_COLUMNS);
	output_field(o, "Name", "%s", json_text(info, "snapshot"));
	output_field(o, "Domain", "%s", json_text(result, "name"));
	output_field(o, "Current", "%s",
		     json_is_true(info, "current") ? "yes" : "no");
	output_field(o, "State", "%s", json_text(info, "state"));
	output_field(o, "Location", "%s",
		     json_is_true(info, "external") ? "external" : "internal");
	output_field(o, "Parent", "%s", parent ? parent : "-");
	output_field(o, "Children", "%s", json_text(info, "children"));
	output_field(o, "Descendants", "%s", json_text(info, "descendants"));
	output_field(o, "Metadata", "%s",
		     json_is_true(info, "metadata") ? "yes" : "no");
}

int verb_snapshot_info(struct command_call *call, struct error *err)
{
	struct json_object *info = NULL;
	autojson result = NULL;

	if (call_method(call, NULL, NULL, &result, err) < 0 ||
	    find_info(result, &info, err) < 0)
		return -1;
	if (!output_is_text(call_output(call)))
		return output_value(call_output(call), result, err);
	print_info(call_output(call), result, info);
	return 0;
}

int verb_snapshot_parent(struct command_call *call, struct error *err)
{
	struct json_object *info = NULL;
	autojson result = NULL;

	if (call_method(call, NULL, NULL, &result, err) < 0 ||
	    find_info(result, &info, err) < 0)
		return -1;
	if (!output_is_text(call_output(call)))
		return output_value(call_output(call), result, err);
	if (!json_text(info, "parent"))
		return error_set(err, ERROR_NOT_FOUND,
				 "snapshot '%s' has no parent",
				 json_text(info, "snapshot"));
	return show_text(call, info, "parent", err);
}

static int read_xml(struct command_call *call, const char *name, bool secure,
		    struct json_object **result, struct error *err)
{
	autowords words = {0};

	words_add(&words, "domain", call_argument(call, 0));
	words_add(&words, "snapshot", name);
	words_add_bool(&words, "current", !name, true);
	words_add_bool(&words, "secure", secure, true);
	return words_call(&words, call, METHOD_snapshot_xml, result, err);
}

/* As virsh does it: the description anew, with passwords, as the current one. */
static int make_current(struct command_call *call, const char *name,
			struct error *err)
{
	autowords words = {0};
	autojson shown = NULL;
	autojson result = NULL;

	if (read_xml(call, name, true, &shown, err) < 0)
		return -1;
	words_add(&words, "domain", call_argument(call, 0));
	words_add(&words, "xml", json_text(shown, "xml"));
	words_add(&words, "redefine", "true");
	words_add(&words, "current", "true");
	if (words_call(&words, call, METHOD_snapshot_create, &result, err) < 0)
		return -1;
	return call_done(call, "Snapshot {snapshot} set as current", result,
			 err);
}

int verb_snapshot_current(struct command_call *call, struct error *err)
{
	const char *name = call_argument(call, 1);
	autojson result = NULL;

	if (name)
		return make_current(call, name, err);
	if (read_xml(call, NULL, call_flag(call, "security-info"), &result,
		     err) < 0)
		return -1;
	return show_text(call, result,
			 call_flag(call, "name") ? "snapshot" : "xml", err);
}

int verb_snapshot_delete(struct command_call *call, struct error *err)
{
	autojson result = NULL;

	if (call_method(call, NULL, NULL, &result, err) < 0)
		return -1;
	return call_done(call,
			 call_flag(call, "children-only")
				 ? "Domain snapshot {snapshot} children deleted"
				 : "Domain snapshot {snapshot} deleted",
			 result, err);
}
