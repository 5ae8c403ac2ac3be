/*
 * Verbs about storage pools that are more than a call: pool-list, pool-info, the
 * XML of pools and volumes, and pools from options. The others are rows of the
 * table alone.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/codec.h"
#include "api/json.h"
#include "client/output.h"
#include "client/verbs.h"

/* As a list in JSON of the words that stand between commas. */
static void append_words(struct buf *text, const char *words)
{
	bool first = true;

	buf_append_char(text, '[');
	while (*words) {
		size_t n = strcspn(words, ",");
		autofree char *word = strndup(words, n);

		if (!first)
			buf_append_char(text, ',');
		first = false;
		json_append_string(text, word ? word : "");
		words += n + (words[n] == ',');
	}
	buf_append_char(text, ']');
}

static void append_bool(struct buf *text, const struct command_call *call,
			const char *yes, const char *no, const char *name)
{
	if (!call_flag(call, yes) && !call_flag(call, no))
		return;
	buf_appendf(text, ",\"%s\":%s", name,
		    call_flag(call, yes) ? "true" : "false");
}

/* Each member with a comma before it; the first one becomes the bracket. */
static char *list_params(const struct command_call *call)
{
	const char *types = call_text(call, "type", NULL);
	autobuf text = {0};
	autofree char *all = NULL;

	if (call_flag(call, "inactive"))
		buf_append_str(&text, ",\"active\":false");
	else if (!call_flag(call, "all"))
		buf_append_str(&text, ",\"active\":true");
	append_bool(&text, call, "persistent", "transient", "persistent");
	append_bool(&text, call, "autostart", "no-autostart", "autostart");
	if (types) {
		buf_append_str(&text, ",\"type\":");
		append_words(&text, types);
	}
	buf_append_char(&text, '}');
	all = buf_steal_str(&text);
	if (!all)
		return NULL;
	if (*all != ',')
		return strdup("{}");
	*all = '{';
	return steal(&all);
}

static void format_size(const struct output *output, uint64_t bytes, char *text)
{
	if (output_format(output) == OUTPUT_CSV)
		snprintf(text, OUTPUT_SIZE_TEXT, "%" PRIu64, bytes);
	else
		output_size(text, bytes);
}

static enum output_style state_style(enum pool_state state)
{
	if (state == POOL_STATE_RUNNING)
		return OUTPUT_GOOD;
	if (state == POOL_STATE_DEGRADED || state == POOL_STATE_INACCESSIBLE)
		return OUTPUT_BAD;
	return OUTPUT_DIM;
}

/* virsh says "active" unless details are wanted. */
static const char *state_text(const struct pool_info *pool, bool details)
{
	if (!details && pool->state != POOL_STATE_INACTIVE)
		return "active";
	return enum_text(&api_type_pool_state, (unsigned)pool->state);
}

static int print_pools(struct output *output, const struct pool_list *list,
		       bool details, struct error *err)
{
	static const struct output_column columns[] = {
		{.title = "Name", .key = "name", .shrinks = true},
		{.title = "State", .key = "state"},
		{.title = "Autostart", .key = "autostart"},
		{.title = "Persistent", .key = "persistent"},
		{.title = "Capacity", .key = "capacity", .right = true},
		{.title = "Allocation", .key = "allocation", .right = true},
		{.title = "Available", .key = "available", .right = true},
	};
	bool wide = details || output_format(output) == OUTPUT_CSV;
	struct output_table *t = output_table_new(
		output, columns, wide ? array_size(columns) : 3);

	for (size_t i = 0; i < list->pools_count; i++) {
		const struct pool_info *p = &list->pools[i];
		bool sized = p->state != POOL_STATE_INACTIVE;
		char sizes[3][OUTPUT_SIZE_TEXT];
		const struct output_cell cells[] = {
			{p->name, OUTPUT_PLAIN},
			{state_text(p, wide), state_style(p->state)},
			{p->autostart ? "yes" : "no", OUTPUT_PLAIN},
			{p->persistent ? "yes" : "no", OUTPUT_PLAIN},
			{sized ? sizes[0] : NULL, OUTPUT_PLAIN},
			{sized ? sizes[1] : NULL, OUTPUT_PLAIN},
			{sized ? sizes[2] : NULL, OUTPUT_PLAIN},
		};

		format_size(output, p->capacity, sizes[0]);
		format_size(output, p->allocation, sizes[1]);
		format_size(output, p->available, sizes[2]);
		output_table_row(t, cells);
	}
	return output_table_end(t, err);
}

