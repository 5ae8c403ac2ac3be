/*
 * Statistics of domains as virsh shows them: domstats, domblkinfo, domblkstat,
 * domifstat, dommemstat. All of them are domain.stats; the fields come from its
 * result by their names, so that a new one is shown without a change here.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json_object.h>
#include <json-c/linkhash.h>

#include "api/codec.h"
#include "api/json.h"
#include "client/output.h"
#include "client/verbs.h"

#define STATS_DEPTH 8   /* objects within each other that are printed */
#define PREFIX_SIZE 256 /* bytes of "vcpu.vcpus.0.", with NUL */

/* -- asking ---------------------------------------------------------------- */

static void add_flag(const struct command_call *call, const char *option,
		     const char *word, struct buf *out)
{
	if (call_flag(call, option))
		buf_appendf(out, "%s\"%s\"",
			    out->len && buf_bytes(out)[out->len - 1] != '['
				    ? ","
				    : "",
			    word);
}

static void add_groups(const struct command_call *call, struct buf *out)
{
	static const char *const groups[] = {
		"state", "cpu-total", "balloon",  "vcpu",      "interface",
		"block", "perf",      "iothread", "dirtyrate", "vm",
	};
	size_t before;

	buf_append_str(out, ",\"groups\":[");
	before = out->len;
	for (size_t i = 0; i < array_size(groups); i++)
		add_flag(call, groups[i], groups[i], out);
	if (out->len == before) /* none: all of them */
		for (size_t i = 0; i < array_size(groups); i++)
			buf_appendf(out, "%s\"%s\"", i ? "," : "", groups[i]);
	buf_append_char(out, ']');
}

static void add_filter(const struct command_call *call, const char *yes,
		       const char *no, const char *param, struct buf *out)
{
	if (call_flag(call, yes) != call_flag(call, no))
		buf_appendf(out, ",\"%s\":%s", param,
			    call_flag(call, yes) ? "true" : "false");
}

static void add_domain(const struct command_call *call, struct buf *out)
{
	const char *domain = call_argument(call, 0);

	if (!domain)
		return;
	buf_append_str(out, ",\"domain\":");
	json_append_string(out, domain);
}

/* TEXT begins with ",": the members of the parameters. */
static int ask(struct command_call *call, struct buf *text,
	       struct json_object **result, struct error *err)
{
	autofree char *params = NULL;

	buf_append_char(text, '}');
	params = buf_steal_str(text);
	if (!params)
		return error_set_no_memory(err);
	params[0] = '{';
	return call_method(call, NULL, params, result, err);
}

/* -- domstats -------------------------------------------------------------- */

static void print_member(FILE *f, const char *prefix, const char *key,
			 struct json_object *value, unsigned depth);

static void print_members(FILE *f, const char *prefix,
			  struct json_object *object, unsigned depth)
{
	json_object_object_foreach(object, key, value)
	{
		if (strcmp(key, "n") != 0)
			print_member(f, prefix, key, value, depth);
	}
}

/* A list's entries by their numbers, or by their names where they are counts. */
static void print_list(FILE *f, const char *prefix, const char *key,
		       struct json_object *list, unsigned depth)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		struct json_object *n = NULL;
		struct json_object *name = NULL;
		struct json_object *value = NULL;
		char inner[PREFIX_SIZE];

		if (json_object_object_get_ex(o, "value", &value) &&
		    json_object_object_get_ex(o, "name", &name)) {
			snprintf(inner, sizeof(inner), "%s%s.", prefix, key);
			print_member(f, inner, json_object_get_string(name),
				     value, depth + 1);
			continue;
		}
		json_object_object_get_ex(o, "n", &n);
		snprintf(inner, sizeof(inner), "%s%s.%" PRId64 ".", prefix, key,
			 n ? json_object_get_int64(n) : (int64_t)i);
		print_members(f, inner, o, depth + 1);
	}
}

static void print_member(FILE *f, const char *prefix, const char *key,
			 struct json_object *value, unsigned depth)
{
	autobuf text = {0};
	autofree char *shown = NULL;
	char inner[PREFIX_SIZE];

