/*
 * Verbs about definitions and saved states that show something, or whose options
 * are not simply the method's: autostart, desc, metadata, setmem, send-key,
 * domjobinfo, domcontrol. The others are rows of the table alone.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/codec.h"
#include "api/json.h"
#include "client/output.h"
#include "client/scaled.h"
#include "client/show.h"
#include "client/verbs.h"
#include "client/words.h"

#define JOB_COLUMNS 18 /* as virsh domjobinfo */
#define KIB         1024

int verb_autostart(struct command_call *call, struct error *err)
{
	autojson result = NULL;

	if (call_method(call, NULL, NULL, &result, err) < 0)
		return -1;
	return call_done(call,
			 call_flag(call, "disable")
				 ? "Domain '{name}' unmarked as autostarted"
				 : "Domain '{name}' marked as autostarted",
			 result, err);
}

/* -- clone ----------------------------------------------------------------- */

/* "vda=/path" as a JSON object; false: it has no such form. */
static bool add_disk(struct words *words, const char *text)
{
	const char *equals = strchr(text, '=');
	autofree char *target = NULL;
	autofree char *value = NULL;
	autobuf json = {0};

	if (!equals || equals == text || !equals[1])
		return false;
	target = strndup(text, (size_t)(equals - text));
	buf_append_str(&json, "{\"target\":");
	json_append_string(&json, target ? target : "");
	buf_append_str(&json, ",\"path\":");
	json_append_string(&json, equals + 1);
	buf_append_char(&json, '}');
	value = buf_steal_str(&json);
	words->failed = words->failed || !target || !value;
	words_add(words, "disks", value);
	return true;
}

int verb_clone(struct command_call *call, struct error *err)
{
	autojson result = NULL;
	autowords words = {0};

	words_add(&words, "domain", call_argument(call, 0));
	words_add(&words, "name", call_argument(call, 1));
	words_add_bool(&words, "without_disks",
		       call_flag(call, "without-disks"), true);
	for (size_t i = 2; i < call_argument_count(call); i++)
		if (!add_disk(&words, call_argument(call, i)))
			return error_set(err, ERROR_USAGE,
					 "clone: '%s' is not of the form "
					 "TARGET=PATH, such as "
					 "vda=/images/web-2.qcow2",
					 call_argument(call, i));
	if (words_call(&words, call, METHOD_domain_clone, &result, err) < 0)
		return -1;
	return call_done(call, "Domain '{domain}' cloned as '{name}'", result,
			 err);
}

/* "domain", and which of its two faces is meant. */
static void add_domain(struct words *words, const struct command_call *call)
{
	words_add(words, "domain", call_argument(call, 0));
	words_add_bool(words, "live", call_flag(call, "live"), true);
	words_add_bool(words, "config", call_flag(call, "config"), true);
}

/* -- desc ------------------------------------------------------------------ */

/* Whoever wrote them must not drive the terminal: but for its lines, escaped. */
static int print_lines(struct output *output, const char *text,
		       struct error *err)
{
	while (*text) {
		size_t len = strcspn(text, "\n");
		autofree char *line = strndup(text, len);
		autofree char *shown = NULL;
		autobuf escaped = {0};

		if (!line)
			return error_set_no_memory(err);
		output_escape(&escaped, line);
		shown = buf_steal_str(&escaped);
		if (!shown)
			return error_set_no_memory(err);
		fprintf(output_file(output), "%s\n", shown);
		text += len + (text[len] == '\n');
	}
	return 0;
}

static int show_desc(struct command_call *call, struct error *err)
{
	struct output *output = call_output(call);
	bool title = call_flag(call, "title");
	autojson result = NULL;
	const char *text;

	if (call_method(call, NULL, NULL, &result, err) < 0)
		return -1;
	if (!output_is_text(output))
		return output_value(output, result, err);
	text = json_text(result, title ? "title" : "description");
	if (text)
		return print_lines(output, text, err);
	output_say(output, "No %s for domain: %s",
		   title ? "title" : "description", call_argument(call, 0));
	return 0;
}

