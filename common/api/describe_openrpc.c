/*
 * The OpenRPC 1.3.2 document (spec.open-rpc.org), from the tables. Called once
 * by the daemon for /openrpc.json. What holds: the document is valid by the
 * OpenRPC schema; what is ours begins with "x-".
 */
#include "api/describe.h"

#include "api/describe_schema.h"
#include "api/json.h"
#include "api/member.h"

#define SCHEMAS "#/components/schemas/"

static void schemas(struct buf *out)
{
	const struct type *type;

	buf_append_str(out, "\"components\":{\"schemas\":{");
	for (size_t i = 0; (type = type_at(i)); i++) {
		if (i > 0)
			buf_append_char(out, ',');
		schema_definition(out, type, SCHEMAS);
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
		schema_text(out, "name", p->name);
		buf_append_char(out, ',');
		schema_text(out, "description", p->doc);
		buf_appendf(out, ",\"required\":%s,\"schema\":",
			    p->has == 0 ? "true" : "false");
		schema_member(out, p, SCHEMAS);
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
		schema_text(out, "message", m->errors[i].when);
		buf_append_str(out, ",\"data\":{");
		schema_text(out, "name", error_code_name(code));
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
		schema_text(out, m->params[m->needs[i].param].name,
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
	schema_text(out, "name", m->name);
	buf_append_char(out, ',');
	schema_text(out, "summary", m->summary);
	buf_append_char(out, ',');
	schema_text(out, "description", m->doc);
	buf_append_char(out, ',');
	schema_text(out, "x-role", role_name(m->role));
	buf_append_char(out, ',');
	schema_text(out, "x-kind", method_kind_name(m->kind));
	buf_appendf(out, ",\"x-hostwide\":%s,\"x-long\":%s",
		    m->hostwide ? "true" : "false",
		    m->is_long ? "true" : "false");
	needs_list(out, m);
	params_list(out, m);
	errors_list(out, m);
	if (!m->result)
		return;
	buf_append_str(out, ",\"result\":{");
	schema_text(out, "name", m->result->name);
	buf_append_char(out, ',');
	schema_text(out, "description", m->result_doc);
	buf_append_str(out, ",\"schema\":");
	schema_reference(out, m->result, SCHEMAS);
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
	schema_text(out, "path", m->path);
	if (m->kind == METHOD_STREAM)
		buf_append_str(out, ",\"method\":\"CONNECT\","
				    "\"protocol\":\"virtmux\"");
	else
		buf_appendf(out, ",\"method\":\"%s\"",
			    m->kind == METHOD_PUT ? "PUT" : "GET");
	if (m->content) {
		buf_append_str(out, ",\"content\":{");
		schema_text(out, "type", m->content);
		buf_append_char(out, ',');
		schema_text(out, "description", m->content_doc);
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
	schema_text(out, "version", version);
	buf_append_char(out, ',');
	schema_text(
		out, "description",
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
