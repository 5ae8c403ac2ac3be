/*
 * Verbs about storage volumes that are more than a call: vol-list, vol-info, what a
 * volume is called, and those that take sizes. The others are rows of the table
 * alone; their content is moved by verbs_transfer.c.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/codec.h"
#include "api/json.h"
#include "client/output.h"
#include "client/scaled.h"
#include "client/verbs.h"

/* -- parameters with sizes -------------------------------------------------- */

#define WORDS_MAX 12

/* "name=text" for params_from_words(). */
struct words {
	char *words[WORDS_MAX];
	size_t n;
	bool failed;
};

static void words_clear(struct words *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->words[i]);
}

static void add_word(struct words *w, const char *name, const char *text)
{
	if (!text || w->n == WORDS_MAX)
		return;
	if (asprintf(&w->words[w->n], "%s=%s", name, text) < 0)
		w->failed = true;
	else
		w->n++;
}

static void add_flag(struct words *w, const struct command_call *call,
		     const char *name, const char *option)
{
	if (call_flag(call, option))
		add_word(w, name, "true");
}

/* TEXT as NAME in bytes; nothing where it is NULL. */
static int add_size(struct words *w, const char *name, const char *text,
		    struct error *err)
{
	char number[24];
	uint64_t bytes;

	if (!text)
		return 0;
	if (scaled_bytes(name, text, 1, &bytes, err) < 0)
		return -1;
	snprintf(number, sizeof(number), "%" PRIu64, bytes);
	add_word(w, name, number);
	return 0;
}

static int call_words(struct command_call *call, const struct words *w,
		      struct json_object **result, struct error *err)
{
	const struct command *c = call_command(call);
	autobuf text = {0};
	autofree char *params = NULL;

	if (w->failed)
		return error_set_no_memory(err);
	if (params_from_words(command_method(c), (const char *const *)w->words,
			      w->n, &text, err) < 0) {
		if (err && err->code == ERROR_INVALID_PARAMS)
			err->code = ERROR_USAGE;
		return -1;
	}
	params = buf_steal_str(&text);
	if (!params)
		return error_set_no_memory(err);
	return call_method(call, c->method, params, result, err);
}

int verb_vol_create_as(struct command_call *call, struct error *err)
{
	cleanup(words_clear) struct words w = {.n = 0};
	autojson result = NULL;

	add_word(&w, "pool", call_argument(call, 0));
	add_word(&w, "name", call_argument(call, 1));
	if (add_size(&w, "capacity", call_argument(call, 2), err) < 0 ||
	    add_size(&w, "allocation", call_text(call, "allocation", NULL),
		     err) < 0)
		return -1;
	add_word(&w, "format", call_text(call, "format", NULL));
	add_word(&w, "backing", call_text(call, "backing-vol", NULL));
	add_word(&w, "backing_format",
		 call_text(call, "backing-vol-format", NULL));
	add_flag(&w, call, "prealloc_metadata", "prealloc-metadata");
	if (call_words(call, &w, &result, err) < 0)
		return -1;
	return call_done(call, call_command(call)->done, result, err);
}

int verb_vol_resize(struct command_call *call, struct error *err)
{
	cleanup(words_clear) struct words w = {.n = 0};
	autojson result = NULL;

	add_word(&w, "volume", call_argument(call, 0));
	add_word(&w, "pool", call_text(call, "pool", NULL));
	if (add_size(&w, "capacity", call_argument(call, 1), err) < 0)
		return -1;
	add_flag(&w, call, "allocate", "allocate");
	add_flag(&w, call, "delta", "delta");
	add_flag(&w, call, "shrink", "shrink");
	if (call_words(call, &w, &result, err) < 0)
		return -1;
	return call_done(call,
			 call_flag(call, "delta")
				 ? "Size of volume '{name}' successfully "
				   "changed by {capacity}"
				 : "Size of volume '{name}' successfully "
				   "changed to {capacity}",
			 result, err);
}

/* -- vol-list -------------------------------------------------------------- */

static void format_size(const struct output *output, bool given, uint64_t bytes,
			char *text)
{
	if (!given)
		snprintf(text, OUTPUT_SIZE_TEXT, "-");
	else if (output_format(output) == OUTPUT_CSV)
		snprintf(text, OUTPUT_SIZE_TEXT, "%" PRIu64, bytes);
	else
		output_size(text, bytes);
}