/* The words behind the domain with blanks between them, to free(). */
static char *joined(const struct command_call *call)
{
	autobuf text = {0};

	for (size_t i = 1; i < call_argument_count(call); i++) {
		if (i > 1)
			buf_append_char(&text, ' ');
		buf_append_str(&text, call_argument(call, i));
	}
	return buf_steal_str(&text);
}

int verb_desc(struct command_call *call, struct error *err)
{
	bool title = call_flag(call, "title");
	autojson result = NULL;
	autowords words = {0};
	autofree char *text = NULL;

	if (call_argument_count(call) < 2)
		return show_desc(call, err);
	text = joined(call);
	if (!text)
		return error_set_no_memory(err);
	add_domain(&words, call);
	words_add(&words, "text", text);
	if (words_call(&words, call,
		       title ? METHOD_domain_set_title
			     : METHOD_domain_set_description,
		       &result, err) < 0)
		return -1;
	return call_done(call,
			 title ? "Domain title updated successfully"
			       : "Domain description updated successfully",
			 result, err);
}

/* -- metadata -------------------------------------------------------------- */

static int change_metadata(struct command_call *call, const char *xml,
			   struct error *err)
{
	autojson result = NULL;
	autowords words = {0};

	add_domain(&words, call);
	words_add(&words, "uri", call_argument(call, 1));
	if (xml) {
		words_add(&words, "key", call_text(call, "key", NULL));
		words_add(&words, "xml", xml);
	}
	if (words_call(&words, call,
		       xml ? METHOD_domain_set_metadata
			   : METHOD_domain_remove_metadata,
		       &result, err) < 0)
		return -1;
	return call_done(call, xml ? "Metadata modified" : "Metadata removed",
			 result, err);
}

int verb_metadata(struct command_call *call, struct error *err)
{
	const char *xml = call_text(call, "set", NULL);
	bool removes = call_flag(call, "remove");
	autojson result = NULL;

	if (xml && removes)
		return error_set(err, ERROR_USAGE,
				 "metadata: --set and --remove exclude each "
				 "other");
	if (xml && !call_given(call, "key"))
		return error_set(
			err, ERROR_USAGE,
			"metadata --set needs --key, the prefix of the "
			"namespace in the definition");
	if (xml || removes)
		return change_metadata(call, xml, err);
	if (call_method(call, NULL, NULL, &result, err) < 0)
		return -1;
	return show_text(call, result, "xml", err);
}

/* -- setmem, setmaxmem ------------------------------------------------------ */

static int set_memory(struct command_call *call, enum method_id method,
		      struct error *err)
{
	autojson result = NULL;
	autowords words = {0};
	uint64_t bytes;
	char text[24];

	if (scaled_bytes("size", call_argument(call, 1), KIB, &bytes, err) < 0)
		return -1;
	snprintf(text, sizeof(text), "%" PRIu64, bytes);
	add_domain(&words, call);
	words_add(&words, "memory", text);
	if (words_call(&words, call, method, &result, err) < 0)
		return -1;
	return call_done(call, call_command(call)->done, result, err);
}

int verb_setmem(struct command_call *call, struct error *err)
{
	return set_memory(call, METHOD_domain_set_memory, err);
}

int verb_setmaxmem(struct command_call *call, struct error *err)
{
	return set_memory(call, METHOD_domain_set_max_memory, err);
}

/* -- send-key -------------------------------------------------------------- */

int verb_send_key(struct command_call *call, struct error *err)
{
	autojson result = NULL;
	autowords words = {0};
	char holdtime[24];

	if (call_argument_count(call) < 2)
		return error_set(err, ERROR_USAGE,
				 "send-key needs a key, such as KEY_ENTER");
	words_add(&words, "domain", call_argument(call, 0));
	for (size_t i = 1; i < call_argument_count(call); i++)
		words_add(&words, "keys", call_argument(call, i));
	words_add(&words, "codeset", call_text(call, "codeset", NULL));
	if (call_given(call, "holdtime")) {
		snprintf(holdtime, sizeof(holdtime), "%" PRId64,
			 call_number(call, "holdtime", 0));
		words_add(&words, "holdtime", holdtime);
	}
	if (words_call(&words, call, METHOD_domain_send_key, &result, err) < 0)
		return -1;
	return call_done(call, "Keys sent to domain '{name}'", result, err);
}

