/*
 * Consoles: graphics and serial lines as streams (extended CONNECT). virt opens
 * the descriptor of the very domain that it looked up, a relay joins it with the
 * stream, and from then on nobody here sees a byte.
 *
 * What always holds: a descriptor is the reply's, then the relay's, which closes
 * it also where the peer has gone meanwhile; the call ends with the relay.
 */
#include "daemon/ops/room.h"

#include <inttypes.h>
#include <stdio.h>

#include "daemon/relay/relay.h"

/*
 * A VNC server speaks first (RFC 6143 section 7.1.1): one that does not within this
 * time hangs, and holds a viewer, a stream and two descriptors.
 */
#define VNC_GREETING_MS (30u * 1000)

/* What was opened, and what the answer says of it. */
struct opened {
	int fd;
	const char *kind;
	const char *run;   /* or NULL */
	uint64_t first_ms; /* of its relay */
};

static void on_relay_done(void *context, const struct relay_end *end)
{
	struct call *call = context;
	autoerror why = {0};

	relay_end_error(end, &why);
	if (end->reason == RELAY_SILENT)
		log_warning(ops_of(call)->log,
			    "a console was ended: %s (%s, %" PRIu64
			    " bytes came from the peer)",
			    error_words(&why), call_method(call)->name,
			    end->bytes_in);
	call_finish(call, &why, end->bytes_in, end->bytes_out);
}

/* The right to the console was taken away. */
static void cut(void *context)
{
	relay_cut(context, H2_INADEQUATE_SECURITY);
}

/* Where it is answered no more, on_relay_done() comes all the same. */
static void answer(struct relay *relay, struct h2_stream *stream,
		   const struct virt_reply *reply, const struct opened *opened)
{
	struct ops_domain_headers store;
	struct h2_header headers[OPS_DOMAIN_HEADERS + 2];
	size_t n = OPS_DOMAIN_HEADERS;

	ops_domain_headers(reply, &store, headers);
	headers[n++] = (struct h2_header){"virtmux-console", opened->kind};
	if (opened->run)
		headers[n++] =
			(struct h2_header){"virtmux-domain-run", opened->run};
	h2_respond(stream, 200, headers, n, &relay_source, relay);
}

static void fail_orphan(struct call *call)
{
	autoerror err = {0};

	error_set(&err, ERROR_DISCONNECTED,
		  "the peer went while the console was being opened");
	call_fail(call, &err);
}

static void take_stream(struct call *call, struct relay *relay,
			const struct virt_reply *reply,
			const struct opened *opened)
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
	answer(relay, stream, reply, opened);
	relay_start(relay, stream, buf_bytes(&early.data), early.data.len,
		    early.end);
	buf_free(&early.data);
}

/* Its descriptor is taken. */
static void open_console(struct call *call, const struct virt_reply *reply,
			 const struct opened *opened)
{
	struct ops *ops = ops_of(call);
	struct relay_options options = {
		.uv = ops->uv,
		.blocks = &ops->blocks,
		.log = ops->log,
		.first_ms = opened->first_ms,
		.done = on_relay_done,
		.context = call,
	};
	struct relay *relay;
	autoerror err = {0};

	if (relay_new(&relay, &options, opened->fd, &err) < 0)
		call_fail(call, &err);
	else
		take_stream(call, relay, reply, opened);
}

/* -- graphics ------------------------------------------------------------- */

static void on_graphics(void *context, struct virt_reply *reply)
{
	struct opened opened = {.run = reply->value.graphics.run};

	if (!ops_succeeded(context, reply))
		return;
	opened.fd = steal_fd(&reply->value.graphics.fd);
	if (reply->value.graphics.type == VIRT_GRAPHICS_SPICE) {
		opened.kind = "spice";
	} else {
		opened.kind = "vnc";
		opened.first_ms = VNC_GREETING_MS;
	}
	open_console(context, reply, &opened);
}

void op_domain_graphics(struct call *call,
			const struct domain_graphics_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_domain_open_graphics(
			      ops_virt(call), &ref, (unsigned)params->n,
			      params->has_run ? params->run : NULL,
			      ops_then(call, on_graphics), &err),
		      &err);
}

/* -- serial lines --------------------------------------------------------- */

static void on_serial(void *context, struct virt_reply *reply)
{
	struct opened opened = {.kind = "serial"};

	if (!ops_succeeded(context, reply))
		return;
	opened.fd = steal_fd(&reply->value.serial.fd);
	open_console(context, reply, &opened);
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
