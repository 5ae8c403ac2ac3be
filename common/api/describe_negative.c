/*
 * Negative tests from the table: for each parameter of a method values that must
 * be refused, and the same for the parameters as a whole. Called by unit,
 * integration and fuzz tests. What holds: everything but the one fault of a case
 * is what describe_minimal_params() gives, which decodes.
 */
#include "api/describe.h"

#include <inttypes.h>
#include <string.h>

#include "api/codec_private.h"
#include "api/json.h"

/* A wrong value: its JSON text, and what is wrong with it. */
struct wrong {
	const char *json; /* NULL: made by make_wrong() */
	const char *what;
	enum error_code code;
};

#define WRONG(json, what)                                                      \
	{                                                                      \
		json, what, ERROR_INVALID_PARAMS                               \
	}
#define BROKEN(json, what)                                                     \
	{                                                                      \
		json, what, ERROR_PARSE                                        \
	}

/* Of every type but the one that the value would fit. */
static const struct wrong wrong_texts[] = {
	WRONG("17", "a number for a string"),
	WRONG("true", "a bool for a string"),
	WRONG("null", "null for a string"),
	WRONG("[\"virtmux-none\"]", "a list for a string"),
	WRONG("{\"name\":\"virtmux-none\"}", "an object for a string"),
	BROKEN("\"virtmux\\u0000none\"", "a NUL in a string"),
	BROKEN("\"\\ud800\"", "half of a surrogate pair"),
	BROKEN("\"\xff\"", "invalid UTF-8"),
	BROKEN("\"\xc0\xaf\"", "an overlong form of UTF-8"),
};

static const struct wrong wrong_names[] = {
	WRONG("\"\"", "an empty name"),
	WRONG("\"virtmux\\nnone\"", "a line's end in a name"),
	WRONG("\"\\u001b[2J\"", "an escape sequence in a name"),
	WRONG("\"\\u009b2J\"", "a C1 control in a name"),
};

static const struct wrong wrong_uuids[] = {
	WRONG("\"\"", "an empty UUID"),
	WRONG("\"00000000-0000-4000-8000-00000000000g\"", "no UUID"),
	WRONG("\"00000000000040008000000000000000\"", "a UUID without hyphens"),
};

static const struct wrong wrong_globs[] = {
	WRONG("\"\"", "an empty pattern"),
	WRONG("\"[a\"", "a class that does not end"),
	WRONG("\"web\\n*\"", "a line's end in a pattern"),
};

static const struct wrong wrong_times[] = {
	WRONG("\"\"", "an empty time"),
	WRONG("\"yesterday\"", "no time"),
	WRONG("\"2026-01-01T00:00:00+01:00\"", "a time that is not UTC"),
};

static const struct wrong wrong_numbers[] = {
	WRONG("\"0\"", "a string for a number"),
	WRONG("0.5", "a fraction"),
	WRONG("1e3", "an exponent"),
	WRONG("true", "a bool for a number"),
	WRONG("null", "null for a number"),
	WRONG("[0]", "a list for a number"),
	WRONG("{}", "an object for a number"),
	BROKEN("99999999999999999999", "a number beyond 64 bits"),
	BROKEN("-99999999999999999999", "a number beyond 64 bits"),
	BROKEN("0x10", "a hexadecimal number"),
	BROKEN("01", "a leading zero"),
	BROKEN("NaN", "NaN"),
};

static const struct wrong wrong_bools[] = {
	WRONG("\"true\"", "a string for a bool"),
	WRONG("1", "a number for a bool"),
	WRONG("0", "a number for a bool"),
	WRONG("null", "null for a bool"),
	WRONG("[true]", "a list for a bool"),
	WRONG("{}", "an object for a bool"),
	BROKEN("True", "a literal in another case"),
};

static const struct wrong wrong_enums[] = {
	WRONG("\"virtmux-none\"", "no value of the enum"),
	WRONG("\"\"", "an empty value"),
	WRONG("0", "a number for an enum"),
	WRONG("true", "a bool for an enum"),
	WRONG("null", "null for an enum"),
	WRONG("[]", "a list for an enum"),
	WRONG("{}", "an object for an enum"),
};

static const struct wrong wrong_objects[] = {
	WRONG("\"{}\"", "a string for an object"),
	WRONG("1", "a number for an object"),
	WRONG("null", "null for an object"),
	WRONG("[]", "a list for an object"),
	WRONG("{\"virtmux-none\":1}", "an unknown field"),
};

static const struct wrong wrong_lists[] = {
	WRONG("\"virtmux-none\"", "a string for a list"),
	WRONG("1", "a number for a list"),
	WRONG("true", "a bool for a list"),
	WRONG("null", "null for a list"),
	WRONG("{}", "an object for a list"),
	WRONG("[null]", "null in a list"),
	WRONG("[[]]", "a list in a list"),
};

