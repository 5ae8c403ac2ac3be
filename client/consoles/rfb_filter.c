/*
 * Following a viewer's side of RFB (rfb_filter.h). The messages stand in a table; the
 * extensions are those that QEMU and the viewers of today speak, by the community's
 * rfbproto document.
 */
#include "client/consoles/rfb_filter.h"

#include <string.h>

#define VERSION_SIZE  12
#define PASSWORD_SIZE 16

enum security { SECURITY_NONE = 1, SECURITY_VNC = 2 };

/* A number in a message's head, big endian, SIZE bytes at AT; none where 0. */
struct message {
	uint8_t type;
	bool input; /* it changes something, in the guest or for others */
	uint8_t head;
	uint8_t count_at, count_size;
	uint8_t each; /* bytes of the body for each that is counted */
};

static const struct message messages[] = {
	{.type = 0, .head = 20},                 /* SetPixelFormat */
	{2, false, 4, 2, 2, 4},                  /* SetEncodings */
	{.type = 3, .head = 10},                 /* UpdateRequest */
	{.type = 4, .input = true, .head = 8},   /* KeyEvent */
	{.type = 5, .input = true, .head = 6},   /* PointerEvent */
	{6, true, 8, 4, 4, 1},                   /* ClientCutText */
	{.type = 150, .head = 10},               /* continuous updates */
	{248, false, 9, 8, 1, 1},                /* fence */
	{.type = 250, .input = true, .head = 4}, /* xvp: power */
	{251, true, 8, 6, 1, 16},                /* SetDesktopSize */
	{.type = 255, .input = true, .head = 4, .each = 0} /* QEMU's own */
};

enum { TYPE_UPDATE_REQUEST = 3, TYPE_CUT_TEXT = 6, TYPE_QEMU = 255 };

/* Of QEMU's own messages (type 255), by the byte behind the type. */
enum {
	QEMU_KEY = 0,
	QEMU_KEY_SIZE = 12,
	QEMU_AUDIO = 1,
	QEMU_AUDIO_FORMAT = 2
};
#define QEMU_AUDIO_FORMAT_SIZE 10

/* Whether something that comes now may have to be kept from passing. */
static bool has_rules(const struct rfb_filter *f)
{
	return f->read_only || (f->shared && f->stage < RFB_FILTER_MESSAGES);
}

static int lose(struct rfb_filter *f, struct error *err, const char *what,
		unsigned number)
{
	if (!has_rules(f)) {
		f->stage = RFB_FILTER_LOST;
		return 0;
	}
	f->stage = RFB_FILTER_CLOSED;
	return error_set(err, ERROR_UNSUPPORTED,
			 "the viewer was disconnected: it uses %s %u of VNC, "
			 "which cannot be followed, as --read-only and "
			 "--shared must; try another viewer (--viewer)",
			 what, number);
}

static void pass(struct rfb_filter *f, struct buf *out)
{
	buf_append(out, f->head, f->held);
	f->held = 0;
}

static uint64_t read_number(const uint8_t *at, size_t size)
{
	uint64_t n = 0;

	for (size_t i = 0; i < size; i++)
		n = n << 8 | at[i];
	return n;
}

/* -- the handshake --------------------------------------------------------- */

/*
 * RFB 3.3 has the server choose, whose words are not read here. A viewer offers no
 * more than the server did: only an old or odd server brings it to that.
 */
static int take_version(struct rfb_filter *f, struct buf *out,
			struct error *err)
{
	bool known = memcmp(f->head, "RFB 003.008\n", VERSION_SIZE) == 0 ||
		     memcmp(f->head, "RFB 003.007\n", VERSION_SIZE) == 0;

	if (!known && lose(f, err, "a version older than 3.7, byte",
			   f->head[VERSION_SIZE - 2]) < 0)
		return -1;
	pass(f, out);
	if (known)
		f->stage = RFB_FILTER_SECURITY;
	return 0;
}

static int take_security(struct rfb_filter *f, struct buf *out,
			 struct error *err)
{
	unsigned type = f->head[0];

	if (type == SECURITY_NONE)
		f->stage = RFB_FILTER_INIT;
	else if (type == SECURITY_VNC)
		f->stage = RFB_FILTER_PASSWORD;
	else if (lose(f, err, "security type", type) < 0)
		return -1;
	pass(f, out);
	return 0;
}

