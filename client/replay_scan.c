/*
 * What another viewer has to know of a display's recording (replay_private.h): a VNC
 * server sends what this very viewer said it could take, so its own negotiation, which
 * is in the recording, is followed (RFC 6143). What always holds: the handshake is held
 * until it is whole, and nothing of what comes behind.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "client/replay_private.h"
#include "record/capture.h"

#define VERSION_SIZE   12u
#define CHALLENGE_SIZE 16u
#define INIT_SIZE      24u          /* of ServerInit, before the name */
#define NAME_MAX_SIZE  (64u * 1024) /* of the screen */

enum stage {
	STAGE_VERSION,   /* section 7.1.1 */
	STAGE_SECURITY,  /* 7.1.2 */
	STAGE_CHALLENGE, /* 7.2.2 */
	STAGE_RESULT,    /* 7.1.3 */
	STAGE_INIT,      /* 7.3 */
	STAGE_MESSAGES,
	STAGE_STRANGE, /* it is none that can be followed */
};

struct scan {
	struct replay_scan *result;
	struct capture_reader *reader;
	enum stage stage;
	unsigned minor; /* of the version that the viewer chose */
	uint32_t security;
	struct buf server, client; /* not used yet */
	uint8_t format[RFB_FORMAT_SIZE];
	struct rfb_messages messages;
};

static uint32_t number(const uint8_t *at, unsigned bytes)
{
	uint32_t value = 0;

	while (bytes-- > 0)
		value = value << 8 | *at++;
	return value;
}

/* -- encodings ------------------------------------------------------------- */

/* Wishes for quality and compression: they change no form. */
static bool is_wish(int32_t encoding)
{
	return (encoding >= -32 && encoding <= -23) ||
	       (encoding >= -256 && encoding <= -247) ||
	       (encoding >= -512 && encoding <= -412) ||
	       (encoding >= -768 && encoding <= -763);
}

static bool has(const struct rfb_encodings *set, int32_t encoding)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->list[i] == encoding)
			return true;
	return encoding == 0; /* Raw, which every viewer takes */
}

void rfb_encodings_add(struct rfb_encodings *set, const uint8_t *list,
		       size_t count)
{
	for (size_t i = 0; i < count && set->count < RFB_ENCODINGS; i++) {
		int32_t encoding = (int32_t)number(list + 4 * i, 4);

		if (!is_wish(encoding) && !has(set, encoding))
			set->list[set->count++] = encoding;
	}
}

bool rfb_encodings_lack(const struct rfb_encodings *wanted,
			const struct rfb_encodings *given, int32_t *first)
{
	for (size_t i = 0; i < wanted->count; i++) {
		if (has(given, wanted->list[i]))
			continue;
		*first = wanted->list[i];
		return true;
	}
	return false;
}

/* -- what a viewer says ---------------------------------------------------- */

enum { SET_FORMAT = 0, SET_ENCODINGS = 2, UPDATE_REQUEST = 3, CUT_TEXT = 6 };
#define HEAD_MAX 9u /* bytes that tell how long any message is */

enum { FENCE = 248, SET_SIZE = 251, QEMU = 255 };

/* Bytes of the message, as far as its first N tell; 0: it is not known here. */
static uint64_t message_size(const uint8_t *m, size_t n)
{
	static const uint8_t fixed[] = {
		[0] = 20, [3] = 10, [4] = 8, [5] = 6, [150] = 10, [250] = 4};
	int32_t length;

	switch (m[0]) {
	case SET_ENCODINGS:
		return n < 4 ? 4 : 4 + 4 * (uint64_t)number(m + 2, 2);
	case CUT_TEXT:
		if (n < 8)
			return 8;
		length = (int32_t)number(m + 4, 4);
		/* Below 0: the extended clipboard. */
		return 8 + (length < 0 ? -(uint64_t)length & 0xffffffff
				       : (uint64_t)length);
	case FENCE:
		return n < 9 ? 9 : 9 + (uint64_t)m[8];
	case SET_SIZE:
		return n < 8 ? 8 : 8 + 16 * (uint64_t)m[6];
	case QEMU:
		if (n < 4)
			return 4;
		if (m[1] == 0)
			return 12; /* a key */
		return m[1] == 1 ? (number(m + 2, 2) == 2 ? 10 : 4) : 0;
	default:
		return m[0] < array_size(fixed) ? fixed[m[0]] : 0;
	}
}

