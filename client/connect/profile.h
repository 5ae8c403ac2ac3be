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

#define PROFILE_PORT "16515" /* where the address has none */

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
#include "client/connect/options.def"
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
 * Reads the files and finds the host: the requested one, `host` of [defaults],
 * or the only one. A requested name without a section is taken as an address
 * where it has the form of one. ERROR_CONFIG: a file is wrong, or the host is not
 * known (the nearest is suggested); ERROR_USAGE: the request has no good form.
 */
int profile_load(struct profile **profile,
		 const struct profile_request *request, struct error *err);

#endif
