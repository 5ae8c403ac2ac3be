/*
 * Reads the client's configuration files (config.h). Each entry is tried on a
 * scratch profile while its line is known, so that every fault carries file and
 * line, also one in the section of a host that nobody asked for; later uses
 * cannot fail but for memory.
 */
#include "client/connect/config.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/glob.h"
#include "client/connect/key_pkcs11.h"

#define SECTION_DEFAULTS "defaults"
#define SECTION_HOST     "host "
#define SECTION_GROUP    "group "

/* One line of a file that was found good. */
struct entry {
	char *host; /* NULL: of [defaults] */
	char *key;
	char *value;
	struct config_place place;
};

/* Hosts that have one name together: "-H @NAME". */
struct group {
	char **hosts; /* one allocation; NULL: only the section was seen */
	struct config_place place;
};

struct config {
	struct entry *entries; /* the system's first, then the user's */
	size_t count;
	size_t room;
	struct group *groups;
	char **group_names;
	size_t groups_count;
	char **hosts;
	struct config_place *host_places;
	size_t hosts_count;
	char *default_host;
	struct config_place default_place;
	char *user_file;
	char *system_file;
};

/* One file being read. */
struct reader {
	struct config *config;
	struct profile *scratch;
	const char *file;
	unsigned line; /* that is read now */
};

#define OPTION_TYPE_STRING   OPTION_STRING
#define OPTION_TYPE_PATH     OPTION_PATH
#define OPTION_TYPE_KEY      OPTION_STRING
#define OPTION_TYPE_BOOL     OPTION_BOOL
#define OPTION_TYPE_NUMBER   OPTION_NUMBER
#define OPTION_TYPE_DURATION OPTION_DURATION
#define OPTION_TYPE_CHOICE   OPTION_CHOICE

const struct option_spec profile_options[] = {
#define OPTION(member, name, type, fallback, range, doc)                       \
	{"host",                                                               \
	 name,                                                                 \
	 OPTION_TYPE_##type,                                                   \
	 fallback,                                                             \
	 range,                                                                \
	 OPTION_RELOAD,                                                        \
	 doc,                                                                  \
	 offsetof(struct profile, member)},
#include "client/connect/options.def"
#undef OPTION
};

const size_t profile_options_count = array_size(profile_options);

#define OPTION_FORM_STRING   CONFIG_PLAIN
#define OPTION_FORM_PATH     CONFIG_PATH
#define OPTION_FORM_KEY      CONFIG_KEY
#define OPTION_FORM_BOOL     CONFIG_PLAIN
#define OPTION_FORM_NUMBER   CONFIG_PLAIN
#define OPTION_FORM_DURATION CONFIG_PLAIN
#define OPTION_FORM_CHOICE   CONFIG_PLAIN

enum config_form config_form(const char *key)
{
	static const struct {
		const char *name;
		enum config_form form;
	} forms[] = {
#define OPTION(member, name, type, fallback, range, doc)                       \
	{name, OPTION_FORM_##type},
#include "client/connect/options.def"
#undef OPTION
	};

	for (size_t i = 0; i < array_size(forms); i++)
		if (strcmp(forms[i].name, key) == 0)
			return forms[i].form;
	return CONFIG_PLAIN;
}

bool config_is_pattern(const char *text)
{
	bool address = text[0] == '[' && strchr(text, ':');

	return !address && strpbrk(text, "*?[") && !strpbrk(text, ",@/");
}

bool config_host_name_valid(const char *name)
{
	if (name[0] == '\0' || name[0] == '-')
		return false;
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f ||
		    strchr(",@*?[]/", *p))
			return false;
	return true;
}

/* The folder of FILE as an absolute path without final slash, to free(). */
static char *folder_of(const char *file)
{
	char cwd[PATH_MAX];
	autofree char *dir = file_folder(file);

	if (!dir || file[0] == '/')
		return steal(&dir);
	return getcwd(cwd, sizeof(cwd)) ? file_join(cwd, dir) : NULL;
}

/* VALUE of FILE's KEY with a relative path made absolute, to free(). */
static char *absolute_value(const char *file, const char *key,
			    const char *value)
{
	enum config_form form = config_form(key);
	autofree char *dir = NULL;

	if (form == CONFIG_PLAIN || value[0] == '\0' ||
	    (form == CONFIG_KEY && key_is_pkcs11(value)))
		return strdup(value);
	if (value[0] == '/' || strncmp(value, "~/", 2) == 0)
		return file_expand_home(value);
	dir = folder_of(file);
	return dir ? file_join(dir, value) : NULL;
}

