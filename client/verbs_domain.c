/*
 * Verbs about domains that show more than a line: list, dominfo, dumpxml, stop.
 * The others are rows of the table alone, run by verb_method().
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/codec.h"
#include "api/json.h"
#include "client/await_end.h"
#include "client/output.h"
#include "client/verbs.h"

#define NUMBER_TEXT 24 /* bytes of a decimal number */

/* As virsh writes it: "in shutdown", "shut off", "no state". */
static void state_words(enum domain_state state, char *words, size_t size)
{
	snprintf(words, size, "%s",
		 enum_text(&api_type_domain_state, (unsigned)state));
	if (state == DOMAIN_STATE_PMSUSPENDED)
		return;
	for (char *p = words; *p; p++)
		if (*p == '-')
			*p = ' ';
}

static enum output_style state_style(enum domain_state state)
{
	switch (state) {
	case DOMAIN_STATE_RUNNING:
	case DOMAIN_STATE_BLOCKED:
		return OUTPUT_GOOD;
	case DOMAIN_STATE_CRASHED:
		return OUTPUT_BAD;
	case DOMAIN_STATE_SHUTOFF:
		return OUTPUT_DIM;
	default:
		return OUTPUT_PLAIN;
	}
}

/* -- list ------------------------------------------------------------------ */

static void add_state(const char **words, size_t *n,
		      const struct command_call *call, const char *option,
		      const char *word)
{
	if (call_flag(call, option))
		words[(*n)++] = word;
}

static bool any_state_given(const struct command_call *call)
{
	return call_flag(call, "state-running") ||
	       call_flag(call, "state-paused") ||
	       call_flag(call, "state-shutoff") ||
	       call_flag(call, "state-other");
}

/*
 * The filters as words of domain.list. As with virsh, without --all or a filter
 * by state only active domains are listed.
 */
static size_t list_words(const struct command_call *call, const char **words)
{
	size_t n = 0;

	if (call_flag(call, "inactive"))
		words[n++] = "active=false";
	else if (!call_flag(call, "all") && !any_state_given(call))
		words[n++] = "active=true";
	add_state(words, &n, call, "state-running", "state=running");
	add_state(words, &n, call, "state-paused", "state=paused");
	add_state(words, &n, call, "state-shutoff", "state=shut-off");
	add_state(words, &n, call, "state-other",
		  "state=no-state,blocked,in-shutdown,crashed,pm-suspended");
	add_state(words, &n, call, "persistent", "persistent=true");
	add_state(words, &n, call, "transient", "persistent=false");
	add_state(words, &n, call, "autostart", "autostart=true");
	add_state(words, &n, call, "no-autostart", "autostart=false");
	return n;
}

static int list_params(const struct command_call *call, struct buf *out,
		       struct error *err)
{
	const struct method *m = method_by_id(METHOD_domain_list);
	const char *match = call_text(call, "match", NULL);
	const char *words[16];
	autobuf name = {0};
	autofree char *word = NULL;
	size_t n = list_words(call, words);

	if (match) {
		buf_appendf(&name, "name=%s", match);
		word = buf_steal_str(&name);
		if (!word)
			return error_set_no_memory(err);
		words[n++] = word;
	}
	return params_from_words(m, words, n, out, err);
}

static bool any_title(const struct domain_list *list)
{
	for (size_t i = 0; i < list->domains_count; i++)
		if (list->domains[i].has_title)
			return true;
	return false;
}

static int print_domains(struct output *output, const struct domain_list *list,
			 struct error *err)
{
	static const struct output_column columns[] = {
		{.title = "Id", .key = "id"},
		{.title = "Name", .key = "name", .shrinks = true},
		{.title = "State", .key = "state"},
		{.title = "vCPUs", .key = "vcpus", .right = true},
		{.title = "Memory", .key = "memory", .right = true},
		{.title = "Title", .key = "title", .shrinks = true},
	};
	bool csv = output_format(output) == OUTPUT_CSV;
	size_t n = array_size(columns) - (csv || any_title(list) ? 0 : 1);
	struct output_table *t = output_table_new(output, columns, n);

