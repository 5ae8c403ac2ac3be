/*
 * Any JSON value for people, or as CSV, without knowing what it is: an object as
 * fields, a list of objects as a table. For results that no verb renders in a
 * way of its own.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <json-c/json_object.h>
#include <json-c/linkhash.h>

#include "api/types.h"
#include "client/output.h"

#define VALUE_COLUMNS_MAX 64
#define VALUE_NAME_MAX    64 /* bytes */

/* A scalar as text, a container as JSON; borrowed from VALUE. */
static const char *text_of(struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_null:
		return NULL;
	case json_type_string:
		return json_object_get_string(value);
	case json_type_boolean:
		return json_object_get_boolean(value) ? "yes" : "no";
	default:
		return json_object_to_json_string_ext(
			value, JSON_C_TO_STRING_NOSLASHESCAPE);
	}
}

/* Whether a result of the host has a moment under that name. */
static bool is_moment_name(const char *key)
{
	const struct type *type;

	for (size_t i = 0; (type = type_at(i)); i++)
		for (unsigned k = 0; k < type->fields_count; k++)
			if (type->fields[k].type->kind == TYPE_TEXT &&
			    type->fields[k].type->form == TEXT_FORM_TIME &&
			    strcmp(type->fields[k].name, key) == 0)
				return true;
	return false;
}

static bool is_moment(const char *key, struct json_object *value)
{
	int64_t us;

	return json_object_is_type(value, json_type_string) &&
	       clock_parse_us(json_object_get_string(value), &us) &&
	       is_moment_name(key);
}

/* Whether it is the moment at which a certificate or a list is over. */
static bool is_end(const char *key)
{
	static const char *const ends[] = {"not_after", "next_update"};
	size_t len = strlen(key);

	for (size_t i = 0; i < array_size(ends); i++)
		if (len >= strlen(ends[i]) &&
		    strcmp(key + len - strlen(ends[i]), ends[i]) == 0)
			return true;
	return false;
}

/* Words that have a form of their own; as virsh does, "Id" is not among them. */
static const char *const spellings[] = {
	"CPU", "CPUs", "MHz", "NUMA", "OS", "TLS", "URI", "UUID", "vCPUs",
};

static void spell(char *word, size_t n)
{
	for (size_t i = 0; i < array_size(spellings); i++)
		if (strlen(spellings[i]) == n &&
		    strncasecmp(spellings[i], word, n) == 0)
			memcpy(word, spellings[i], n);
}

/* "memory_free" as "Memory free", "tls_port" as "TLS port". */
static void name_of(const char *key, char *name)
{
	char *word = name;

	snprintf(name, VALUE_NAME_MAX, "%s", key);
	name[0] = (char)toupper((unsigned char)name[0]);
	for (char *p = name;; p++) {
		if (*p && *p != '_')
			continue;
		spell(word, (size_t)(p - word));
		word = p + 1;
		if (!*p)
			break;
		*p = ' ';
	}
}

static bool is_object_list(struct json_object *value)
{
	return json_object_is_type(value, json_type_array) &&
	       json_object_array_length(value) > 0 &&
	       json_object_is_type(json_object_array_get_idx(value, 0),
				   json_type_object);
}

static bool is_list(struct json_object *value)
{
	return json_object_is_type(value, json_type_array);
}

/* -- tables ---------------------------------------------------------------- */

struct columns {
	struct output_column column[VALUE_COLUMNS_MAX];
	char name[VALUE_COLUMNS_MAX][VALUE_NAME_MAX];
	size_t n;
};

static void add_column(struct columns *c, const char *key)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->column[i].key, key) == 0)
			return;
	if (c->n == VALUE_COLUMNS_MAX)
		return;
	name_of(key, c->name[c->n]);
	c->column[c->n] = (struct output_column){
		.title = c->name[c->n], .key = key, .shrinks = true};
	c->n++;
}

/* Every member that any entry has, in the order of first sight. */
static void find_columns(struct columns *c, struct json_object *entries)
{
	for (size_t i = 0; i < json_object_array_length(entries); i++) {
		struct json_object *entry =
			json_object_array_get_idx(entries, i);

		if (!json_object_is_type(entry, json_type_object))
			continue;
		json_object_object_foreach(entry, key, value)
		{
			(void)value;
			add_column(c, key);
		}
	}
}

