/*
 * Consoles: graphics and serial lines as streams (extended CONNECT). virt opens
 * the descriptor of the very domain that it looked up, a relay joins it with the
 * stream, and from then on nobody here sees a byte.
 *
 * What always holds: a descriptor is the reply's, then the relay's, which closes
 * it also where the peer has gone meanwhile; the call ends with the relay.
 */
#include "daemon/ops/room.h"

#include <stdio.h>

#include "daemon/relay/relay.h"

static void on_relay_done(void *context, const struct relay_end *end)
{
	struct call *call = context;
	autoerror why = {0};

	relay_end_error(end, &why);
	call_finish(call, &why, end->bytes_in, end->bytes_out);
}

/* The right to the console was taken away. */
static void cut(void *context)
{
	relay_cut(context, H2_INADEQUATE_SECURITY);
}

/* Where it is answered no more, on_relay_done() comes all the same. */
static void answer(struct relay *relay, struct h2_stream *stream,
		   const struct virt_reply *reply, const char *kind)
{
	struct ops_domain_headers store;
	struct h2_header headers[OPS_DOMAIN_HEADERS + 1];

	ops_domain_headers(reply, &store, headers);
	headers[OPS_DOMAIN_HEADERS] =
		(struct h2_header){"virtmux-console", kind};
	h2_respond(stream, 200, headers, array_size(headers), &relay_source,
		   relay);
}

static void fail_orphan(struct call *call)
{
	autoerror err = {0};

	error_set(&err, ERROR_DISCONNECTED,
		  "the peer went while the console was being opened");
	call_fail(call, &err);
}

static void take_stream(struct call *call, struct relay *relay,
			const struct virt_reply *reply, const char *kind)
{
	struct call_early early;
	struct h2_stream *stream =
		call_take_stream(call, &relay_handler, relay, &early);

	if (!stream) {
		relay_cancel(relay);
		fail_orphan(call);
		return;
	}
	call_set_cut(call, cut, relay);
	answer(relay, stream, reply, kind);
	relay_start(relay, stream, buf_bytes(&early.data), early.data.len,
		    early.end);
	buf_free(&early.data);
}

/* FD is taken. */
static void open_console(struct call *call, const struct virt_reply *reply,
			 int fd, const char *kind)
{
	struct ops *ops = ops_of(call);
	struct relay_options options = {
		.uv = ops->uv,
		.blocks = &ops->blocks,
		.log = ops->log,
		.done = on_relay_done,
		.context = call,
	};
	struct relay *relay;
	autoerror err = {0};

	if (relay_new(&relay, &options, fd, &err) < 0)
		call_fail(call, &err);
	else
		take_stream(call, relay, reply, kind);
}

/* -- graphics ------------------------------------------------------------- */

static void on_graphics(void *context, struct virt_reply *reply)
{
	bool spice;

	if (!ops_succeeded(context, reply))
		return;
	spice = reply->value.graphics.type == VIRT_GRAPHICS_SPICE;
	open_console(context, reply, steal_fd(&reply->value.graphics.fd),
		     spice ? "spice" : "vnc");
}

void op_domain_graphics(struct call *call,
			const struct domain_graphics_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_domain_open_graphics(
			      ops_virt(call), &ref, (unsigned)params->n,
			      ops_then(call, on_graphics), &err),
		      &err);
}

/* -- serial lines --------------------------------------------------------- */

static void on_serial(void *context, struct virt_reply *reply)
{
	if (ops_succeeded(context, reply))
		open_console(context, reply, steal_fd(&reply->value.serial.fd),
			     "serial");
}

void op_domain_serial(struct call *call,
		      const struct domain_serial_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};
	char device[24];

	snprintf(device, sizeof(device), "%u", (unsigned)params->n);
	ops_submitted(call,
		      virt_domain_open_serial(ops_virt(call), &ref, device,
					      params->force,
					      ops_then(call, on_serial), &err),
		      &err);
}