static void take_message(struct rfb_messages *m, const uint8_t *data, size_t n)
{
	if (data[0] == SET_FORMAT) {
		if (m->asked &&
		    (!m->has_format ||
		     memcmp(m->format, data + 4, RFB_FORMAT_SIZE) != 0))
			m->changed = true;
		if (!m->asked)
			memcpy(m->format, data + 4, RFB_FORMAT_SIZE);
		m->has_format = true;
	} else if (data[0] == SET_ENCODINGS) {
		rfb_encodings_add(&m->encodings, data + 4, (n - 4) / 4);
	} else if (data[0] == UPDATE_REQUEST) {
		m->asked = true;
	}
}

/* Whether all of the message is looked at, or only how long it is. */
static bool is_looked_at(uint8_t type)
{
	return type == SET_FORMAT || type == SET_ENCODINGS;
}

/* One message, where it is whole; false: more is needed, or nothing more is known. */
static bool take_next(struct rfb_messages *m)
{
	const uint8_t *data = buf_bytes(&m->held);
	size_t n = m->held.len;
	uint64_t size = n > 0 ? message_size(data, n) : 1;

	m->lost = size == 0;
	if (n == 0 || m->lost || (n < size && n < HEAD_MAX))
		return false;
	if (n < size && is_looked_at(data[0]))
		return false;
	take_message(m, data, n < size ? n : (size_t)size);
	m->skip = n < size ? size - n : 0;
	buf_consume(&m->held, n < size ? n : (size_t)size);
	return true;
}

int rfb_messages_feed(struct rfb_messages *m, const uint8_t *data, size_t n)
{
	size_t skipped = m->skip < n ? (size_t)m->skip : n;

	if (m->lost)
		return 0;
	m->skip -= skipped;
	if (buf_append(&m->held, data + skipped, n - skipped) < 0)
		return -1;
	while (take_next(m))
		continue;
	return 0;
}

void rfb_messages_clear(struct rfb_messages *m)
{
	buf_free(&m->held);
}

/* -- the handshake --------------------------------------------------------- */

/* Both have said as much: it is used. */
static bool use(struct scan *s, size_t server, size_t client)
{
	if (s->server.len < server || s->client.len < client)
		return false;
	buf_consume(&s->server, server);
	buf_consume(&s->client, client);
	s->result->begin += server;
	return true;
}

static bool take_version(struct scan *s)
{
	const char *client = (const char *)buf_bytes(&s->client);

	if (s->server.len < VERSION_SIZE || s->client.len < VERSION_SIZE)
		return false;
	if (memcmp(buf_bytes(&s->server), "RFB 003.", 8) != 0 ||
	    memcmp(client, "RFB 003.", 8) != 0) {
		s->stage = STAGE_STRANGE;
		return false;
	}
	s->minor = (unsigned)strtoul(client + 8, NULL, 10);
	s->stage = STAGE_SECURITY;
	return use(s, VERSION_SIZE, VERSION_SIZE);
}

static bool take_security(struct scan *s)
{
	const uint8_t *server = buf_bytes(&s->server);
	size_t size = 4, choice = s->minor >= 7;

	if (choice && s->server.len > 0)
		size = 1 + (size_t)server[0];
	if (s->server.len < size || s->client.len < choice)
		return false;
	s->security = choice ? *buf_bytes(&s->client) : number(server, 4);
	if (s->security == 2)
		s->stage = STAGE_CHALLENGE;
	else if (s->security == 1)
		s->stage = s->minor >= 8 ? STAGE_RESULT : STAGE_INIT;
	else
		s->stage = STAGE_STRANGE;
	return use(s, size, choice);
}

