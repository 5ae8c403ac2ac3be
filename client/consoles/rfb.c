/*
 * RFB's client, message by message (rfb.h). Each state waits for a known number of
 * bytes, gathers them, and a function reads them; what is not wanted is counted
 * down and dropped.
 */
#include "client/consoles/rfb.h"

#include <stdlib.h>
#include <string.h>

/* The longest part that is gathered at once: ServerInit, or a refusal. */
#define PART_MAX (RFB_WHY_MAX > 64 ? RFB_WHY_MAX : 64)

enum {
	SECURITY_INVALID = 0,
	SECURITY_NONE = 1,

	ENCODING_RAW = 0,
	ENCODING_DESKTOP_SIZE = -223,
	ENCODING_POINTER_TYPE = -257, /* QEMU's: absolute or relative */

	FROM_SERVER_UPDATE = 0,
	FROM_SERVER_COLOURS = 1,
	FROM_SERVER_BELL = 2,
	FROM_SERVER_TEXT = 3,

	TO_SERVER_ENCODINGS = 2,
	TO_SERVER_REQUEST = 3,
	TO_SERVER_POINTER = 5,
};

enum state {
	STATE_VERSION,
	STATE_SECURITY_33,    /* the type that the server has chosen */
	STATE_SECURITY_COUNT, /* how many types it offers */
	STATE_SECURITY_TYPES,
	STATE_RESULT, /* of the security type, 3.8 */
	STATE_WHY_LENGTH,
	STATE_WHY,
	STATE_INIT,
	STATE_NAME,
	STATE_MESSAGE, /* its type */
	STATE_UPDATE,
	STATE_RECTANGLE,
	STATE_COLOURS,
	STATE_TEXT,
	STATES
};

struct rfb {
	enum state state;
	size_t need; /* bytes of the part that the state waits for */
	uint8_t part[PART_MAX];
	size_t have;
	uint64_t drop;  /* bytes to be passed over before the next part */
	unsigned minor; /* of version 3: 3, 7 or 8 */
	unsigned width, height;
	unsigned pixel;      /* bytes */
	unsigned rectangles; /* still to come in this update */
	struct buf output;
};

/* -- small helps ------------------------------------------------------------- */

static unsigned u16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static uint32_t u32(const uint8_t *p)
{
	return (uint32_t)u16(p) << 16 | u16(p + 2);
}

static void put8(struct rfb *r, unsigned value)
{
	buf_append_char(&r->output, (char)value);
}

static void put16(struct rfb *r, unsigned value)
{
	put8(r, value >> 8 & 0xff);
	put8(r, value & 0xff);
}

static void put32(struct rfb *r, uint32_t value)
{
	put16(r, value >> 16);
	put16(r, value & 0xffff);
}

/* What comes next; NEED is 0 for none of its own. */
static int expect(struct rfb *r, enum state state, size_t need)
{
	r->state = state;
	r->need = need;
	r->have = 0;
	return 0;
}

static int next_message(struct rfb *r)
{
	return expect(r, STATE_MESSAGE, 1);
}

static int broken(struct error *err, const char *what)
{
	return error_set(err, ERROR_FAILED,
			 "the display's VNC server breaks the protocol: %s",
			 what);
}

/* -- the handshake ----------------------------------------------------------- */

static int read_version(struct rfb *r, struct error *err)
{
	const uint8_t *p = r->part;

	for (int i = 4; i < 11; i++)
		if (i != 7 && (p[i] < '0' || p[i] > '9'))
			return broken(err, "its greeting is not RFB's");
	if (memcmp(p, "RFB ", 4) != 0 || p[7] != '.' || p[11] != '\n')
		return broken(err, "its greeting is not RFB's");
	if (memcmp(p + 4, "003.", 4) < 0)
		return broken(err, "it is older than RFB 3.3");
	if (memcmp(p + 4, "003.008", 7) >= 0)
		r->minor = 8;
	else
		r->minor = memcmp(p + 4, "003.007", 7) == 0 ? 7 : 3;
	buf_appendf(&r->output, "RFB 003.00%u\n", r->minor);
	if (r->minor == 3)
		return expect(r, STATE_SECURITY_33, 4);
	return expect(r, STATE_SECURITY_COUNT, 1);
}

static int wants_other(struct error *err)
{
	return error_set(err, ERROR_UNSUPPORTED,
			 "the display's VNC server wants a password or another "
			 "proof: take the password out of the domain's "
			 "<graphics>; the channel protects it");
}

