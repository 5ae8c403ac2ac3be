/*
 * The verb `session`: opens, lists, locks and ends the user's sessions (session.h). What
 * always holds: a session serves a host of the configuration as it stands there;
 * what was changed on the command line opens none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "base/clock.h"
#include "client/command.h"
#include "client/output.h"
#include "client/connect/key.h"
#include "client/connect/profile.h"
#include "client/connect/session.h"
#include "client/verbs.h"

#define RETRY_NOW_MS 500 /* what begins so soon is told as begun */

enum action { ACTION_LIST, ACTION_OPEN, ACTION_END, ACTION_LOCK };

/* -- list ------------------------------------------------------------------ */

/* What those that answer say of themselves. */
static void gather(struct json_object *list, const struct session_place *places,
		   size_t count, struct log *log)
{
	for (size_t i = 0; i < count; i++) {
		struct json_object *status = NULL;
		autoerror why = {0};

		if (session_ask_status(&places[i], &status, &why) == 0)
			json_object_array_add(list, status);
		else if (why.code != ERROR_NOT_FOUND)
			log_warning(log, "the session to host '%s': %s",
				    places[i].host, error_words(&why));
	}
}

/* Members of times are milliseconds; -1: there is no such one. */
static int64_t ms_of(struct json_object *o, const char *name)
{
	struct json_object *member = NULL;

	if (!json_object_object_get_ex(o, name, &member) || !member)
		return -1;
	return json_object_get_int64(member);
}

/* "4 min", NULL where there is no such member; ROOM has CLOCK_TEXT_SIZE. */
static const char *span(struct json_object *o, const char *name, char *room)
{
	int64_t ms = ms_of(o, name);

	if (ms < 0)
		return NULL;
	clock_format_span(((uint64_t)ms + 500) / 1000, room);
	return room;
}

#define STATE_SIZE (2 * CLOCK_TEXT_SIZE)

/* "serving", or what one does whose host is away; ROOM has STATE_SIZE. */
static const char *state(struct json_object *o, char *room)
{
	const char *word = json_text(o, "state");
	char retry[CLOCK_TEXT_SIZE];
	int64_t ms = ms_of(o, "retry_in_ms");

	if (ms < 0)
		return word;
	if (ms < RETRY_NOW_MS)
		snprintf(room, STATE_SIZE, "%s, tries now", word);
	else
		snprintf(room, STATE_SIZE, "%s, again in %s", word,
			 span(o, "retry_in_ms", retry));
	return room;
}

enum { COLUMN_STATE = 1, COLUMN_OPENED = 3, COLUMN_IDLE, COLUMN_ENDS };

static const struct output_column columns[] = {
	{.title = "Host", .key = "host"},
	{.title = "State", .key = "state"},
	{.title = "Address", .key = "peer", .shrinks = true},
	{.title = "Opened", .key = "opened", .shrinks = true},
	{.title = "Idle", .key = "idle_ms", .right = true},
	{.title = "Ends", .key = "ends_in_ms", .right = true},
	{.title = "Commands", .key = "clients", .right = true},
	{.title = "Streams", .key = "streams", .right = true},
	{.title = "PID", .key = "pid", .right = true},
};

static void add_row(struct output_table *table, struct json_object *o, bool csv)
{
	struct output_cell cells[array_size(columns)] = {0};
	char idle[CLOCK_TEXT_SIZE], ends[CLOCK_TEXT_SIZE];
	char doing[STATE_SIZE];

	for (size_t c = 0; c < array_size(columns); c++)
		cells[c].text = json_text(o, columns[c].key);
	cells[COLUMN_OPENED].style = OUTPUT_MOMENT;
	if (json_text(o, "away"))
		cells[COLUMN_STATE].style = OUTPUT_WARN;
	if (!csv) {
		cells[COLUMN_STATE].text = state(o, doing);
		cells[COLUMN_IDLE].text = span(o, "idle_ms", idle);
		cells[COLUMN_ENDS].text = span(o, "ends_in_ms", ends);
	}
	output_table_row(table, cells);
}

/* Under the table, for how long hosts are away, and why. */
static void tell_reasons(struct output *output, struct json_object *sessions)
{
	for (size_t i = 0; i < json_object_array_length(sessions); i++) {
		struct json_object *o = json_object_array_get_idx(sessions, i);

		char away[CLOCK_TEXT_SIZE];

		if (span(o, "away_ms", away))
			output_say(output, "%s has been away for %s: %s",
				   json_text(o, "host"), away,
				   json_text(o, "away"));
	}
}

