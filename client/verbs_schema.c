/*
 * `virtmux schema`: the JSON schemas of what the verbs print, and the list of the
 * verbs with it.
 */
#include <stdio.h>
#include <string.h>

#include "api/json.h"
#include "client/command_private.h"
#include "client/output.h"
#include "client/schema.h"
#include "client/verbs.h"

#define NAMES_SIZE 256 /* bytes of the types' names that a verb may print */

/* -- the list -------------------------------------------------------------- */

static void add_word(struct json_object *o, const char *name, const char *text)
{
	if (text && *text)
		json_add_text(o, name, text);
}

static const char *shape_name(const struct command *command,
			      const struct command_print *prints, size_t n)
{
	static const char *const names[] = {
		[COMMAND_OBJECT] = "object",
		[COMMAND_ARRAY] = "array",
		[COMMAND_LINES] = "lines",
	};

	if (command_no_json(command))
		return "refused";
	return n ? names[prints[0].shape] : "nothing";
}

static int add_verb(struct json_object *list, const struct command *command,
		    struct error *err)
{
	struct command_print prints[SCHEMA_PRINTS_MAX];
	size_t n = schema_prints(command, prints, SCHEMA_PRINTS_MAX);
	const char *reason = command_no_json(command);
	struct json_object *o = json_object_new_object();
	char types[NAMES_SIZE] = "";
	size_t used = 0;

	if (!o)
		return error_set_no_memory(err);
	for (size_t i = 0; !reason && i < n && used < sizeof(types); i++)
		used += (size_t)snprintf(types + used, sizeof(types) - used,
					 "%s%s", i ? " " : "",
					 prints[i].type->name);
	add_word(o, "verb", command->verb);
	add_word(o, "prints", shape_name(command, prints, n));
	add_word(o, "type", types);
	add_word(o, "list", command_lists(command));
	add_word(o, "note", reason ? reason : command_silent(command));
	json_object_array_add(list, o);
	return 0;
}

static int list_verbs(struct command_call *call, struct error *err)
{
	autojson result = json_object_new_object();
	struct json_object *list = json_add_list(result, "verbs");
	int rc = list ? 0 : error_set_no_memory(err);

	for (const struct command *c = command_table; rc == 0 && c->verb; c++)
		rc = add_verb(list, c, err);
	return rc < 0 ? -1 : output_value(call_output(call), result, err);
}

/* -- one ------------------------------------------------------------------- */

static int find_schema(struct command_call *call, struct buf *out,
		       struct error *err)
{
	const char *const words[] = {call_argument(call, 0),
				     call_argument(call, 1), NULL};
	size_t used = 0;
	const struct command *command = command_find_words(words, &used);
	const struct method *m = method_find(words[0], strlen(words[0]));

	if (m && !words[1])
		return schema_of_method(out, m, err);
	if (!command || used != call_argument_count(call))
		return command_unknown(words, err);
	return schema_of_command(out, command, err);
}

int verb_schema(struct command_call *call, struct error *err)
{
	bool error = call_flag(call, "error");
	autobuf text = {0};
	autofree char *shown = NULL;
	autojson parsed = NULL;

	if (error && call_argument_count(call) > 0)
		return error_set(err, ERROR_USAGE,
				 "--error is the schema of errors, which is "
				 "the same for all verbs: give no verb");
	if (!error && call_argument_count(call) == 0)
		return list_verbs(call, err);
	if ((error ? schema_of_error(&text, err)
		   : find_schema(call, &text, err)) < 0)
		return -1;
	shown = buf_steal_str(&text);
	if (!shown)
		return error_set_no_memory(err);
	if (json_parse(shown, strlen(shown), &json_response_limits, &parsed,
		       err) < 0)
		return -1;
	output_json(call_output(call), parsed, NULL);
	return 0;
}
