/*
 * The verb `session`: opens, lists and ends the user's sessions (session.h). What
 * always holds: a session serves a host of the configuration as it stands there;
 * what was changed on the command line opens none.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "client/command.h"
#include "client/output.h"
#include "client/connect/profile.h"
#include "client/connect/session.h"
#include "client/verbs.h"

enum action { ACTION_LIST, ACTION_OPEN, ACTION_END };

/* -- list ------------------------------------------------------------------ */

static const char *text_of(struct json_object *o, const char *name)
{
	struct json_object *member = NULL;

	if (!json_object_object_get_ex(o, name, &member))
		return NULL;
	return json_object_get_string(member);
}

static void free_names(char **names)
{
	for (char **n = names; n && *n; n++)
		free(*n);
	free(names);
}

/* The sessions that answer, as {"sessions": [ … ]}. */
static int gather(struct json_object *all, struct error *err)
{
	struct json_object *list = json_object_new_array();
	char **names = NULL;

	json_object_object_add(all, "sessions", list);
	if (session_names(&names, err) < 0)
		return -1;
	for (char **n = names; *n; n++) {
		struct json_object *status = NULL;
		autoerror why = {0};

		if (session_status(*n, &status, &why) == 0)
			json_object_array_add(list, status);
	}
	free_names(names);
	return 0;
}

static int print_table(struct output *output, struct json_object *list,
		       struct error *err)
{
	static const struct output_column columns[] = {
		{.title = "Host", .key = "host"},
		{.title = "Address", .key = "peer", .shrinks = true},
		{.title = "Opened", .key = "opened"},
		{.title = "Commands", .key = "clients", .right = true},
		{.title = "Streams", .key = "streams", .right = true},
		{.title = "PID", .key = "pid", .right = true},
	};
	struct output_table *table =
		output_table_new(output, columns, array_size(columns));

	if (!table)
		return error_set_no_memory(err);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		struct output_cell cells[array_size(columns)] = {0};

		for (size_t c = 0; c < array_size(columns); c++)
			cells[c].text = text_of(o, columns[c].key);
		output_table_row(table, cells);
	}
	return output_table_end(table, err);
}

static int list(struct command_call *call, struct error *err)
{
	struct output *output = call_output(call);
	autojson all = json_object_new_object();
	struct json_object *sessions = NULL;

	if (gather(all, err) < 0)
		return -1;
	if (output_format(output) == OUTPUT_JSON ||
	    output_format(output) == OUTPUT_JSONL) {
		output_json(output, all, "sessions");
		return 0;
	}
	json_object_object_get_ex(all, "sessions", &sessions);
	return print_table(output, sessions, err);
}

/* -- open and end ---------------------------------------------------------- */

static int open_session(struct command_call *call,
			const struct profile *profile, struct error *err)
{
	const struct session_options options = {
		.profile = profile,
		.sources = call_key_sources(call),
		.foreground = call_flag(call, "foreground"),
		.log = call_log(call),
	};
	bool fresh = false;

	if (profile->overridden)
		return error_set(err, ERROR_USAGE,
				 "a session serves host '%s' as the "
				 "configuration has it: leave out what the "
				 "command line or the environment changes",
				 profile->name);
	if (session_open(&options, &fresh, err) < 0)
		return -1;
	if (!options.foreground)
		output_say(call_output(call),
			   fresh ? "Session to host '%s' opened"
				 : "Session to host '%s' is open already",
			   profile->name);
	return 0;
}

static int end_session(struct command_call *call, const char *name,
		       struct error *err)
{
	if (session_end(name, err) < 0)
		return -1;
	output_say(call_output(call), "Session to host '%s' ended", name);
	return 0;
}

int verb_session(struct command_call *call, struct error *err)
{
	static const char *const actions[] = {"list", "open", "end"};
	const char *action = call_argument(call, 0);
	const struct profile *profile = NULL;

	if (!action || strcmp(action, actions[ACTION_LIST]) == 0)
		return list(call, err);
	/* To end one, its name is enough: it may stand in no file any more. */
	if (strcmp(action, actions[ACTION_END]) == 0 && call_argument(call, 1))
		return end_session(call, call_argument(call, 1), err);
	if (call_profile_of(call, call_argument(call, 1), &profile, err) < 0)
		return -1;
	if (strcmp(action, actions[ACTION_OPEN]) == 0)
		return open_session(call, profile, err);
	return end_session(call, profile->name, err);
}