	for (size_t i = 0; i < list->domains_count; i++) {
		const struct domain_summary *d = &list->domains[i];
		char id[NUMBER_TEXT];
		char state[32];
		char vcpus[NUMBER_TEXT];
		char memory[OUTPUT_SIZE_TEXT];
		const struct output_cell cells[] = {
			{d->has_id ? id : NULL, OUTPUT_PLAIN},
			{d->name, OUTPUT_PLAIN},
			{state, state_style(d->state)},
			{vcpus, OUTPUT_PLAIN},
			{memory, OUTPUT_PLAIN},
			{d->has_title ? d->title
			 : csv        ? NULL
				      : "",
			 OUTPUT_PLAIN},
		};

		snprintf(id, sizeof(id), "%" PRIu64, d->id);
		snprintf(vcpus, sizeof(vcpus), "%" PRIu64, d->vcpus);
		if (csv) {
			snprintf(state, sizeof(state), "%s",
				 enum_text(&api_type_domain_state,
					   (unsigned)d->state));
			snprintf(memory, sizeof(memory), "%" PRIu64, d->memory);
		} else {
			state_words(d->state, state, sizeof(state));
			output_size(memory, d->memory);
		}
		output_table_row(t, cells);
	}
	return output_table_end(t, err);
}

/* Names or UUIDs alone. A newline in a name (libvirt refuses them) is escaped. */
static void print_names(const struct command_call *call,
			const struct domain_list *list)
{
	for (size_t i = 0; i < list->domains_count; i++)
		output_name(call_output(call),
			    call_flag(call, "uuid") ? list->domains[i].uuid
						    : list->domains[i].name,
			    call_flag(call, "null"));
}

int verb_list(struct command_call *call, struct error *err)
{
	struct output *output = call_output(call);
	const struct method *m = method_by_id(METHOD_domain_list);
	struct domain_list list = {0};
	autojson result = NULL;
	autobuf text = {0};
	autofree char *params = NULL;
	int rc = 0;

	if (list_params(call, &text, err) < 0)
		return -1;
	params = buf_steal_str(&text);
	if (!params)
		return error_set_no_memory(err);
	if (call_method(call, NULL, params, &result, err) < 0)
		return -1;
	if (output_as_json(output, result, "domains"))
		return 0;
	if (result_decode(m, result, &list, err) < 0)
		return -1;
	if (call_flag(call, "name") || call_flag(call, "uuid"))
		print_names(call, &list);
	else
		rc = print_domains(output, &list, err);
	result_free(m, &list);
	return rc;
}

/* -- dominfo --------------------------------------------------------------- */

/* "0 (vnc)", "1 (vnc, port 5901 of 0.0.0.0)". */
static void print_display(struct output *o, const char *name,
			  const struct graphics_info *g)
{
	if (g->has_port)
		output_field(o, name,
			     "%" PRIu64 " (%s, port %" PRIu64 " of %s)", g->n,
			     g->type, g->port,
			     g->has_address ? g->address : "this host");
	else
		output_field(o, name, "%" PRIu64 " (%s)", g->n, g->type);
}

static void print_consoles(struct output *o, const struct domain_info *d)
{
	for (size_t i = 0; i < d->graphics_count; i++)
		print_display(o, i ? "" : "Displays", &d->graphics[i]);
	for (size_t i = 0; i < d->serial_count; i++)
		output_field(o, i ? "" : "Serial ports", "%" PRIu64 " (%s, %s)",
			     d->serial[i].n, d->serial[i].device,
			     d->serial[i].type);
}

