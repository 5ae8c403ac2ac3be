/*
 * The prototypes of all handlers, from the method table: a method of the table
 * that nobody handles does not link. daemon/ops defines them, one file a noun;
 * op_rpc_discover() is rpc's own; core puts them into a table for rpc.
 *
 * What always holds: a handler is called on the loop's thread, with decoded and
 * checked PARAMS, for a caller who may use the method.
 */
#ifndef VIRTMUX_DAEMON_RPC_HANDLER_H
#define VIRTMUX_DAEMON_RPC_HANDLER_H

#include "api/method.h"
#include "daemon/rpc/call.h"

#define METHOD(id, name, role, kind, summary, doc)                             \
	void op_##id(struct call *call, const struct id##_params *params);
#include "api/methods.def"

#endif