struct wrongs {
	const struct wrong *rows;
	size_t count;
};

#define WRONGS(rows) ((struct wrongs){rows, array_size(rows)})

static struct wrongs wrongs_of_form(const struct type *type)
{
	switch (type->form) {
	case TEXT_FORM_JSON:
	case TEXT_FORM_REAL:
	case TEXT_FORM_ANY:
		return (struct wrongs){wrong_names, type->min > 0 ? 1 : 0};
	case TEXT_FORM_NAME:
		return WRONGS(wrong_names);
	case TEXT_FORM_UUID:
		return WRONGS(wrong_uuids);
	case TEXT_FORM_GLOB:
		return WRONGS(wrong_globs);
	case TEXT_FORM_TIME:
		return WRONGS(wrong_times);
	}
	return (struct wrongs){0};
}

static struct wrongs wrongs_of_type(const struct member *p)
{
	if (p->count != 0)
		return WRONGS(wrong_lists);
	switch (p->type->kind) {
	case TYPE_TEXT:
		return WRONGS(wrong_texts);
	case TYPE_INT:
	case TYPE_UINT:
		return WRONGS(wrong_numbers);
	case TYPE_BOOL:
		return WRONGS(wrong_bools);
	case TYPE_ENUM:
		return WRONGS(wrong_enums);
	case TYPE_OBJECT:
		return WRONGS(wrong_objects);
	}
	return (struct wrongs){0};
}

/* -- plausible values ----------------------------------------------------- */

static const char *plausible_text(enum text_form form)
{
	switch (form) {
	case TEXT_FORM_UUID:
		return "\"00000000-0000-4000-8000-000000000000\"";
	case TEXT_FORM_TIME:
		return "\"2026-01-01T00:00:00Z\"";
	case TEXT_FORM_ANY:
	case TEXT_FORM_NAME:
	case TEXT_FORM_GLOB:
	case TEXT_FORM_JSON:
	case TEXT_FORM_REAL:
		break;
	}
	return "\"virtmux-none\"";
}

static void append_plausible(const struct member *p, struct buf *out);

static void append_plausible_value(const struct type *type, struct buf *out)
{
	bool first = true;

	switch (type->kind) {
	case TYPE_TEXT:
		buf_append_str(out, plausible_text(type->form));
		return;
	case TYPE_INT:
	case TYPE_UINT:
		json_append_int(out, type->min > 0 ? type->min : 0);
		return;
	case TYPE_BOOL:
		buf_append_str(out, "false");
		return;
	case TYPE_ENUM:
		json_append_string(out, type->values[0].text);
		return;
	case TYPE_OBJECT:
		break;
	}
	buf_append_char(out, '{');
	for (unsigned i = 0; i < type->fields_count; i++) {
		if (type->fields[i].has != 0)
			continue;
		if (!first)
			buf_append_char(out, ',');
		first = false;
		append_plausible(&type->fields[i], out);
	}
	buf_append_char(out, '}');
}

/* "name":value */
static void append_plausible(const struct member *p, struct buf *out)
{
	buf_append(out, p->key, p->key_len);
	if (p->count != 0)
		buf_append_char(out, '[');
	append_plausible_value(p->type, out);
	if (p->count != 0)
		buf_append_char(out, ']');
}

/* The required parameters but LEFT_OUT, as members with a comma behind each. */
static void append_required(const struct method *m,
			    const struct member *left_out, struct buf *out)
{
	for (unsigned i = 0; i < m->params_count; i++) {
		if (m->params[i].has != 0 || &m->params[i] == left_out)
			continue;
		append_plausible(&m->params[i], out);
		buf_append_char(out, ',');
	}
}

/* Ends an object whose last byte may be a comma too many. */
static void end_object(struct buf *out)
{
	if (buf_ok(out) && buf_bytes(out)[out->len - 1] == ',')
		out->len--;
	buf_append_char(out, '}');
}

int describe_minimal_params(const struct method *m, struct buf *params)
{
	buf_append_char(params, '{');
	append_required(m, NULL, params);
	end_object(params);
	return buf_ok(params) ? 0 : -1;
}

/* -- cases ---------------------------------------------------------------- */

static bool is_number(const struct member *p)
{
	return p->count == 0 &&
	       (p->type->kind == TYPE_INT || p->type->kind == TYPE_UINT);
}

