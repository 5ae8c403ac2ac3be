/*
 * What the verbs about configured hosts share: the files as they are read and
 * edited, how a host is named, and in which groups it is.
 */
#ifndef VIRTMUX_CLIENT_CONFIG_HOSTS_H
#define VIRTMUX_CLIENT_CONFIG_HOSTS_H

#include "base/cleanup.h"
#include "client/command.h"
#include "client/config_edit.h"
#include "client/connect/config.h"
#include "client/connect/hosts.h"

#define SECTION_DEFAULTS "defaults"

/* Both files. Errors: those of config_load(). */
int config_hosts_load(struct command_call *call, struct config **config,
		      struct error *err);

/* The user's file, to be edited; *PATH: to free(). */
int config_hosts_edit(struct command_call *call, struct config_edit **edit,
		      char **path, struct error *err);

/* "host NAME", to free(). ERROR_USAGE where NAME cannot be one's. */
int config_hosts_section(char **section, const char *name, struct error *err);

/* ERROR_NOT_FOUND, with the nearest name, where no file has a host NAME. */
int config_hosts_known(const struct config *config, const char *name,
		       struct error *err);

/*
 * Where a session serves host NAME, it gets no new commands and ends with what runs in
 * it; says so.
 */
void config_hosts_end_session(struct command_call *call, const char *name);

/* The groups of the configuration and who is in them. */
struct memberships {
	const char *const *names; /* borrowed from the config */
	struct hosts *members;    /* of each */
	size_t count;
};

/* A group that cannot be understood is warned of, and empty. */
int memberships_read(struct command_call *call, const struct config *config,
		     struct memberships *groups, struct error *err);
void memberships_clear(struct memberships *groups);

#define automemberships cleanup(memberships_clear) struct memberships

#endif
