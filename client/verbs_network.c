/*
 * Verbs about networks that show a table, or whose options are not the method's:
 * net-list, net-info, net-update and the like. The others are rows of the table
 * alone, run by verb_method().
 */
#include <string.h>

#include "api/json.h"
#include "client/output.h"
#include "client/show.h"
#include "client/verbs.h"
#include "client/words.h"

#define NET_INFO_COLUMNS 16 /* as virsh net-info */

int verb_show_xml(struct command_call *call, struct error *err)
{
	autojson result = NULL;

	if (call_method(call, NULL, NULL, &result, err) < 0)
		return -1;
	return show_text(call, result, "xml", err);
}

/* As with virsh, without --all only active networks are listed. */
static void list_words(const struct command_call *call, struct words *words)
{
	words_add_bool(words, "active",
		       !call_flag(call, "all") || call_flag(call, "inactive"),
		       !call_flag(call, "inactive"));
	words_add_bool(words, "persistent",
		       call_flag(call, "persistent") !=
			       call_flag(call, "transient"),
		       call_flag(call, "persistent"));
	words_add_bool(words, "autostart",
		       call_flag(call, "autostart") !=
			       call_flag(call, "no-autostart"),
		       call_flag(call, "autostart"));
}

int verb_net_list(struct command_call *call, struct error *err)
{
	static const struct show_item items[] = {
		{"Name", "name", SHOW_TEXT},
		{"State", "active", SHOW_ACTIVE},
		{"Autostart", "autostart", SHOW_YES},
		{"Persistent", "persistent", SHOW_YES},
	};
	autowords words = {0};
	autojson result = NULL;

	list_words(call, &words);
	if (words_call(&words, call, METHOD_network_list, &result, err) < 0)
		return -1;
	if (call_flag(call, "name") || call_flag(call, "uuid"))
		return show_names(call, result, "networks",
				  call_flag(call, "uuid") ? "uuid" : "name",
				  err);
	return show_table(call, result, "networks", items, array_size(items),
			  err);
}

int verb_net_info(struct command_call *call, struct error *err)
{
	static const struct show_item items[] = {
		{"Name", "name", SHOW_TEXT},
		{"UUID", "uuid", SHOW_TEXT},
		{"Active", "active", SHOW_YES},
		{"Persistent", "persistent", SHOW_YES},
		{"Autostart", "autostart", SHOW_YES},
		{"Bridge", "bridge", SHOW_TEXT},
	};
	autojson result = NULL;

	if (call_method(call, NULL, NULL, &result, err) < 0)
		return -1;
	return show_fields(call, result, items, array_size(items),
			   NET_INFO_COLUMNS, err);
}

int verb_net_autostart(struct command_call *call, struct error *err)
{
	autojson result = NULL;

	if (call_method(call, NULL, NULL, &result, err) < 0)
		return -1;
	return call_done(call,
			 call_flag(call, "disable")
				 ? "Network {name} unmarked as autostarted"
				 : "Network {name} marked as autostarted",
			 result, err);
}

int verb_net_update(struct command_call *call, struct error *err)
{
	const char *command = call_argument(call, 1);
	const char *xml = call_argument(call, 3);
	autowords words = {0};
	autojson result = NULL;

	if (call_flag(call, "current") &&
	    (call_flag(call, "live") || call_flag(call, "config")))
		return error_set(err, ERROR_USAGE,
				 "--current is neither --live nor --config: "
				 "give it alone");
	words_add(&words, "network", call_argument(call, 0));
	words_add(&words, "command",
		  strcmp(command, "add") == 0 ? "add-last" : command);
	words_add(&words, "section", call_argument(call, 2));
	words_add(&words, "parent_index",
		  call_text(call, "parent-index", NULL));
	words_add_bool(&words, "live", call_flag(call, "live"), true);
	words_add_bool(&words, "config", call_flag(call, "config"), true);
	if (*xml == '<')
		words_add(&words, "xml", xml);
	else if (words_add_file(&words, "xml", xml, err) < 0)
		return -1;
	if (words_call(&words, call, METHOD_network_update, &result, err) < 0)
		return -1;
	return call_done(call, "Updated network {name}", result, err);
}

int verb_net_dhcp_leases(struct command_call *call, struct error *err)
{
	static const struct show_item items[] = {
		{"Expiry Time", "expires", SHOW_TIME},
		{"MAC address", "mac", SHOW_TEXT},
		{"Protocol", "type", SHOW_TEXT},
		{"IP address", "address", SHOW_TEXT},
		{"Prefix", "prefix", SHOW_TEXT},
		{"Hostname", "hostname", SHOW_TEXT},
		{"Client ID or DUID", "client_id", SHOW_TEXT},
	};
	autojson result = NULL;

	if (call_method(call, NULL, NULL, &result, err) < 0)
		return -1;
	return show_table(call, result, "leases", items, array_size(items),
			  err);
}
