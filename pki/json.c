/*
 * JSON strings (RFC 8259 section 7). Called by report and describe. What always
 * holds: control characters never reach the output as themselves.
 */
#include "pki/json.h"

#include <string.h>

#include "base/utf8.h"
#include "pki/index.h"

void json_string(struct buf *out, const char *text)
{
	const uint8_t *s = (const uint8_t *)text;
	size_t left = strlen(text);

	buf_append_char(out, '"');
	while (left > 0) {
		uint32_t code_point = 0;
		size_t n = utf8_sequence(s, left, &code_point);

		if (n == 0)
			buf_append_str(out, "\\ufffd");
		else if (*s < 0x20 || *s == 0x7f)
			buf_appendf(out, "\\u%04x", *s);
		else if (*s == '"' || *s == '\\')
			buf_appendf(out, "\\%c", *s);
		else
			buf_append(out, s, n);
		n = n ? n : 1;
		s += n;
		left -= n;
	}
	buf_append_char(out, '"');
}

void json_time(struct buf *out, time_t seconds)
{
	char text[INDEX_TIME_SIZE];

	index_time_text(seconds, text);
	json_string(out, text);
}
