/*
 * From a method's id to its handler. A handler takes the parameter struct of its
 * method; the functions made here stand between it and rpc, which knows them only
 * as bytes, so that no function pointer is cast.
 */
#include "daemon/core/handlers.h"

#include "daemon/rpc/handler.h"

#define METHOD(id, name, role, kind, summary, doc)                             \
	static void handle_##id(struct call *call, const void *params)         \
	{                                                                      \
		op_##id(call, params);                                         \
	}
#include "api/methods.def"

#define METHOD(id, name, role, kind, summary, doc) [METHOD_##id] = handle_##id,

rpc_handler_fn *const core_handlers[METHODS] = {
#include "api/methods.def"
};