/* We share the display with whoever looks at it already. */
static int begin_session(struct rfb *r)
{
	put8(r, 1);
	return expect(r, STATE_INIT, 24);
}

static int read_security_33(struct rfb *r, struct error *err)
{
	uint32_t type = u32(r->part);

	if (type == SECURITY_INVALID)
		return expect(r, STATE_WHY_LENGTH, 4);
	return type == SECURITY_NONE ? begin_session(r) : wants_other(err);
}

static int read_security_types(struct rfb *r, struct error *err)
{
	if (!memchr(r->part, SECURITY_NONE, r->have))
		return wants_other(err);
	put8(r, SECURITY_NONE);
	return r->minor == 7 ? begin_session(r) : expect(r, STATE_RESULT, 4);
}

static int read_why_length(struct rfb *r, struct error *err)
{
	uint32_t n = u32(r->part);

	if (n == 0 || n > RFB_WHY_MAX)
		return error_set(err, ERROR_FAILED,
				 "the display's VNC server refuses us");
	return expect(r, STATE_WHY, n);
}

static int read_why(struct rfb *r, struct error *err)
{
	/* A server's words: what a terminal could act on is taken out. */
	for (size_t i = 0; i < r->have; i++)
		if (r->part[i] < ' ' || r->part[i] > '~')
			r->part[i] = '?';
	return error_set(err, ERROR_FAILED,
			 "the display's VNC server refuses us: %.*s",
			 (int)r->have, (const char *)r->part);
}

static int set_size(struct rfb *r, unsigned width, unsigned height,
		    struct error *err)
{
	if (width == 0 || height == 0)
		return broken(err, "its screen has no pixels");
	r->width = width;
	r->height = height;
	return 0;
}

static void put_encodings(struct rfb *r)
{
	static const int32_t encodings[] = {ENCODING_RAW, ENCODING_DESKTOP_SIZE,
					    ENCODING_POINTER_TYPE};

	put8(r, TO_SERVER_ENCODINGS);
	put8(r, 0);
	put16(r, array_size(encodings));
	for (size_t i = 0; i < array_size(encodings); i++)
		put32(r, (uint32_t)encodings[i]);
}

static int read_init(struct rfb *r, struct error *err)
{
	uint32_t name = u32(r->part + 20);
	unsigned bits = r->part[4];

	if (bits != 8 && bits != 16 && bits != 32)
		return broken(err, "its pixels have no known size");
	if (name > RFB_NAME_MAX)
		return broken(err, "its name is too long");
	r->pixel = bits / 8;
	if (set_size(r, u16(r->part), u16(r->part + 2), err) < 0)
		return -1;
	put_encodings(r);
	r->drop = name;
	return expect(r, STATE_NAME, 0);
}

/* -- messages ---------------------------------------------------------------- */

static int read_message(struct rfb *r, struct error *err)
{
	switch (r->part[0]) {
	case FROM_SERVER_UPDATE:
		return expect(r, STATE_UPDATE, 3);
	case FROM_SERVER_COLOURS:
		return expect(r, STATE_COLOURS, 5);
	case FROM_SERVER_BELL:
		return next_message(r);
	case FROM_SERVER_TEXT:
		return expect(r, STATE_TEXT, 7);
	default:
		return broken(err, "a message of an unknown type");
	}
}

static int read_text(struct rfb *r, struct error *err)
{
	uint32_t n = u32(r->part + 3);

	if (n > RFB_TEXT_MAX)
		return broken(err, "a clipboard's text is too long");
	r->drop = n;
	return next_message(r);
}

static int read_colours(struct rfb *r)
{
	r->drop = (uint64_t)u16(r->part + 3) * 6;
	return next_message(r);
}

/* After the last rectangle, whose pixels are still to be passed over. */
static int next_rectangle(struct rfb *r)
{
	return expect(r, STATE_RECTANGLE, r->rectangles > 0 ? 12 : 0);
}

static int read_update(struct rfb *r)
{
	r->rectangles = u16(r->part + 1);
	return next_rectangle(r);
}

static int read_raw(struct rfb *r, struct error *err)
{
	unsigned x = u16(r->part), y = u16(r->part + 2);
	unsigned w = u16(r->part + 4), h = u16(r->part + 6);

	if (x + w > r->width || y + h > r->height)
		return broken(err, "a rectangle lies outside its screen");
	r->drop = (uint64_t)w * h * r->pixel;
	return next_rectangle(r);
}

