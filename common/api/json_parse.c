/*
 * The strict reader of JSON (json.h): one pass, a stack of at most
 * JSON_DEPTH_MAX open containers, no recursion. json-c holds the tree. Called
 * with bytes from peers. What holds: the offset only grows, and what is in the
 * tree has been checked.
 */
#include "api/json_reader.h"

#include <string.h>

#include "api/member.h"

const struct json_limits json_request_limits = {
	.size = JSON_REQUEST_SIZE_MAX,
	.depth = JSON_DEPTH_MAX,
	.values = JSON_REQUEST_VALUES_MAX,
	.containers = JSON_REQUEST_CONTAINERS_MAX,
};

const struct json_limits json_response_limits = {
	.size = JSON_RESPONSE_SIZE_MAX,
	.depth = JSON_DEPTH_MAX,
	.values = JSON_RESPONSE_VALUES_MAX,
	.containers = JSON_RESPONSE_CONTAINERS_MAX,
};

static void skip_blanks(struct reader *r)
{
	while (r->at < r->len) {
		uint8_t c = r->text[r->at];

		if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
			return;
		r->at++;
	}
}

/* -- structure ------------------------------------------------------------ */

/* Puts a complete value, or a container that was just opened, into its place. */
static int attach(struct reader *r, struct json_object *value)
{
	struct json_object *parent;
	int failed;

	if (r->depth == 0) {
		r->root = value;
		return 0;
	}
	parent = r->open[r->depth - 1];
	if (json_object_is_type(parent, json_type_array))
		failed = json_object_array_add(parent, value);
	else
		failed = json_object_object_add_ex(
			parent, (const char *)buf_bytes(&r->name), value,
			JSON_C_OBJECT_ADD_KEY_IS_NEW);
	if (failed == 0)
		return 0;
	json_object_put(value);
	return error_set_no_memory(r->err);
}

static int open_container(struct reader *r, bool object)
{
	struct json_object *value;

	if (r->depth == r->limits->depth || r->depth == JSON_DEPTH_MAX)
		return error_set(r->err, ERROR_TOO_LARGE,
				 "the JSON is nested deeper than %zu levels at "
				 "offset %zu",
				 r->limits->depth, r->at);
	if (++r->containers > r->limits->containers)
		return error_set(
			r->err, ERROR_TOO_LARGE,
			"the JSON has more than %zu objects and arrays",
			r->limits->containers);
	value = object ? json_object_new_object()
		       : json_object_new_array_ext(4);
	if (!value)
		return error_set_no_memory(r->err);
	if (attach(r, value) != 0)
		return -1;
	r->open[r->depth++] = value;
	r->expect = object ? EXPECT_NAME_OR_END : EXPECT_VALUE_OR_END;
	r->at++;
	return 0;
}

static void value_done(struct reader *r)
{
	r->expect = r->depth == 0 ? EXPECT_NOTHING : EXPECT_COMMA_OR_END;
}

static void close_container(struct reader *r)
{
	r->at++;
	r->depth--;
	value_done(r);
}

static int read_literal(struct reader *r, struct json_object **out)
{
	const char *text = (const char *)r->text + r->at;
	size_t left = r->len - r->at;

	if (left >= 4 && memcmp(text, "null", 4) == 0) {
		r->at += 4;
		return 0;
	}
	if (left >= 4 && memcmp(text, "true", 4) == 0) {
		r->at += 4;
		*out = json_object_new_boolean(1);
	} else if (left >= 5 && memcmp(text, "false", 5) == 0) {
		r->at += 5;
		*out = json_object_new_boolean(0);
	} else {
		return json_fault_found(r, "a value");
	}
	return *out ? 0 : error_set_no_memory(r->err);
}

static int read_scalar(struct reader *r, struct json_object **out)
{
	uint8_t c = r->text[r->at];
	struct slice s;

	if (c == '-' || (c >= '0' && c <= '9'))
		return json_read_number(r, out);
	if (c != '"')
		return read_literal(r, out);
	if (json_read_string(r, &s) != 0)
		return -1;
	*out = json_object_new_string_len(s.s, (int)s.len);
	return *out ? 0 : error_set_no_memory(r->err);
}

