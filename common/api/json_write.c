/*
 * JSON text into a buffer: strings and whole numbers. Called by the codec, the
 * messages, the descriptions, the audit and the client's output. What holds: the
 * text is valid JSON and valid UTF-8, whatever bytes come in.
 */
#include "api/json.h"

#include <string.h>

#include "api/json_plain.h"
#include "base/utf8.h"

/*
 * Appends the one character at S (N bytes) that is not plain; its length. U+007F
 * is legal in JSON, and harmful on a terminal.
 */
static size_t append_special(struct buf *out, const uint8_t *s, size_t n)
{
	static const char shorts[] = "\bb\ff\nn\rr\tt\"\"\\\\";
	uint32_t code_point;
	size_t len;

	if (*s >= 0x80) {
		len = utf8_sequence(s, n, &code_point);
		if (len == 0) {
			buf_append(out, "\xef\xbf\xbd", 3);
			return 1;
		}
		buf_append(out, s, len);
		return len;
	}
	for (const char *pair = shorts; *pair != '\0'; pair += 2) {
		if ((uint8_t)pair[0] == *s) {
			buf_append(out, (char[]){'\\', pair[1]}, 2);
			return 1;
		}
	}
	buf_appendf(out, "\\u%04x", (unsigned)*s);
	return 1;
}

int json_append_string_len(struct buf *out, const char *text, size_t len)
{
	const uint8_t *s = (const uint8_t *)text;
	size_t at = json_plain_run(s, len);
	uint8_t *end;

	if (buf_reserve(out, len + 2) != 0)
		return -1;
	end = buf_end(out);
	*end++ = '"';
	memcpy(end, s, at);
	if (at == len) {
		end[at] = '"';
		buf_added(out, len + 2);
		return 0;
	}
	buf_added(out, at + 1);
	while (at < len) {
		size_t run = json_plain_run(s + at, len - at);

		buf_append(out, s + at, run);
		at += run;
		if (at < len)
			at += append_special(out, s + at, len - at);
	}
	return buf_append_char(out, '"');
}

int json_append_string(struct buf *out, const char *s)
{
	if (!s)
		return buf_append(out, "null", 4);
	return json_append_string_len(out, s, strlen(s));
}

int json_append_uint(struct buf *out, uint64_t value)
{
	uint8_t *end;
	size_t n = 1;

	if (buf_reserve(out, 20) != 0)
		return -1;
	for (uint64_t rest = value; rest >= 10; rest /= 10)
		n++;
	end = buf_end(out) + n;
	do {
		*--end = (uint8_t)('0' + value % 10);
		value /= 10;
	} while (value != 0);
	buf_added(out, n);
	return 0;
}

int json_append_int(struct buf *out, int64_t value)
{
	if (value >= 0)
		return json_append_uint(out, (uint64_t)value);
	buf_append_char(out, '-');
	return json_append_uint(out, 0 - (uint64_t)value);
}