static struct output_cell cell_of(const char *key, struct json_object *value)
{
	struct output_cell cell = {.text = text_of(value)};

	if (is_moment(key, value))
		cell.style = is_end(key) ? OUTPUT_END : OUTPUT_MOMENT;
	return cell;
}

static int print_entries(struct output *output, struct json_object *entries,
			 struct error *err)
{
	autofree struct columns *c = calloc(1, sizeof(*c));
	struct output_cell cells[VALUE_COLUMNS_MAX];
	struct output_table *t = NULL;

	if (!c)
		return error_set_no_memory(err);
	find_columns(c, entries);
	t = output_table_new(output, c->column, c->n);
	for (size_t i = 0; i < json_object_array_length(entries); i++) {
		struct json_object *entry =
			json_object_array_get_idx(entries, i);

		for (size_t k = 0; k < c->n; k++) {
			struct json_object *value = NULL;

			json_object_object_get_ex(entry, c->column[k].key,
						  &value);
			cells[k] = cell_of(c->column[k].key, value);
		}
		output_table_row(t, cells);
	}
	return output_table_end(t, err);
}

/* -- objects --------------------------------------------------------------- */

static void print_list(struct output *output, const char *name,
		       struct json_object *list)
{
	size_t n = json_object_array_length(list);

	if (n == 0)
		output_field(output, name, "-");
	for (size_t i = 0; i < n; i++) {
		const char *text = text_of(json_object_array_get_idx(list, i));

		output_field(output, i ? "" : name, "%s", text ? text : "-");
	}
}

/* Values begin behind the longest name. */
static void fit_fields(struct output *output, struct json_object *object)
{
	unsigned columns = OUTPUT_FIELD_COLUMNS;

	json_object_object_foreach(object, key, value)
	{
		unsigned n = (unsigned)strnlen(key, VALUE_NAME_MAX) + 2;

		(void)value;
		columns = n > columns ? n : columns;
	}
	output_field_columns(output, columns);
}

static int print_object(struct output *output, struct json_object *object,
			struct error *err)
{
	char name[VALUE_NAME_MAX];

	fit_fields(output, object);

	json_object_object_foreach(object, key, value)
	{
		const char *text = NULL;

		name_of(key, name);
		if (is_object_list(value))
			continue;
		if (is_list(value)) {
			print_list(output, name, value);
			continue;
		}
		text = text_of(value);
		if (is_moment(key, value))
			output_field_moment(output, name, text, is_end(key));
		else
			output_field(output, name, "%s", text ? text : "-");
	}
	json_object_object_foreach(object, list_key, list)
	{
		if (!is_object_list(list))
			continue;
		name_of(list_key, name);
		fprintf(output_file(output), "%s:\n", name);
		if (print_entries(output, list, err) < 0)
			return -1;
	}
	return 0;
}

static int print_csv(struct output *output, struct json_object *value,
		     struct error *err)
{
	struct json_object *one = json_object_new_array();
	int rc = 0;

	if (!one)
		return error_set_no_memory(err);
	json_object_array_add(one, json_object_get(value));
	rc = print_entries(output, one, err);
	json_object_put(one);
	return rc;
}

/* The name of the only member of OBJECT where that is a list, else NULL. */
static const char *only_list_name(struct json_object *object)
{
	const char *name = NULL;

	if (!json_object_is_type(object, json_type_object) ||
	    json_object_object_length(object) != 1)
		return NULL;
	json_object_object_foreach(object, key, value)
	{
		name = is_list(value) ? key : NULL;
	}
	return name;
}

int output_value(struct output *output, struct json_object *value,
		 struct error *err)
{
	struct json_object *list = NULL;

	if (output_as_json(output, value, only_list_name(value)))
		return 0;
	if (is_object_list(value))
		list = value;
	else if (only_list_name(value))
		json_object_object_get_ex(value, only_list_name(value), &list);
	if (list && is_object_list(list))
		return print_entries(output, list, err);
	if (json_object_is_type(value, json_type_object))
		return output_format(output) == OUTPUT_CSV
			       ? print_csv(output, value, err)
			       : print_object(output, value, err);
	if (value)
		fprintf(output_file(output), "%s\n", text_of(value));
	return 0;
}