static int list(struct command_call *call, const struct session_place *places,
		size_t count, struct error *err)
{
	autojson all = json_object_new_object();
	struct json_object *sessions = json_add_list(all, "sessions");

	if (!sessions)
		return error_set_no_memory(err);
	gather(sessions, places, count, call_log(call));
	if (output_list(call_output(call), all, "sessions", columns,
			array_size(columns), add_row, err) < 0)
		return -1;
	tell_reasons(call_output(call), sessions);
	return 0;
}

/* -- open ------------------------------------------------------------------ */

static int open_session(struct command_call *call,
			const struct profile *profile, struct error *err)
{
	struct key_sources sources = *call_key_sources(call);
	const struct session_options options = {
		.profile = profile,
		.sources = &sources,
		.config = call_config_file(call),
		.deadline = call_deadline(call),
		.log = call_log(call),
	};
	int report = (int)call_number(call, "report-fd", -1);
	enum session_opened how;

	sources.key_fd = (int)call_number(call, "key-fd", 0);
	if (profile->overridden)
		return error_set(err, ERROR_USAGE,
				 "a session serves host '%s' as the "
				 "configuration has it: leave out what the "
				 "command line or the environment changes",
				 profile->name);
	if (call_flag(call, "foreground") || report >= 0)
		return session_run(&options, report, err);
	if (session_open(&options, &how, err) < 0)
		return -1;
	output_say(call_output(call),
		   how == SESSION_OPENED
			   ? "Session to host '%s' opened"
			   : "Session to host '%s' is open already",
		   profile->name);
	return 0;
}

/* -- end and lock ---------------------------------------------------------- */

static int act_on(struct command_call *call, enum action action,
		  const struct session_place *place, struct error *err)
{
	if (action == ACTION_END) {
		if (session_ask_end(place, err) < 0)
			return -1;
		output_say(call_output(call), "Session to host '%s' ended",
			   place->host);
		return 0;
	}
	if (session_ask_lock(place, err) < 0)
		return -1;
	output_say(call_output(call), "Session to host '%s' locked",
		   place->host);
	return 0;
}

/*
 * All of them get their turn, whatever happens to one; those that have ended by
 * themselves do not count. NAME is NULL for all hosts.
 */
static int act_on_all(struct command_call *call, enum action action,
		      const char *name, const struct session_place *places,
		      size_t count, struct error *err)
{
	size_t done = 0;
	autoerror first = {0};

	for (size_t i = 0; i < count; i++) {
		autoerror why = {0};

		if (action == ACTION_LOCK && places[i].draining)
			continue; /* it has no key any more */
		if (act_on(call, action, &places[i], &why) == 0)
			done++;
		else if (why.code != ERROR_NOT_FOUND && !error_is_set(&first))
			error_move(&first, &why);
	}
	if (error_is_set(&first))
		return error_move(err, &first);
	if (done == 0 && name)
		return error_set(err, ERROR_NOT_FOUND,
				 "no session to host '%s' is open", name);
	return 0;
}

/* -- the verb -------------------------------------------------------------- */

static int act(struct command_call *call, enum action action, const char *name,
	       struct error *err)
{
	struct session_place *places = NULL;
	size_t count = 0;
	int rc;

	if (session_places(name, &places, &count, err) < 0)
		return -1;
	rc = action == ACTION_LIST
		     ? list(call, places, count, err)
		     : act_on_all(call, action, name, places, count, err);
	session_places_free(places, count);
	return rc;
}

int verb_session(struct command_call *call, struct error *err)
{
	static const char *const actions[] = {"list", "open", "end", "lock"};
	const char *host = call_argument(call, 1);
	const struct profile *profile = NULL;
	enum action action = ACTION_LIST;

	for (size_t i = 0; call_argument(call, 0) && i < array_size(actions);
	     i++)
		if (strcmp(call_argument(call, 0), actions[i]) == 0)
			action = (enum action)i;
	/* To end one, its name is enough: it may stand in no file any more. */
	if (action != ACTION_OPEN && host && strcmp(host, "all") == 0)
		return act(call, action, NULL, err);
	if (action != ACTION_OPEN && (host || action == ACTION_LIST))
		return act(call, action, host, err);
	if (call_profile_of(call, host, &profile, err) < 0)
		return -1;
	return action == ACTION_OPEN ? open_session(call, profile, err)
				     : act(call, action, profile->name, err);
}