	if (depth > STATS_DEPTH)
		return;
	if (json_object_is_type(value, json_type_array)) {
		print_list(f, prefix, key, value, depth);
		return;
	}
	if (json_object_is_type(value, json_type_object)) {
		snprintf(inner, sizeof(inner), "%s%s.", prefix, key);
		print_members(f, inner, value, depth + 1);
		return;
	}
	buf_appendf(&text, "%s%s=", prefix, key);
	buf_append_str(&text, json_object_get_string(value));
	shown = buf_steal_str(&text);
	buf_reset(&text);
	output_escape(&text, shown ? shown : "");
	free(shown);
	shown = buf_steal_str(&text);
	fprintf(f, "  %s\n", shown ? shown : "");
}

static void print_stats(struct output *output, struct json_object *domain)
{
	FILE *f = output_file(output);
	struct json_object *name = NULL;
	autobuf text = {0};
	autofree char *shown = NULL;

	json_object_object_get_ex(domain, "name", &name);
	output_escape(&text, name ? json_object_get_string(name) : "");
	shown = buf_steal_str(&text);
	fprintf(f, "Domain: '%s'\n", shown ? shown : "");
	json_object_object_foreach(domain, key, value)
	{
		if (strcmp(key, "name") != 0 && strcmp(key, "uuid") != 0)
			print_member(f, "", key, value, 0);
	}
	fputc('\n', f);
}

int verb_domstats(struct command_call *call, struct error *err)
{
	struct output *output = call_output(call);
	struct json_object *domains = NULL;
	autojson result = NULL;
	autobuf text = {0};

	add_domain(call, &text);
	add_groups(call, &text);
	add_filter(call, "list-active", "list-inactive", "active", &text);
	add_filter(call, "list-persistent", "list-transient", "persistent",
		   &text);
	if (call_flag(call, "nowait"))
		buf_append_str(&text, ",\"nowait\":true");
	if (call_flag(call, "backing"))
		buf_append_str(&text, ",\"backing\":true");
	if (call_flag(call, "enforce"))
		buf_append_str(&text, ",\"enforce\":true");
	if (ask(call, &text, &result, err) < 0)
		return -1;
	if (!output_is_text(output))
		return output_value(output, result, err);
	if (json_object_object_get_ex(result, "domains", &domains))
		for (size_t i = 0; i < json_object_array_length(domains); i++)
			print_stats(output,
				    json_object_array_get_idx(domains, i));
	return 0;
}

/* -- one group of one domain ----------------------------------------------- */

/* The member of the only domain, borrowed from RESULT; or NULL. */
static struct json_object *member_of(struct json_object *result,
				     const char *member)
{
	struct json_object *domains = NULL;
	struct json_object *found = NULL;

	if (json_object_object_get_ex(result, "domains", &domains) &&
	    json_object_array_length(domains) == 1)
		json_object_object_get_ex(json_object_array_get_idx(domains, 0),
					  member, &found);
	return found;
}

static int ask_group(struct command_call *call, const char *group,
		     struct json_object **result, struct error *err)
{
	autobuf text = {0};

	add_domain(call, &text);
	buf_appendf(&text, ",\"groups\":[\"%s\"]", group);
	return ask(call, &text, result, err);
}

static bool is_member(struct json_object *object, const char *key,
		      const char *value)
{
	struct json_object *member = NULL;

	return json_object_object_get_ex(object, key, &member) &&
	       strcmp(json_object_get_string(member), value) == 0;
}

/* Numbers, each on a line: "KEY VALUE" behind WHAT; a name has none. */
static void print_numbers(FILE *f, const char *what, struct json_object *object)
{
	json_object_object_foreach(object, key, value)
	{
		if (json_object_is_type(value, json_type_int) &&
		    strcmp(key, "n") != 0)
			fprintf(f, "%s%s%s %" PRId64 "\n", what,
				*what ? " " : "", key,
				json_object_get_int64(value));
	}
}

/* An empty object where nothing is known of it. */
static int print_balloon(struct output *output, struct json_object *balloon,
			 struct error *err)
{
	autojson none = balloon ? NULL : json_object_new_object();

	if (!balloon && !none)
		return error_set_no_memory(err);
	return output_value(output, balloon ? balloon : none, err);
}

