/*
 * Whether this machine's network has changed: an address, a link, a route. The
 * kernel tells of it, nobody polls. Used by the client's session, which then looks
 * whether its host is still reached. No state; any thread.
 */
#ifndef VIRTMUX_BASE_ROUTE_H
#define VIRTMUX_BASE_ROUTE_H

#include <stdbool.h>

#include "base/error.h"

/*
 * Opens a descriptor that becomes readable with each change; non-blocking and
 * close-on-exec, to close(). ERROR_UNSUPPORTED where the system tells nobody.
 */
int route_watch(int *fd, struct error *err);

/* Takes all that FD has to tell. Whether there was anything. */
bool route_changed(int fd);

#endif
