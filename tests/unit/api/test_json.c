/*
 * The gate before json-c, and the writer: what is JSON and what is not, limits,
 * offsets in the words, and what is left after a failed allocation.
 */
#include "api/json.h"

#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "api/json_cases.h"
#include "base/alloc_fail.h"

/* A copy in memory of just that size, so that a byte too far is noticed. */
static int parse_exactly(const char *text, size_t len, struct json_object **out,
			 struct error *err)
{
	char *copy = malloc(len > 0 ? len : 1);
	int result;

	assert_non_null(copy);
	memcpy(copy, text, len);
	result = json_parse(copy, len, NULL, out, err);
	free(copy);
	return result;
}

static void test_accepts(void **state)
{
	for (size_t i = 0; i < array_size(accepted); i++) {
		autojson value = NULL;
		autoerror err = {0};

		if (parse_exactly(accepted[i].text, accepted[i].len, &value,
				  &err) != 0)
			fail_msg("%s: %s", accepted[i].text, error_words(&err));
	}
}

static void test_refuses(void **state)
{
	for (size_t i = 0; i < array_size(refused); i++) {
		struct json_object *value = NULL;
		autoerror err = {0};

		if (parse_exactly(refused[i].text, refused[i].len, &value,
				  &err) == 0)
			fail_msg("%s is taken", refused[i].text);
		assert_null(value);
		assert_int_equal(err.code, ERROR_PARSE);
		assert_non_null(strstr(error_words(&err), "at offset "));
	}
}

/* No text that is cut off is JSON, unless it is a number. */
static void test_cut_off(void **state)
{
	static const char text[] =
		"{\"a\":[1,-2.5e3,\"x\\n\\ud83d\\ude39\xc3\xa9\",null],"
		"\"b\":{\"c\":true,\"d\":false}}";

	for (size_t len = 0; len <= sizeof(text) - 1; len++) {
		autojson value = NULL;
		autoerror err = {0};

		assert_int_equal(parse_exactly(text, len, &value, &err),
				 len == sizeof(text) - 1 ? 0 : -1);
	}
}

static void test_tree(void **state)
{
	static const char text[] =
		"{\"n\":-9223372036854775808,\"f\":1.50,\"s\":\"a\\u0062"
		"\\u00e9\\u20ac\\ud836\\udd1e\\/\",\"l\":[true,null,0]}";
	struct json_object *value, *s, *l;
	autoerror err = {0};

	assert_int_equal(parse_exactly(text, strlen(text), &value, &err), 0);
	assert_int_equal(json_object_object_length(value), 4);
	assert_true(json_object_get_int64(json_object_object_get(value, "n")) ==
		    INT64_MIN);
	assert_string_equal(
		json_object_to_json_string(json_object_object_get(value, "f")),
		"1.50");
	s = json_object_object_get(value, "s");
	assert_string_equal(json_object_get_string(s),
			    "ab\xc3\xa9\xe2\x82\xac\xf0\x9d\xa4\x9e/");
	l = json_object_object_get(value, "l");
	assert_int_equal(json_object_array_length(l), 3);
	assert_true(json_object_get_boolean(json_object_array_get_idx(l, 0)));
	assert_null(json_object_array_get_idx(l, 1));
	json_object_put(value);
}

static void refuse_with(const char *text, enum error_code code,
			const char *words)
{
	struct json_object *value = NULL;
	autoerror err = {0};

	assert_int_equal(parse_exactly(text, strlen(text), &value, &err), -1);
	assert_int_equal(err.code, code);
	assert_string_equal(error_words(&err), words);
}

static void test_words(void **state)
{
	refuse_with("{\"method\":1,\"m\\u0065thod\":2}", ERROR_PARSE,
		    "not valid JSON at offset 12: the name \"method\" is given "
		    "twice");
	refuse_with("[1,]", ERROR_PARSE,
		    "not valid JSON at offset 3: ']' where a value is due");
	refuse_with(
		"{\"a\":1", ERROR_PARSE,
		"not valid JSON at offset 6: the text ends where a comma or "
		"'}' is due");
	refuse_with("\"\\u0000\"", ERROR_PARSE,
		    "not valid JSON at offset 1: \\u0000, a NUL in a string");
	refuse_with("[\"\xff\"]", ERROR_PARSE,
		    "not valid JSON at offset 2: invalid UTF-8 (0xff)");
	refuse_with("", ERROR_PARSE, "not valid JSON at offset 0: it is empty");
	refuse_with("{\"\\u001b[2J\":1,\"\\u001b[2J\":1}", ERROR_PARSE,
		    "not valid JSON at offset 15: the name \"?[2J\" is given "
		    "twice");
}

