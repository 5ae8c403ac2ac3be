/*
 * The verbs that change which hosts the user's configuration has: host add, remove,
 * rename and default. They ask no host. The file is changed by config_edit.h, by
 * these verbs together with all in it that names the host.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "base/file.h"
#include "base/log.h"
#include "client/config_hosts.h"
#include "client/connect/key_pkcs11.h"
#include "client/connect/libvirt_pki.h"
#include "client/output.h"
#include "client/verbs.h"
#include "wire/conn_dial.h"

#define PORT_MAX 65535

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
	if (config_hosts_load(call, &config, &why) < 0) {
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

	if (config_hosts_load(call, &config, err) < 0 ||
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

	if (config_hosts_section(&section, name, err) < 0 ||
	    check_address(call_argument(call, 1), err) < 0 ||
	    config_hosts_edit(call, &edit, &path, err) < 0 ||
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
	config_hosts_end_session(call, name);
	return say_next(call, name, err);
}

/* -- host remove ----------------------------------------------------------- */

static int not_in_file(struct command_call *call, const char *name,
		       const char *path, struct error *err)
{
	autoptr(config) config = NULL;

	if (config_hosts_load(call, &config, err) < 0 ||
	    config_hosts_known(config, name, err) < 0)
		return -1;
	return error_set(err, ERROR_DENIED,
			 "host '%s' stands in %s, which is the "
			 "administrator's; %s has none of that name",
			 name, CONFIG_SYSTEM_FILE, path);
}

/* Opens the file and finds [host NAME] in it: *SECTION, to free(). */
static int open_host(struct command_call *call, const char *name,
		     struct config_edit **edit, char **path, char **section,
		     struct error *err)
{
	if (config_hosts_section(section, name, err) < 0 ||
	    config_hosts_edit(call, edit, path, err) < 0)
		return -1;
	return config_edit_has(*edit, *section)
		       ? 0
		       : not_in_file(call, name, *path, err);
}

/*
 * LIST with TO in the place of the word NAME, or where TO is NULL without it and
 * what parts it from the next, appended. False: NAME is not in it.
 */
static bool replace_word(struct buf *out, const char *list, const char *name,
			 const char *to)
{
	static const char separators[] = ", \t";
	bool found = false;

	while (*list) {
		size_t gap = strspn(list, separators);
		size_t len = strcspn(list + gap, separators);

		if (len != strlen(name) ||
		    strncmp(list + gap, name, len) != 0) {
			buf_append(out, list, gap + len);
		} else {
			found = true;
			if (to) {
				buf_append(out, list, gap);
				buf_append_str(out, to);
			}
		}
		list += gap + len;
	}
	return found;
}

/* The same in `hosts` of a group's section; *FOUND is left where it is not there. */
static int edit_group(struct config_edit *edit, const char *group,
		      const char *name, const char *to, bool *found,
		      struct error *err)
{
	autobuf section = {0};
	autobuf text = {0};
	autofree char *header = NULL;
	autofree char *list = NULL;
	autofree char *value = NULL;
	const char *begin;

	buf_appendf(&section, "group %s", group);
	header = buf_steal_str(&section);
	if (!header)
		return error_set_no_memory(err);
	list = config_edit_get(edit, header, "hosts");
	if (!list || !replace_word(&text, list, name, to))
		return 0;
	*found = true;
	value = buf_steal_str(&text);
	if (!value)
		return error_set_no_memory(err);
	begin = value + strspn(value, ", \t");
	return config_edit_set(edit, header, "hosts", begin, err);
}

/*
 * Host NAME is called TO (NULL: not there any more): in all groups of the user's
 * file, and as the default one, which *PRESET then tells.
 */
static int edit_mentions(struct command_call *call, struct config_edit *edit,
			 const char *name, const char *to, bool *preset,
			 struct error *err)
{
	autofree char *host = config_edit_get(edit, SECTION_DEFAULTS, "host");
	autoptr(config) config = NULL;
	const char *const *groups = NULL;
	bool found = false;
	size_t n = 0;

	if (config_hosts_load(call, &config, err) < 0)
		return -1;
	groups = config_groups(config, &n);
	for (size_t i = 0; i < n; i++)
		if (edit_group(edit, groups[i], name, to, &found, err) < 0)
			return -1;
	*preset = host && strcmp(host, name) == 0;
	if (!*preset)
		return 0;
	if (to)
		return config_edit_set(edit, SECTION_DEFAULTS, "host", to, err);
	config_edit_unset(edit, SECTION_DEFAULTS, "host");
	return 0;
}

static size_t find_name(const char *const *names, size_t n, const char *name)
{
	size_t i = 0;

	while (i < n && strcmp(names[i], name) != 0)
		i++;
	return i;
}

static bool is_in(const struct memberships *groups, const char *group,
		  const char *host)
{
	size_t i = find_name(groups->names, groups->count, group);

	return i < groups->count && hosts_have(&groups->members[i], host);
}

