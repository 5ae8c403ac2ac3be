/*
 * What is printed from the tables: complete, well-formed, escaped; and the
 * negative cases, every one of which must be refused, and for its own reason.
 */
#include "api/describe.h"

#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "api/codec.h"
#include "api/json.h"
#include "base/alloc_fail.h"

#define PARAMS_SIZE_MAX 1024

static struct json_object *openrpc(void)
{
	autobuf out = {0};
	struct json_object *document = NULL;
	autoerror err = {0};

	assert_int_equal(describe_openrpc(&out, "1.2.3"), 0);
	if (json_parse((const char *)buf_bytes(&out), out.len,
		       &json_response_limits, &document, &err) != 0)
		fail_msg("%s", error_words(&err));
	return document;
}

static const char *text_of(struct json_object *object, const char *name)
{
	return json_object_get_string(json_object_object_get(object, name));
}

static struct json_object *method_of(struct json_object *document,
				     const char *list, const char *name)
{
	struct json_object *methods = json_object_object_get(document, list);

	for (size_t i = 0; i < json_object_array_length(methods); i++) {
		struct json_object *m = json_object_array_get_idx(methods, i);

		if (strcmp(text_of(m, "name"), name) == 0)
			return m;
	}
	fail_msg("%s is not among the %s", name, list);
	return NULL;
}

static void test_openrpc(void **state)
{
	autojson document = openrpc();

	assert_string_equal(text_of(document, "openrpc"), "1.3.2");
	assert_string_equal(text_of(json_object_object_get(document, "info"),
				    "version"),
			    "1.2.3");
	for (size_t i = 0; i < METHODS; i++) {
		const struct method *m = method_by_id((enum method_id)i);
		struct json_object *o = method_of(
			document, m->path ? "x-resources" : "methods", m->name);

		assert_string_equal(text_of(o, "x-role"), role_name(m->role));
		assert_string_equal(text_of(o, "x-kind"),
				    method_kind_name(m->kind));
		assert_int_equal(json_object_get_boolean(json_object_object_get(
					 o, "x-hostwide")),
				 m->hostwide);
		assert_int_equal(json_object_get_boolean(
					 json_object_object_get(o, "x-long")),
				 m->is_long);
		assert_int_equal(json_object_array_length(
					 json_object_object_get(o, "params")),
				 m->params_count);
		if (m->path)
			assert_string_equal(text_of(o, "path"), m->path);
		else
			assert_non_null(json_object_object_get(o, "result"));
	}
}

/* Every "$ref" of the document leads to a schema. */
static void test_openrpc_references(void **state)
{
	static const char ref[] = "\"$ref\":\"#/components/schemas/";
	autojson document = openrpc();
	struct json_object *schemas = json_object_object_get(
		json_object_object_get(document, "components"), "schemas");
	autobuf out = {0};
	const char *at;
	size_t found = 0;

	describe_openrpc(&out, "1");
	buf_append_char(&out, '\0');
	assert_true(buf_ok(&out));
	at = (const char *)buf_bytes(&out);
	while ((at = strstr(at, ref))) {
		char name[64];
		size_t len;

		at += sizeof(ref) - 1;
		len = strcspn(at, "\"");
		assert_true(len < sizeof(name));
		memcpy(name, at, len);
		name[len] = '\0';
		assert_non_null(json_object_object_get(schemas, name));
		found++;
	}
	assert_true(found > METHODS);
}

static const char *as_text(struct buf *out)
{
	buf_append_char(out, '\0');
	assert_true(buf_ok(out));
	return (const char *)buf_bytes(out);
}

static void test_help(void **state)
{
	autobuf one = {0};
	autobuf all = {0};
	autobuf synopsis = {0};
	const char *text;

	describe_synopsis(&synopsis, method_by_id(METHOD_domain_list));
	assert_string_equal(as_text(&synopsis),
			    "[active=BOOL] [state=DOMAIN_STATE…] [name=GLOB] "
			    "[persistent=BOOL] [autostart=BOOL]");
	assert_int_equal(
		describe_method_help(&one, method_by_id(METHOD_domain_xml)), 0);
	text = as_text(&one);
	assert_non_null(strstr(text, "domain.xml: show a domain's XML\n"));
	assert_non_null(
		strstr(text, "Role viewer; reads; secure needs admin."));
	assert_non_null(strstr(text, "(required; a domain's name"));
	assert_non_null(strstr(text, "\n  domain.xml domain=DOMAIN ["));
	assert_non_null(strstr(text, "not-found"));
	assert_int_equal(describe_method_list(&all), 0);
	text = as_text(&all);
	for (size_t i = 0; i < METHODS; i++)
		assert_non_null(
			strstr(text, method_by_id((enum method_id)i)->name));
}

/* Help and table tell of rights on all domains and of jobs. */
static void test_wide_and_long(void **state)
{
	autobuf table = {0};
	const char *text, *row;

	assert_int_equal(describe_markdown(&table), 0);
	text = as_text(&table);
	for (size_t i = 0; i < METHODS; i++) {
		const struct method *m = method_by_id((enum method_id)i);
		autobuf help = {0};
		autofree char *line = NULL;
		const char *words;

		assert_int_equal(describe_method_help(&help, m), 0);
		words = strstr(as_text(&help), "\nRole ");
		assert_non_null(words);
		assert_int_equal(strstr(words, "all domains") != NULL,
				 m->hostwide);
		row = strchr(text, '\n');
		for (size_t k = 0; k <= i; k++)
			row = strchr(row + 1, '\n');
		line = strndup(row + 1, strcspn(row + 1, "\n"));
		assert_non_null(line);
		assert_non_null(strstr(line, m->name));
		assert_int_equal(strstr(line, ", all domains |") != NULL,
				 m->hostwide);
		assert_int_equal(strstr(line, ", job |") != NULL, m->is_long);
	}
}

