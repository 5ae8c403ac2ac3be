/*
 * The verbs about the user's own configuration: which hosts there are. They ask
 * no host. Files are read by config.h.
 */
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "client/config.h"
#include "client/output.h"
#include "client/verbs.h"

static int load(struct command_call *call, struct config **config,
		struct error *err)
{
	const char *file = getenv("VIRTMUX_CONFIG");

	file = call_text(call, "config", file && *file ? file : NULL);
	return config_load(config, file, CONFIG_SYSTEM_FILE, err);
}

/* -- host list ------------------------------------------------------------- */

static void add_text(struct json_object *o, const char *name, const char *text)
{
	json_object_object_add(o, name,
			       text ? json_object_new_string(text) : NULL);
}

/* One host as an object, to json_object_put(); NULL on error. */
static struct json_object *host_object(const struct config *config,
				       const char *name, struct error *err)
{
	autoptr(profile) p = NULL;
	struct json_object *o = NULL;
	const char *preset = config_default_host(config);

	if (config_profile(config, name, &p, err) < 0)
		return NULL;
	o = json_object_new_object();
	add_text(o, "name", name);
	add_text(o, "address", p->address ? p->address : name);
	json_object_object_add(
		o, "default",
		json_object_new_boolean(preset && strcmp(preset, name) == 0));
	add_text(o, "certificate", p->certificate);
	add_text(o, "key", p->key);
	add_text(o, "ca", p->ca);
	return o;
}

static const char *text_of(struct json_object *o, const char *name)
{
	struct json_object *member = NULL;

	json_object_object_get_ex(o, name, &member);
	return member ? json_object_get_string(member) : NULL;
}

static int print_hosts(struct output *output, struct json_object *list,
		       struct error *err)
{
	static const struct output_column columns[] = {
		{.title = "Name", .key = "name"},
		{.title = "Address", .key = "address"},
		{.title = "Default", .key = "default"},
		{.title = "Certificate", .key = "certificate", .shrinks = true},
	};
	struct output_table *table =
		output_table_new(output, columns, array_size(columns));

	if (!table)
		return error_set_no_memory(err);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		bool preset = strcmp(text_of(o, "default"), "true") == 0;
		struct output_cell cells[array_size(columns)] = {
			{.text = text_of(o, "name")},
			{.text = text_of(o, "address")},
			{.text = preset ? "yes" : ""},
			{.text = text_of(o, "certificate")},
		};

		output_table_row(table, cells);
	}
	return output_table_end(table, err);
}

int verb_host_list(struct command_call *call, struct error *err)
{
	struct output *output = call_output(call);
	autoptr(config) config = NULL;
	autojson all = json_object_new_object();
	struct json_object *list = json_object_new_array();
	const char *const *names = NULL;
	size_t n = 0;

	json_object_object_add(all, "hosts", list);
	if (load(call, &config, err) < 0)
		return -1;
	names = config_hosts(config, &n);
	for (size_t i = 0; i < n; i++) {
		struct json_object *o = host_object(config, names[i], err);

		if (!o)
			return -1;
		json_object_array_add(list, o);
	}
	if (output_format(output) == OUTPUT_JSON ||
	    output_format(output) == OUTPUT_JSONL) {
		output_json(output, all, "hosts");
		return 0;
	}
	return print_hosts(output, list, err);
}
