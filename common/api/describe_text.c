/*
 * The methods for people: terminal help, manual page source, Markdown; all from
 * the tables. Called by the client's --help, by the generator of the manual and
 * of doc/. What holds: text of the tables is escaped for the form it goes into.
 */
#include "api/describe.h"

#include <ctype.h>
#include <string.h>

#include "api/codec_private.h"

#define HELP_WIDTH 78 /* columns */

static int finish(const struct buf *out)
{
	return buf_ok(out) ? 0 : -1;
}

static void append_upper(struct buf *out, const char *s)
{
	for (; *s != '\0'; s++)
		buf_append_char(out, (char)toupper((unsigned char)*s));
}

/* Words of TEXT in lines of HELP_WIDTH, from COLUMN on, then indented. */
static void append_wrapped(struct buf *out, const char *text, size_t column,
			   size_t indent)
{
	while (*text != '\0') {
		size_t len = strcspn(text, " ");

		if (column > indent && column + 1 + len > HELP_WIDTH) {
			buf_appendf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			buf_append_char(out, ' ');
			column++;
		}
		buf_append(out, text, len);
		column += len;
		text += len + strspn(text + len, " ");
	}
	buf_append_char(out, '\n');
}

/* "  name      text", the text wrapped under itself. */
static void append_entry(struct buf *out, const char *name, size_t width,
			 const char *text)
{
	size_t indent = width + 4;

	buf_appendf(out, "  %-*s", (int)width, name);
	if (strlen(name) > width)
		buf_appendf(out, "\n%*s", (int)indent, "");
	else
		buf_append_str(out, "  ");
	append_wrapped(out, text, indent, indent);
}

static size_t widest(const struct member *members, unsigned n)
{
	size_t width = 0;

	for (unsigned i = 0; i < n; i++) {
		size_t len = strlen(members[i].name);

		width = len > width ? len : width;
	}
	return width;
}

/* What a member may be, in words; the value's kind is plain for most texts. */
static void append_kind(const struct member *m, struct buf *out)
{
	bool list = m->count != 0;

	if (m->type->kind == TYPE_OBJECT)
		buf_appendf(out, "%s%s", list ? "a list of " : "",
			    m->type->name);
	else if (m->type->kind == TYPE_TEXT)
		buf_appendf(out, "%s%s", list ? "a list, each " : "",
			    m->type->doc);
	else {
		buf_append_str(out, list ? "a list, each " : "");
		type_describe(m->type, out);
	}
}

/* "which domain (required; a domain's name or UUID)"; to free(). */
static char *member_text(const struct member *m, bool param)
{
	autobuf text = {0};

	buf_append_str(&text, m->doc);
	buf_append_str(&text, " (");
	if (param && m->has == 0)
		buf_append_str(&text, "required; ");
	if (!param && m->has != 0)
		buf_append_str(&text, "can be absent; ");
	append_kind(m, &text);
	buf_append_char(&text, ')');
	return buf_steal_str(&text);
}

static const char *kind_text(const struct method *m)
{
	switch (m->kind) {
	case METHOD_QUERY:
		return "reads";
	case METHOD_CALL:
		return "changes something";
	case METHOD_GET:
		return "GET";
	case METHOD_PUT:
		return "PUT";
	case METHOD_STREAM:
		return "extended CONNECT";
	}
	return "";
}

int describe_synopsis(struct buf *out, const struct method *m)
{
	for (unsigned i = 0; i < m->params_count; i++) {
		const struct member *p = &m->params[i];

		if (i > 0)
			buf_append_char(out, ' ');
		buf_appendf(out, "%s%s=", p->has != 0 ? "[" : "", p->name);
		append_upper(out, p->type->name);
		if (p->count != 0)
			buf_append_str(out, "…");
		if (p->has != 0)
			buf_append_char(out, ']');
	}
	return finish(out);
}

