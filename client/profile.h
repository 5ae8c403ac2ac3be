/*
 * Profiles: which host is meant and everything known about reaching it. Read
 * from /etc/virtmux/virtmux.conf, over it the user's configuration, over that
 * environment and command line. Used by commands, channel and session.
 *
 * What always holds: a file is judged as a whole (an unknown key is an error
 * with file and line, also in the section of another host); paths in a profile
 * are absolute or relative to the working directory as the user gave them. One
 * thread.
 */
#ifndef VIRTMUX_CLIENT_PROFILE_H
#define VIRTMUX_CLIENT_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/ini.h"

#define PROFILE_SYSTEM_FILE "/etc/virtmux/virtmux.conf"
#define PROFILE_PORT        "16515"
#define PROFILE_HOSTS_MAX   4096

enum profile_tls_min { PROFILE_TLS_1_2, PROFILE_TLS_1_3 };

/* -- a host ---------------------------------------------------------------- */

#define OPTION_MEMBER_STRING   char *
#define OPTION_MEMBER_PATH     char *
#define OPTION_MEMBER_KEY      char *
#define OPTION_MEMBER_BOOL     bool
#define OPTION_MEMBER_NUMBER   int64_t
#define OPTION_MEMBER_DURATION int64_t /* milliseconds */
#define OPTION_MEMBER_CHOICE   int64_t /* index in the range */

struct profile {
	char *name; /* of the section, or the address that was given instead */
	char *file; /* of the configuration to mention in a cure */
	bool known; /* a section [host NAME] exists */
	bool overridden; /* command line or environment changed who is reached
			    or as whom: a session of that name does not serve */
#define OPTION(member, name, type, fallback, range, doc)                       \
	OPTION_MEMBER_##type member;
#include "client/options.def"
#undef OPTION
};

void profile_free(struct profile *profile); /* NULL-safe */

DEFINE_CLEANUP(profile, profile_free);

/* The table, for the manual page and `config`. */
extern const struct option_spec profile_options[];
extern const size_t profile_options_count;

/* What comes from command line and environment; borrowed; each may be NULL. */
struct profile_request {
	const char *config; /* instead of the user's file; must exist */
	const char *host;
	const char *address;
	const char *ca;
	const char *certificate;
	const char *key;
};

/*
 * ERROR_CONFIG: a file is wrong, or no host is named and none is the only one.
 * ERROR_USAGE: a request has no good form. The nearest known host is suggested.
 */
int profile_load(struct profile **profile,
		 const struct profile_request *request, struct error *err);

/* -- the files ------------------------------------------------------------- */

struct config; /* both files, read */

int config_load(struct config **config, const char *path, struct error *err);
void config_free(struct config *config); /* NULL-safe */

DEFINE_CLEANUP(config, config_free);

/* Names of all hosts in the files' order, NULL-terminated; borrowed. */
char *const *config_hosts(const struct config *config);

/* `host =` of [defaults], the only host, or NULL. */
const char *config_default_host(const struct config *config);

/* The user's file (whether or not it exists), as it was or would be read. */
const char *config_user_file(const struct config *config);

/* The profile of host NAME by the files alone; the request adds to it. */
int config_profile(const struct config *config, const char *name,
		   struct profile **profile, struct error *err);

#endif
