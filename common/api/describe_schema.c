/*
 * JSON schemas of the types (JSON Schema 2020-12, of which OpenRPC's are a part), each
 * once under its name. An object's schema is open: later versions add members, and a
 * reader is to pass over those that it does not know.
 */
#include "api/describe_schema.h"

#include "api/describe.h"
#include "api/json.h"

#define DEFINITIONS_MAX 256 /* types that one document may need */
#define DEFINITIONS     "#/$defs/"

void schema_key(struct buf *out, const char *name)
{
	json_append_string(out, name);
	buf_append_char(out, ':');
}

void schema_text(struct buf *out, const char *name, const char *value)
{
	schema_key(out, name);
	json_append_string(out, value);
}

static void number_pair(struct buf *out, const char *name, int64_t value)
{
	buf_append_char(out, ',');
	schema_key(out, name);
	json_append_int(out, value);
}

void schema_reference(struct buf *out, const struct type *type,
		      const char *where)
{
	buf_appendf(out, "{\"$ref\":\"%s%s\"}", where, type->name);
}

void schema_member(struct buf *out, const struct member *m, const char *where)
{
	if (m->count == 0) {
		schema_reference(out, m->type, where);
		return;
	}
	buf_append_str(out, "{\"type\":\"array\",\"items\":");
	schema_reference(out, m->type, where);
	buf_append_char(out, '}');
}

static void text_schema(struct buf *out, const struct type *type)
{
	if (type->form == TEXT_FORM_JSON)
		return;
	if (type->form == TEXT_FORM_REAL) {
		buf_append_str(out, ",\"type\":\"number\"");
		return;
	}
	buf_append_str(out, ",\"type\":\"string\"");
	number_pair(out, "minLength", type->min);
	number_pair(out, "maxLength", type->max);
	if (type->form == TEXT_FORM_UUID)
		buf_append_str(out, ",\"format\":\"uuid\"");
	if (type->form == TEXT_FORM_TIME)
		buf_append_str(out, ",\"format\":\"date-time\"");
}

static void enum_schema(struct buf *out, const struct type *type)
{
	buf_append_str(out, ",\"type\":\"string\",\"enum\":[");
	for (unsigned i = 0; i < type->values_count; i++) {
		if (i > 0)
			buf_append_char(out, ',');
		json_append_string(out, type->values[i].text);
	}
	buf_append_str(out, "],\"x-enum-descriptions\":{");
	for (unsigned i = 0; i < type->values_count; i++) {
		if (i > 0)
			buf_append_char(out, ',');
		schema_text(out, type->values[i].text, type->values[i].doc);
	}
	buf_append_char(out, '}');
}

static void object_schema(struct buf *out, const struct type *type,
			  const char *where)
{
	bool first = true;

	buf_append_str(out, ",\"type\":\"object\",\"properties\":{");
	for (unsigned i = 0; i < type->fields_count; i++) {
		const struct member *f = &type->fields[i];

		if (i > 0)
			buf_append_char(out, ',');
		schema_key(out, f->name);
		buf_append_str(out, "{\"allOf\":[");
		schema_member(out, f, where);
		buf_append_str(out, "],");
		schema_text(out, "description", f->doc);
		buf_append_char(out, '}');
	}
	buf_append_str(out, "},\"required\":[");
	for (unsigned i = 0; i < type->fields_count; i++) {
		if (type->fields[i].has != 0)
			continue;
		if (!first)
			buf_append_char(out, ',');
		first = false;
		json_append_string(out, type->fields[i].name);
	}
	buf_append_char(out, ']');
}

void schema_definition(struct buf *out, const struct type *type,
		       const char *where)
{
	schema_key(out, type->name);
	buf_append_char(out, '{');
	schema_text(out, "description", type->doc);
	switch (type->kind) {
	case TYPE_TEXT:
		text_schema(out, type);
		break;
	case TYPE_INT:
	case TYPE_UINT:
		buf_append_str(out, ",\"type\":\"integer\"");
		number_pair(out, "minimum", type->min);
		number_pair(out, "maximum", type->max);
		break;
	case TYPE_BOOL:
		buf_append_str(out, ",\"type\":\"boolean\"");
		break;
	case TYPE_ENUM:
		enum_schema(out, type);
		break;
	case TYPE_OBJECT:
		object_schema(out, type, where);
		break;
	}
	buf_append_char(out, '}');
}

/* -- a document's definitions ---------------------------------------------- */

struct definitions {
	const struct type *types[DEFINITIONS_MAX];
	size_t n;
	bool full;
};

static void add_type(struct definitions *d, const struct type *type)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->types[i] == type)
			return;
	d->full = d->full || d->n == DEFINITIONS_MAX;
	if (!d->full)
		d->types[d->n++] = type;
}

int describe_definitions(struct buf *out, const struct type *const *types,
			 size_t n)
{
	struct definitions d = {.n = 0};

	for (size_t i = 0; i < n; i++)
		add_type(&d, types[i]);
	for (size_t i = 0; i < d.n; i++)
		for (unsigned f = 0; f < d.types[i]->fields_count; f++)
			add_type(&d, d.types[i]->fields[f].type);
	buf_append_char(out, '{');
	for (size_t i = 0; i < d.n; i++) {
		if (i > 0)
			buf_append_char(out, ',');
		schema_definition(out, d.types[i], DEFINITIONS);
	}
	buf_append_char(out, '}');
	return buf_ok(out) && !d.full ? 0 : -1;
}

int describe_reference(struct buf *out, const struct type *type)
{
	schema_reference(out, type, DEFINITIONS);
	return buf_ok(out) ? 0 : -1;
}