/* Just outside the range of a number or a text; false where there is none. */
static bool append_beyond(const struct member *p, bool high, struct buf *out)
{
	const struct type *type = p->type;

	if (is_number(p) &&
	    (high ? type->max < INT64_MAX : type->min > INT64_MIN)) {
		json_append_int(out, high ? type->max + 1 : type->min - 1);
		return true;
	}
	/* an XML document too long would be too long for a message first */
	if (p->count == 0 && type->kind == TYPE_TEXT && high &&
	    type->max < JSON_REQUEST_SIZE_MAX) {
		buf_append_char(out, '"');
		for (int64_t i = 0; i <= type->max; i++)
			buf_append_char(out, 'a');
		buf_append_char(out, '"');
		return true;
	}
	return false;
}

/* The wrong value number N of parameter P, as JSON text; false: no more. */
static bool append_wrong_value(const struct member *p, unsigned n,
			       struct negative_case *out, struct buf *value)
{
	struct wrongs lists[2] = {wrongs_of_type(p)};

	if (p->count == 0 && p->type->kind == TYPE_TEXT)
		lists[1] = wrongs_of_form(p->type);
	for (size_t i = 0; i < 2; i++) {
		if (n < lists[i].count) {
			out->what = lists[i].rows[n].what;
			out->code = lists[i].rows[n].code;
			buf_append_str(value, lists[i].rows[n].json);
			return true;
		}
		n -= (unsigned)lists[i].count;
	}
	for (int high = 0; high < 2; high++) {
		size_t before = value->len;

		if (!append_beyond(p, high == 1, value))
			continue;
		out->what = high == 1 ? "above the limit" : "below the limit";
		out->code = ERROR_INVALID_PARAMS;
		if (n-- == 0)
			return true;
		value->len = before;
	}
	return false;
}

/*
 * Case N of one parameter: first that it is missing (where it is required),
 * misspelled and given twice, then wrong values. False: no more.
 */
static bool param_case(const struct method *m, const struct member *p,
		       unsigned n, struct negative_case *out, struct buf *text)
{
	out->param = p->name;
	out->code = ERROR_INVALID_PARAMS;
	buf_append_char(text, '{');
	append_required(m, p, text);
	if (p->has == 0 && n-- == 0) {
		out->what = "missing";
		end_object(text);
		return true;
	}
	if (n == 0) {
		out->what = "misspelled";
		buf_appendf(text, "\"%s_\":0}", p->name);
		return true;
	}
	append_plausible(p, text);
	if (n == 1) {
		out->what = "given twice";
		out->code = ERROR_PARSE;
		buf_append_char(text, ',');
		append_plausible(p, text);
		buf_append_char(text, '}');
		return true;
	}
	buf_reset(text);
	buf_append_char(text, '{');
	append_required(m, p, text);
	buf_append(text, p->key, p->key_len);
	if (!append_wrong_value(p, n - 2, out, text))
		return false;
	buf_append_char(text, '}');
	return true;
}

static const struct wrong wrong_params[] = {
	WRONG("[]", "an empty list for the parameters"),
	WRONG("[\"virtmux-none\"]", "parameters by position"),
	WRONG("\"virtmux-none\"", "a string for the parameters"),
	WRONG("17", "a number for the parameters"),
	WRONG("true", "a bool for the parameters"),
	BROKEN("{", "JSON that is cut off"),
	BROKEN("{}{}", "bytes behind the JSON"),
	BROKEN("", "nothing at all"),
	{NULL, "an unknown parameter", ERROR_INVALID_PARAMS},
};

static bool whole_case(const struct method *m, unsigned n,
		       struct negative_case *out, struct buf *text)
{
	if (n >= array_size(wrong_params))
		return false;
	out->param = NULL;
	out->what = wrong_params[n].what;
	out->code = wrong_params[n].code;
	if (wrong_params[n].json) {
		buf_append_str(text, wrong_params[n].json);
		return true;
	}
	buf_append_char(text, '{');
	append_required(m, NULL, text);
	buf_append_str(text, "\"virtmux_none\":true}");
	return true;
}

/* How many cases a parameter has: they are few, so counting is trying. */
static unsigned param_cases(const struct method *m, const struct member *p)
{
	struct negative_case ignored;
	unsigned n = 0;

	for (;;) {
		autobuf text = {0};

		if (!param_case(m, p, n, &ignored, &text))
			return n;
		n++;
	}
}

int describe_negative_case(const struct method *m, unsigned n,
			   struct negative_case *out, struct buf *params)
{
	autobuf text = {0};

	if (n < array_size(wrong_params)) {
		whole_case(m, n, out, &text);
	} else {
		const struct member *p = m->params;
		const struct member *end = p + m->params_count;

		n -= (unsigned)array_size(wrong_params);
		for (; p < end; p++) {
			unsigned cases = param_cases(m, p);

			if (n < cases)
				break;
			n -= cases;
		}
		if (p == end)
			return 0;
		param_case(m, p, n, out, &text);
	}
	buf_append(params, buf_bytes(&text), text.len);
	return buf_ok(&text) && buf_ok(params) ? 1 : -1;
}
