/*
 * virtmuxd's own manual page, printed from the tables of arguments, options and
 * rights. Called by main.c and, through --print-manual, by the build.
 */
#ifndef VIRTMUX_DAEMON_CORE_MANUAL_H
#define VIRTMUX_DAEMON_CORE_MANUAL_H

#include "base/buf.h"

/* Appends man(7) source. 0, or -1 without memory. */
int manual_print(struct buf *out);

#endif