/* DEPTH times "[" and "]". */
static int parse_nested(size_t depth, enum error_code *code)
{
	autobuf text = {0};
	autojson value = NULL;
	autoerror err = {0};
	int result;

	for (size_t i = 0; i < depth; i++)
		buf_append_str(&text, i % 2 ? "{\"a\":" : "[");
	buf_append_str(&text, "1");
	for (size_t i = depth; i-- > 0;)
		buf_append_str(&text, i % 2 ? "}" : "]");
	assert_true(buf_ok(&text));
	result = json_parse((const char *)buf_bytes(&text), text.len, NULL,
			    &value, &err);
	*code = err.code;
	return result;
}

static void test_depth(void **state)
{
	enum error_code code;

	assert_int_equal(parse_nested(JSON_DEPTH_MAX, &code), 0);
	assert_int_equal(parse_nested(JSON_DEPTH_MAX + 1, &code), -1);
	assert_int_equal(code, ERROR_TOO_LARGE);
	assert_int_equal(parse_nested(100000, &code), -1);
	assert_int_equal(code, ERROR_TOO_LARGE);
}

static enum error_code parse_limited(const char *text,
				     const struct json_limits *limits)
{
	autojson value = NULL;
	autoerror err = {0};

	json_parse(text, strlen(text), limits, &value, &err);
	return err.code;
}

static void test_limits(void **state)
{
	const struct json_limits limits = {
		.size = 20,
		.depth = 2,
		.values = 4,
		.containers = 2,
	};
	const struct json_limits deep = {
		.size = 1000,
		.depth = 1000,
		.values = 1000,
		.containers = 1000,
	};
	char nested[100];

	assert_int_equal(parse_limited("[[1,2]]", &limits), ERROR_NONE);
	assert_int_equal(parse_limited("[[1,2,3]]", &limits), ERROR_TOO_LARGE);
	assert_int_equal(parse_limited("[[],[]]", &limits), ERROR_TOO_LARGE);
	assert_int_equal(parse_limited("[[[]]]", &limits), ERROR_TOO_LARGE);
	assert_int_equal(parse_limited("\"123456789012345678\"", &limits),
			 ERROR_NONE);
	assert_int_equal(parse_limited("\"1234567890123456789\"", &limits),
			 ERROR_TOO_LARGE);
	memset(nested, '[', sizeof(nested) - 1);
	nested[sizeof(nested) - 1] = '\0';
	assert_int_equal(parse_limited(nested, &deep), ERROR_TOO_LARGE);
}

/* Hostile sizes end soon: many names, each once, and a string of 900 KB. */
static void test_large(void **state)
{
	autobuf text = {0};
	autojson value = NULL;
	autoerror err = {0};

	buf_append_str(&text, "{\"xml\":\"");
	for (int i = 0; i < 9000; i++)
		buf_append_str(&text, "<a b='c'>\\n\xc3\xa9</a> and a hundred "
				      "bytes of text are enough for a line, so "
				      "this is \\\"it\\\"......");
	buf_append_str(&text, "\"");
	for (int i = 0; i < 5000; i++)
		buf_appendf(&text, ",\"name%d\":%d", i, i);
	buf_append_str(&text, "}");
	assert_true(buf_ok(&text));
	assert_true(text.len > 900000 && text.len < JSON_REQUEST_SIZE_MAX);
	assert_int_equal(json_parse((const char *)buf_bytes(&text), text.len,
				    NULL, &value, &err),
			 0);
	assert_int_equal(json_object_object_length(value), 5001);
}

static int parse_run(void *context)
{
	static const char text[] =
		"{\"a\\n\":[1,\"s\",\"\\u00e9\",true,false,null,2.5,{}],"
		"\"b\":{\"c\":[[]]}}";
	autojson value = NULL;
	autoerror err = {0};
	int result = json_parse(text, strlen(text), NULL, &value, &err);

	if (result != 0) {
		assert_null(value);
		assert_int_equal(err.code, ERROR_NO_MEMORY);
	}
	return result;
}

static void test_parse_without_memory(void **state)
{
	assert_true(alloc_fail_each(parse_run, NULL) > 20);
}