int describe_method_list(struct buf *out)
{
	size_t width = 0;

	for (size_t i = 0; i < METHODS; i++) {
		size_t len = method_by_id((enum method_id)i)->name_len;

		width = len > width ? len : width;
	}
	for (size_t i = 0; i < METHODS; i++) {
		const struct method *m = method_by_id((enum method_id)i);

		buf_appendf(out, "%-*s  %-8s  %s\n", (int)width, m->name,
			    role_name(m->role), m->summary);
	}
	return finish(out);
}

static void help_members(struct buf *out, const char *title,
			 const struct member *members, unsigned n, bool params)
{
	size_t width = widest(members, n);

	if (n == 0)
		return;
	buf_appendf(out, "\n%s\n", title);
	for (unsigned i = 0; i < n; i++) {
		autofree char *text = member_text(&members[i], params);

		if (!text) {
			out->failed = true;
			return;
		}
		append_entry(out, members[i].name, width, text);
	}
}

/* The fields of an object, and then those of the objects within it. */
static void help_object(struct buf *out, const char *title,
			const struct type *type, unsigned depth)
{
	help_members(out, title, type->fields, type->fields_count, false);
	for (unsigned i = 0; i < type->fields_count; i++) {
		const struct type *inner = type->fields[i].type;

		if (inner->kind == TYPE_OBJECT && depth < CODEC_DEPTH_MAX)
			help_object(out, inner->name, inner, depth + 1);
	}
}

static void help_errors(struct buf *out, const struct method *m)
{
	if (m->errors_count == 0)
		return;
	buf_append_str(out, "\nErrors\n");
	for (unsigned i = 0; i < m->errors_count; i++)
		append_entry(out, error_code_name(m->errors[i].code), 11,
			     m->errors[i].when);
}

/* "Role viewer; reads; secure needs admin."; to free(). */
static char *role_text(const struct method *m)
{
	autobuf text = {0};

	buf_appendf(&text, "Role %s; %s", role_name(m->role), kind_text(m));
	if (m->path)
		buf_appendf(&text, " %s", m->path);
	for (unsigned i = 0; i < m->needs_count; i++)
		buf_appendf(&text, "; %s needs %s",
			    m->params[m->needs[i].param].name,
			    role_name(m->needs[i].role));
	if (m->hostwide)
		buf_append_str(&text, "; needs rights on all domains");
	if (m->is_long)
		buf_append_str(&text, "; a job while it runs");
	buf_append_char(&text, '.');
	return buf_steal_str(&text);
}

int describe_method_help(struct buf *out, const struct method *m)
{
	autobuf synopsis = {0};
	autofree char *role = role_text(m);
	size_t indent = 2 + m->name_len + 1;

	buf_appendf(out, "%s: %s\n\n", m->name, m->summary);
	describe_synopsis(&synopsis, m);
	buf_append_char(&synopsis, '\0');
	if (!buf_ok(&synopsis) || !role)
		return -1;
	buf_appendf(out, "  %s%s", m->name, m->params_count > 0 ? " " : "");
	append_wrapped(out, (const char *)buf_bytes(&synopsis), indent, indent);
	buf_append_char(out, '\n');
	append_wrapped(out, m->doc, 0, 0);
	buf_append_char(out, '\n');
	append_wrapped(out, role, 0, 0);
	help_members(out, "Parameters", m->params, m->params_count, true);
	if (m->result)
		help_object(out, "Result", m->result, 0);
	if (m->content)
		buf_appendf(out, "\nContent\n  %s: %s\n", m->content,
			    m->content_doc);
	help_errors(out, m);
	return finish(out);
}

/* -- manual page ---------------------------------------------------------- */

/* Text for roff: backslash and hyphen escaped, no request at a line's begin. */
static void append_roff(struct buf *out, const char *s)
{
	if (*s == '.' || *s == '\'')
		buf_append_str(out, "\\&");
	for (; *s != '\0'; s++) {
		if (*s == '\\')
			buf_append_str(out, "\\e");
		else if (*s == '-')
			buf_append_str(out, "\\-");
		else
			buf_append_char(out, *s);
	}
}

static void roff_line(struct buf *out, const char *request, const char *text)
{
	buf_append_str(out, request);
	append_roff(out, text);
	buf_append_char(out, '\n');
}

