/*
 * The verb `config`: which value each key of the configuration has for a host, and
 * where it comes from; and `config set`, `config unset`, which change the user's
 * file. They ask no host. The keys are those of connect/options.def, and `host`.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "base/file.h"
#include "client/command_private.h"
#include "client/config_hosts.h"
#include "client/connect/key_pkcs11.h"
#include "client/output.h"
#include "client/verbs.h"

#define HOST_DOC                                                               \
	"The host that is meant where none is named; stands in [defaults]."
#define NAMES_MAX 256 /* among which the nearest is looked for */

/* What a command would use, and for which host. */
struct settings {
	struct command_call *call;
	struct config *config;
	struct profile *profile;
	const char *host; /* NULL: none is meant */
	const char *from; /* what names it on the command line or environment */
};

/* Where a value comes from, in words that scripts may compare. */
static const char from_file[] = "file";
static const char from_command_line[] = "command-line";
static const char from_environment[] = "environment";
static const char from_preset[] = "preset";
static const char from_name[] = "name"; /* the address is the host's name */
static const char from_only[] = "only"; /* no other host is configured */

static void settings_clear(struct settings *s)
{
	config_free(s->config);
	profile_free(s->profile);
}

static bool is_key(const char *word)
{
	for (size_t i = 0; i < profile_options_count; i++)
		if (strcmp(profile_options[i].name, word) == 0)
			return true;
	return strcmp(word, CONFIG_HOST_KEY) == 0;
}

/* -- which host ------------------------------------------------------------ */

/* WORD is no key: it must be a host. */
static int check_host_word(const struct config *config, const char *word,
			   struct error *err)
{
	const char *names[NAMES_MAX];
	const char *near = NULL;
	const char *const *hosts = NULL;
	struct config_place place;
	size_t count = 0;
	size_t n = 0;

	if (config_host_place(config, word, &place))
		return 0;
	hosts = config_hosts(config, &count);
	for (size_t i = 0; i < profile_options_count && n < NAMES_MAX; i++)
		names[n++] = profile_options[i].name;
	for (size_t i = 0; i < count && n < NAMES_MAX; i++)
		names[n++] = hosts[i];
	near = nearest_name(word, names, n);
	return error_set(err, ERROR_NOT_FOUND,
			 "'%s' is neither a key nor a configured host%s%s%s",
			 word, near ? "; did you mean '" : "", near ? near : "",
			 near ? "'?" : "");
}

static int find_host(struct settings *s, const char *word, struct error *err)
{
	struct command_call *call = s->call;

	if (word && !is_key(word)) {
		s->host = word;
		s->from = word;
		return check_host_word(s->config, word, err);
	}
	s->host = command_host_text(call);
	if (s->host)
		s->from = command_global_given(call, "host") ? "--host"
							     : "VIRTMUX_HOST";
	else
		s->host = config_default_host(s->config);
	if (!s->host)
		s->host = command_global_text(call, "address", NULL);
	return 0;
}

/* As a command would have it; without a host, what [defaults] says. */
static int read_settings(struct settings *s, const char *word,
			 struct error *err)
{
	if (config_hosts_load(s->call, &s->config, err) < 0 ||
	    find_host(s, word, err) < 0)
		return -1;
	if (!s->host)
		return config_profile(s->config, "", &s->profile, err);
	if (command_load_profile(s->call, s->host, &s->profile, err) < 0)
		return -1;
	s->profile->timeout =
		command_global_number(s->call, "timeout", s->profile->timeout);
	if (call_flag(s->call, "no-session"))
		s->profile->session = false;
	return 0;
}

/* -- a setting as an object ------------------------------------------------ */

/* The option that overrides KEY, where it was given, else NULL. */
static const char *override_of(const struct settings *s, const char *key)
{
	static const char *const keys[] = {"address", "ca", "certificate",
					   "key", "timeout"};

	for (size_t i = 0; i < array_size(keys); i++)
		if (s->host && strcmp(keys[i], key) == 0 &&
		    command_global_given(s->call, key))
			return key;
	return s->host && strcmp(key, "session") == 0 &&
			       call_flag(s->call, "no-session")
		       ? "no-session"
		       : NULL;
}

