/*
 * Consoles: graphics and serial lines as streams (extended CONNECT). virt opens
 * the descriptor of the very domain that it looked up, a relay joins it with the
 * stream, and from then on nobody here sees a byte. Where the rights demand it, the
 * file of its recording is opened in between, and a tap stands before the relay.
 *
 * What always holds: a descriptor is the reply's, then the relay's, which closes
 * it also where the peer has gone meanwhile; the call ends with the relay.
 */
#include "daemon/ops/room.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/ops/recording.h"
#include "daemon/relay/relay.h"

/*
 * A VNC server speaks first (RFC 6143 section 7.1.1): one that does not within this
 * time hangs, and holds a viewer, a stream and two descriptors.
 */
#define VNC_GREETING_MS (30u * 1000)

/* The trailer virtmux-end, bytes with NUL; each byte may become three. */
#define END_SIZE 1537

/* One of them, from virt's reply to the end of its relay. */
struct console {
	struct call *call;
	struct virt_reply reply; /* virt's; its name is ours */
	const char *kind;
	const char *run; /* of the domain; or NULL */
	struct relay *relay;
	struct recording *recording; /* NULL: it need not be recorded */
	struct tap *tap;             /* into that, before it began */
	char last_words[END_SIZE];   /* as the trailer has them */
};

static bool is_serial(const struct console *c)
{
	return call_method(c->call)->id == METHOD_domain_serial;
}

static void free_console(struct console *c)
{
	recording_unref(c->recording);
	if (is_serial(c))
		virt_console_free(c->reply.value.serial.console);
	free(c->reply.domain.name);
	free(c);
}

/* -- the end -------------------------------------------------------------- */

static void on_relay_done(void *context, const struct relay_end *end)
{
	struct console *c = context;
	struct call *call = c->call;
	autoerror why = {0};

	if (!c->recording || !recording_failed(c->recording, &why))
		relay_end_error(end, &why);
	if (end->reason == RELAY_SILENT)
		log_warning(ops_of(call)->log,
			    "a console was ended: %s (%s, %" PRIu64
			    " bytes came from the peer)",
			    error_words(&why), call_method(call)->name,
			    end->bytes_in);
	free_console(c);
	call_finish(call, &why, end->bytes_in, end->bytes_out);
}

/* "NAME: WORDS", percent-encoded; NULL where virt did not end it. */
static const char *last_words(void *context)
{
	struct console *c = context;
	autoerror why = {0};
	char text[END_SIZE / 3];

	if (!is_serial(c) || !c->reply.value.serial.console ||
	    !virt_console_why(c->reply.value.serial.console, &why))
		return NULL;
	snprintf(text, sizeof(text), "%s: %s", error_code_name(why.code),
		 error_words(&why));
	ops_percent_encode(text, c->last_words, sizeof(c->last_words));
	return c->last_words;
}

/* The right to the console was taken away. */
static void cut(void *context)
{
	relay_cut(context, H2_INADEQUATE_SECURITY);
}

/* It never began. */
static void give_up(struct console *c, struct error *err)
{
	struct call *call = c->call;

	if (c->tap)
		tap_cancel(c->tap);
	relay_cancel(c->relay);
	free_console(c);
	call_fail(call, err);
}

/* -- the begin ------------------------------------------------------------ */

/* What the answer says; strings are borrowed. */
struct answer {
	struct h2_header headers[OPS_DOMAIN_HEADERS + 8];
	size_t n;
	struct ops_domain_headers domain;
	char offset[24], missed[24], taken[24];
};

static void add(struct answer *a, const char *name, const char *value)
{
	a->headers[a->n++] = (struct h2_header){name, value};
}

static void add_number(struct answer *a, const char *name, char text[24],
		       uint64_t number)
{
	snprintf(text, 24, "%" PRIu64, number);
	add(a, name, text);
}

static void add_serial(struct answer *a, const struct virt_serial *serial)
{
	add(a, "virtmux-line", serial->line);
	add(a, "virtmux-mode", serial->watches ? "watch" : "write");
	add_number(a, "virtmux-offset", a->offset, serial->offset);
	if (serial->missed)
		add_number(a, "virtmux-missed", a->missed, serial->missed);
	if (serial->counted)
		add_number(a, "virtmux-taken", a->taken, serial->taken);
}

/* Where it is answered no more, on_relay_done() comes all the same. */
static void answer(const struct console *c, struct h2_stream *stream)
{
	struct answer a = {.n = OPS_DOMAIN_HEADERS};

	ops_domain_headers(&c->reply, &a.domain, a.headers);
	add(&a, "virtmux-console", c->kind);
	if (c->run)
		add(&a, "virtmux-domain-run", c->run);
	if (is_serial(c))
		add_serial(&a, &c->reply.value.serial);
	if (c->tap)
		add(&a, "virtmux-recorded", "yes");
	h2_respond(stream, 200, a.headers, a.n,
		   c->tap ? &tap_source : &relay_source,
		   c->tap ? (void *)c->tap : c->relay);
}