/* Groups that OLD was in and NEW is not: a pattern no longer fits. */
static int tell_lost_groups(struct command_call *call,
			    const struct config *config, const char *old,
			    const char *new, struct error *err)
{
	autoptr(config) now = NULL;
	automemberships before = {0};
	automemberships after = {0};

	if (config_hosts_load(call, &now, err) < 0 ||
	    memberships_read(call, config, &before, err) < 0 ||
	    memberships_read(call, now, &after, err) < 0)
		return -1;
	for (size_t i = 0; i < before.count; i++)
		if (hosts_have(&before.members[i], old) &&
		    !is_in(&after, before.names[i], new))
			log_warning(call_log(call),
				    "'%s' is not in the group '%s', as '%s' "
				    "was",
				    new, before.names[i], old);
	return 0;
}

int verb_host_remove(struct command_call *call, struct error *err)
{
	const char *name = call_argument(call, 0);
	autoptr(config_edit) edit = NULL;
	autofree char *section = NULL;
	autofree char *path = NULL;
	bool preset = false;

	if (open_host(call, name, &edit, &path, &section, err) < 0 ||
	    edit_mentions(call, edit, name, NULL, &preset, err) < 0)
		return -1;
	config_edit_remove(edit, section);
	if (config_edit_save(edit, err) < 0)
		return -1;
	output_say(call_output(call), "Host '%s' removed from %s%s", name, path,
		   preset ? "; no host is the default one now" : "");
	config_hosts_end_session(call, name);
	return 0;
}

/* -- host rename, host default --------------------------------------------- */

/* Where OLD has no address but its name, that becomes its address. */
static int edit_name(struct config_edit *edit, const struct config *config,
		     const char *old, const char *new, struct error *err)
{
	autofree char *from = NULL;
	autofree char *to = NULL;
	struct config_place place;

	if (config_hosts_section(&from, old, err) < 0 ||
	    config_hosts_section(&to, new, err) < 0)
		return -1;
	if (config_host_place(config, new, &place))
		return error_set(err, ERROR_EXISTS,
				 "%s:%u: there is a host '%s' already",
				 place.file, place.line, new);
	if (!config_value_place(config, old, "address", &place) &&
	    config_edit_set(edit, from, "address", old, err) < 0)
		return -1;
	return config_edit_rename(edit, from, to, err);
}

/* What the administrator's file says of OLD would not hold for the new name. */
static int check_system(const char *old, struct error *err)
{
	autoptr(config) system = NULL;
	struct config_place place;

	if (config_load(&system, "/dev/null", CONFIG_SYSTEM_FILE, err) < 0)
		return -1;
	if (!config_host_place(system, old, &place))
		return 0;
	return error_set(err, ERROR_DENIED,
			 "%s:%u has settings of host '%s', too, which the "
			 "new name would not have: \"virtmux host add\" adds "
			 "one beside it",
			 place.file, place.line, old);
}

int verb_host_rename(struct command_call *call, struct error *err)
{
	const char *old = call_argument(call, 0);
	const char *new = call_argument(call, 1);
	autoptr(config_edit) edit = NULL;
	autoptr(config) config = NULL;
	autofree char *section = NULL;
	autofree char *path = NULL;
	bool preset = false;

	if (open_host(call, old, &edit, &path, &section, err) < 0 ||
	    config_hosts_load(call, &config, err) < 0 ||
	    check_system(old, err) < 0 ||
	    edit_mentions(call, edit, old, new, &preset, err) < 0 ||
	    edit_name(edit, config, old, new, err) < 0 ||
	    config_edit_save(edit, err) < 0)
		return -1;
	output_say(call_output(call), "Host '%s' is called '%s' in %s%s", old,
		   new, path, preset ? ", and stays the default one" : "");
	config_hosts_end_session(call, old);
	return tell_lost_groups(call, config, old, new, err);
}

static int show_default(struct command_call *call, const struct config *config,
			struct error *err)
{
	struct output *output = call_output(call);
	const char *name = config_default_host(config);
	autojson o = NULL;

	if (!name)
		return error_set(err, ERROR_NOT_FOUND,
				 "no host is the default one: \"virtmux host "
				 "default NAME\" makes one");
	if (output_is_text(output)) {
		fprintf(output_file(output), "%s\n", name);
		return 0;
	}
	o = json_object_new_object();
	if (!o)
		return error_set_no_memory(err);
	json_object_object_add(o, "host", json_object_new_string(name));
	return output_value(output, o, err);
}

int verb_host_default(struct command_call *call, struct error *err)
{
	const char *name = call_argument(call, 0);
	autoptr(config_edit) edit = NULL;
	autoptr(config) config = NULL;
	autofree char *path = NULL;

	if (config_hosts_load(call, &config, err) < 0)
		return -1;
	if (!name)
		return show_default(call, config, err);
	if (config_hosts_known(config, name, err) < 0 ||
	    config_hosts_edit(call, &edit, &path, err) < 0 ||
	    config_edit_set(edit, SECTION_DEFAULTS, "host", name, err) < 0 ||
	    config_edit_save(edit, err) < 0)
		return -1;
	output_say(call_output(call), "Host '%s' is the default one in %s",
		   name, path);
	return 0;
}