static void add_place(struct json_object *o, const struct config_place *place)
{
	autobuf text = {0};
	autofree char *section = NULL;

	buf_append_str(&text, place->host ? "host " : SECTION_DEFAULTS);
	buf_append_str(&text, place->host ? place->host : "");
	section = buf_steal_str(&text);
	json_add_text(o, "file", place->file);
	json_object_object_add(o, "line", json_object_new_int64(place->line));
	json_add_text(o, "section", section);
}

static void add_origin(struct json_object *o, const struct settings *s,
		       const char *key, const char *value)
{
	const char *option = override_of(s, key);
	struct config_place place = {0};

	if (option) {
		json_add_text(o, "origin", from_command_line);
		json_add_text(o, "option", option);
	} else if (config_value_place(s->config, s->host, key, &place)) {
		json_add_text(o, "origin", from_file);
		add_place(o, &place);
	} else if (s->host && strcmp(key, "address") == 0) {
		json_add_text(o, "origin", from_name);
	} else {
		json_add_text(o, "origin", value ? from_preset : NULL);
	}
}

/* The host itself, which the command line and the environment may name. */
static struct json_object *host_setting(const struct settings *s)
{
	struct json_object *o = json_object_new_object();
	struct config_place place = {0};
	bool environment = s->from && strcmp(s->from, "VIRTMUX_HOST") == 0;

	json_add_text(o, "key", CONFIG_HOST_KEY);
	json_add_text(o, "value", s->host);
	if (s->from) {
		json_add_text(o, "origin",
			      environment ? from_environment
					  : from_command_line);
		json_add_text(o, environment ? "variable" : "option",
			      environment ? s->from : "host");
	} else if (config_value_place(s->config, NULL, CONFIG_HOST_KEY,
				      &place)) {
		json_add_text(o, "origin", from_file);
		add_place(o, &place);
	} else {
		json_add_text(o, "origin", s->host ? from_only : NULL);
	}
	json_add_text(o, "doc", HOST_DOC);
	return o;
}

static struct json_object *setting(const struct settings *s,
				   const struct option_spec *spec)
{
	struct json_object *o = json_object_new_object();
	autobuf text = {0};
	autofree char *value = NULL;

	option_print(spec, s->profile, &text);
	value = text.len ? buf_steal_str(&text) : NULL;
	json_add_text(o, "key", spec->name);
	json_add_text(o, "value", value);
	add_origin(o, s, spec->name, value);
	json_add_text(o, "doc", spec->doc);
	return o;
}

/* -- showing --------------------------------------------------------------- */

/* "FILE:12", "--address", "preset"; to free(). */
static char *origin_words(struct json_object *o)
{
	const char *origin = json_text(o, "origin");
	autobuf text = {0};

	if (!origin)
		buf_append_str(&text, "-");
	else if (strcmp(origin, from_file) == 0)
		buf_appendf(&text, "%s:%s", json_text(o, "file"),
			    json_text(o, "line"));
	else if (json_text(o, "variable"))
		buf_append_str(&text, json_text(o, "variable"));
	else if (json_text(o, "option"))
		buf_appendf(&text, "--%s", json_text(o, "option"));
	else if (strcmp(origin, from_name) == 0)
		buf_append_str(&text, "its name");
	else if (strcmp(origin, from_only) == 0)
		buf_append_str(&text, "the only one");
	else
		buf_append_str(&text, origin);
	return buf_steal_str(&text);
}

