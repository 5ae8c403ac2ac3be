/* Writing asciicast v2 (cast.h). */
#include "record/cast.h"

#include <string.h>

#include "api/json.h"
#include "base/utf8.h"

#define ESCAPED_FIRST 0xef00u
#define ESCAPED_LAST  0xefffu
#define LONGEST       4u /* bytes of a character */

int cast_append_header(struct buf *out, const struct cast_header *h)
{
	buf_appendf(out,
		    "{\"version\":2,\"width\":%u,\"height\":%u,"
		    "\"timestamp\":%lld",
		    h->width, h->height,
		    (long long)(h->about.time_us / 1000000));
	if (h->about.domain) {
		buf_append_str(out, ",\"title\":");
		json_append_string(out, h->about.domain);
	}
	if (h->term) {
		buf_append_str(out, ",\"env\":{\"TERM\":");
		json_append_string(out, h->term);
		buf_append_char(out, '}');
	}
	buf_append_str(out, ",\"virtmux\":{\"escape\":\"U+EF00\",");
	record_about_append(out, &h->about);
	return buf_append_str(out, "}}\n");
}

/* Whether S (N bytes, which are no character) may become one with more bytes. */
static bool is_begin(const uint8_t *s, size_t n)
{
	uint8_t whole[LONGEST] = {0x80, 0x80, 0x80, 0x80};
	uint32_t code_point;

	if (n > CAST_TAIL_MAX || s[0] < 0xc2 || s[0] > 0xf4)
		return false;
	if (n == 1)
		return true;
	memcpy(whole, s, n);
	/* A longer sequence than is there, since S itself is none. */
	return utf8_sequence(whole, sizeof(whole), &code_point) > n;
}

static void append_escaped(struct buf *out, const uint8_t *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_append_char(out, (char)0xee);
		buf_append_char(out, (char)(0xbc | s[i] >> 6));
		buf_append_char(out, (char)(0x80 | (s[i] & 0x3f)));
	}
}

static bool stands_as_it_is(uint32_t code_point)
{
	return code_point != 0 &&
	       (code_point < ESCAPED_FIRST || code_point > ESCAPED_LAST);
}

/* Bytes of S that are in OUT now. */
static size_t append_text(struct buf *out, const uint8_t *s, size_t n,
			  bool last)
{
	size_t i = 0, plain = 0;

	while (i < n) {
		uint32_t code_point = 0;
		size_t length = utf8_sequence(s + i, n - i, &code_point);

		if (length > 0 && stands_as_it_is(code_point)) {
			i += length;
			continue;
		}
		if (length == 0 && !last && is_begin(s + i, n - i))
			break;
		length = length ? length : 1;
		buf_append(out, s + plain, i - plain);
		append_escaped(out, s + i, length);
		i += length;
		plain = i;
	}
	buf_append(out, s + plain, i - plain);
	return i;
}

int cast_append_event(struct buf *out, uint64_t ns, enum cast_kind kind,
		      const uint8_t *data, size_t n, bool last, size_t *used)
{
	autobuf text = {0};

	*used = append_text(&text, data, n, last);
	if (!buf_ok(&text))
		return -1;
	if (*used == 0)
		return 0;
	buf_appendf(out, "[%llu.%06llu,\"%c\",",
		    (unsigned long long)(ns / 1000000000),
		    (unsigned long long)(ns / 1000 % 1000000), (char)kind);
	json_append_string_len(out, (const char *)buf_bytes(&text), text.len);
	return buf_append_str(out, "]\n");
}
