/*
 * Devices of domains as virsh has them: domblklist, domiflist, domifaddr,
 * domif-getlink, change-media. The others are rows of the table alone.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "api/codec.h"
#include "api/json.h"
#include "client/output.h"
#include "client/verbs.h"

#define ADDRESS_TEXT 128 /* bytes of "ADDRESS/BITS", with NUL */

static const char *given(bool has, const char *text)
{
	return has ? text : NULL;
}

static int print_disks(struct command_call *call,
		       const struct device_list *list, struct error *err)
{
	static const struct output_column columns[] = {
		{.title = "Type", .key = "type"},
		{.title = "Device", .key = "device"},
		{.title = "Target", .key = "target"},
		{.title = "Source", .key = "source", .shrinks = true},
	};
	size_t skip = call_flag(call, "details") ? 0 : 2;
	struct output_table *t = output_table_new(
		call_output(call), columns + skip, array_size(columns) - skip);

	for (size_t i = 0; i < list->disk_count; i++) {
		const struct disk_info *d = &list->disk[i];
		const struct output_cell cells[] = {
			{given(d->has_type, d->type), OUTPUT_PLAIN},
			{given(d->has_device, d->device), OUTPUT_PLAIN},
			{given(d->has_target, d->target), OUTPUT_PLAIN},
			{given(d->has_source, d->source), OUTPUT_PLAIN},
		};

		output_table_row(t, cells + skip);
	}
	return output_table_end(t, err);
}

static int print_interfaces(struct command_call *call,
			    const struct device_list *list, struct error *err)
{
	static const struct output_column columns[] = {
		{.title = "Interface", .key = "interface"},
		{.title = "Type", .key = "type"},
		{.title = "Source", .key = "source", .shrinks = true},
		{.title = "Model", .key = "model"},
		{.title = "MAC", .key = "mac"},
	};
	struct output_table *t = output_table_new(call_output(call), columns,
						  array_size(columns));

	for (size_t i = 0; i < list->interface_count; i++) {
		const struct interface_info *d = &list->interface[i];
		const struct output_cell cells[] = {
			{given(d->has_target, d->target), OUTPUT_PLAIN},
			{given(d->has_type, d->type), OUTPUT_PLAIN},
			{given(d->has_source, d->source), OUTPUT_PLAIN},
			{given(d->has_model, d->model), OUTPUT_PLAIN},
			{given(d->has_mac, d->mac), OUTPUT_PLAIN},
		};

		output_table_row(t, cells);
	}
	return output_table_end(t, err);
}

static int print_link(struct command_call *call, const struct device_list *list,
		      struct error *err)
{
	const char *wanted = call_argument(call, 1);

	for (size_t i = 0; i < list->interface_count; i++) {
		const struct interface_info *d = &list->interface[i];

		if (!(d->has_target && strcmp(d->target, wanted) == 0) &&
		    !(d->has_mac && strcasecmp(d->mac, wanted) == 0))
			continue;
		fprintf(output_file(call_output(call)), "%s %s\n", wanted,
			enum_text(&api_type_link_state, d->link));
		return 0;
	}
	return error_set(err, ERROR_NOT_FOUND,
			 "domain '%s' has no interface '%s'; \"virtmux "
			 "domiflist\" lists its interfaces",
			 call_argument(call, 0), wanted);
}

/* device.list, shown by PRINT where no JSON is wanted. */
static int show_devices(struct command_call *call,
			int (*print)(struct command_call *call,
				     const struct device_list *list,
				     struct error *err),
			struct error *err)
{
	const struct method *m = method_by_id(METHOD_device_list);
	struct device_list list = {0};
	autojson result = NULL;
	int rc;

	if (call_method(call, NULL, NULL, &result, err) < 0)
		return -1;
	if (output_is_json(call_output(call)))
		return output_value(call_output(call), result, err);
	if (result_decode(m, result, &list, err) < 0)
		return -1;
	rc = print(call, &list, err);
	result_free(m, &list);
	return rc;
}

int verb_domblklist(struct command_call *call, struct error *err)
{
	return show_devices(call, print_disks, err);
}

