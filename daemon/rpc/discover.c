/*
 * GET /openrpc.json, the one method that rpc answers itself: the description of
 * all methods, printed from their table. Called by admit.c as any handler.
 */
#include "daemon/rpc/room.h"

#include "api/describe.h"

void op_rpc_discover(struct call *call,
		     const struct rpc_discover_params *params)
{
	struct buf *document = &call->rpc->openrpc;
	autobuf body = {0};
	autoerror err = {0};

	if (document->len == 0 &&
	    describe_openrpc(document, VIRTMUX_VERSION) < 0)
		buf_free(document);
	if (document->len == 0 ||
	    buf_append(&body, buf_bytes(document), document->len) < 0) {
		error_set_no_memory(&err);
		call_fail(call, &err);
		return;
	}
	call_respond(call, 200, "application/json", NULL, 0, &body);
}
