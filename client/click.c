/*
 * The verb `click`: the pointer of a guest moved and pressed at a place of its
 * screen, by a small VNC client (rfb.h) over the display's stream.
 *
 * What always holds: nothing is pressed before the place is seen to lie on the
 * screen and the guest to take positions; the verb returns when the server has
 * answered what was sent after the last press, so that it was not lost.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "client/connect/channel.h"
#include "client/consoles/console_domain.h"
#include "client/output.h"
#include "client/consoles/rfb.h"
#include "client/verbs.h"

#define DEFAULT_TIMEOUT_MS (30 * 1000)
#define PRESS_MS                                                               \
	60 /* a press, and the pause after it: guests ask tablets at 8 to 16 ms */
#define REFUSAL_MAX (64 * 1024) /* bytes of the host's words */
#define TURN_MS     20          /* between two looks at what has come */

struct click {
	struct command_call *call;
	struct channel *channel;
	struct h2_stream *stream; /* NULL when it is over */
	struct console_domain domain;
	struct rfb *rfb;
	struct buf refusal;
	unsigned status;
	bool ready, updated, has_pointer, absolute, over;
	unsigned width, height;
	struct error why;
};

/* -- the stream -------------------------------------------------------------- */

static size_t source_ready(void *context, bool *end)
{
	struct click *c = context;

	*end = false;
	return rfb_output(c->rfb)->len;
}

static void source_take(void *context, uint8_t *to, size_t n)
{
	struct click *c = context;

	memcpy(to, buf_bytes(rfb_output(c->rfb)), n);
	buf_consume(rfb_output(c->rfb), n);
}

static const struct h2_source source = {
	.ready = source_ready,
	.take = source_take,
};

static void give_up(struct click *c, struct error *why)
{
	if (!error_is_set(&c->why))
		error_move(&c->why, why);
	c->over = true;
	if (c->stream)
		h2_stream_reset(c->stream, H2_CANCEL);
}

static void on_response(void *context, struct h2_stream *s)
{
	struct click *c = context;
	autoerror why = {0};

	c->status = h2_stream_status(s);
	if (c->status != 200)
		return;
	if (console_domain_read(&c->domain, s, call_argument(c->call, 0),
				&why) < 0) {
		give_up(c, &why);
	} else if (strcmp(c->domain.kind, "spice") == 0) {
		error_set(&why, ERROR_UNSUPPORTED,
			  "this display of domain '%s' is a SPICE one, and "
			  "click speaks VNC: give the domain a <graphics "
			  "type='vnc'> as well and name its number with "
			  "--screen, or click in virtmux view",
			  c->domain.name);
		give_up(c, &why);
	}
}

static void take_event(struct click *c, const struct rfb_event *event)
{
	if (event->type == RFB_NOTHING)
		return;
	c->width = event->width;
	c->height = event->height;
	switch (event->type) {
	case RFB_READY:
		c->ready = true;
		break;
	case RFB_POINTER:
		c->has_pointer = true;
		c->absolute = event->absolute;
		break;
	case RFB_UPDATED:
		c->updated = true;
		break;
	case RFB_RESIZED:
	case RFB_NOTHING:
		break;
	}
}

static void on_data(void *context, struct h2_stream *s, const uint8_t *data,
		    size_t len)
{
	struct click *c = context;
	struct rfb_event event = {.type = RFB_UPDATED};
	autoerror why = {0};
	size_t n = len;

	if (c->over)
		return;
	if (c->status != 200) {
		if (c->refusal.len + len <= REFUSAL_MAX)
			buf_append(&c->refusal, data, len);
		h2_stream_consume(s, len);
		return;
	}
	while (event.type != RFB_NOTHING) {
		if (rfb_next(c->rfb, &data, &len, &event, &why) < 0) {
			give_up(c, &why);
			return;
		}
		take_event(c, &event);
	}
	h2_stream_consume(s, n);
	h2_stream_resume(s);
}

static void on_end(void *context, struct h2_stream *s)
{
	struct click *c = context;
	autoerror why = {0};

	if (c->status != 200)
		channel_read_error(c->status, buf_bytes(&c->refusal),
				   c->refusal.len, &why);
	else
		error_set(&why, ERROR_FAILED,
			  "the display of domain '%s' was closed",
			  c->domain.name);
	give_up(c, &why);
}

static void on_closed(void *context, struct h2_stream *s, uint32_t code)
{
	struct click *c = context;
	autoerror why = {0};

	c->stream = NULL;
	if (c->over)
		return;
	error_set(&why, ERROR_DISCONNECTED,
		  "the display's stream was broken off (HTTP/2 code %" PRIu32
		  ")",
		  code);
	give_up(c, &why);
}

static const struct h2_handler handler = {
	.on_response = on_response,
	.on_data = on_data,
	.on_end = on_end,
	.on_closed = on_closed,
};

/* -- waiting ----------------------------------------------------------------- */

static int pause_for(struct click *c, uint64_t ms, struct error *err)
{
	if (channel_pause(c->channel, ms, err) < 0)
		return -1;
	return c->over ? error_move(err, &c->why) : 0;
}

static int await(struct click *c, const bool *flag, const char *what,
		 struct error *err)
{
	while (!*flag) {
		if (c->over)
			return error_move(err, &c->why);
		if (channel_pause(c->channel, TURN_MS, err) == 0)
			continue;
		if (channel_is_late(c->channel))
			error_prefix(err, "the display of domain '%s' %s",
				     call_argument(c->call, 0), what);
		return -1;
	}
	return 0;
}