int verb_dommemstat(struct command_call *call, struct error *err)
{
	struct output *output = call_output(call);
	struct json_object *balloon = NULL;
	autojson result = NULL;

	if (ask_group(call, "balloon", &result, err) < 0)
		return -1;
	balloon = member_of(result, "balloon");
	if (!output_is_text(output))
		return print_balloon(output, balloon, err);
	if (balloon)
		print_numbers(output_file(output), "", balloon);
	return 0;
}

/* The entries of LIST that DEVICE (NULL: all) means, in a new list. */
static struct json_object *select_blocks(struct json_object *list,
					 const char *device)
{
	struct json_object *chosen = json_object_new_array();

	for (size_t i = 0; chosen && list && i < json_object_array_length(list);
	     i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (!device || is_member(o, "name", device) ||
		    is_member(o, "path", device))
			json_object_array_add(chosen, json_object_get(o));
	}
	return chosen;
}

static int ask_blocks(struct command_call *call, struct json_object **blocks,
		      struct error *err)
{
	const char *device = call_argument(call, 1);
	autojson result = NULL;

	if (ask_group(call, "block", &result, err) < 0)
		return -1;
	*blocks = select_blocks(member_of(result, "block"), device);
	if (!*blocks)
		return error_set_no_memory(err);
	if (device && json_object_array_length(*blocks) == 0)
		return error_set(err, ERROR_NOT_FOUND,
				 "domain '%s' has no disk '%s', or this host's "
				 "hypervisor tells nothing about it; "
				 "\"virtmux domblklist\" lists its disks",
				 call_argument(call, 0), device);
	return 0;
}

static int print_sizes(struct command_call *call, struct json_object *blocks,
		       struct error *err)
{
	static const struct output_column columns[] = {
		{.title = "Target", .key = "target"},
		{.title = "Capacity", .key = "capacity", .right = true},
		{.title = "Allocation", .key = "allocation", .right = true},
		{.title = "Physical", .key = "physical", .right = true},
	};
	struct output_table *t = output_table_new(call_output(call), columns,
						  array_size(columns));
	bool human = call_flag(call, "human");

	for (size_t i = 0; i < json_object_array_length(blocks); i++) {
		struct json_object *o = json_object_array_get_idx(blocks, i);
		char sizes[3][OUTPUT_SIZE_TEXT];
		struct output_cell cells[4] = {{json_text(o, "name"), 0}};

		for (size_t j = 0; j < 3; j++) {
			const char *s = json_text(o, columns[j + 1].key);

			if (s && human)
				output_size(sizes[j], strtoull(s, NULL, 10));
			cells[j + 1].text = s && human ? sizes[j] : s;
		}
		output_table_row(t, cells);
	}
	return output_table_end(t, err);
}

int verb_domblkinfo(struct command_call *call, struct error *err)
{
	autojson blocks = NULL;

	if (ask_blocks(call, &blocks, err) < 0)
		return -1;
	if (output_is_json(call_output(call)))
		return output_value(call_output(call), blocks, err);
	return print_sizes(call, blocks, err);
}

int verb_domblkstat(struct command_call *call, struct error *err)
{
	struct output *output = call_output(call);
	autojson blocks = NULL;

	if (ask_blocks(call, &blocks, err) < 0)
		return -1;
	if (!output_is_text(output))
		return output_value(output, blocks, err);
	for (size_t i = 0; i < json_object_array_length(blocks); i++) {
		struct json_object *o = json_object_array_get_idx(blocks, i);
		const char *name = json_text(o, "name");

		print_numbers(output_file(output), name ? name : "", o);
	}
	return 0;
}

int verb_domifstat(struct command_call *call, struct error *err)
{
	struct output *output = call_output(call);
	const char *wanted = call_argument(call, 1);
	struct json_object *list = NULL;
	autojson result = NULL;

	if (ask_group(call, "interface", &result, err) < 0)
		return -1;
	list = member_of(result, "net");
	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (!is_member(o, "name", wanted))
			continue;
		if (!output_is_text(output))
			return output_value(output, o, err);
		print_numbers(output_file(output), wanted, o);
		return 0;
	}
	return error_set(err, ERROR_NOT_FOUND,
			 "domain '%s' has no interface '%s' now, or this "
			 "host's hypervisor tells nothing about it; \"virtmux "
			 "domiflist\" lists its interfaces",
			 call_argument(call, 0), wanted);
}