static struct config_place place_of(const struct reader *r)
{
	return (struct config_place){.file = r->file, .line = r->line};
}

/* Of two sections the later one is the host's place: that of the user's file. */
static int add_host(struct config *config, const char *name,
		    struct config_place place, struct error *err)
{
	size_t n = config->hosts_count;
	struct config_place *places = NULL;
	char **hosts = NULL;

	for (size_t i = 0; i < n; i++)
		if (strcmp(config->hosts[i], name) == 0) {
			config->host_places[i] = place;
			return 0;
		}
	hosts = realloc(config->hosts, (n + 1) * sizeof(*hosts));
	if (!hosts)
		return error_set_no_memory(err);
	config->hosts = hosts;
	places = realloc(config->host_places, (n + 1) * sizeof(*places));
	if (!places)
		return error_set_no_memory(err);
	config->host_places = places;
	places[n] = place;
	hosts[n] = strdup(name);
	if (!hosts[n])
		return error_set_no_memory(err);
	config->hosts_count++;
	return 0;
}

static int grow(struct config *config, struct error *err)
{
	size_t room = config->room ? 2 * config->room : 32;
	struct entry *entries = NULL;

	if (config->count < config->room)
		return 0;
	if (config->count >= CONFIG_ENTRIES_MAX)
		return error_set(err, ERROR_CONFIG, "more than %d entries",
				 CONFIG_ENTRIES_MAX);
	entries = realloc(config->entries, room * sizeof(*entries));
	if (!entries)
		return error_set_no_memory(err);
	config->entries = entries;
	config->room = room;
	return 0;
}

static int add_entry(const struct reader *r, const char *host, const char *key,
		     const char *value, struct error *err)
{
	struct config *config = r->config;
	struct entry *e = NULL;

	if (grow(config, err) < 0)
		return -1;
	e = &config->entries[config->count++];
	*e = (struct entry){.host = host ? strdup(host) : NULL,
			    .key = strdup(key),
			    .value = strdup(value),
			    .place = place_of(r)};
	e->place.host = e->host;
	if ((host && !e->host) || !e->key || !e->value)
		return error_set_no_memory(err);
	return 0;
}

static int set_default_host(const struct reader *r, const char *name,
			    struct error *err)
{
	struct config *config = r->config;
	char *copy = NULL;

	if (!config_host_name_valid(name))
		return error_set(err, ERROR_CONFIG,
				 "host = %s: not a host's name", name);
	copy = strdup(name);
	if (!copy)
		return error_set_no_memory(err);
	free(config->default_host);
	config->default_host = copy;
	config->default_place = place_of(r);
	return 0;
}

/* The name behind PREFIX, or NULL where SECTION has another form. */
static const char *name_of_section(const char *section, const char *prefix)
{
	const char *name = section + strlen(prefix);

	if (strncmp(section, prefix, strlen(prefix)) != 0)
		return NULL;
	while (isblank((unsigned char)*name))
		name++;
	return config_host_name_valid(name) ? name : NULL;
}

static const char *host_of_section(const char *section)
{
	return name_of_section(section, SECTION_HOST);
}

/* -- groups ---------------------------------------------------------------- */

/* The group's place, which it gets at its first sight. */
static int find_group(struct config *config, const char *name, size_t *place,
		      struct error *err)
{
	size_t n = config->groups_count;
	struct group *groups = NULL;
	char **names = NULL;

	for (*place = 0; *place < n; (*place)++)
		if (strcmp(config->group_names[*place], name) == 0)
			return 0;
	groups = realloc(config->groups, (n + 1) * sizeof(*groups));
	if (!groups)
		return error_set_no_memory(err);
	config->groups = groups;
	groups[n] = (struct group){0};
	names = realloc(config->group_names, (n + 1) * sizeof(*names));
	if (!names)
		return error_set_no_memory(err);
	config->group_names = names;
	names[n] = strdup(name);
	if (!names[n])
		return error_set_no_memory(err);
	config->groups_count++;
	return 0;
}

