/*
 * Changes to the user's configuration file that leave all else in it as it is:
 * comments, order, blank lines. Used by `host`, `config` and `import`.
 *
 * What always holds: the file is replaced as a whole or not at all, by a text that
 * config.h reads without fault; between opening and freeing no other virtmux edits
 * it (a lock on its folder). Blocks. One thread.
 */
#ifndef VIRTMUX_CLIENT_CONFIG_EDIT_H
#define VIRTMUX_CLIENT_CONFIG_EDIT_H

#include <stdbool.h>

#include "base/error.h"

struct config_edit;

/*
 * Reads PATH, which need not exist; its folder is made (0700) where it does not. A
 * symbolic link is followed: what it points to is edited. ERROR_CONFIG where the
 * file has a fault already, ERROR_SYSTEM.
 */
int config_edit_open(struct config_edit **edit, const char *path,
		     struct error *err);
void config_edit_free(
	struct config_edit *edit); /* NULL-safe; forgets changes */

DEFINE_CLEANUP(config_edit, config_edit_free);

/* Whether there is a section "defaults" or "host NAME". */
bool config_edit_has(const struct config_edit *edit, const char *section);

/* KEY's value as it stands there, to free(); NULL where there is none. */
char *config_edit_get(const struct config_edit *edit, const char *section,
		      const char *key);

/*
 * Puts KEY = VALUE into SECTION, in the place of an older line of that key, else
 * behind the section's last; a new section goes to the end. ERROR_USAGE where
 * VALUE cannot stand on a line.
 */
int config_edit_set(struct config_edit *edit, const char *section,
		    const char *key, const char *value, struct error *err);

/* Takes the line away, where there is one. */
void config_edit_unset(struct config_edit *edit, const char *section,
		       const char *key);

/* Calls the section TO, where there is one; its comment stays. */
int config_edit_rename(struct config_edit *edit, const char *section,
		       const char *to, struct error *err);

/*
 * Takes the section away with its lines, but not the comment that stands directly
 * above the next one.
 */
void config_edit_remove(struct config_edit *edit, const char *section);

/* Writes it, 0600 where it is new. ERROR_CONFIG where it would be faulty. */
int config_edit_save(struct config_edit *edit, struct error *err);

#endif
