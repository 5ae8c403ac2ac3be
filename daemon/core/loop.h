/*
 * The event loop's beginning, in a process whose libvirt driver forks. Called
 * once by service.c, before any other thread runs.
 */
#ifndef VIRTMUX_DAEMON_CORE_LOOP_H
#define VIRTMUX_DAEMON_CORE_LOOP_H

#include <uv.h>

#include "base/error.h"

/* uv_loop_init(), with libuv's own descriptors above the low numbers. */
int loop_init(uv_loop_t *uv, struct error *err);

#endif
