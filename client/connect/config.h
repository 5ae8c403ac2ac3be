/*
 * The configuration files of the client: /etc/virtmux/virtmux.conf and over it
 * the user's. Read as a whole, each entry judged by the table of options.def, and
 * kept so that a profile can be made for any host. Called by profile.c and by
 * verbs that list hosts.
 *
 * What always holds: a struct config is free of faults; paths in it are absolute.
 * One thread.
 */
#ifndef VIRTMUX_CLIENT_CONFIG_H
#define VIRTMUX_CLIENT_CONFIG_H

#include "base/error.h"
#include "client/connect/profile.h"

#define CONFIG_SYSTEM_FILE "/etc/virtmux/virtmux.conf"
#define CONFIG_ENTRIES_MAX 65536  /* of both files */
#define CONFIG_HOST_KEY    "host" /* of [defaults]: which host is meant */

struct config;

/* Where something stands in the files; borrowed from the config. */
struct config_place {
	const char *file;
	unsigned line;    /* from 1 */
	const char *host; /* a value's: of [host NAME]; NULL: of [defaults] */
};

/* What a key's value is: a path is relative to its file. */
enum config_form { CONFIG_PLAIN, CONFIG_PATH, CONFIG_KEY };

/*
 * PATH: the user's file, which must exist; NULL: "$XDG_CONFIG_HOME/virtmux/config"
 * (~/.config without the variable), which need not. SYSTEM_PATH: the file under
 * it, which need not exist; NULL: none. ERROR_CONFIG with file and line,
 * ERROR_NOT_FOUND, ERROR_SYSTEM.
 */
int config_load(struct config **config, const char *path,
		const char *system_path, struct error *err);
void config_free(struct config *config); /* NULL-safe */

DEFINE_CLEANUP(config, config_free);

/*
 * The user's file, to free(): PATH with "~/" expanded, or where it is NULL the
 * one that config_load() tells. NULL without memory.
 */
char *config_user_path(const char *path);

/* Whether TEXT is free of faults; FILE is for errors and relative paths. */
int config_check(const char *file, const char *text, size_t len,
		 struct error *err);

/* Names of all hosts in the files' order; borrowed. */
const char *const *config_hosts(const struct config *config, size_t *n);

/* Where [host NAME] begins, in the user's file if it is there; false: nowhere. */
bool config_host_place(const struct config *config, const char *name,
		       struct config_place *place);

/*
 * Where the value of KEY for HOST (NULL: any) stands, which is what a profile has;
 * false: nowhere, so it is the preset. KEY may be CONFIG_HOST_KEY.
 */
bool config_value_place(const struct config *config, const char *host,
			const char *key, struct config_place *place);

/* Names of all groups, in the files' order; borrowed. */
const char *const *config_groups(const struct config *config, size_t *n);
/*
 * What the I-th group has: names, patterns and "@GROUP", NULL-terminated, borrowed;
 * NULL: nothing. hosts.h makes names of it.
 */
char *const *config_group(const struct config *config, size_t i);
struct config_place config_group_place(const struct config *config, size_t i);

/* `host` of [defaults], the only host, or NULL. */
const char *config_default_host(const struct config *config);

/* The user's file (whether or not it exists), as it was or would be read. */
const char *config_user_file(const struct config *config);

/*
 * A profile by the files alone: [defaults], then [host NAME] where there is one
 * (then ->known). ERROR_NO_MEMORY.
 */
int config_profile(const struct config *config, const char *name,
		   struct profile **profile, struct error *err);

/* How KEY's values are written; CONFIG_PLAIN for what is no key. */
enum config_form config_form(const char *key);

/* ERROR_CONFIG: no such key (the nearest is named), or it cannot have that value. */
int config_check_value(const char *key, const char *value, struct error *err);

/*
 * Whether TEXT is meant as a pattern of hosts' names (base/glob.h): "web-*". "[::1]" is
 * an address.
 */
bool config_is_pattern(const char *text);

/* Whether NAME may name a host: no blanks, control characters or any of ,@*?[]/ */
bool config_host_name_valid(const char *name);

#endif
