/*
 * C structs into JSON text, by the descriptors: results on the host, parameters
 * on the client. Straight into a buffer, without a tree. What holds: the text is
 * valid JSON whatever the struct's strings hold; a buffer that ran out of memory
 * is noticed once, at the end.
 */
#include "api/codec_private.h"

#include "api/json.h"

#include <string.h>

void value_encode(const struct type *type, const void *value, struct buf *out)
{
	const char *text;

	switch (type->kind) {
	case TYPE_TEXT:
		text = *(char *const *)value;
		if (type->form == TEXT_FORM_JSON ||
		    type->form == TEXT_FORM_REAL)
			buf_append_str(out, text ? text : "null");
		else
			json_append_string(out, text ? text : "");
		return;
	case TYPE_INT:
		json_append_int(out, *(const int64_t *)value);
		return;
	case TYPE_UINT:
		json_append_uint(out, *(const uint64_t *)value);
		return;
	case TYPE_BOOL:
		if (*(const bool *)value)
			buf_append(out, "true", 4);
		else
			buf_append(out, "false", 5);
		return;
	case TYPE_ENUM:
		json_append_string(out,
				   enum_text(type, *(const unsigned *)value));
		return;
	case TYPE_OBJECT:
		members_encode(type->fields, type->fields_count, value, out);
		return;
	}
}

static void list_encode(const struct member *m, const void *base,
			struct buf *out)
{
	const char *element = *(void *const *)member_value(m, base);
	size_t n =
		*(const size_t *)(const void *)((const char *)base + m->count);

	buf_append_char(out, '[');
	for (size_t i = 0; element && i < n; i++, element += m->type->size) {
		if (i > 0)
			buf_append_char(out, ',');
		value_encode(m->type, element, out);
	}
	buf_append_char(out, ']');
}

/* `,"name":`; one reservation, since a list has many thousands of them. */
static void append_key(const struct member *m, bool first, struct buf *out)
{
	uint8_t *end;

	if (buf_reserve(out, m->key_len + 1) != 0)
		return;
	end = buf_end(out);
	if (!first)
		*end++ = ',';
	memcpy(end, m->key, m->key_len);
	buf_added(out, m->key_len + (first ? 0 : 1));
}

void members_encode(const struct member *members, unsigned n, const void *base,
		    struct buf *out)
{
	bool first = true;

	buf_append_char(out, '{');
	for (const struct member *m = members; m < members + n; m++) {
		if (!member_given(m, base))
			continue;
		append_key(m, first, out);
		first = false;
		if (m->count != 0)
			list_encode(m, base, out);
		else
			value_encode(m->type, member_value(m, base), out);
	}
	buf_append_char(out, '}');
}

int params_encode(const struct method *m, const void *params, struct buf *out)
{
	members_encode(m->params, m->params_count, params, out);
	return buf_ok(out) ? 0 : -1;
}

int object_encode(const struct type *type, const void *object, struct buf *out)
{
	members_encode(type->fields, type->fields_count, object, out);
	return buf_ok(out) ? 0 : -1;
}

int result_encode(const struct method *m, const void *result, struct buf *out)
{
	if (m->result && result)
		return object_encode(m->result, result, out);
	return buf_append(out, "{}", 2);
}

void value_to_text(const struct type *type, const void *value, struct buf *out)
{
	const char *text;

	switch (type->kind) {
	case TYPE_TEXT:
		text = *(char *const *)value;
		buf_append_str(out, text ? text : "");
		return;
	case TYPE_ENUM:
		buf_append_str(out, enum_text(type, *(const unsigned *)value));
		return;
	default:
		value_encode(type, value, out);
	}
}

/* The elements of a list with commas, or the one value. */
static void audit_value(const struct member *m, const void *params,
			struct buf *out)
{
	const char *element;
	size_t n;

	if (m->count == 0) {
		value_to_text(m->type, member_value(m, params), out);
		return;
	}
	element = *(void *const *)member_value(m, params);
	n = *(const size_t *)(const void *)((const char *)params + m->count);
	for (size_t i = 0; element && i < n; i++, element += m->type->size) {
		if (i > 0)
			buf_append_char(out, ',');
		value_to_text(m->type, element, out);
	}
}

int params_audit_target(const struct method *m, const void *params,
			struct buf *out)
{
	bool first = true;

	for (unsigned i = 0; i < m->audit_count; i++) {
		const struct member *p = &m->params[m->audit[i]];

		if (!member_given(p, params))
			continue;
		if (!first)
			buf_appendf(out, " %s=", p->name);
		first = false;
		audit_value(p, params, out);
	}
	return buf_ok(out) ? 0 : -1;
}
