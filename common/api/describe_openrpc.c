/*
 * The OpenRPC 1.3.2 document (spec.open-rpc.org), from the tables. Called once
 * by the daemon for /openrpc.json. What holds: the document is valid by the
 * OpenRPC schema; what is ours begins with "x-".
 */
#include "api/describe.h"

#include "api/json.h"
#include "api/member.h"

static void key(struct buf *out, const char *name)
{
	json_append_string(out, name);
	buf_append_char(out, ':');
}

static void text_pair(struct buf *out, const char *name, const char *value)
{
	key(out, name);
	json_append_string(out, value);
}

static void number_pair(struct buf *out, const char *name, int64_t value)
{
	buf_append_char(out, ',');
	key(out, name);
	json_append_int(out, value);
}

/* -- schemas -------------------------------------------------------------- */

static void reference(struct buf *out, const struct type *type)
{
	buf_appendf(out, "{\"$ref\":\"#/components/schemas/%s\"}", type->name);
}

static void member_schema(struct buf *out, const struct member *m)
{
	if (m->count == 0) {
		reference(out, m->type);
		return;
	}
	buf_append_str(out, "{\"type\":\"array\",\"items\":");
	reference(out, m->type);
	buf_append_char(out, '}');
}

static void text_schema(struct buf *out, const struct type *type)
{
	if (type->form == TEXT_FORM_JSON)
		return;
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
		text_pair(out, type->values[i].text, type->values[i].doc);
	}
	buf_append_char(out, '}');
}