static void roff_members(struct buf *out, const struct member *members,
			 unsigned n, bool params)
{
	for (unsigned i = 0; i < n; i++) {
		autofree char *text = member_text(&members[i], params);

		if (!text) {
			out->failed = true;
			return;
		}
		buf_append_str(out, ".TP\n");
		roff_line(out, ".B ", members[i].name);
		roff_line(out, "", text);
	}
}

static void roff_object(struct buf *out, const struct type *type,
			unsigned depth)
{
	roff_members(out, type->fields, type->fields_count, false);
	for (unsigned i = 0; i < type->fields_count; i++) {
		const struct type *inner = type->fields[i].type;

		if (inner->kind != TYPE_OBJECT || depth == CODEC_DEPTH_MAX)
			continue;
		roff_line(out, ".PP\nEach ", inner->name);
		roff_object(out, inner, depth + 1);
	}
}

static void roff_errors(struct buf *out, const struct method *m)
{
	if (m->errors_count == 0)
		return;
	buf_append_str(out, ".PP\nErrors:\n");
	for (unsigned i = 0; i < m->errors_count; i++) {
		buf_append_str(out, ".TP\n");
		roff_line(out, ".I ", error_code_name(m->errors[i].code));
		roff_line(out, "", m->errors[i].when);
	}
}

static void roff_method(struct buf *out, const struct method *m)
{
	autofree char *role = role_text(m);

	if (!role) {
		out->failed = true;
		return;
	}
	roff_line(out, ".SS ", m->name);
	roff_line(out, "", m->doc);
	roff_line(out, ".PP\n", role);
	if (m->params_count > 0)
		buf_append_str(out, ".PP\nParameters:\n");
	roff_members(out, m->params, m->params_count, true);
	if (m->result) {
		roff_line(out, ".PP\nResult, ", m->result_doc);
		roff_object(out, m->result, 0);
	}
	if (m->content) {
		roff_line(out, ".PP\nContent: ", m->content);
		roff_line(out, "", m->content_doc);
	}
	roff_errors(out, m);
}

int describe_roff(struct buf *out)
{
	buf_append_str(out, ".SH METHODS\n");
	for (size_t i = 0; i < METHODS; i++)
		roff_method(out, method_by_id((enum method_id)i));
	return finish(out);
}

/* -- Markdown ------------------------------------------------------------- */

/* Text for a cell: "|" would end it. */
static void append_cell(struct buf *out, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '|' || *s == '<' || *s == '*')
			buf_append_char(out, '\\');
		buf_append_char(out, *s);
	}
}

static void markdown_row(struct buf *out, const struct method *m)
{
	buf_appendf(out, "| `%s` | %s", m->name, role_name(m->role));
	for (unsigned i = 0; i < m->needs_count; i++)
		buf_appendf(out, ", `%s` %s", m->params[m->needs[i].param].name,
			    role_name(m->needs[i].role));
	if (m->hostwide)
		buf_append_str(out, ", all domains");
	buf_append_str(out, " | ");
	if (m->path)
		buf_appendf(out, "%s `%s`", kind_text(m), m->path);
	else
		buf_append_str(out, method_kind_name(m->kind));
	if (m->is_long)
		buf_append_str(out, ", job");
	buf_append_str(out, " | ");
	append_cell(out, m->summary);
	buf_append_str(out, " | ");
	for (unsigned i = 0; i < m->params_count; i++)
		buf_appendf(out, "%s`%s`%s", i > 0 ? " " : "",
			    m->params[i].name,
			    m->params[i].has != 0 ? "" : "!");
	buf_append_str(out, " | ");
	for (unsigned i = 0; i < m->libvirt_count; i++)
		buf_appendf(out, "%s`%s`", i > 0 ? " " : "", m->libvirt[i]);
	buf_append_str(out, " |\n");
}

int describe_markdown(struct buf *out)
{
	buf_append_str(out,
		       "| method | role | kind | what it does | parameters "
		       "(! required) | libvirt |\n"
		       "|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < METHODS; i++)
		markdown_row(out, method_by_id((enum method_id)i));
	return finish(out);
}
