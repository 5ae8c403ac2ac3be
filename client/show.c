/*
 * Tables, fields and texts from results (show.h). What holds: a value's text is
 * borrowed from the result or from the cell's own buffer, and escaped by output.
 */
#include "client/show.h"

#include <stdio.h>
#include <string.h>

#include "api/json.h"
#include "base/clock.h"
#include "client/output.h"
#include "client/verbs.h"

#define SHOW_COLUMNS 16
#define VALUE_TEXT   48

/* Space for a text that is not in the result. */
struct value_text {
	char text[VALUE_TEXT];
};

static const char *bool_text(bool value, enum show_kind kind, bool csv)
{
	if (csv)
		return value ? "true" : "false";
	switch (kind) {
	case SHOW_ACTIVE:
		return value ? "active" : "inactive";
	case SHOW_ENABLE:
		return value ? "enable" : "disable";
	default:
		return value ? "yes" : "no";
	}
}

static const char *time_text(const struct output *output, const char *value,
			     struct value_text *to)
{
	int64_t us;

	if (output_is_for_person(output))
		return output_moment(output, value, to->text);
	if (!clock_parse_us(value, &us))
		return value;
	clock_format_s((time_t)(us / 1000000), to->text);
	return to->text;
}

/* NULL: ENTRY has no such member. */
static const char *value_text(const struct output *output,
			      struct json_object *entry,
			      const struct show_item *item,
			      struct value_text *to)
{
	bool csv = output_format(output) == OUTPUT_CSV;
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(entry, item->key, &value) || !value)
		return NULL;
	if (json_object_is_type(value, json_type_boolean))
		return bool_text(json_object_get_boolean(value), item->kind,
				 csv);
	if (item->kind == SHOW_TIME && !csv)
		return time_text(output, json_object_get_string(value), to);
	if (item->kind == SHOW_SIZE && !csv) {
		output_size(to->text, (uint64_t)json_object_get_int64(value));
		return to->text;
	}
	return json_object_get_string(value);
}

static struct json_object *entries_of(struct json_object *result,
				      const char *list, size_t *n)
{
	struct json_object *entries = NULL;

	*n = 0;
	if (json_object_object_get_ex(result, list, &entries) &&
	    json_object_is_type(entries, json_type_array))
		*n = json_object_array_length(entries);
	return entries;
}

static void add_row(const struct output *output, struct output_table *table,
		    struct json_object *entry, const struct show_item *items,
		    size_t n)
{
	struct output_cell cells[SHOW_COLUMNS] = {{0}};
	struct value_text texts[SHOW_COLUMNS];

	for (size_t i = 0; i < n; i++) {
		cells[i].text = value_text(output, entry, &items[i], &texts[i]);
		if (items[i].kind == SHOW_ACTIVE && cells[i].text)
			cells[i].style = json_is_true(entry, items[i].key)
						 ? OUTPUT_GOOD
						 : OUTPUT_DIM;
	}
	output_table_row(table, cells);
}

int show_table(struct command_call *call, struct json_object *result,
	       const char *list, const struct show_item *items, size_t n,
	       struct error *err)
{
	struct output *output = call_output(call);
	struct output_column columns[SHOW_COLUMNS] = {{0}};
	struct output_table *table = NULL;
	size_t count = 0;
	struct json_object *entries = entries_of(result, list, &count);

	if (output_as_json(output, result, list))
		return 0;
	for (size_t i = 0; i < n; i++)
		columns[i] = (struct output_column){.title = items[i].title,
						    .key = items[i].key,
						    .shrinks = items[i].kind ==
							       SHOW_TEXT};
	table = output_table_new(output, columns, n);
	for (size_t i = 0; i < count; i++)
		add_row(output, table, json_object_array_get_idx(entries, i),
			items, n);
	return output_table_end(table, err);
}

int show_fields(struct command_call *call, struct json_object *result,
		const struct show_item *items, size_t n, unsigned columns,
		struct error *err)
{
	struct output *output = call_output(call);

	if (!output_is_text(output))
		return output_value(output, result, err);
	output_field_columns(output, columns);
	for (size_t i = 0; i < n; i++) {
		struct value_text space;
		const char *text =
			value_text(output, result, &items[i], &space);

		if (text && items[i].kind == SHOW_TIME &&
		    output_is_for_person(output))
			output_field_moment(output, items[i].title,
					    json_text(result, items[i].key),
					    false);
		else if (text)
			output_field(output, items[i].title, "%s", text);
	}
	return 0;
}

int show_entries(struct command_call *call, struct json_object *result,
		 const char *list, struct error *err)
{
	struct json_object *entries = NULL;

	if (output_as_json(call_output(call), result, list))
		return 0;
	json_object_object_get_ex(result, list, &entries);
	return output_value(call_output(call), entries, err);
}

int show_names(struct command_call *call, struct json_object *result,
	       const char *list, const char *key, struct error *err)
{
	struct output *output = call_output(call);
	bool null = call_flag(call, "null");
	size_t count = 0;
	struct json_object *entries = entries_of(result, list, &count);

	if (!output_is_text(output))
		return show_entries(call, result, list, err);
	for (size_t i = 0; i < count; i++)
		output_name(output,
			    json_text(json_object_array_get_idx(entries, i),
				      key),
			    null);
	return 0;
}

int show_text(struct command_call *call, struct json_object *result,
	      const char *key, struct error *err)
{
	struct output *output = call_output(call);
	const char *text = json_text(result, key);

	if (!output_is_text(output))
		return output_value(output, result, err);
	if (!text)
		return error_set(err, ERROR_INVALID_REQUEST,
				 "the host's answer has no %s", key);
	fputs(text, output_file(output));
	if (*text && text[strlen(text) - 1] != '\n')
		fputc('\n', output_file(output));
	return 0;
}