static void take_init(struct rfb_filter *f, struct buf *out)
{
	/* Who only looks puts nobody out. */
	if (has_rules(f))
		f->head[0] = 1;
	pass(f, out);
	f->stage = RFB_FILTER_MESSAGES;
}

/* -- messages -------------------------------------------------------------- */

static const struct message *find_message(uint8_t type)
{
	for (size_t i = 0; i < array_size(messages); i++)
		if (messages[i].type == type)
			return &messages[i];
	return NULL;
}

/* An extended clipboard has its length as a negative number. */
static uint64_t body_size(const struct message *m, const uint8_t *head)
{
	uint64_t n = read_number(head + m->count_at, m->count_size);

	if (m->type == TYPE_CUT_TEXT && n > INT32_MAX)
		n = (uint64_t)UINT32_MAX + 1 - n;
	return n * m->each;
}

static int take_qemu(struct rfb_filter *f, bool *input, struct error *err)
{
	unsigned kind = f->head[1];

	if (kind == QEMU_KEY) {
		f->body = QEMU_KEY_SIZE - f->held;
	} else if (kind == QEMU_AUDIO) {
		*input = false; /* to hear it changes nothing */
		if (read_number(f->head + 2, 2) == QEMU_AUDIO_FORMAT)
			f->body = QEMU_AUDIO_FORMAT_SIZE - f->held;
	} else {
		return lose(f, err, "QEMU's message", kind);
	}
	return 0;
}

static int take_message(struct rfb_filter *f, const struct message *m,
			struct buf *out, struct error *err)
{
	bool input = m->input;

	f->body = body_size(m, f->head);
	if (m->type == TYPE_QEMU && take_qemu(f, &input, err) < 0)
		return -1;
	if (m->type == TYPE_UPDATE_REQUEST)
		f->asked = true;
	f->drops = f->read_only && input;
	if (f->drops) {
		f->left_out++;
		f->held = 0;
	} else {
		pass(f, out);
	}
	return 0;
}

/* -- bytes ----------------------------------------------------------------- */

/* How many bytes of head are needed now; it has at least one. */
static size_t head_size(const struct rfb_filter *f)
{
	const struct message *m;

	switch (f->stage) {
	case RFB_FILTER_VERSION:
		return VERSION_SIZE;
	case RFB_FILTER_PASSWORD:
		return PASSWORD_SIZE;
	case RFB_FILTER_MESSAGES:
		m = find_message(f->head[0]);
		return m ? m->head : 1;
	default:
		return 1;
	}
}

static int take_head(struct rfb_filter *f, struct buf *out, struct error *err)
{
	const struct message *m;

	switch (f->stage) {
	case RFB_FILTER_VERSION:
		return take_version(f, out, err);
	case RFB_FILTER_SECURITY:
		return take_security(f, out, err);
	case RFB_FILTER_PASSWORD:
		pass(f, out);
		f->stage = RFB_FILTER_INIT;
		return 0;
	case RFB_FILTER_INIT:
		take_init(f, out);
		return 0;
	default:
		break;
	}
	m = find_message(f->head[0]);
	if (m)
		return take_message(f, m, out, err);
	if (lose(f, err, "message", f->head[0]) < 0)
		return -1;
	pass(f, out);
	return 0;
}

/* Of N bytes those that belong to the message whose head was judged. */
static size_t take_body(struct rfb_filter *f, const uint8_t *data, size_t n,
			struct buf *out)
{
	if (n > f->body)
		n = (size_t)f->body;
	if (!f->drops)
		buf_append(out, data, n);
	f->body -= n;
	return n;
}

static void take_rest(struct rfb_filter *f, const uint8_t *data, size_t n,
		      struct buf *out)
{
	if (f->stage == RFB_FILTER_CLOSED)
		return;
	/* What it asks for is not seen; that it goes on is a sign. */
	f->asked = true;
	buf_append(out, data, n);
}

int rfb_filter_feed(struct rfb_filter *f, const uint8_t *data, size_t n,
		    struct buf *out, struct error *err)
{
	while (n > 0) {
		size_t used = 1;

		if (f->stage >= RFB_FILTER_LOST) {
			take_rest(f, data, n, out);
			used = n;
		} else if (f->body > 0) {
			used = take_body(f, data, n, out);
		} else {
			f->head[f->held++] = *data;
			if (f->held == head_size(f) &&
			    take_head(f, out, err) < 0)
				return -1;
		}
		data += used;
		n -= used;
	}
	return buf_ok(out) ? 0 : error_set_no_memory(err);
}
