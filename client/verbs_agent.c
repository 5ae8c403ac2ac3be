/*
 * What the agent inside a guest does, as virsh has it. What always holds: a
 * password stands in wiped memory and in the call alone, never on a command line.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/codec.h"
#include "api/json.h"
#include "client/connect/key_ask.h"
#include "client/output.h"
#include "client/verbs.h"

#define TIME_TEXT 32 /* bytes of "2026-11-21 20:00:00", with NUL */

/* {"domain":…: to be gone on with. */
static void begin_params(const struct command_call *call, struct buf *text)
{
	buf_append_str(text, "{\"domain\":");
	json_append_string(text, call_argument(call, 0));
}

/* METHOD with TEXT and a brace. */
static int end_params(struct command_call *call, const char *method,
		      struct buf *text, struct json_object **result,
		      struct error *err)
{
	autofree char *params = NULL;

	buf_append_char(text, '}');
	params = buf_steal_str(text);
	if (!params)
		return error_set_no_memory(err);
	return call_method(call, method, params, result, err);
}

/* -- file systems ---------------------------------------------------------- */

static int freeze(struct command_call *call, const char *what,
		  struct error *err)
{
	struct json_object *count = NULL;
	autojson result = NULL;
	autobuf text = {0};

	begin_params(call, &text);
	if (call_argument(call, 1))
		buf_append_str(&text, ",\"mountpoints\":[");
	for (size_t i = 1; call_argument(call, i); i++) {
		buf_append_str(&text, i > 1 ? "," : "");
		json_append_string(&text, call_argument(call, i));
	}
	if (call_argument(call, 1))
		buf_append_char(&text, ']');
	if (end_params(call, NULL, &text, &result, err) < 0)
		return -1;
	if (!output_is_text(call_output(call)))
		return output_value(call_output(call), result, err);
	json_object_object_get_ex(result, "count", &count);
	output_say(call_output(call), "%s %s filesystem(s)", what,
		   count ? json_object_get_string(count) : "0");
	return 0;
}

int verb_domfsfreeze(struct command_call *call, struct error *err)
{
	return freeze(call, "Froze", err);
}

int verb_domfsthaw(struct command_call *call, struct error *err)
{
	return freeze(call, "Thawed", err);
}

static void print_filesystem(struct output_table *t, const struct agent_fs *fs)
{
	autobuf disks = {0};
	autofree char *targets = NULL;

	for (size_t i = 0; i < fs->disk_count; i++)
		if (fs->disk[i].has_alias)
			buf_appendf(&disks, "%s%s", disks.len ? "," : "",
				    fs->disk[i].alias);
	targets = buf_steal_str(&disks);
	output_table_row(
		t, (const struct output_cell[]){
			   {fs->has_mountpoint ? fs->mountpoint : NULL, 0},
			   {fs->has_name ? fs->name : NULL, 0},
			   {fs->has_fstype ? fs->fstype : NULL, 0},
			   {targets && *targets ? targets : NULL, 0},
		   });
}

static int print_filesystems(struct output *output,
			     const struct agent_filesystems *list,
			     struct error *err)
{
	static const struct output_column columns[] = {
		{.title = "Mountpoint", .key = "mountpoint", .shrinks = true},
		{.title = "Name", .key = "name"},
		{.title = "Type", .key = "type"},
		{.title = "Target", .key = "target"},
	};
	struct output_table *t =
		output_table_new(output, columns, array_size(columns));

	for (size_t i = 0; i < list->fs_count; i++)
		print_filesystem(t, &list->fs[i]);
	return output_table_end(t, err);
}

int verb_domfsinfo(struct command_call *call, struct error *err)
{
	const struct method *m = method_by_id(METHOD_agent_fs_info);
	struct output *output = call_output(call);
	struct agent_filesystems list = {0};
	autojson result = NULL;
	int rc;

	if (call_method(call, NULL, NULL, &result, err) < 0)
		return -1;
	if (output_as_json(output, result, "fs"))
		return 0;
	if (result_decode(m, result, &list, err) < 0)
		return -1;
	rc = print_filesystems(output, &list, err);
	result_free(m, &list);
	return rc;
}

/* -- what it is ------------------------------------------------------------ */

int verb_domhostname(struct command_call *call, struct error *err)
{
	const struct method *m = method_by_id(METHOD_agent_hostname);
	struct agent_hostname name = {0};
	autojson result = NULL;
	autobuf text = {0};
	autofree char *shown = NULL;

	if (call_method(call, NULL, NULL, &result, err) < 0)
		return -1;
	if (!output_is_text(call_output(call)))
		return output_value(call_output(call), result, err);
	if (result_decode(m, result, &name, err) < 0)
		return -1;
	output_escape(&text, name.hostname);
	result_free(m, &name);
	shown = buf_steal_str(&text);
	fprintf(output_file(call_output(call)), "%s\n", shown ? shown : "");
	return 0;
}