static const struct option_spec group_spec = {
	.section = "group",
	.name = "hosts",
	.type = OPTION_LIST,
	.range = "",
	.doc = "The hosts of the group, separated by commas or blanks: names "
	       "of [host NAME], patterns of them, addresses, and @GROUP for "
	       "those of another group.",
};

/* "web-1", "web-*" or "@db". */
static bool member_valid(const char *member)
{
	if (member[0] == '@')
		return config_host_name_valid(member + 1);
	return config_is_pattern(member) ? glob_check(member, NULL) == 0
					 : config_host_name_valid(member);
}

static int on_group(const struct reader *r, const char *name, const char *key,
		    const char *value, struct error *err)
{
	struct group *group = NULL;
	size_t i = 0;

	if (find_group(r->config, name, &i, err) < 0)
		return -1;
	group = &r->config->groups[i];
	if (!key) {
		group->place = place_of(r);
		return 0;
	}
	if (options_set(&group_spec, 1, group, "group", key, value, err) < 0)
		return -1;
	for (char **host = group->hosts; host && *host; host++)
		if (!member_valid(*host))
			return error_set(err, ERROR_CONFIG,
					 "hosts: '%s' is neither a host's name "
					 "nor a pattern of them nor @GROUP",
					 *host);
	return 0;
}

const char *const *config_groups(const struct config *config, size_t *n)
{
	*n = config->groups_count;
	return (const char *const *)config->group_names;
}

char *const *config_group(const struct config *config, size_t i)
{
	return config->groups[i].hosts;
}

struct config_place config_group_place(const struct config *config, size_t i)
{
	return config->groups[i].place;
}

/* -- reading --------------------------------------------------------------- */

static int on_section(struct reader *r, const char *section, struct error *err)
{
	const char *host = host_of_section(section);

	if (strcmp(section, SECTION_DEFAULTS) == 0)
		return 0;
	if (!host)
		return error_set(
			err, ERROR_CONFIG,
			"unknown section [%s]: there are [" SECTION_DEFAULTS
			"], [host NAME] and [group NAME], where a name has no "
			"blanks and none of ,@*?[]/",
			section);
	return add_host(r->config, host, place_of(r), err);
}

static int on_entry(void *context, const char *section, const char *key,
		    const char *value, unsigned line, struct error *err)
{
	struct reader *r = context;
	const char *host = host_of_section(section);
	const char *group = name_of_section(section, SECTION_GROUP);
	autofree char *full = NULL;

	r->line = line;
	if (group)
		return on_group(r, group, key, value, err);
	if (!key)
		return on_section(r, section, err);
	if (section[0] == '\0')
		return error_set(err, ERROR_CONFIG,
				 "'%s' stands before the first section: put it "
				 "under [" SECTION_DEFAULTS "] or [host NAME]",
				 key);
	if (!host && strcmp(key, CONFIG_HOST_KEY) == 0)
		return set_default_host(r, value, err);
	full = absolute_value(r->file, key, value);
	if (!full)
		return error_set_no_memory(err);
	if (options_set(profile_options, profile_options_count, r->scratch,
			"host", key, full, err) < 0)
		return -1;
	return add_entry(r, host, key, full, err);
}

static int read_file(struct config *config, const char *path, bool must_exist,
		     struct error *err)
{
	autoptr(profile) scratch = calloc(1, sizeof(*scratch));
	struct reader r = {.config = config, .scratch = scratch, .file = path};
	autoerror why = {0};

	if (!scratch)
		return error_set_no_memory(err);
	if (ini_read_file(path, on_entry, &r, &why) == 0)
		return 0;
	if (why.code == ERROR_NOT_FOUND && !must_exist)
		return 0;
	return error_move(err, &why);
}

char *config_user_path(const char *path)
{
	const char *xdg = getenv("XDG_CONFIG_HOME");

	if (path)
		return file_expand_home(path);
	if (xdg && xdg[0] == '/')
		return file_join(xdg, "virtmux/config");
	return file_expand_home("~/.config/virtmux/config");
}

int config_check(const char *file, const char *text, size_t len,
		 struct error *err)
{
	autoptr(profile) scratch = calloc(1, sizeof(*scratch));
	autoptr(config) config = calloc(1, sizeof(*config));
	struct reader r = {.config = config, .scratch = scratch, .file = file};

	if (!scratch || !config)
		return error_set_no_memory(err);
	return ini_read(len ? text : "", len, file, on_entry, &r, err);
}

