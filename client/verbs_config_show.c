/*
 * The verbs that show the configured hosts: host list, host show. They ask no host.
 */
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "client/command_private.h"
#include "client/config_hosts.h"
#include "client/connect/channel.h"
#include "client/connect/local.h"
#include "client/output.h"
#include "client/verbs.h"

/* -- a host as an object --------------------------------------------------- */

static void add_place(struct json_object *o, const struct config *config,
		      const char *name)
{
	struct config_place place = {0};

	if (!config_host_place(config, name, &place))
		return;
	json_add_text(o, "file", place.file);
	json_object_object_add(o, "line", json_object_new_int64(place.line));
}

static struct json_object *groups_of(const struct memberships *groups,
				     const char *name)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < groups->count; i++)
		if (hosts_have(&groups->members[i], name))
			json_object_array_add(
				list, json_object_new_string(groups->names[i]));
	return list;
}

/* To json_object_put(); NULL on error. */
static struct json_object *host_object(const struct config *config,
				       const struct memberships *groups,
				       const char *name, struct error *err)
{
	autoptr(profile) p = NULL;
	struct json_object *o = NULL;
	const char *preset = config_default_host(config);

	if (config_profile(config, name, &p, err) < 0)
		return NULL;
	o = json_object_new_object();
	if (!o) {
		error_set_no_memory(err);
		return NULL;
	}
	json_add_text(o, "name", name);
	json_add_text(o, "address", p->address ? p->address : name);
	json_object_object_add(
		o, "default",
		json_object_new_boolean(preset && strcmp(preset, name) == 0));
	json_object_object_add(o, "groups", groups_of(groups, name));
	json_add_text(o, "certificate", p->certificate);
	json_add_text(o, "key", p->key);
	json_add_text(o, "ca", p->ca);
	add_place(o, config, name);
	return o;
}

/* "web, db", to free(); NULL where there are none. */
static char *group_words(struct json_object *o)
{
	struct json_object *list = NULL;
	autobuf text = {0};

	json_object_object_get_ex(o, "groups", &list);
	for (size_t i = 0; i < json_object_array_length(list); i++)
		buf_appendf(&text, "%s%s", i ? ", " : "",
			    json_object_get_string(
				    json_object_array_get_idx(list, i)));
	return text.len ? buf_steal_str(&text) : NULL;
}

/* -- host list ------------------------------------------------------------- */

static void add_row(struct output_table *table, struct json_object *o, bool csv)
{
	autofree char *groups = group_words(o);
	const struct output_cell cells[] = {
		{.text = json_text(o, "name")},
		{.text = json_text(o, "address")},
		{.text = json_is_true(o, "default") ? "yes" : ""},
		{.text = groups ? groups : ""},
		{.text = json_text(o, "certificate")},
	};

	(void)csv;
	output_table_row(table, cells);
}

static int gather(const struct config *config, const struct memberships *groups,
		  struct json_object *list, struct error *err)
{
	size_t n = 0;
	const char *const *names = config_hosts(config, &n);

	for (size_t i = 0; i < n; i++) {
		struct json_object *o =
			host_object(config, groups, names[i], err);

		if (!o)
			return -1;
		json_object_array_add(list, o);
	}
	return 0;
}

int verb_host_list(struct command_call *call, struct error *err)
{
	static const struct output_column columns[] = {
		{.title = "Name", .key = "name"},
		{.title = "Address", .key = "address"},
		{.title = "Default", .key = "default"},
		{.title = "Groups", .key = "groups", .shrinks = true},
		{.title = "Certificate", .key = "certificate", .shrinks = true},
	};
	autoptr(config) config = NULL;
	automemberships groups = {0};
	autojson all = json_object_new_object();
	struct json_object *list = json_add_list(all, "hosts");

	if (!list)
		return error_set_no_memory(err);
	if (config_hosts_load(call, &config, err) < 0 ||
	    memberships_read(call, config, &groups, err) < 0 ||
	    gather(config, &groups, list, err) < 0)
		return -1;
	return output_list(call_output(call), all, "hosts", columns,
			   array_size(columns), add_row, err);
}

/* -- host show ------------------------------------------------------------- */

static bool has_session(const struct config *config, const char *name)
{
	autoptr(profile) p = NULL;
	autofree char *path = NULL;

	return config_profile(config, name, &p, NULL) == 0 &&
	       channel_session_path(&path, p, NULL) == 0 && local_answers(path);
}

int verb_host_show(struct command_call *call, struct error *err)
{
	autoptr(config) config = NULL;
	automemberships groups = {0};
	autojson o = NULL;
	const char *name = call_argument(call, 0);

	if (config_hosts_load(call, &config, err) < 0)
		return -1;
	if (!name)
		name = command_host_text(call);
	if (!name)
		name = config_default_host(config);
	if (!name)
		return error_set(
			err, ERROR_USAGE,
			"which host? \"virtmux host list\" shows them");
	if (config_hosts_known(config, name, err) < 0 ||
	    memberships_read(call, config, &groups, err) < 0)
		return -1;
	o = host_object(config, &groups, name, err);
	if (!o)
		return -1;
	json_object_object_add(
		o, "session",
		json_object_new_boolean(has_session(config, name)));
	return output_value(call_output(call), o, err);
}