int verb_domiflist(struct command_call *call, struct error *err)
{
	return show_devices(call, print_interfaces, err);
}

int verb_domif_getlink(struct command_call *call, struct error *err)
{
	return show_devices(call, print_link, err);
}

/* -- domifaddr ------------------------------------------------------------- */

static void print_address(struct output_table *t,
			  const struct interface_addresses *i,
			  const struct ip_address *a)
{
	char text[ADDRESS_TEXT] = "";
	const struct output_cell cells[] = {
		{given(i->has_name, i->name), OUTPUT_PLAIN},
		{given(i->has_hwaddr, i->hwaddr), OUTPUT_PLAIN},
		{a ? enum_text(&api_type_address_type, a->type) : NULL,
		 OUTPUT_PLAIN},
		{a ? text : NULL, OUTPUT_PLAIN},
	};

	if (a && a->has_addr)
		snprintf(text, sizeof(text), "%s/%" PRIu64, a->addr, a->prefix);
	output_table_row(t, cells);
}

static int print_addresses(struct output *output,
			   const struct domain_interfaces *d, struct error *err)
{
	static const struct output_column columns[] = {
		{.title = "Name", .key = "name"},
		{.title = "MAC address", .key = "mac"},
		{.title = "Protocol", .key = "protocol"},
		{.title = "Address", .key = "address"},
	};
	struct output_table *t =
		output_table_new(output, columns, array_size(columns));

	for (size_t i = 0; i < d->interface_count; i++) {
		const struct interface_addresses *one = &d->interface[i];

		for (size_t j = 0; j < one->addrs_count; j++)
			print_address(t, one, &one->addrs[j]);
		if (one->addrs_count == 0)
			print_address(t, one, NULL);
	}
	return output_table_end(t, err);
}

int verb_domifaddr(struct command_call *call, struct error *err)
{
	const struct method *m = method_by_id(METHOD_domain_interfaces);
	struct domain_interfaces list = {0};
	autojson result = NULL;
	int rc;

	if (call_method(call, NULL, NULL, &result, err) < 0)
		return -1;
	if (output_is_json(call_output(call)))
		return output_value(call_output(call), result, err);
	if (result_decode(m, result, &list, err) < 0)
		return -1;
	rc = print_addresses(call_output(call), &list, err);
	result_free(m, &list);
	return rc;
}

/* -- change-media ---------------------------------------------------------- */

static const char *media_words(enum media_action action)
{
	static const char *const words[] = {
		[MEDIA_ACTION_INSERT] = "Successfully inserted media.",
		[MEDIA_ACTION_EJECT] = "Successfully ejected media.",
		[MEDIA_ACTION_UPDATE] = "Successfully updated media.",
	};

	return words[action];
}

static int media_action(const struct command_call *call,
			enum media_action *action, struct error *err)
{
	bool eject = call_flag(call, "eject");
	bool insert = call_flag(call, "insert");

	if (eject + insert + call_flag(call, "update") > 1)
		return error_set(err, ERROR_USAGE,
				 "--eject, --insert and --update exclude each "
				 "other");
	*action = eject    ? MEDIA_ACTION_EJECT
		  : insert ? MEDIA_ACTION_INSERT
			   : MEDIA_ACTION_UPDATE;
	return 0;
}

int verb_change_media(struct command_call *call, struct error *err)
{
	const char *source = call_argument(call, 2);
	enum media_action action;
	autojson result = NULL;
	autobuf text = {0};
	autofree char *params = NULL;

	if (media_action(call, &action, err) < 0 ||
	    call_params(call, &text, err) < 0)
		return -1;
	text.len--; /* its brace */
	buf_appendf(&text, ",\"action\":\"%s\"",
		    enum_text(&api_type_media_action, action));
	if (source) {
		buf_append_str(&text, ",\"source\":");
		json_append_string(&text, source);
	}
	buf_append_char(&text, '}');
	params = buf_steal_str(&text);
	if (!params)
		return error_set_no_memory(err);
	if (call_method(call, NULL, params, &result, err) < 0)
		return -1;
	return call_done(call, media_words(action), result, err);
}