/* -- domjobinfo, domcontrol -------------------------------------------------- */

static void print_time(struct output *o, const char *name, bool has,
		       uint64_t ns)
{
	if (has)
		output_field(o, name, "%" PRIu64 " ms", ns / 1000000);
}

static void print_size(struct output *o, const char *name, bool has,
		       uint64_t bytes)
{
	char text[OUTPUT_SIZE_TEXT];

	output_size(text, bytes);
	if (has)
		output_field(o, name, "%s", text);
}

static void print_job(struct output *o, const struct domain_job_info *j)
{
	output_field_columns(o, JOB_COLUMNS);
	output_field(o, "Job type", "%s",
		     enum_text(&api_type_domain_job_type, j->type));
	if (j->type == DOMAIN_JOB_TYPE_NONE)
		return;
	output_field(o, "Operation", "%s",
		     enum_text(&api_type_domain_job_operation, j->operation));
	print_time(o, "Time elapsed", j->has_elapsed, j->elapsed);
	print_time(o, "Time remaining",
		   j->has_remaining && j->type == DOMAIN_JOB_TYPE_BOUNDED,
		   j->remaining);
	print_size(o, "Data processed", j->has_data_processed,
		   j->data_processed);
	print_size(o, "Data remaining", j->has_data_remaining,
		   j->data_remaining);
	print_size(o, "Data total", j->has_data_total, j->data_total);
	print_size(o, "Memory processed", j->has_memory_processed,
		   j->memory_processed);
	print_size(o, "Memory remaining", j->has_memory_remaining,
		   j->memory_remaining);
	print_size(o, "Memory total", j->has_memory_total, j->memory_total);
	print_size(o, "Memory a second", j->has_memory_speed, j->memory_speed);
	if (j->has_memory_iteration)
		output_field(o, "Iteration", "%" PRIu64, j->memory_iteration);
	print_size(o, "File processed", j->has_disk_processed,
		   j->disk_processed);
	print_size(o, "File remaining", j->has_disk_remaining,
		   j->disk_remaining);
	print_size(o, "File total", j->has_disk_total, j->disk_total);
	print_time(o, "Total downtime", j->has_downtime, j->downtime);
	print_time(o, "Setup time", j->has_setup, j->setup);
	if (j->has_message)
		output_field(o, "Error message", "%s", j->message);
}

int verb_domjobinfo(struct command_call *call, struct error *err)
{
	const struct method *m = method_by_id(METHOD_domain_job_info);
	struct output *output = call_output(call);
	struct domain_job_info job = {0};
	autojson result = NULL;

	if (call_method(call, NULL, NULL, &result, err) < 0)
		return -1;
	if (!output_is_text(output))
		return output_value(output, result, err);
	if (result_decode(m, result, &job, err) < 0)
		return -1;
	print_job(output, &job);
	result_free(m, &job);
	return 0;
}

int verb_domcontrol(struct command_call *call, struct error *err)
{
	const struct method *m = method_by_id(METHOD_domain_control_info);
	struct output *output = call_output(call);
	struct domain_control_info info = {0};
	autojson result = NULL;

	if (call_method(call, NULL, NULL, &result, err) < 0)
		return -1;
	if (!output_is_text(output))
		return output_value(output, result, err);
	if (result_decode(m, result, &info, err) < 0)
		return -1;
	fputs(enum_text(&api_type_domain_control_state, info.state),
	      output_file(output));
	if (info.since)
		fprintf(output_file(output), " (%.3fs)",
			(double)info.since / 1e9);
	fputc('\n', output_file(output));
	result_free(m, &info);
	return 0;
}