static void print_info(struct output *o, const struct domain_info *d)
{
	char state[32];

	state_words(d->state, state, sizeof(state));
	if (d->has_id)
		output_field(o, "Id", "%" PRIu64, d->id);
	else
		output_field(o, "Id", "-");
	output_field(o, "Name", "%s", d->name);
	output_field(o, "UUID", "%s", d->uuid);
	if (d->has_title)
		output_field(o, "Title", "%s", d->title);
	output_field(o, "OS Type", "%s", d->os_type);
	if (d->has_reason && strcmp(d->reason, "unknown") != 0)
		output_field(o, "State", "%s (%s)", state, d->reason);
	else
		output_field(o, "State", "%s", state);
	output_field(o, "CPU(s)", "%" PRIu64, d->vcpus);
	if (d->cpu_time)
		output_field(o, "CPU time", "%.1fs", (double)d->cpu_time / 1e9);
	output_field(o, "Max memory", "%" PRIu64 " KiB", d->memory_max / 1024);
	output_field(o, "Used memory", "%" PRIu64 " KiB", d->memory / 1024);
	output_field(o, "Persistent", "%s", d->persistent ? "yes" : "no");
	output_field(o, "Autostart", "%s", d->autostart ? "enable" : "disable");
	output_field(o, "Managed save", "%s", d->managed_save ? "yes" : "no");
	if (d->has_security_model)
		output_field(o, "Security model", "%s", d->security_model);
	if (d->has_security_label)
		output_field(o, "Security label", "%s", d->security_label);
	print_consoles(o, d);
}

int verb_dominfo(struct command_call *call, struct error *err)
{
	struct output *output = call_output(call);
	const struct method *m = method_by_id(METHOD_domain_info);
	struct domain_info info = {0};
	autojson result = NULL;

	if (call_method(call, NULL, NULL, &result, err) < 0)
		return -1;
	if (!output_is_text(output))
		return output_value(output, result, err);
	if (result_decode(m, result, &info, err) < 0)
		return -1;
	print_info(output, &info);
	result_free(m, &info);
	return 0;
}

/* -- dumpxml --------------------------------------------------------------- */

int verb_dumpxml(struct command_call *call, struct error *err)
{
	struct output *output = call_output(call);
	const struct method *m = method_by_id(METHOD_domain_xml);
	struct domain_xml_text xml = {0};
	autojson result = NULL;

	if (call_method(call, NULL, NULL, &result, err) < 0)
		return -1;
	if (!output_is_text(output))
		return output_value(output, result, err);
	if (result_decode(m, result, &xml, err) < 0)
		return -1;
	fputs(xml.xml, output_file(output));
	if (xml.xml[0] && xml.xml[strlen(xml.xml) - 1] != '\n')
		fputc('\n', output_file(output));
	result_free(m, &xml);
	return 0;
}

/* METHOD is domain.shutdown or domain.reboot; with --wait until it has done so. */
static int ask_to_end(struct command_call *call, const char *method,
		      const char *params, struct error *err)
{
	bool reboot = strcmp(method, "domain.reboot") == 0;
	autojson result = NULL;

	if (!call_flag(call, "wait")) {
		if (call_method(call, method, params, &result, err) < 0)
			return -1;
		return call_done(call,
				 reboot ? "Domain '{name}' is being rebooted"
					: "Domain '{name}' is being shutdown",
				 result, err);
	}
	if (await_end(call, call_argument(call, 0),
		      reboot ? AWAIT_REBOOT : AWAIT_STOPPED, method, params,
		      &result, err) < 0)
		return -1;
	return call_done(call,
			 reboot ? "Domain '{name}' has rebooted"
				: "Domain '{name}' has shut down",
			 result, err);
}

/* -- stop ------------------------------------------------------------------ */

int verb_stop(struct command_call *call, struct error *err)
{
	const char *domain = call_argument(call, 0);
	bool force = call_flag(call, "force");
	autobuf text = {0};
	autofree char *params = NULL;
	autojson result = NULL;

	buf_append_str(&text, "{\"domain\":");
	json_append_string(&text, domain);
	buf_append_char(&text, '}');
	params = buf_steal_str(&text);
	if (!params)
		return error_set_no_memory(err);
	if (force) {
		if (call_method(call, "domain.destroy", params, &result, err) <
		    0)
			return -1;
		return call_done(call, "Domain '{name}' destroyed", result,
				 err);
	}
	return ask_to_end(call, "domain.shutdown", params, err);
}

/* -- shutdown, reboot ------------------------------------------------------ */

int verb_shutdown(struct command_call *call, struct error *err)
{
	autobuf text = {0};
	autofree char *params = NULL;

	if (call_params(call, &text, err) < 0)
		return -1;
	params = buf_steal_str(&text);
	return params ? ask_to_end(call, call_command(call)->method, params,
				   err)
		      : error_set_no_memory(err);
}