/* A newline in a name (libvirt refuses them) is escaped. */
static void print_names(const struct command_call *call,
			const struct pool_list *list)
{
	for (size_t i = 0; i < list->pools_count; i++)
		output_name(call_output(call),
			    call_flag(call, "uuid") ? list->pools[i].uuid
						    : list->pools[i].name,
			    call_flag(call, "null"));
}

int verb_pool_list(struct command_call *call, struct error *err)
{
	struct output *output = call_output(call);
	const struct method *m = method_by_id(METHOD_pool_list);
	autofree char *params = list_params(call);
	struct pool_list list = {0};
	autojson result = NULL;
	int rc = 0;

	if (!params)
		return error_set_no_memory(err);
	if (call_method(call, NULL, params, &result, err) < 0)
		return -1;
	if (output_as_json(output, result, "pools"))
		return 0;
	if (result_decode(m, result, &list, err) < 0)
		return -1;
	if (call_flag(call, "name") || call_flag(call, "uuid"))
		print_names(call, &list);
	else
		rc = print_pools(output, &list, call_flag(call, "details"),
				 err);
	result_free(m, &list);
	return rc;
}

/* -- pool-info ------------------------------------------------------------- */

static void print_size(struct output *output, const char *name, uint64_t size,
		       bool bytes)
{
	char text[OUTPUT_SIZE_TEXT];

	output_size(text, size);
	if (bytes)
		output_field(output, name, "%" PRIu64, size);
	else
		output_field(output, name, "%s", text);
}

static void print_pool(struct output *output, const struct pool_info *p,
		       bool bytes)
{
	output_field(output, "Name", "%s", p->name);
	output_field(output, "UUID", "%s", p->uuid);
	output_field(output, "State", "%s",
		     enum_text(&api_type_pool_state, (unsigned)p->state));
	output_field(output, "Persistent", "%s", p->persistent ? "yes" : "no");
	output_field(output, "Autostart", "%s", p->autostart ? "yes" : "no");
	if (p->state == POOL_STATE_INACTIVE)
		return;
	print_size(output, "Capacity", p->capacity, bytes);
	print_size(output, "Allocation", p->allocation, bytes);
	print_size(output, "Available", p->available, bytes);
}

int verb_pool_info(struct command_call *call, struct error *err)
{
	struct output *output = call_output(call);
	const struct method *m = method_by_id(METHOD_pool_info);
	struct pool_info info = {0};
	autojson result = NULL;

	if (call_method(call, NULL, NULL, &result, err) < 0)
		return -1;
	if (!output_is_text(output))
		return output_value(output, result, err);
	if (result_decode(m, result, &info, err) < 0)
		return -1;
	print_pool(output, &info, call_flag(call, "bytes"));
	result_free(m, &info);
	return 0;
}

/* -- XML ------------------------------------------------------------------- */

int verb_storage_xml(struct command_call *call, struct error *err)
{
	struct output *output = call_output(call);
	struct json_object *member = NULL;
	autojson result = NULL;
	const char *xml;

	if (call_method(call, NULL, NULL, &result, err) < 0)
		return -1;
	if (!output_is_text(output))
		return output_value(output, result, err);
	json_object_object_get_ex(result, "xml", &member);
	xml = json_object_get_string(member);
	if (!xml)
		return error_set(err, ERROR_FAILED,
				 "the host's answer has no XML");
	fputs(xml, output_file(output));
	if (*xml && xml[strlen(xml) - 1] != '\n')
		fputc('\n', output_file(output));
	return 0;
}

int verb_pool_autostart(struct command_call *call, struct error *err)
{
	autojson result = NULL;

	if (call_method(call, NULL, NULL, &result, err) < 0)
		return -1;
	return call_done(call,
			 call_flag(call, "disable")
				 ? "Pool '{name}' unmarked as autostarted"
				 : "Pool '{name}' marked as autostarted",
			 result, err);
}

/* -- pools from options ---------------------------------------------------- */

static void append_xml(struct buf *xml, const char *text)
{
	for (; *text; text++) {
		if (*text == '&')
			buf_append_str(xml, "&amp;");
		else if (*text == '<')
			buf_append_str(xml, "&lt;");
		else if (*text == '>')
			buf_append_str(xml, "&gt;");
		else if (*text == '\'')
			buf_append_str(xml, "&apos;");
		else
			buf_append_char(xml, *text);
	}
}