static int read_rectangle(struct rfb *r, struct rfb_event *event,
			  struct error *err)
{
	r->rectangles--;
	switch ((int32_t)u32(r->part + 8)) {
	case ENCODING_RAW:
		return read_raw(r, err);
	case ENCODING_DESKTOP_SIZE:
		if (set_size(r, u16(r->part + 4), u16(r->part + 6), err) < 0)
			return -1;
		event->type = RFB_RESIZED;
		break;
	case ENCODING_POINTER_TYPE:
		event->type = RFB_POINTER;
		event->absolute = u16(r->part) != 0;
		break;
	default:
		return broken(err, "an encoding that was not asked for");
	}
	return next_rectangle(r);
}

/* -- bytes ------------------------------------------------------------------- */

static int read_result(struct rfb *r)
{
	return u32(r->part) == 0 ? begin_session(r)
				 : expect(r, STATE_WHY_LENGTH, 4);
}

/* The state's part is complete. */
static int read_part(struct rfb *r, struct rfb_event *event, struct error *err)
{
	switch (r->state) {
	case STATE_VERSION:
		return read_version(r, err);
	case STATE_SECURITY_33:
		return read_security_33(r, err);
	case STATE_SECURITY_COUNT:
		if (r->part[0] == 0)
			return expect(r, STATE_WHY_LENGTH, 4);
		return expect(r, STATE_SECURITY_TYPES, r->part[0]);
	case STATE_SECURITY_TYPES:
		return read_security_types(r, err);
	case STATE_RESULT:
		return read_result(r);
	case STATE_WHY_LENGTH:
		return read_why_length(r, err);
	case STATE_WHY:
		return read_why(r, err);
	case STATE_INIT:
		return read_init(r, err);
	case STATE_NAME:
		event->type = RFB_READY;
		return next_message(r);
	case STATE_MESSAGE:
		return read_message(r, err);
	case STATE_UPDATE:
		return read_update(r);
	case STATE_RECTANGLE:
		if (r->need > 0)
			return read_rectangle(r, event, err);
		event->type = RFB_UPDATED;
		return next_message(r);
	case STATE_COLOURS:
		return read_colours(r);
	case STATE_TEXT:
		return read_text(r, err);
	case STATES:
		break;
	}
	return broken(err, "a state that does not exist");
}

static void take(const uint8_t **data, size_t *len, size_t n)
{
	*data += n;
	*len -= n;
}

int rfb_next(struct rfb *r, const uint8_t **data, size_t *len,
	     struct rfb_event *event, struct error *err)
{
	*event = (struct rfb_event){.type = RFB_NOTHING};
	while (event->type == RFB_NOTHING) {
		size_t n = *len;

		if (r->drop > 0) {
			n = n < r->drop ? n : (size_t)r->drop;
			take(data, len, n);
			r->drop -= n;
			if (r->drop > 0)
				return 0;
		}
		n = *len < r->need - r->have ? *len : r->need - r->have;
		if (n > 0)
			memcpy(r->part + r->have, *data, n);
		take(data, len, n);
		r->have += n;
		if (r->have < r->need)
			return 0;
		if (read_part(r, event, err) < 0)
			return -1;
	}
	event->width = r->width;
	event->height = r->height;
	return buf_ok(&r->output) ? 0 : error_set_no_memory(err);
}

/* -- verbs ------------------------------------------------------------------- */

struct rfb *rfb_new(void)
{
	struct rfb *r = calloc(1, sizeof(*r));

	if (r)
		expect(r, STATE_VERSION, 12);
	return r;
}

void rfb_free(struct rfb *r)
{
	if (!r)
		return;
	buf_free(&r->output);
	free(r);
}

struct buf *rfb_output(struct rfb *r)
{
	return &r->output;
}

void rfb_pointer(struct rfb *r, unsigned buttons, unsigned x, unsigned y)
{
	put8(r, TO_SERVER_POINTER);
	put8(r, buttons);
	put16(r, x);
	put16(r, y);
}

void rfb_ask_pixel(struct rfb *r)
{
	put8(r, TO_SERVER_REQUEST);
	put8(r, 0); /* not incremental */
	put16(r, 0);
	put16(r, 0);
	put16(r, 1);
	put16(r, 1);
}
