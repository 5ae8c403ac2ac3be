/*
 * Which hosts a text means: "a,b", "@web", "web-*", "@all", each host once. Used
 * where a verb runs on several hosts, and where groups are shown.
 *
 * What always holds: the order is that of the text, within a group its own, within
 * a pattern and "@all" the files'; a name without a section is left as it is, since
 * it may be an address. One thread.
 */
#ifndef VIRTMUX_CLIENT_HOSTS_H
#define VIRTMUX_CLIENT_HOSTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/error.h"

#define HOSTS_ALL "all" /* every host, where no group has that name */

struct config;

struct hosts {
	char **names; /* not NULL-terminated */
	size_t count;
};

/* All zero again. */
void hosts_clear(struct hosts *hosts);

#define autohosts cleanup(hosts_clear) struct hosts

/* Whether TEXT has the form of a list, a group or a pattern. */
bool hosts_are_several(const char *text);

/*
 * Adds the hosts that TEXT means. More than MOST of them in all is an error.
 * ERROR_USAGE: an empty name, too many, a pattern that matches none; ERROR_CONFIG:
 * an unknown group (the nearest is named), one without hosts, one that holds itself.
 */
int hosts_find(struct hosts *hosts, const struct config *config,
	       const char *text, size_t most, struct error *err);

/* Whether the hosts have one of that name. */
bool hosts_have(const struct hosts *hosts, const char *name);

#endif