/* Until the server has done what it was told so far. */
static int settle(struct click *c, struct error *err)
{
	c->updated = false;
	rfb_ask_pixel(c->rfb);
	if (c->stream)
		h2_stream_resume(c->stream);
	return await(c, &c->updated, "did not answer", err);
}

/* -- clicking ---------------------------------------------------------------- */

static int send_pointer(struct click *c, unsigned buttons, unsigned x,
			unsigned y, struct error *err)
{
	rfb_pointer(c->rfb, buttons, x, y);
	if (c->stream)
		h2_stream_resume(c->stream);
	return pause_for(c, PRESS_MS, err);
}

static int press(struct click *c, unsigned x, unsigned y, struct error *err)
{
	static const unsigned masks[] = {RFB_LEFT, RFB_MIDDLE, RFB_RIGHT};
	unsigned mask = masks[call_choice(c->call, "button", 0)];
	int times = call_flag(c->call, "double") ? 2 : 1;

	if (send_pointer(c, 0, x, y, err) < 0)
		return -1;
	if (call_flag(c->call, "move"))
		return settle(c, err);
	for (int i = 0; i < times; i++)
		if (send_pointer(c, mask, x, y, err) < 0 ||
		    send_pointer(c, 0, x, y, err) < 0)
			return -1;
	return settle(c, err);
}

static int check_place(const struct click *c, unsigned x, unsigned y,
		       struct error *err)
{
	if (x >= c->width || y >= c->height)
		return error_set(err, ERROR_INVALID_PARAMS,
				 "%u,%u lies outside the screen of domain "
				 "'%s', which has %u x %u pixels: nothing was "
				 "clicked",
				 x, y, c->domain.name, c->width, c->height);
	if (c->has_pointer && !c->absolute)
		return error_set(err, ERROR_STATE,
				 "domain '%s' has a mouse that only knows how "
				 "far it moves, not where it is: give it a "
				 "tablet (<input type='tablet' bus='usb'/> or "
				 "bus='virtio'), which its system must drive; "
				 "nothing was clicked",
				 c->domain.name);
	return 0;
}

static int converse(struct click *c, unsigned x, unsigned y, struct error *err)
{
	autofree char *path =
		console_path(call_argument(c->call, 0), "graphics",
			     (unsigned)call_number(c->call, "screen", 0),
			     false);

	c->rfb = rfb_new();
	if (!path || !c->rfb)
		return error_set_no_memory(err);
	if (channel_connect(c->channel, path, &source, c, &handler, c,
			    &c->stream, err) < 0)
		return -1;
	if (await(c, &c->ready, "did not greet", err) < 0 ||
	    settle(c, err) < 0 || check_place(c, x, y, err) < 0)
		return -1;
	return press(c, x, y, err);
}

static int tell(struct click *c, unsigned x, unsigned y, struct error *err)
{
	struct output *output = call_output(c->call);
	autojson o = NULL;

	if (output_is_text(output)) {
		output_say(output, "%s %u,%u of domain '%s'",
			   call_flag(c->call, "move") ? "Moved to"
						      : "Clicked at",
			   x, y, c->domain.name);
		return 0;
	}
	o = json_object_new_object();
	if (!o)
		return error_set_no_memory(err);
	json_object_object_add(o, "name",
			       json_object_new_string(c->domain.name));
	json_object_object_add(o, "uuid",
			       json_object_new_string(c->domain.uuid));
	json_object_object_add(o, "x", json_object_new_int64(x));
	json_object_object_add(o, "y", json_object_new_int64(y));
	json_object_object_add(o, "width", json_object_new_int64(c->width));
	json_object_object_add(o, "height", json_object_new_int64(c->height));
	return output_value(output, o, err);
}

static int read_place(const struct command_call *call, unsigned *x, unsigned *y,
		      struct error *err)
{
	const char *text = call_argument(call, 1);
	int end = 0;

	if (strspn(text, "0123456789,") != strlen(text) ||
	    sscanf(text, "%5u,%5u%n", x, y, &end) != 2 || text[end] != '\0')
		return error_set(err, ERROR_USAGE,
				 "'%s' is no place: write X,Y in pixels from "
				 "the upper left corner, as wait-screen "
				 "--anywhere prints it",
				 text);
	if (call_flag(call, "move") &&
	    (call_given(call, "button") || call_flag(call, "double")))
		return error_set(err, ERROR_USAGE,
				 "--move presses no button: give neither "
				 "--button nor --double with it");
	return 0;
}

/* The stream's end must have come before what it calls back goes. */
static void finish(struct click *c)
{
	c->over = true;
	if (c->stream)
		h2_stream_reset(c->stream, H2_CANCEL);
	while (c->stream)
		uv_run(channel_loop(c->channel), UV_RUN_ONCE);
}

int verb_click(struct command_call *call, struct error *err)
{
	struct click c = {.call = call};
	unsigned x, y;
	int rc;

	if (read_place(call, &x, &y, err) < 0 ||
	    call_default_timeout(call, DEFAULT_TIMEOUT_MS, err) < 0 ||
	    call_channel(call, &c.channel, err) < 0)
		return -1;
	rc = converse(&c, x, y, err);
	finish(&c);
	if (rc == 0)
		rc = tell(&c, x, y, err);
	rfb_free(c.rfb);
	buf_free(&c.refusal);
	console_domain_clear(&c.domain);
	error_clear(&c.why);
	return rc;
}
