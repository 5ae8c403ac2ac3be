/*
 * The files of the page, read into memory when the server starts: what is asked for
 * later is looked up by name and never becomes a path. One thread.
 */
#ifndef VIRTMUX_CLIENT_WEB_ASSETS_H
#define VIRTMUX_CLIENT_WEB_ASSETS_H

#include <stddef.h>

#include "base/cleanup.h"
#include "base/error.h"

struct assets;

struct asset {
	char *path; /* "/app/list.js" */
	const char *type;
	void *data;
	size_t len; /* bytes */
};

/*
 * Reads all files below FOLDER; those whose name begins with a dot, or that are no
 * files or folders themselves (symbolic links), are left out. ERROR_NOT_FOUND where
 * there is no such folder, ERROR_TOO_LARGE, ERROR_SYSTEM.
 */
int assets_load(struct assets **assets, const char *folder, struct error *err);
void assets_free(struct assets *assets); /* NULL-safe */

DEFINE_CLEANUP(assets, assets_free);

/* That of PATH as a request has it, or NULL; "/" is "/index.html". Borrowed. */
const struct asset *assets_find(const struct assets *assets, const char *path);

#endif