/* No line of any method's help is wider than a terminal. */
static void test_help_width(void **state)
{
	for (size_t i = 0; i < METHODS; i++) {
		autobuf out = {0};
		const char *line;

		describe_method_help(&out, method_by_id((enum method_id)i));
		line = as_text(&out);
		while (*line != '\0') {
			size_t len = strcspn(line, "\n");

			if (len > 80)
				fail_msg("%.*s", (int)len, line);
			assert_int_equal(line[len], '\n');
			line += len + 1;
		}
	}
}

/* Lines that begin with a dot are requests that we know; hyphens are escaped. */
static void test_roff(void **state)
{
	static const char *const requests[] = {".SH ", ".SS ", ".TP",
					       ".PP",  ".B ",  ".I "};
	autobuf out = {0};
	const char *line;

	assert_int_equal(describe_roff(&out), 0);
	line = as_text(&out);
	assert_non_null(strstr(line, ".SS host.speed\\-download\n"));
	while (*line != '\0') {
		size_t len = strcspn(line, "\n");
		bool known = *line != '.';

		assert_true(len > 0);
		for (size_t i = 0; i < array_size(requests); i++)
			known = known || strncmp(line, requests[i],
						 strlen(requests[i])) == 0;
		for (size_t i = 1; i < len; i++)
			assert_true(line[i] != '-' || line[i - 1] == '\\');
		if (!known)
			fail_msg("%.*s", (int)len, line);
		line += len + 1;
	}
}

/* A row for each method, each of as many cells. */
static void test_markdown(void **state)
{
	autobuf out = {0};
	const char *at;
	size_t lines = 0, bars = 0;

	assert_int_equal(describe_markdown(&out), 0);
	for (at = as_text(&out); *at != '\0'; at++) {
		lines += *at == '\n';
		bars += *at == '|';
	}
	assert_int_equal(lines, METHODS + 2);
	assert_int_equal(bars, (METHODS + 2) * 7);
}

/* -- negative cases ------------------------------------------------------- */

static enum error_code outcome(const struct method *m, const struct buf *text,
			       char *words, size_t size)
{
	_Alignas(max_align_t) unsigned char params[PARAMS_SIZE_MAX];
	autojson value = NULL;
	autoerror err = {0};

	assert_true(m->params_size <= sizeof(params));
	if (json_parse((const char *)buf_bytes(text), text->len, NULL, &value,
		       &err) == 0 &&
	    params_decode(m, value, params, &err) == 0)
		params_free(m, params);
	snprintf(words, size, "%s",
		 error_is_set(&err) ? error_words(&err) : "");
	return err.code;
}

static void test_minimal_params(void **state)
{
	for (size_t i = 0; i < METHODS; i++) {
		const struct method *m = method_by_id((enum method_id)i);
		autobuf text = {0};
		char words[200];

		assert_int_equal(describe_minimal_params(m, &text), 0);
		if (outcome(m, &text, words, sizeof(words)) != ERROR_NONE)
			fail_msg("%s: %s", m->name, words);
	}
}

/* The number of cases of that parameter (NULL: of the whole). */
static unsigned check_cases(const struct method *m, const char *param)
{
	struct negative_case c;
	unsigned found = 0;

	for (unsigned n = 0;; n++) {
		autobuf text = {0};
		char words[200];
		int more = describe_negative_case(m, n, &c, &text);

		assert_true(more >= 0);
		if (more == 0)
			return found;
		if (param ? !c.param || strcmp(c.param, param) != 0
			  : c.param != NULL)
			continue;
		found++;
		if (outcome(m, &text, words, sizeof(words)) != c.code)
			fail_msg("%s, %s: %s: %s", m->name,
				 param ? param : "all", c.what, words);
		/* for its own reason: the words name the parameter */
		if (c.code == ERROR_INVALID_PARAMS && param &&
		    !strstr(words, param))
			fail_msg("%s, %s: %s: %s", m->name, param, c.what,
				 words);
	}
}

static void test_negative_cases(void **state)
{
	for (size_t i = 0; i < METHODS; i++) {
		const struct method *m = method_by_id((enum method_id)i);

		assert_true(check_cases(m, NULL) >= 5);
		for (unsigned k = 0; k < m->params_count; k++)
			assert_true(check_cases(m, m->params[k].name) >= 7);
	}
}

/* -- without memory ------------------------------------------------------- */

static int describe_run(void *context)
{
	autobuf out = {0};

	return describe_openrpc(&out, "1");
}

static int help_run(void *context)
{
	autobuf out = {0};

	return describe_method_help(&out, method_by_id(METHOD_domain_xml));
}

static int roff_run(void *context)
{
	autobuf out = {0};

	return describe_roff(&out);
}

static int negative_run(void *context)
{
	autobuf out = {0};
	struct negative_case c;

	return describe_negative_case(method_by_id(METHOD_domain_start), 0, &c,
				      &out) == 1
		       ? 0
		       : -1;
}

static void test_without_memory(void **state)
{
	assert_true(alloc_fail_each(describe_run, NULL) > 5);
	assert_true(alloc_fail_each(help_run, NULL) > 5);
	assert_true(alloc_fail_each(roff_run, NULL) > 5);
	assert_true(alloc_fail_each(negative_run, NULL) > 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_openrpc),
		cmocka_unit_test(test_openrpc_references),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_help_width),
		cmocka_unit_test(test_wide_and_long),
		cmocka_unit_test(test_roff),
		cmocka_unit_test(test_markdown),
		cmocka_unit_test(test_minimal_params),
		cmocka_unit_test(test_negative_cases),
		cmocka_unit_test(test_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