static bool take_init(struct scan *s)
{
	const uint8_t *server = buf_bytes(&s->server);
	struct replay_scan *result = s->result;
	uint32_t length;

	if (s->server.len < INIT_SIZE || s->client.len < 1)
		return false;
	length = number(server + 20, 4);
	if (length > NAME_MAX_SIZE) {
		s->stage = STAGE_STRANGE;
		return false;
	}
	if (s->server.len < INIT_SIZE + length)
		return false;
	result->width = (uint16_t)number(server, 2);
	result->height = (uint16_t)number(server + 2, 2);
	memcpy(result->format, server + 4, RFB_FORMAT_SIZE);
	result->name = strndup((const char *)server + INIT_SIZE, length);
	result->handshake = true;
	s->stage = STAGE_MESSAGES;
	return use(s, INIT_SIZE + length, 1);
}

static bool take_step(struct scan *s)
{
	switch (s->stage) {
	case STAGE_VERSION:
		return take_version(s);
	case STAGE_SECURITY:
		return take_security(s);
	case STAGE_CHALLENGE:
		if (!use(s, CHALLENGE_SIZE, CHALLENGE_SIZE))
			return false;
		s->stage = STAGE_RESULT;
		return true;
	case STAGE_RESULT:
		if (!use(s, 4, 0))
			return false;
		s->stage = STAGE_INIT;
		return true;
	case STAGE_INIT:
		return take_init(s);
	case STAGE_MESSAGES:
	case STAGE_STRANGE:
		break;
	}
	return false;
}

/* -- all of it ------------------------------------------------------------- */

static int follow_viewer(struct scan *s, uint64_t us, struct error *err)
{
	bool had_asked = s->messages.asked;

	if (rfb_messages_feed(&s->messages, buf_bytes(&s->client),
			      s->client.len) < 0)
		return error_set_no_memory(err);
	buf_reset(&s->client);
	if (s->messages.asked && !had_asked && s->messages.has_format)
		memcpy(s->result->format, s->messages.format, RFB_FORMAT_SIZE);
	if (s->messages.changed && s->result->until_us == UINT64_MAX)
		s->result->until_us = us;
	return 0;
}

static int on_record(void *context, const struct capture_record *record,
		     struct error *err)
{
	struct scan *s = context;
	bool server = record->kind == CAPTURE_SERVER;

	s->result->last_us = record->us;
	if (server)
		s->result->from_server += record->len;
	else
		s->result->from_client += record->len;
	if (s->stage == STAGE_STRANGE || (server && s->stage == STAGE_MESSAGES))
		return 0;
	if (buf_append(server ? &s->server : &s->client, record->data,
		       record->len) < 0)
		return error_set_no_memory(err);
	while (take_step(s))
		continue;
	if (s->stage != STAGE_MESSAGES)
		return 0;
	buf_reset(&s->server);
	return follow_viewer(s, record->us, err);
}

static int feed(void *context, const uint8_t *data, size_t n, struct error *err)
{
	struct scan *s = context;

	return capture_reader_feed(s->reader, data, n, on_record, s, err);
}

int replay_scan(struct replay_scan *scan, FILE *file, const char *path,
		struct error *err)
{
	autoptr(capture_reader) reader = capture_reader_new();
	struct scan s = {.result = scan, .reader = reader};
	int rc;

	*scan = (struct replay_scan){.until_us = UINT64_MAX};
	if (!reader)
		return error_set_no_memory(err);
	rc = replay_read(file, path, feed, &s, err);
	if (rc == 0)
		rc = capture_reader_end(reader, &scan->cut, &scan->lost, err);
	scan->about = json_object_get(capture_reader_about(reader));
	scan->encodings = s.messages.encodings;
	rfb_messages_clear(&s.messages);
	buf_free(&s.server);
	buf_free(&s.client);
	return rc;
}

void replay_scan_clear(struct replay_scan *scan)
{
	json_object_put(scan->about);
	free(scan->name);
}
