/*
 * What the verbs about configured hosts share (config_hosts.h).
 */
#include "client/config_hosts.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/ini.h"
#include "base/log.h"
#include "client/connect/session.h"
#include "client/output.h"

int config_hosts_load(struct command_call *call, struct config **config,
		      struct error *err)
{
	return config_load(config, call_config_file(call), CONFIG_SYSTEM_FILE,
			   err);
}

int config_hosts_edit(struct command_call *call, struct config_edit **edit,
		      char **path, struct error *err)
{
	*path = config_user_path(call_config_file(call));
	if (!*path)
		return error_set_no_memory(err);
	return config_edit_open(edit, *path, err);
}

int config_hosts_section(char **section, const char *name, struct error *err)
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

int config_hosts_known(const struct config *config, const char *name,
		       struct error *err)
{
	struct config_place place;
	const char *const *hosts = NULL;
	const char *near = NULL;
	size_t n = 0;

	if (config_host_place(config, name, &place))
		return 0;
	hosts = config_hosts(config, &n);
	near = nearest_name(name, hosts, n);
	if (near)
		return error_set(err, ERROR_NOT_FOUND,
				 "no host '%s' is configured; did you mean "
				 "'%s'?",
				 name, near);
	return error_set(
		err, ERROR_NOT_FOUND,
		"no host '%s' is configured: \"virtmux host list\" "
		"shows those that are, \"virtmux host add %s ADDRESS\" "
		"adds it",
		name, name);
}

void config_hosts_end_session(struct command_call *call, const char *name)
{
	struct session_place *places = NULL;
	size_t n = 0;
	autoerror none = {0};

	session_places(name, &places, &n, &none);
	for (size_t i = 0; i < n; i++) {
		autoerror why = {0};

		if (places[i].draining)
			continue;
		if (session_ask_lock(&places[i], &why) == 0)
			output_say(call_output(call),
				   "Its session takes no new commands, and "
				   "ends with what runs in it");
		else if (why.code != ERROR_NOT_FOUND)
			log_warning(call_log(call),
				    "the session of host '%s': %s", name,
				    error_words(&why));
	}
	session_places_free(places, n);
}

/* -- groups ---------------------------------------------------------------- */

static int read_group(struct command_call *call, const struct config *config,
		      const char *name, struct hosts *members,
		      struct error *err)
{
	autobuf text = {0};
	autofree char *word = NULL;
	autoerror why = {0};

	buf_appendf(&text, "@%s", name);
	word = buf_steal_str(&text);
	if (!word)
		return error_set_no_memory(err);
	if (hosts_find(members, config, word, SIZE_MAX, &why) == 0)
		return 0;
	if (why.code == ERROR_NO_MEMORY)
		return error_move(err, &why);
	log_warning(call_log(call), "%s", error_words(&why));
	hosts_clear(members);
	return 0;
}

int memberships_read(struct command_call *call, const struct config *config,
		     struct memberships *groups, struct error *err)
{
	groups->names = config_groups(config, &groups->count);
	groups->members = calloc(groups->count + 1, sizeof(struct hosts));
	if (!groups->members)
		return error_set_no_memory(err);
	for (size_t i = 0; i < groups->count; i++)
		if (read_group(call, config, groups->names[i],
			       &groups->members[i], err) < 0)
			return -1;
	return 0;
}

void memberships_clear(struct memberships *groups)
{
	for (size_t i = 0; groups->members && i < groups->count; i++)
		hosts_clear(&groups->members[i]);
	free(groups->members);
	*groups = (struct memberships){0};
}