static int print_volumes(struct output *output, const struct volume_list *list,
			 bool details, struct error *err)
{
	static const struct output_column columns[] = {
		{.title = "Name", .key = "name"},
		{.title = "Path", .key = "path", .shrinks = true},
		{.title = "Type", .key = "type"},
		{.title = "Capacity", .key = "capacity", .right = true},
		{.title = "Allocation", .key = "allocation", .right = true},
	};
	struct output_table *t = output_table_new(
		output, columns, details ? array_size(columns) : 2);

	for (size_t i = 0; i < list->volumes_count; i++) {
		const struct volume_summary *v = &list->volumes[i];
		char sizes[2][OUTPUT_SIZE_TEXT];
		const struct output_cell cells[] = {
			{v->name, OUTPUT_PLAIN},
			{v->path, OUTPUT_PLAIN},
			{v->has_type ? enum_text(&api_type_volume_type,
						 (unsigned)v->type)
				     : NULL,
			 OUTPUT_PLAIN},
			{sizes[0], OUTPUT_PLAIN},
			{sizes[1], OUTPUT_PLAIN},
		};

		format_size(output, v->has_capacity, v->capacity, sizes[0]);
		format_size(output, v->has_allocation, v->allocation, sizes[1]);
		output_table_row(t, cells);
	}
	return output_table_end(t, err);
}

int verb_vol_list(struct command_call *call, struct error *err)
{
	struct output *output = call_output(call);
	const struct method *m = method_by_id(METHOD_volume_list);
	struct volume_list list = {0};
	autojson result = NULL;
	int rc = 0;

	if (call_method(call, NULL, NULL, &result, err) < 0)
		return -1;
	if (output_as_json(output, result, "volumes"))
		return 0;
	if (result_decode(m, result, &list, err) < 0)
		return -1;
	rc = print_volumes(output, &list, call_flag(call, "details"), err);
	result_free(m, &list);
	return rc;
}

/* -- vol-info and names ---------------------------------------------------- */

static void print_size(struct output *output, const char *name, uint64_t size,
		       bool bytes)
{
	char text[OUTPUT_SIZE_TEXT];

	output_size(text, size);
	if (bytes)
		output_field(output, name, "%" PRIu64 " bytes", size);
	else
		output_field(output, name, "%s", text);
}

int verb_vol_info(struct command_call *call, struct error *err)
{
	struct output *output = call_output(call);
	const struct method *m = method_by_id(METHOD_volume_info);
	bool bytes = call_flag(call, "bytes");
	struct volume_info info = {0};
	autojson result = NULL;

	if (call_method(call, NULL, NULL, &result, err) < 0)
		return -1;
	if (!output_is_text(output))
		return output_value(output, result, err);
	if (result_decode(m, result, &info, err) < 0)
		return -1;
	output_field(output, "Name", "%s", info.name);
	output_field(output, "Type", "%s",
		     enum_text(&api_type_volume_type, (unsigned)info.type));
	print_size(output, "Capacity", info.capacity, bytes);
	print_size(output,
		   call_flag(call, "physical") ? "Physical" : "Allocation",
		   info.allocation, bytes);
	result_free(m, &info);
	return 0;
}

/* "vol-path" shows the member "path" of what the look-up gives. */
int verb_vol_member(struct command_call *call, struct error *err)
{
	const char *name = call_command(call)->verb + strlen("vol-");
	struct output *output = call_output(call);
	struct json_object *member = NULL;
	autojson result = NULL;
	autofree char *shown = NULL;
	autobuf text = {0};

	if (call_method(call, NULL, NULL, &result, err) < 0)
		return -1;
	if (!output_is_text(output))
		return output_value(output, result, err);
	if (!json_object_object_get_ex(result, name, &member))
		return error_set(err, ERROR_FAILED,
				 "the host's answer has no %s", name);
	output_escape(&text, json_object_get_string(member));
	shown = buf_steal_str(&text);
	fprintf(output_file(output), "%s\n", shown ? shown : "");
	return 0;
}
