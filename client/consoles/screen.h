/*
 * Pictures of a domain's screen, got from the host for screenshot and wait-screen,
 * and the files that they are kept in. Runs the channel's loop; one thread.
 */
#ifndef VIRTMUX_CLIENT_SCREEN_H
#define VIRTMUX_CLIENT_SCREEN_H

#include "client/consoles/console_domain.h"
#include "client/consoles/picture.h"

#define SCREEN_PNG_MAX  (256 * 1024 * 1024) /* bytes that a host may send */
#define SCREEN_FIRST    (-1) /* the screen that the host chooses */
#define SCREEN_TIME_MAX 32   /* bytes of the time in a file's name */

struct channel;

/*
 * What the screen number SCREEN (or SCREEN_FIRST) of DOMAIN (a name or UUID) shows
 * now, as PNG appended to PNG. NAMES (may be NULL) gets the domain's names as the
 * host says them; its owner clears it. ERROR_TOO_LARGE above SCREEN_PNG_MAX; the
 * others as for channel_get().
 */
int screen_get(struct channel *channel, const char *domain, int64_t screen,
	       struct buf *png, struct console_domain *names,
	       struct error *err);

/* "NAME-2026-11-21-08-45-12.png" with slashes replaced, to free(). */
char *screen_file(const char *name);

/*
 * Writes a picture for its owner alone, since a screen may show secrets. Errors of
 * file_write_atomic().
 */
int screen_save(const char *file, const struct buf *png, struct error *err);

#endif
