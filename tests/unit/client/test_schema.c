/*
 * Schemas of what verbs print: that every verb has one or says why not, that each is
 * JSON in which no reference and no name is wrong, and what stands in some.
 */
#include "client/schema.h"

#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <json-c/json_object.h>
#include <json-c/linkhash.h>

#include "api/json.h"

#define DEFS "#/$defs/"

static struct json_object *parse(struct buf *text)
{
	autofree char *s = buf_steal_str(text);
	struct json_object *o = NULL;

	assert_non_null(s);
	assert_int_equal(
		json_parse(s, strlen(s), &json_response_limits, &o, NULL), 0);
	return o;
}

static struct json_object *member(struct json_object *o, const char *name)
{
	struct json_object *m = NULL;

	if (!json_object_object_get_ex(o, name, &m))
		fail_msg("no member %s in %s", name,
			 json_object_to_json_string(o));
	return m;
}

/* Each "$ref" below VALUE names one of DEFS; returns their number. */
static size_t check_references(struct json_object *value,
			       struct json_object *defs)
{
	size_t n = 0;

	if (json_object_is_type(value, json_type_array))
		for (size_t i = 0; i < json_object_array_length(value); i++)
			n += check_references(
				json_object_array_get_idx(value, i), defs);
	if (!json_object_is_type(value, json_type_object))
		return n;
	json_object_object_foreach(value, key, inner)
	{
		const char *text = json_object_get_string(inner);

		n += check_references(inner, defs);
		if (strcmp(key, "$ref") != 0)
			continue;
		assert_memory_equal(text, DEFS, strlen(DEFS));
		member(defs, text + strlen(DEFS));
		n++;
	}
	return n;
}

static void test_every_verb(void **state)
{
	(void)state;
	for (const struct command *c = command_table; c->verb; c++) {
		struct command_print prints[SCHEMA_PRINTS_MAX];
		size_t n = schema_prints(c, prints, SCHEMA_PRINTS_MAX);
		autobuf text = {0};
		autojson schema = NULL;

		if (command_no_json(c))
			continue;
		if (n == 0 && !command_silent(c))
			fail_msg("%s has no schema: give it a PRINTS or SILENT "
				 "line in client/commands",
				 c->verb);
		assert_true(n < SCHEMA_PRINTS_MAX);
		assert_int_equal(schema_of_command(&text, c, NULL), 0);
		schema = parse(&text);
		assert_int_equal(check_references(schema,
						  member(schema, "$defs")) > 0,
				 n > 0);
	}
}

/* Of two types with one name, the second would take the place of the first. */
static void test_no_name_twice(void **state)
{
	(void)state;
	for (const struct command *a = command_table; a->verb; a++)
		for (size_t i = 0; command_prints(a, i); i++) {
			const struct type *t = command_prints(a, i)->type;

			for (size_t k = 0; type_at(k); k++)
				assert_false(
					type_at(k) != t &&
					strcmp(type_at(k)->name, t->name) == 0);
		}
}

/* What LISTS names is a list of what the verb prints. */
static void test_lists_are_there(void **state)
{
	(void)state;
	for (const struct command *c = command_table; c->verb; c++) {
		struct command_print print;
		bool found = false;

		if (!command_lists(c))
			continue;
		assert_true(schema_prints(c, &print, 1) == 1);
		for (unsigned i = 0; i < print.type->fields_count; i++)
			found = found || (print.type->fields[i].count &&
					  strcmp(print.type->fields[i].name,
						 command_lists(c)) == 0);
		if (!found)
			fail_msg("%s lists no %s", c->verb, command_lists(c));
	}
}

static void test_refused(void **state)
{
	const struct command *c = command_find("console");
	autobuf text = {0};
	autoerror err = {0};

	(void)state;
	assert_int_equal(schema_of_command(&text, c, &err), -1);
	assert_int_equal(err.code, ERROR_USAGE);
	assert_non_null(strstr(error_words(&err), command_no_json(c)));
}

static void test_shape(void **state)
{
	autobuf text = {0};
	autojson schema = NULL;
	struct json_object *first = NULL;

	(void)state;
	schema_of_command(&text, command_find("domblkinfo"), NULL);
	schema = parse(&text);
	first = json_object_array_get_idx(member(schema, "anyOf"), 0);
	assert_string_equal(json_object_get_string(member(first, "type")),
			    "array");
	assert_string_equal(json_object_get_string(member(schema, "$id")),
			    "urn:virtmux:schema:domblkinfo");
}

static void test_error_line(void **state)
{
	autobuf text = {0};
	autojson schema = NULL;

	(void)state;
	assert_int_equal(schema_of_error(&text, NULL), 0);
	schema = parse(&text);
	member(member(schema, "$defs"), "error_body");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_verb),
		cmocka_unit_test(test_no_name_twice),
		cmocka_unit_test(test_lists_are_there),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_shape),
		cmocka_unit_test(test_error_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