static void start(struct console *c, struct h2_stream *stream,
		  const struct call_early *early)
{
	const uint8_t *data = buf_bytes(&early->data);

	call_set_cut(c->call, cut, c->relay);
	answer(c, stream);
	if (!c->tap) {
		relay_start(c->relay, stream, data, early->data.len,
			    early->end);
		return;
	}
	relay_start(c->relay, stream, NULL, 0, false);
	tap_start(steal(&c->tap), stream, data, early->data.len, early->end);
}

static void take_stream(struct console *c)
{
	struct call_early early;
	autoerror err = {0};
	struct h2_stream *stream =
		call_take_stream(c->call,
				 c->tap ? &tap_handler : &relay_handler,
				 c->tap ? (void *)c->tap : c->relay, &early);

	if (stream) {
		start(c, stream, &early);
		buf_free(&early.data);
		return;
	}
	error_set(&err, ERROR_DISCONNECTED,
		  "the peer went while the console was being opened");
	give_up(c, &err);
}

static void on_recording(void *context, struct recording *recording,
			 struct error *err)
{
	struct console *c = context;

	c->recording = recording;
	if (!recording ||
	    recording_tap(recording, &relay_handler, &relay_source, c->relay,
			  &c->tap, err) < 0) {
		give_up(c, err);
		return;
	}
	call_set_recording(c->call, recording_name(recording));
	take_stream(c);
}

/* The number of the display or line that was asked for. */
static unsigned number(const struct call *call)
{
	const void *params = call_arguments(call);

	if (call_method(call)->id == METHOD_domain_serial)
		return (unsigned)((const struct domain_serial_params *)params)
			->n;
	return (unsigned)((const struct domain_graphics_params *)params)->n;
}

static void open_recording(struct console *c)
{
	const struct recording_console what = {
		.call = c->call,
		.kind = c->kind,
		.n = number(c->call),
		.uuid = c->reply.domain.uuid,
		.domain = c->reply.domain.name,
	};
	autoerror err = {0};

	if (recording_open(ops_of(c->call), &what, on_recording, c, &err) < 0)
		give_up(c, &err);
}

/* What was opened, and what the answer says of it. */
struct opened {
	int fd;
	const char *kind;
	size_t ahead;      /* of its relay */
	uint64_t first_ms; /* too */
};

/* A console of REPLY, whose name it takes; NULL without memory. */
static struct console *new_console(struct call *call, struct virt_reply *reply,
				   const struct opened *opened)
{
	struct console *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->call = call;
	c->kind = opened->kind;
	c->reply = *reply;
	reply->domain.name = NULL;
	if (is_serial(c))
		reply->value.serial.console = NULL;
	else
		c->run = c->reply.value.graphics.run;
	return c;
}

/* Its descriptor is taken. */
static void open_console(struct call *call, struct virt_reply *reply,
			 struct opened *opened)
{
	autoclose int fd = steal_fd(&opened->fd);
	struct ops *ops = ops_of(call);
	struct console *c = new_console(call, reply, opened);
	struct relay_options options = {
		.uv = ops->uv,
		.blocks = &ops->blocks,
		.log = ops->log,
		.ahead = opened->ahead,
		.first_ms = opened->first_ms,
		.done = on_relay_done,
		.last_words = last_words,
		.context = c,
	};
	autoerror err = {0};

	if (!c) {
		error_set_no_memory(&err);
		call_fail(call, &err);
	} else if (relay_new(&c->relay, &options, steal_fd(&fd), &err) < 0) {
		free_console(c);
		call_fail(call, &err);
	} else if (call_is_recorded(call)) {
		open_recording(c);
	} else {
		take_stream(c);
	}
}

/* -- graphics ------------------------------------------------------------- */

static void on_graphics(void *context, struct virt_reply *reply)
{
	struct opened opened = {.fd = -1, .ahead = RELAY_AHEAD_DISPLAY};

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
	const struct caller *caller = call_caller(call);
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	char device[24];
	struct virt_serial_ask ask = {
		.device = device,
		.watch = params->watch,
		.force = params->force,
		.line = params->line,
		.after = params->after,
		.has_history = params->has_history,
		.history = params->history,
		.token = params->writer,
		.who = caller->identity,
		.from = caller->address,
	};
	autoerror err = {0};

	snprintf(device, sizeof(device), "%u", (unsigned)params->n);
	if (!params->line != !params->has_after) {
		error_set(&err, ERROR_INVALID_PARAMS,
			  "line and after go together: the line's id and how "
			  "many of its bytes are there already");
		call_fail(call, &err);
		return;
	}
	ops_submitted(call,
		      virt_domain_open_serial(ops_virt(call), &ref, &ask,
					      ops_then(call, on_serial), &err),
		      &err);
}