static void object_schema(struct buf *out, const struct type *type)
{
	bool first = true;

	buf_append_str(out, ",\"type\":\"object\",\"properties\":{");
	for (unsigned i = 0; i < type->fields_count; i++) {
		const struct member *f = &type->fields[i];

		if (i > 0)
			buf_append_char(out, ',');
		key(out, f->name);
		buf_append_str(out, "{\"allOf\":[");
		member_schema(out, f);
		buf_append_str(out, "],");
		text_pair(out, "description", f->doc);
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

static void schema(struct buf *out, const struct type *type)
{
	key(out, type->name);
	buf_append_char(out, '{');
	text_pair(out, "description", type->doc);
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
		object_schema(out, type);
		break;
	}
	buf_append_char(out, '}');
}

static void schemas(struct buf *out)
{
	const struct type *type;

	buf_append_str(out, "\"components\":{\"schemas\":{");
	for (size_t i = 0; (type = type_at(i)); i++) {
		if (i > 0)
			buf_append_char(out, ',');
		schema(out, type);
	}
	buf_append_str(out, "}}");
}

/* -- methods -------------------------------------------------------------- */

static void params_list(struct buf *out, const struct method *m)
{
	buf_append_str(out, ",\"params\":[");
	for (unsigned i = 0; i < m->params_count; i++) {
		const struct member *p = &m->params[i];

		buf_append_str(out, i > 0 ? ",{" : "{");
		text_pair(out, "name", p->name);
		buf_append_char(out, ',');
		text_pair(out, "description", p->doc);
		buf_appendf(out, ",\"required\":%s,\"schema\":",
			    p->has == 0 ? "true" : "false");
		member_schema(out, p);
		buf_append_char(out, '}');
	}
	buf_append_char(out, ']');
}

static void errors_list(struct buf *out, const struct method *m)
{
	buf_append_str(out, ",\"errors\":[");
	for (unsigned i = 0; i < m->errors_count; i++) {
		enum error_code code = m->errors[i].code;

		buf_appendf(out, "%s{\"code\":%d,", i > 0 ? "," : "",
			    error_code_rpc_number(code));
		text_pair(out, "message", m->errors[i].when);
		buf_append_str(out, ",\"data\":{");
		text_pair(out, "name", error_code_name(code));
		buf_append_str(out, "}}");
	}
	buf_append_char(out, ']');
}

static void needs_list(struct buf *out, const struct method *m)
{
	buf_append_str(out, ",\"x-needs\":{");
	for (unsigned i = 0; i < m->needs_count; i++) {
		if (i > 0)
			buf_append_char(out, ',');
		text_pair(out, m->params[m->needs[i].param].name,
			  role_name(m->needs[i].role));
	}
	buf_append_str(out, "},\"x-libvirt\":[");
	for (unsigned i = 0; i < m->libvirt_count; i++) {
		if (i > 0)
			buf_append_char(out, ',');
		json_append_string(out, m->libvirt[i]);
	}
	buf_append_char(out, ']');
}

/* What methods and resources have in common. */
static void common_members(struct buf *out, const struct method *m)
{
	text_pair(out, "name", m->name);
	buf_append_char(out, ',');
	text_pair(out, "summary", m->summary);
	buf_append_char(out, ',');
	text_pair(out, "description", m->doc);
	buf_append_char(out, ',');
	text_pair(out, "x-role", role_name(m->role));
	buf_append_char(out, ',');
	text_pair(out, "x-kind", method_kind_name(m->kind));
	buf_appendf(out, ",\"x-hostwide\":%s,\"x-long\":%s",
		    m->hostwide ? "true" : "false",
		    m->is_long ? "true" : "false");
	needs_list(out, m);
	params_list(out, m);
	errors_list(out, m);
	if (!m->result)
		return;
	buf_append_str(out, ",\"result\":{");
	text_pair(out, "name", m->result->name);
	buf_append_char(out, ',');
	text_pair(out, "description", m->result_doc);
	buf_append_str(out, ",\"schema\":");
	reference(out, m->result);
	buf_append_char(out, '}');
}

static void rpc_method(struct buf *out, const struct method *m)
{
	buf_append_char(out, '{');
	common_members(out, m);
	buf_append_str(out, ",\"paramStructure\":\"by-name\"}");
}

static void resource(struct buf *out, const struct method *m)
{
	buf_append_char(out, '{');
	common_members(out, m);
	buf_append_char(out, ',');
	text_pair(out, "path", m->path);
	if (m->kind == METHOD_STREAM)
		buf_append_str(out, ",\"method\":\"CONNECT\","
				    "\"protocol\":\"virtmux\"");
	else
		buf_appendf(out, ",\"method\":\"%s\"",
			    m->kind == METHOD_PUT ? "PUT" : "GET");
	if (m->content) {
		buf_append_str(out, ",\"content\":{");
		text_pair(out, "type", m->content);
		buf_append_char(out, ',');
		text_pair(out, "description", m->content_doc);
		buf_append_char(out, '}');
	}
	buf_append_char(out, '}');
}

static void methods_list(struct buf *out, bool resources)
{
	bool first = true;

	for (size_t i = 0; i < METHODS; i++) {
		const struct method *m = method_by_id((enum method_id)i);

		if ((m->path != NULL) != resources)
			continue;
		if (!first)
			buf_append_char(out, ',');
		first = false;
		if (resources)
			resource(out, m);
		else
			rpc_method(out, m);
	}
}

int describe_openrpc(struct buf *out, const char *version)
{
	buf_append_str(out, "{\"openrpc\":\"1.3.2\",\"info\":{"
			    "\"title\":\"virtmux\",");
	text_pair(out, "version", version);
	buf_append_char(out, ',');
	text_pair(out, "description",
		  "Remote management of a virtual machine host. Methods are "
		  "called by POST /rpc; x-resources are requests of their own. "
		  "A call that changes something carries an idempotency-key "
		  "header, so that its repetition acts once.");
	buf_append_str(out, "},\"methods\":[");
	methods_list(out, false);
	buf_append_str(out, "],\"x-resources\":[");
	methods_list(out, true);
	buf_append_str(out, "],");
	schemas(out);
	buf_append_char(out, '}');
	return buf_ok(out) ? 0 : -1;
}