static void add_row(struct output_table *table, struct json_object *o, bool csv)
{
	autofree char *from = origin_words(o);
	bool preset = json_text(o, "origin") &&
		      strcmp(json_text(o, "origin"), from_preset) == 0;
	const struct output_cell cells[] = {
		{.text = json_text(o, "key")},
		{.text = json_text(o, "value")},
		{.text = from, .style = preset ? OUTPUT_DIM : OUTPUT_PLAIN},
	};

	(void)csv;
	output_table_row(table, cells);
}

static int show_all(const struct settings *s, struct error *err)
{
	static const struct output_column columns[] = {
		{.title = "Key", .key = "key"},
		{.title = "Value", .key = "value", .shrinks = true},
		{.title = "From", .key = "from", .shrinks = true},
	};
	autojson all = json_object_new_object();
	struct json_object *list = NULL;

	json_add_text(all, "host", s->host);
	json_add_text(all, "file", config_user_file(s->config));
	list = json_add_list(all, "settings");
	if (!list)
		return error_set_no_memory(err);
	json_object_array_add(list, host_setting(s));
	for (size_t i = 0; i < profile_options_count; i++)
		json_object_array_add(list, setting(s, &profile_options[i]));
	return output_list(call_output(s->call), all, "settings", columns,
			   array_size(columns), add_row, err);
}

static int show_one(const struct settings *s, const char *key,
		    struct error *err)
{
	struct output *output = call_output(s->call);
	autojson o = NULL;
	const char *value = NULL;

	if (strcmp(key, CONFIG_HOST_KEY) == 0)
		o = host_setting(s);
	for (size_t i = 0; !o && i < profile_options_count; i++)
		if (strcmp(profile_options[i].name, key) == 0)
			o = setting(s, &profile_options[i]);
	value = json_text(o, "value");
	if (!value)
		return error_set(err, ERROR_NOT_FOUND,
				 "%s has no value%s%s: \"virtmux config set %s "
				 "VALUE\" gives it one",
				 key, s->host ? " for host " : "",
				 s->host ? s->host : "", key);
	if (!output_is_text(output))
		return output_value(output, o, err);
	fprintf(output_file(output), "%s\n", value);
	return 0;
}

int verb_config(struct command_call *call, struct error *err)
{
	const char *word = call_argument(call, 0);
	struct settings s = {.call = call};
	int rc = read_settings(&s, word, err);

	if (rc == 0)
		rc = word && is_key(word) ? show_one(&s, word, err)
					  : show_all(&s, err);
	settings_clear(&s);
	return rc;
}

/* -- config set, config unset ---------------------------------------------- */

/* The section that --host means, to free(); *HOST: NULL for [defaults]. */
static int find_section(struct command_call *call, const struct config *config,
			char **section, const char **host, struct error *err)
{
	*host = command_global_text(call, "host", NULL);
	if (!*host) {
		*section = strdup(SECTION_DEFAULTS);
		return *section ? 0 : error_set_no_memory(err);
	}
	if (config_hosts_known(config, *host, err) < 0)
		return -1;
	return config_hosts_section(section, *host, err);
}

/* VALUE as it is to stand in the file: a path does not depend on the folder. */
static int file_value(char **to, const char *key, const char *value,
		      struct error *err)
{
	enum config_form form = config_form(key);

	if (form == CONFIG_PLAIN || value[0] == '\0' || value[0] == '/' ||
	    value[0] == '~' || (form == CONFIG_KEY && key_is_pkcs11(value))) {
		*to = strdup(value);
		return *to ? 0 : error_set_no_memory(err);
	}
	*to = realpath(value, NULL);
	return *to ? 0
		   : error_set_errno(err, ERROR_NOT_FOUND, errno,
				     "cannot find %s", value);
}

static int check_key(const char *key, const char *host, bool sets,
		     struct error *err)
{
	autoerror why = {0};

