/*
 * The handlers of all methods as one constant table for rpc. A method of the
 * table in common/api that no room handles does not link.
 */
#ifndef VIRTMUX_DAEMON_CORE_HANDLERS_H
#define VIRTMUX_DAEMON_CORE_HANDLERS_H

#include "daemon/rpc/rpc.h"

extern rpc_handler_fn *const core_handlers[METHODS];

#endif
