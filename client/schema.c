/*
 * The schema documents (schema.h). Types are described by common/api; here is what is
 * around them.
 */
#include "client/schema.h"

#include "api/describe.h"
#include "api/json.h"
#include "client/shown_types.h"

#define DIALECT "https://json-schema.org/draft/2020-12/schema"

static void pair(struct buf *out, const char *name, const char *value)
{
	json_append_string(out, name);
	buf_append_char(out, ':');
	json_append_string(out, value);
	buf_append_char(out, ',');
}

/* "$id": a name without blanks, which does not change. */
static void identity(struct buf *out, const char *of)
{
	buf_append_str(out, "\"$id\":\"urn:virtmux:schema:");
	for (; *of; of++)
		buf_append_char(out, *of == ' ' ? '-' : *of);
	buf_append_str(out, "\",");
}

static void begin(struct buf *out, const char *of, const char *title,
		  const char *doc)
{
	buf_append_char(out, '{');
	pair(out, "$schema", DIALECT);
	identity(out, of);
	pair(out, "title", title);
	pair(out, "description", doc);
}

static void append_print(struct buf *out, const struct command_print *print)
{
	if (print->shape == COMMAND_ARRAY)
		buf_append_str(out, "{\"type\":\"array\",\"items\":");
	describe_reference(out, print->type);
	if (print->shape == COMMAND_ARRAY)
		buf_append_char(out, '}');
}

/* What a document may be, the definitions of it, and its end. */
static int finish(struct buf *out, const struct command_print *prints, size_t n,
		  struct error *err)
{
	const struct type *types[SCHEMA_PRINTS_MAX];

	buf_append_str(out, n ? "\"anyOf\":[" : "\"not\":{}");
	for (size_t i = 0; i < n; i++) {
		types[i] = prints[i].type;
		if (i > 0)
			buf_append_char(out, ',');
		append_print(out, &prints[i]);
	}
	buf_append_str(out, n ? "],\"$defs\":" : ",\"$defs\":");
	if (describe_definitions(out, types, n) < 0)
		return error_set_no_memory(err);
	return buf_append_char(out, '}') < 0 ? error_set_no_memory(err) : 0;
}

size_t schema_prints(const struct command *command,
		     struct command_print *prints, size_t n)
{
	const struct method *m = command_method(command);
	const struct command_print *given = NULL;
	size_t count = 0;

	while (count < n && (given = command_prints(command, count)) != NULL)
		prints[count++] = *given;
	if (count == 0 && m && m->result && n > 0)
		prints[count++] =
			(struct command_print){COMMAND_OBJECT, m->result};
	if (command_is_long(command) && count < n)
		prints[count++] = (struct command_print){COMMAND_OBJECT,
							 &api_type_job_started};
	return count;
}

int schema_of_command(struct buf *out, const struct command *command,
		      struct error *err)
{
	struct command_print prints[SCHEMA_PRINTS_MAX];
	size_t n = schema_prints(command, prints, SCHEMA_PRINTS_MAX);
	const char *reason = command_no_json(command);
	const char *silent = command_silent(command);
	autobuf title = {0};
	autofree char *words = NULL;

	if (reason)
		return error_set(err, ERROR_USAGE, "%s has no --json, since %s",
				 command->verb, reason);
	buf_appendf(&title, "virtmux %s --json", command->verb);
	words = buf_steal_str(&title);
	if (!words)
		return error_set_no_memory(err);
	begin(out, command->verb, words, command_summary(command));
	if (command_lists(command))
		pair(out, "x-list", command_lists(command));
	if (silent)
		pair(out, "x-silent", silent);
	buf_appendf(out, "\"x-lines\":%s,",
		    n && prints[0].shape == COMMAND_LINES ? "true" : "false");
	return finish(out, prints, n, err);
}

int schema_of_method(struct buf *out, const struct method *method,
		     struct error *err)
{
	const struct command_print print = {COMMAND_OBJECT, method->result};

	begin(out, method->name, method->name,
	      method->result ? method->result_doc : "no JSON comes back");
	return finish(out, &print, method->result ? 1 : 0, err);
}

int schema_of_error(struct buf *out, struct error *err)
{
	const struct command_print print = {COMMAND_OBJECT, &shown_error_line};

	begin(out, "error", "virtmux VERB --json, on standard error",
	      shown_error_line.doc);
	return finish(out, &print, 1, err);
}
