/*
 * The verbs about the user's own configuration: which hosts there are. They ask
 * no host. Files are read by config.h and changed by config_edit.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "base/file.h"
#include "client/connect/config.h"
#include "client/config_edit.h"
#include "client/connect/key_pkcs11.h"
#include "client/connect/libvirt_pki.h"
#include "client/output.h"
#include "client/verbs.h"
#include "wire/conn_dial.h"

#define SECTION_DEFAULTS "defaults"
#define PORT_MAX         65535

static int load(struct command_call *call, struct config **config,
		struct error *err)
{
	return config_load(config, call_config_file(call), CONFIG_SYSTEM_FILE,
			   err);
}

static int open_edit(struct command_call *call, struct config_edit **edit,
		     char **path, struct error *err)
{
	*path = config_user_path(call_config_file(call));
	if (!*path)
		return error_set_no_memory(err);
	return config_edit_open(edit, *path, err);
}

/* "host NAME", to free(). ERROR_USAGE where NAME cannot be one's. */
static int make_section(char **section, const char *name, struct error *err)
{
	autobuf text = {0};

	if (!config_host_name_valid(name))
		return error_set(err, ERROR_USAGE,
				 "'%s' cannot be a host's name: it has no "
				 "blanks and none of ,@*?[]/, and does not "
				 "begin with '-'",
				 name);
	buf_appendf(&text, "host %s", name);
	*section = buf_steal_str(&text);
	return *section ? 0 : error_set_no_memory(err);
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

/* -- host add -------------------------------------------------------------- */

static int check_address(const char *address, struct error *err)
{
	autofree char *host = NULL;
	autofree char *port = NULL;

	if (conn_split_address(address, PROFILE_PORT, &host, &port, err) < 0)
		return -1;
	if (host[strcspn(host, " \t\r\n")] == '\0' &&
	    strspn(port, "0123456789") == strlen(port) && strlen(port) <= 5 &&
	    atoi(port) >= 1 && atoi(port) <= PORT_MAX)
		return 0;
	return error_set(err, ERROR_USAGE,
			 "'%s' is no address: it is a name or an address, and "
			 "behind a ':' a port from 1 to %d",
			 address, PORT_MAX);
}

/* Writes the file that a global option names, as an absolute path. */
static int set_file(struct command_call *call, struct config_edit *edit,
		    const char *section, const char *option, struct error *err)
{
	const char *given = call_text(call, option, NULL);
	autofree char *expanded = NULL;
	autofree char *whole = NULL;

	if (!given)
		return 0;
	if (key_is_pkcs11(given))
		return config_edit_set(edit, section, option, given, err);
	expanded = file_expand_home(given);
	whole = expanded ? realpath(expanded, NULL) : NULL;
	if (!whole)
		return error_set_errno(err, ERROR_NOT_FOUND, errno,
				       "cannot find %s", given);
	return config_edit_set(edit, section, option, whole, err);
}

static int set_host(struct command_call *call, struct config_edit *edit,
		    const char *section, struct error *err)
{
	const char *server_name = call_text(call, "server-name", NULL);

	if (config_edit_set(edit, section, "address", call_argument(call, 1),
			    err) < 0)
		return -1;
	if (server_name &&
	    config_edit_set(edit, section, "server-name", server_name, err) < 0)
		return -1;
	if (set_file(call, edit, section, "ca", err) < 0 ||
	    set_file(call, edit, section, "certificate", err) < 0)
		return -1;
	return set_file(call, edit, section, "key", err);
}

/* Whether the new host is to be the default: as told, or since it is the first. */
static int becomes_default(struct command_call *call, bool *yes,
			   struct error *err)
{
	autoptr(config) config = NULL;
	autoerror why = {0};
	size_t n = 0;

	*yes = call_flag(call, "default");
	if (load(call, &config, &why) < 0) {
		*yes = *yes || why.code == ERROR_NOT_FOUND;
		return why.code == ERROR_NOT_FOUND ? 0 : error_move(err, &why);
	}
	config_hosts(config, &n);
	*yes = *yes || (n == 0 && !config_default_host(config));
	return 0;
}

/* What the user needs before his first command to the host works. */
static int say_next(struct command_call *call, const char *name,
		    struct error *err)
{
	struct output *output = call_output(call);
	autoptr(config) config = NULL;
	autoptr(profile) p = NULL;
	autobuf text = {0};
	autofree char *hint = NULL;

	if (load(call, &config, err) < 0 ||
	    config_profile(config, name, &p, err) < 0)
		return -1;
	if (p->certificate && p->key && p->ca) {
		output_say(output, "Try it: virtmux -H %s list", name);
		return 0;
	}
	output_say(output, "It has no %s yet: %s",
		   p->certificate && p->key ? "CA" : "certificate and key",
		   p->certificate && p->key
			   ? "\"virtmux import ca.crt\" installs it"
			   : "\"virtmux enroll\" makes a key, \"virtmux "
			     "import FILE\" installs the certificate");
	libvirt_pki_hint(&text, p);
	hint = buf_steal_str(&text);
	if (hint && hint[0])
		output_say(output, "%s", hint);
	return 0;
}

int verb_host_add(struct command_call *call, struct error *err)
{
	const char *name = call_argument(call, 0);
	autoptr(config_edit) edit = NULL;
	autofree char *section = NULL;
	autofree char *path = NULL;
	bool preset = false;

	if (make_section(&section, name, err) < 0 ||
	    check_address(call_argument(call, 1), err) < 0 ||
	    open_edit(call, &edit, &path, err) < 0 ||
	    becomes_default(call, &preset, err) < 0)
		return -1;
	if (config_edit_has(edit, section) && !call_flag(call, "force"))
		return error_set(err, ERROR_EXISTS,
				 "%s has a host '%s' already: --force changes "
				 "it, \"virtmux host remove %s\" removes it",
				 path, name, name);
	if (preset &&
	    config_edit_set(edit, SECTION_DEFAULTS, "host", name, err) < 0)
		return -1;
	if (set_host(call, edit, section, err) < 0 ||
	    config_edit_save(edit, err) < 0)
		return -1;
	output_say(call_output(call), "Host '%s' written to %s%s", name, path,
		   preset ? ", as the default one" : "");
	return say_next(call, name, err);
}

/* -- host remove ----------------------------------------------------------- */

static int no_such_host(struct command_call *call, const char *name,
			const char *path, struct error *err)
{
	autoptr(config) config = NULL;
	const char *const *hosts = NULL;
	const char *near = NULL;
	size_t n = 0;

	if (load(call, &config, err) < 0)
		return -1;
	hosts = config_hosts(config, &n);
	for (size_t i = 0; i < n; i++)
		if (strcmp(hosts[i], name) == 0)
			return error_set(err, ERROR_DENIED,
					 "host '%s' stands in %s, which is the "
					 "administrator's; %s has none of that "
					 "name",
					 name, CONFIG_SYSTEM_FILE, path);
	near = nearest_name(name, hosts, n);
	return error_set(err, ERROR_NOT_FOUND, "%s has no host '%s'%s%s%s",
			 path, name, near ? "; did you mean '" : "",
			 near ? near : "", near ? "'?" : "");
}

int verb_host_remove(struct command_call *call, struct error *err)
{
	const char *name = call_argument(call, 0);
	autoptr(config_edit) edit = NULL;
	autofree char *section = NULL;
	autofree char *preset = NULL;
	autofree char *path = NULL;

	if (make_section(&section, name, err) < 0 ||
	    open_edit(call, &edit, &path, err) < 0)
		return -1;
	if (!config_edit_has(edit, section))
		return no_such_host(call, name, path, err);
	preset = config_edit_get(edit, SECTION_DEFAULTS, "host");
	if (preset && strcmp(preset, name) == 0)
		config_edit_unset(edit, SECTION_DEFAULTS, "host");
	config_edit_remove(edit, section);
	if (config_edit_save(edit, err) < 0)
		return -1;
	output_say(call_output(call), "Host '%s' removed from %s%s", name, path,
		   preset && strcmp(preset, name) == 0
			   ? "; no host is the default one now"
			   : "");
	return 0;
}