/* BEFORE, the text escaped, AFTER; nothing where there is no text. */
static void append_part(struct buf *xml, const char *before, const char *text,
			const char *after)
{
	if (!text)
		return;
	buf_append_str(xml, before);
	append_xml(xml, text);
	buf_append_str(xml, after);
}

/* The option, or else the I-th positional argument, which may be "-" for none. */
static const char *given(const struct command_call *call, const char *name,
			 size_t i)
{
	const char *text = call_text(call, name, NULL);

	if (!text && i)
		text = call_argument(call, i);
	return text && strcmp(text, "-") != 0 ? text : NULL;
}

static void append_adapter(struct buf *xml, const struct command_call *call)
{
	const char *wwnn = given(call, "adapter-wwnn", 0);

	if (wwnn) {
		buf_append_str(xml, "<adapter type='fc_host'");
		append_part(xml, " parent='", given(call, "adapter-parent", 0),
			    "'");
		append_part(xml, " wwnn='", wwnn, "'");
		append_part(xml, " wwpn='", given(call, "adapter-wwpn", 0),
			    "'");
		buf_append_str(xml, "/>");
	} else {
		append_part(xml, "<adapter type='scsi_host' name='",
			    given(call, "adapter-name", 0), "'/>");
	}
}

static void append_auth(struct buf *xml, const struct command_call *call)
{
	const char *type = given(call, "auth-type", 0);

	if (!type)
		return;
	append_part(xml, "<auth type='", type, "'");
	append_part(xml, " username='", given(call, "auth-username", 0), "'");
	buf_append_str(xml, "><secret");
	append_part(xml, " usage='", given(call, "secret-usage", 0), "'");
	append_part(xml, " uuid='", given(call, "secret-uuid", 0), "'");
	buf_append_str(xml, "/></auth>");
}

static void append_source(struct buf *xml, const struct command_call *call)
{
	const char *name = given(call, "source-name", 5);

	/* libvirt's own rule: a volume group is named as its pool. */
	if (!name && strcmp(call_argument(call, 1), "logical") == 0)
		name = call_argument(call, 0);
	buf_append_str(xml, "<source>");
	append_part(xml, "<host name='", given(call, "source-host", 2), "'/>");
	append_part(xml, "<dir path='", given(call, "source-path", 3), "'/>");
	append_part(xml, "<device path='", given(call, "source-dev", 4), "'/>");
	append_adapter(xml, call);
	append_auth(xml, call);
	append_part(xml, "<name>", name, "</name>");
	append_part(xml, "<format type='", given(call, "source-format", 0),
		    "'/>");
	append_part(xml, "<initiator><iqn name='",
		    given(call, "source-initiator", 0), "'/></initiator>");
	append_part(xml, "<protocol ver='",
		    given(call, "source-protocol-ver", 0), "'/>");
	buf_append_str(xml, "</source>");
}

static char *pool_xml(const struct command_call *call)
{
	const char *target = given(call, "target", 6);
	autobuf xml = {0};

	append_part(&xml, "<pool type='", call_argument(call, 1), "'>");
	append_part(&xml, "<name>", call_argument(call, 0), "</name>");
	append_source(&xml, call);
	append_part(&xml, "<target><path>", target, "</path></target>");
	buf_append_str(&xml, "</pool>\n");
	return buf_steal_str(&xml);
}

static int pool_from_options(struct command_call *call, const char *more,
			     struct error *err)
{
	autofree char *xml = pool_xml(call);
	autofree char *params = NULL;
	autojson result = NULL;
	autobuf text = {0};

	if (!xml)
		return error_set_no_memory(err);
	if (call_flag(call, "print-xml")) {
		fputs(xml, output_file(call_output(call)));
		return 0;
	}
	buf_append_str(&text, "{\"xml\":");
	json_append_string(&text, xml);
	buf_appendf(&text, "%s}", more);
	params = buf_steal_str(&text);
	if (!params)
		return error_set_no_memory(err);
	if (call_method(call, call_command(call)->method, params, &result,
			err) < 0)
		return -1;
	return call_done(call, call_command(call)->done, result, err);
}

int verb_pool_define_as(struct command_call *call, struct error *err)
{
	return pool_from_options(call, "", err);
}

int verb_pool_create_as(struct command_call *call, struct error *err)
{
	char more[96];

	snprintf(more, sizeof(more), "%s%s%s",
		 call_flag(call, "build") ? ",\"build\":true" : "",
		 call_flag(call, "overwrite") ? ",\"overwrite\":true" : "",
		 call_flag(call, "no-overwrite") ? ",\"no_overwrite\":true"
						 : "");
	return pool_from_options(call, more, err);
}