int config_load(struct config **config, const char *path,
		const char *system_path, struct error *err)
{
	autoptr(config) c = calloc(1, sizeof(*c));

	if (!c)
		return error_set_no_memory(err);
	c->user_file = config_user_path(path);
	if (!c->user_file)
		return error_set_no_memory(err);
	c->system_file = system_path ? strdup(system_path) : NULL;
	if (system_path && !c->system_file)
		return error_set_no_memory(err);
	if (c->system_file && read_file(c, c->system_file, false, err) < 0)
		return -1;
	if (read_file(c, c->user_file, path != NULL, err) < 0)
		return -1;
	*config = steal(&c);
	return 0;
}

void config_free(struct config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config->count; i++) {
		free(config->entries[i].host);
		free(config->entries[i].key);
		free(config->entries[i].value);
	}
	for (size_t i = 0; i < config->hosts_count; i++)
		free(config->hosts[i]);
	for (size_t i = 0; i < config->groups_count; i++) {
		free(config->groups[i].hosts);
		free(config->group_names[i]);
	}
	free(config->groups);
	free(config->group_names);
	free(config->entries);
	free(config->hosts);
	free(config->host_places);
	free(config->default_host);
	free(config->user_file);
	free(config->system_file);
	free(config);
}

const char *const *config_hosts(const struct config *config, size_t *n)
{
	*n = config->hosts_count;
	return (const char *const *)config->hosts;
}

const char *config_default_host(const struct config *config)
{
	if (config->default_host)
		return config->default_host;
	return config->hosts_count == 1 ? config->hosts[0] : NULL;
}

const char *config_user_file(const struct config *config)
{
	return config->user_file;
}

bool config_host_place(const struct config *config, const char *name,
		       struct config_place *place)
{
	for (size_t i = 0; i < config->hosts_count; i++)
		if (strcmp(config->hosts[i], name) == 0) {
			*place = config->host_places[i];
			return true;
		}
	return false;
}

static bool is_of(const struct entry *e, const char *host)
{
	return host ? e->host && strcmp(e->host, host) == 0 : !e->host;
}

/* The last one counts, as in apply(). */
static bool find_entry(const struct config *config, const char *host,
		       const char *key, struct config_place *place)
{
	for (size_t i = config->count; i-- > 0;)
		if (is_of(&config->entries[i], host) &&
		    strcmp(config->entries[i].key, key) == 0) {
			*place = config->entries[i].place;
			return true;
		}
	return false;
}

bool config_value_place(const struct config *config, const char *host,
			const char *key, struct config_place *place)
{
	if (strcmp(key, CONFIG_HOST_KEY) == 0) {
		*place = config->default_place;
		return config->default_host != NULL;
	}
	return (host && find_entry(config, host, key, place)) ||
	       find_entry(config, NULL, key, place);
}

int config_check_value(const char *key, const char *value, struct error *err)
{
	autoptr(profile) scratch = calloc(1, sizeof(*scratch));

	if (!scratch)
		return error_set_no_memory(err);
	return options_set(profile_options, profile_options_count, scratch,
			   "host", key, value, err);
}

/* Sets what stands for HOST (NULL: in [defaults]), the user's file last. */
static int apply(const struct config *config, const char *host,
		 struct profile *profile, struct error *err)
{
	for (size_t i = 0; i < config->count; i++) {
		const struct entry *e = &config->entries[i];

		if (!is_of(e, host))
			continue;
		if (options_set(profile_options, profile_options_count, profile,
				"host", e->key, e->value, err) < 0)
			return -1;
	}
	return 0;
}

int config_profile(const struct config *config, const char *name,
		   struct profile **profile, struct error *err)
{
	autoptr(profile) p = calloc(1, sizeof(*p));

	if (!p)
		return error_set_no_memory(err);
	p->name = strdup(name);
	p->file = strdup(config->user_file);
	if (!p->name || !p->file)
		return error_set_no_memory(err);
	for (size_t i = 0; i < config->hosts_count; i++)
		if (strcmp(config->hosts[i], name) == 0)
			p->known = true;
	if (options_set_defaults(profile_options, profile_options_count, p,
				 err) < 0 ||
	    apply(config, NULL, p, err) < 0 || apply(config, name, p, err) < 0)
		return -1;
	*profile = steal(&p);
	return 0;
}