	if (strcmp(key, CONFIG_HOST_KEY) == 0 && host)
		return error_set(err, ERROR_USAGE,
				 "host says which host is meant where none is "
				 "named: it is not a setting of a host");
	if (sets && strcmp(key, "via") == 0)
		return error_set(
			err, ERROR_UNSUPPORTED,
			"via is reserved: this virtmux reaches no host "
			"through another one, and with it none at all");
	if (is_key(key))
		return 0;
	config_check_value(key, "", &why); /* which names the nearest */
	return error_set(err, ERROR_USAGE, "%s", error_words(&why));
}

static int check_value(const struct config *config, const char *key,
		       const char *value, struct error *err)
{
	autoerror why = {0};

	if (strcmp(key, CONFIG_HOST_KEY) == 0)
		return config_hosts_known(config, value, err);
	if (config_check_value(key, value, &why) == 0)
		return 0;
	return error_set(err, ERROR_USAGE, "%s", error_words(&why));
}

/* A key that is to be changed in the user's file. */
struct change {
	struct config *config;
	struct config_edit *edit;
	const char *key;
	const char *host; /* NULL: for all, in [defaults] */
	char *section;
	char *path;
};

static void change_clear(struct change *c)
{
	config_free(c->config);
	config_edit_free(c->edit);
	free(c->section);
	free(c->path);
}

#define autochange cleanup(change_clear) struct change

/* Which key of which section is meant. The file is not open yet. */
static int change_find(struct change *c, struct command_call *call, bool sets,
		       struct error *err)
{
	c->key = call_argument(call, 0);
	if (config_hosts_load(call, &c->config, err) < 0 ||
	    find_section(call, c->config, &c->section, &c->host, err) < 0)
		return -1;
	return check_key(c->key, c->host, sets, err);
}

/* A value for all hosts is not one for those that have their own. */
static void tell_exceptions(struct command_call *call, const struct change *c)
{
	size_t n = 0;
	const char *const *hosts = config_hosts(c->config, &n);

	for (size_t i = 0; i < n; i++) {
		struct config_place place = {0};

		if (config_value_place(c->config, hosts[i], c->key, &place) &&
		    place.host)
			output_say(call_output(call),
				   "Host '%s' has its own: %s:%u", hosts[i],
				   place.file, place.line);
	}
}

int verb_config_set(struct command_call *call, struct error *err)
{
	autochange c = {0};
	autofree char *value = NULL;

	if (change_find(&c, call, true, err) < 0 ||
	    file_value(&value, c.key, call_argument(call, 1), err) < 0 ||
	    check_value(c.config, c.key, value, err) < 0 ||
	    config_hosts_edit(call, &c.edit, &c.path, err) < 0 ||
	    config_edit_set(c.edit, c.section, c.key, value, err) < 0 ||
	    config_edit_save(c.edit, err) < 0)
		return -1;
	output_say(call_output(call), "%s = %s written to [%s] of %s", c.key,
		   value, c.section, c.path);
	if (!c.host)
		tell_exceptions(call, &c);
	return 0;
}

static int not_set(const struct change *c, struct error *err)
{
	struct config_place place = {0};

	if (config_value_place(c->config, c->host, c->key, &place))
		return error_set(err, ERROR_NOT_FOUND,
				 "%s is not set in [%s] of %s, but at %s:%u",
				 c->key, c->section, c->path, place.file,
				 place.line);
	return error_set(err, ERROR_NOT_FOUND, "%s is not set in [%s] of %s",
			 c->key, c->section, c->path);
}

int verb_config_unset(struct command_call *call, struct error *err)
{
	autochange c = {0};
	autofree char *value = NULL;

	if (change_find(&c, call, false, err) < 0 ||
	    config_hosts_edit(call, &c.edit, &c.path, err) < 0)
		return -1;
	value = config_edit_get(c.edit, c.section, c.key);
	if (!value)
		return not_set(&c, err);
	config_edit_unset(c.edit, c.section, c.key);
	if (config_edit_save(c.edit, err) < 0)
		return -1;
	output_say(call_output(call), "%s taken out of [%s] of %s", c.key,
		   c.section, c.path);
	return 0;
}