static void assert_written(const char *s, size_t len, const char *expected)
{
	autobuf out = {0};
	autojson value = NULL;
	autoerror err = {0};

	assert_int_equal(json_append_string_len(&out, s, len), 0);
	assert_int_equal(out.len, strlen(expected));
	assert_memory_equal(buf_bytes(&out), expected, out.len);
	if (memchr(s, '\0', len))
		return;
	assert_int_equal(json_parse((const char *)buf_bytes(&out), out.len,
				    NULL, &value, &err),
			 0);
}

static void test_writes_strings(void **state)
{
	assert_written("", 0, "\"\"");
	assert_written("plain", 5, "\"plain\"");
	assert_written("\"\\/\b\f\n\r\t", 8, "\"\\\"\\\\/\\b\\f\\n\\r\\t\"");
	assert_written("\x01\x1f\x7f", 3, "\"\\u0001\\u001f\\u007f\"");
	assert_written("a\0b", 3, "\"a\\u0000b\"");
	assert_written("\xc3\xa9\xf0\x9d\x84\x9e", 6,
		       "\"\xc3\xa9\xf0\x9d\x84\x9e\"");
	assert_written("x\xffy", 3, "\"x\xef\xbf\xbdy\"");
	assert_written("\xe2\x82", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\"");
	assert_written("\xed\xa0\x80", 3,
		       "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

/* Every byte at every place of a word of eight, since eight are taken at once. */
static void test_every_byte_everywhere(void **state)
{
	for (unsigned c = 1; c < 256; c++) {
		for (size_t at = 0; at < 18; at++) {
			autobuf out = {0};
			autojson value = NULL;
			autoerror err = {0};
			char text[19] = "abcdefghijklmnopqr";

			text[at] = (char)c;
			assert_int_equal(json_append_string(&out, text), 0);
			assert_int_equal(
				json_parse((const char *)buf_bytes(&out),
					   out.len, NULL, &value, &err),
				0);
			if (c < 0x80)
				assert_string_equal(
					json_object_get_string(value), text);
			else
				assert_int_equal(
					json_object_get_string_len(value), 20);
		}
	}
}

static void test_writes_numbers(void **state)
{
	autobuf out = {0};

	json_append_int(&out, 0);
	buf_append_char(&out, ' ');
	json_append_int(&out, INT64_MIN);
	buf_append_char(&out, ' ');
	json_append_int(&out, INT64_MAX);
	buf_append_char(&out, ' ');
	json_append_uint(&out, UINT64_MAX);
	buf_append_char(&out, ' ');
	json_append_string(&out, NULL);
	buf_append_char(&out, '\0');
	assert_true(buf_ok(&out));
	assert_string_equal((const char *)buf_bytes(&out),
			    "0 -9223372036854775808 9223372036854775807 "
			    "18446744073709551615 null");
}

/* -- members -------------------------------------------------------------- */

static void test_members(void **state)
{
	const char *text = "{\"a\":\"x\",\"n\":7,\"yes\":true,\"no\":false,"
			   "\"null\":null}";
	autojson o = NULL;
	struct json_object *list = NULL;

	assert_int_equal(json_parse(text, strlen(text), NULL, &o, NULL), 0);
	assert_string_equal(json_text(o, "a"), "x");
	assert_string_equal(json_text(o, "n"), "7");
	assert_null(json_text(o, "null"));
	assert_null(json_text(o, "absent"));
	assert_true(json_is_true(o, "yes"));
	assert_false(json_is_true(o, "no"));
	assert_false(json_is_true(o, "null"));
	assert_false(json_is_true(o, "absent"));
	json_add_text(o, "b", "y");
	assert_string_equal(json_text(o, "b"), "y");
	json_add_text(o, "c", NULL);
	assert_false(json_object_object_get_ex(o, "c", NULL));
	list = json_add_list(o, "list");
	assert_non_null(list);
	json_object_array_add(list, json_object_new_int(1));
	assert_string_equal(json_text(o, "list"), "[ 1 ]");
	assert_null(json_add_list(NULL, "list"));
}

static int add_run(void *context)
{
	struct json_object *o = context;

	return json_add_list(o, "list") ? 0 : -1;
}

static void test_list_without_memory(void **state)
{
	autojson o = json_object_new_object();

	assert_true(alloc_fail_each(add_run, o) >= 2);
	assert_non_null(json_text(o, "list"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepts),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_parse_without_memory),
		cmocka_unit_test(test_writes_strings),
		cmocka_unit_test(test_every_byte_everywhere),
		cmocka_unit_test(test_writes_numbers),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_list_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