int verb_guestinfo(struct command_call *call, struct error *err)
{
	static const char *const groups[] = {
		"user",       "os",   "timezone",  "hostname",
		"filesystem", "disk", "interface",
	};
	bool any = false;
	autojson result = NULL;
	autobuf text = {0};

	begin_params(call, &text);
	for (size_t i = 0; i < array_size(groups); i++) {
		if (!call_flag(call, groups[i]))
			continue;
		buf_appendf(&text, "%s\"%s\"", any ? "," : ",\"groups\":[",
			    groups[i]);
		any = true;
	}
	buf_append_str(&text, any ? "]" : "");
	if (end_params(call, NULL, &text, &result, err) < 0)
		return -1;
	return output_value(call_output(call), result, err);
}

/* -- the clock ------------------------------------------------------------- */

static int show_time(struct command_call *call, struct error *err)
{
	const struct method *m = method_by_id(METHOD_agent_time);
	FILE *f = output_file(call_output(call));
	struct agent_time now = {0};
	autojson result = NULL;
	char text[TIME_TEXT] = "";
	struct tm utc = {0};
	time_t seconds;

	if (call_method(call, NULL, NULL, &result, err) < 0)
		return -1;
	if (!output_is_text(call_output(call)))
		return output_value(call_output(call), result, err);
	if (result_decode(m, result, &now, err) < 0)
		return -1;
	seconds = (time_t)now.seconds;
	gmtime_r(&seconds, &utc);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &utc);
	if (call_flag(call, "pretty"))
		fprintf(f, "Time: %s\n", text);
	else
		fprintf(f, "Time: %" PRId64 "\n", now.seconds);
	result_free(m, &now);
	return 0;
}

int verb_domtime(struct command_call *call, struct error *err)
{
	bool now = call_flag(call, "now");
	bool sync = call_flag(call, "sync");
	bool set = call_given(call, "time");
	struct timespec clock = {0};
	autojson result = NULL;
	autobuf text = {0};

	if (now + sync + set > 1)
		return error_set(err, ERROR_USAGE,
				 "--now, --sync and --time exclude each other");
	if (!now && !sync && !set)
		return show_time(call, err);
	begin_params(call, &text);
	clock_gettime(CLOCK_REALTIME, &clock);
	if (set)
		clock = (struct timespec){
			.tv_sec = (time_t)call_number(call, "time", 0)};
	if (sync)
		buf_append_str(&text, ",\"sync\":true");
	else
		buf_appendf(&text, ",\"seconds\":%lld,\"nanoseconds\":%ld",
			    (long long)clock.tv_sec, clock.tv_nsec);
	if (end_params(call, "agent.set-time", &text, &result, err) < 0)
		return -1;
	return call_done(call, "The guest's clock is set", result, err);
}

/* -- passwords ------------------------------------------------------------- */

/* From the file, or from a person, who gives it twice. */
static int ask_password(struct command_call *call, struct secret *password,
			struct error *err)
{
	const struct key_sources sources = {
		.passphrase_fd = -1,
		.passphrase_file = call_text(call, "password-file", NULL),
		.batch = call_flag(call, "batch"),
		.log = call_log(call),
	};
	const struct key_question question = {
		.sources = &sources,
		.what = "New password",
		.name = call_argument(call, 1),
	};

	return key_ask_new(password, &question, err);
}

static int send_password(struct command_call *call, const char *password,
			 struct json_object **result, struct error *err)
{
	autobuf text = {0};
	char *params = NULL;
	int rc;

	begin_params(call, &text);
	buf_append_str(&text, ",\"user\":");
	json_append_string(&text, call_argument(call, 1));
	if (call_flag(call, "encrypted"))
		buf_append_str(&text, ",\"encrypted\":true");
	buf_append_str(&text, ",\"password\":");
	json_append_string(&text, password);
	buf_append_char(&text, '}');
	params = buf_steal_str(&text);
	if (!params)
		return error_set_no_memory(err);
	rc = call_method(call, NULL, params, result, err);
	secret_wipe(params, strlen(params));
	free(params);
	return rc;
}

int verb_set_user_password(struct command_call *call, struct error *err)
{
	autoptr(secret) password = secret_new();
	autojson result = NULL;

	if (!password)
		return error_set_no_memory(err);
	if (ask_password(call, password, err) < 0 ||
	    send_password(call, password->text, &result, err) < 0)
		return -1;
	return call_done(call, "Password set successfully for {user} in {name}",
			 result, err);
}