static int read_value(struct reader *r)
{
	struct json_object *value = NULL;

	if (r->at >= r->len)
		return json_fault_found(r, "a value");
	if (++r->values > r->limits->values)
		return error_set(r->err, ERROR_TOO_LARGE,
				 "the JSON has more than %zu values",
				 r->limits->values);
	if (r->text[r->at] == '{' || r->text[r->at] == '[')
		return open_container(r, r->text[r->at] == '{');
	if (read_scalar(r, &value) != 0 || attach(r, value) != 0)
		return -1;
	value_done(r);
	return 0;
}

/* A name and its colon; refused where the object has that name already. */
static int read_name(struct reader *r)
{
	size_t start = r->at;
	struct slice s;
	char room[SHOWN_SIZE];

	if (start >= r->len || r->text[start] != '"')
		return json_fault_found(r, "a name in double quotes");
	if (json_read_string(r, &s) != 0)
		return -1;
	buf_reset(&r->name);
	buf_append(&r->name, s.s, s.len);
	buf_append_char(&r->name, '\0');
	if (!buf_ok(&r->name))
		return error_set_no_memory(r->err);
	if (json_object_object_get_ex(r->open[r->depth - 1],
				      (const char *)buf_bytes(&r->name), NULL))
		return json_fault(r, start, "the name \"%s\" is given twice",
				  shown(room, s.s, s.len));
	skip_blanks(r);
	if (r->at >= r->len || r->text[r->at] != ':')
		return json_fault_found(r, "a colon");
	r->at++;
	r->expect = EXPECT_VALUE;
	return 0;
}

static int read_comma_or_end(struct reader *r, uint8_t c)
{
	bool array =
		json_object_is_type(r->open[r->depth - 1], json_type_array);

	if (c == (array ? ']' : '}')) {
		close_container(r);
		return 0;
	}
	if (c != ',')
		return json_fault_found(r, array ? "a comma or ']'"
						 : "a comma or '}'");
	r->at++;
	r->expect = array ? EXPECT_VALUE : EXPECT_NAME;
	return 0;
}

static int step(struct reader *r)
{
	uint8_t c = r->at < r->len ? r->text[r->at] : 0;

	switch (r->expect) {
	case EXPECT_VALUE_OR_END:
		if (c == ']') {
			close_container(r);
			return 0;
		}
		return read_value(r);
	case EXPECT_VALUE:
		return read_value(r);
	case EXPECT_NAME_OR_END:
		if (c == '}') {
			close_container(r);
			return 0;
		}
		return read_name(r);
	case EXPECT_NAME:
		return read_name(r);
	case EXPECT_COMMA_OR_END:
		return read_comma_or_end(r, c);
	case EXPECT_NOTHING:
		break;
	}
	return json_fault_found(r, "the end of the text");
}

static int read_all(struct reader *r)
{
	skip_blanks(r);
	if (r->at == r->len)
		return json_fault(r, r->at, "it is empty");
	if (r->len >= 3 && memcmp(r->text, "\xef\xbb\xbf", 3) == 0)
		return json_fault(r, 0, "a byte order mark");
	while (r->expect != EXPECT_NOTHING || r->at < r->len) {
		if (step(r) != 0)
			return -1;
		skip_blanks(r);
	}
	return 0;
}

int json_parse(const char *text, size_t len, const struct json_limits *limits,
	       struct json_object **out, struct error *err)
{
	struct reader r = {
		.text = (const uint8_t *)text,
		.len = len,
		.limits = limits ? limits : &json_request_limits,
		.err = err,
	};
	int result;

	*out = NULL;
	if (len > r.limits->size)
		return error_set(err, ERROR_TOO_LARGE,
				 "the JSON is %zu bytes long; at most %zu are "
				 "taken",
				 len, r.limits->size);
	result = read_all(&r);
	buf_free(&r.name);
	buf_free(&r.text_value);
	if (result == 0)
		*out = r.root;
	else
		json_object_put(r.root);
	return result;
}
