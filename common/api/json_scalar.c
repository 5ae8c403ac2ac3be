/*
 * Strings and numbers of JSON, and the words of faults, for json_parse.c. json-c's
 * tokener reads nothing but the fractions, whose grammar was checked before. What
 * holds: text that is handed on is valid UTF-8 without NUL.
 */
#include "api/json_reader.h"

#include <json-c/json_tokener.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "api/json_plain.h"
#include "api/member.h"
#include "base/utf8.h"

__attribute__((format(printf, 3, 4))) int
json_fault(struct reader *r, size_t at, const char *format, ...)
{
	autobuf words = {0};
	va_list args;

	va_start(args, format);
	buf_vappendf(&words, format, args);
	va_end(args);
	buf_append_char(&words, '\0');
	if (!buf_ok(&words))
		return error_set_no_memory(r->err);
	return error_set(r->err, ERROR_PARSE,
			 "not valid JSON at offset %zu: %s", at,
			 (const char *)buf_bytes(&words));
}

/* What stands at the reader's place, for a message; ROOM has SHOWN_SIZE. */
static const char *found(const struct reader *r, char *room)
{
	uint8_t c;

	if (r->at >= r->len)
		return "the text ends";
	c = r->text[r->at];
	if (c > 0x20 && c < 0x7f)
		snprintf(room, SHOWN_SIZE, "'%c'", c);
	else
		snprintf(room, SHOWN_SIZE, "the byte 0x%02x", c);
	return room;
}

int json_fault_found(struct reader *r, const char *wanted)
{
	char room[SHOWN_SIZE];

	return json_fault(r, r->at, "%s where %s is due", found(r, room),
			  wanted);
}

/* -- strings -------------------------------------------------------------- */

/* The four hexadecimal digits at AT, or -1 with the error set. */
static int read_hex4(struct reader *r, size_t at)
{
	int value = 0;

	for (size_t i = at; i < at + 4; i++) {
		int c = i < r->len ? r->text[i] : 0;

		if (c >= '0' && c <= '9')
			c -= '0';
		else if (c >= 'a' && c <= 'f')
			c -= 'a' - 10;
		else if (c >= 'A' && c <= 'F')
			c -= 'A' - 10;
		else
			return json_fault(
				r, at - 2,
				"\\u without four hexadecimal digits");
		value = value << 4 | c;
	}
	return value;
}

static void append_utf8(struct buf *out, uint32_t c)
{
	uint8_t s[4];
	size_t n = 0;

	if (c < 0x80) {
		s[n++] = (uint8_t)c;
	} else if (c < 0x800) {
		s[n++] = (uint8_t)(0xc0 | c >> 6);
		s[n++] = (uint8_t)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		s[n++] = (uint8_t)(0xe0 | c >> 12);
		s[n++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
		s[n++] = (uint8_t)(0x80 | (c & 0x3f));
	} else {
		s[n++] = (uint8_t)(0xf0 | c >> 18);
		s[n++] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
		s[n++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
		s[n++] = (uint8_t)(0x80 | (c & 0x3f));
	}
	buf_append(out, s, n);
}

/* \uXXXX, or a pair of them; the reader stands on the backslash. */
static int read_unicode_escape(struct reader *r, struct buf *out)
{
	size_t start = r->at;
	int high = read_hex4(r, start + 2);
	int low;

	if (high < 0)
		return -1;
	if (high == 0)
		return json_fault(r, start, "\\u0000, a NUL in a string");
	r->at += 6;
	if (high < 0xd800 || high > 0xdfff) {
		append_utf8(out, (uint32_t)high);
		return 0;
	}
	if (high >= 0xdc00 || r->at + 1 >= r->len || r->text[r->at] != '\\' ||
	    r->text[r->at + 1] != 'u')
		return json_fault(r, start, "half of a surrogate pair");
	low = read_hex4(r, r->at + 2);
	if (low < 0)
		return -1;
	if (low < 0xdc00 || low > 0xdfff)
		return json_fault(r, start, "half of a surrogate pair");
	r->at += 6;
	append_utf8(out, 0x10000 + ((uint32_t)(high - 0xd800) << 10) +
				 (uint32_t)(low - 0xdc00));
	return 0;
}

static int read_escape(struct reader *r, struct buf *out)
{
	static const char pairs[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
	int c = r->at + 1 < r->len ? r->text[r->at + 1] : 0;

	if (c == 'u')
		return read_unicode_escape(r, out);
	for (const char *pair = pairs; *pair != '\0'; pair += 2) {
		if (pair[0] == c) {
			buf_append_char(out, pair[1]);
			r->at += 2;
			return 0;
		}
	}
	return json_fault(r, r->at, "a backslash that begins no escape");
}

/* Moves to the quote or backslash that ends a run of ordinary characters. */
static int skip_plain(struct reader *r)
{
	for (;;) {
		uint32_t code_point;
		size_t n;
		uint8_t c;

		r->at += json_plain_run(r->text + r->at, r->len - r->at);
		if (r->at == r->len)
			return json_fault(r, r->at,
					  "the text ends within a string");
		c = r->text[r->at];
		if (c == '"' || c == '\\')
			return 0;
		if (c < 0x20)
			return json_fault(r, r->at,
					  "a control character (0x%02x) in a "
					  "string; write it as an escape",
					  c);
		n = utf8_sequence(r->text + r->at, r->len - r->at, &code_point);
		if (n == 0)
			return json_fault(r, r->at, "invalid UTF-8 (0x%02x)",
					  c);
		r->at += n;
	}
}

int json_read_string(struct reader *r, struct slice *out)
{
	struct buf *scratch = &r->text_value;
	size_t start = ++r->at;

	if (skip_plain(r) != 0)
		return -1;
	if (r->text[r->at] == '"') {
		*out = (struct slice){(const char *)r->text + start,
				      r->at++ - start};
		return 0;
	}
	buf_reset(scratch);
	while (r->text[r->at] != '"') {
		buf_append(scratch, r->text + start, r->at - start);
		if (read_escape(r, scratch) != 0)
			return -1;
		start = r->at;
		if (skip_plain(r) != 0)
			return -1;
	}
	buf_append(scratch, r->text + start, r->at - start);
	r->at++;
	if (!buf_ok(scratch))
		return error_set_no_memory(r->err);
	*out = (struct slice){(const char *)buf_bytes(scratch), scratch->len};
	return 0;
}

/* -- numbers -------------------------------------------------------------- */

static bool is_digit(const struct reader *r, size_t at)
{
	return at < r->len && r->text[at] >= '0' && r->text[at] <= '9';
}

static size_t skip_digits(const struct reader *r, size_t at)
{
	while (is_digit(r, at))
		at++;
	return at;
}

/* The digits from START to END with their sign, where they fit int64. */
static int read_whole(struct reader *r, size_t start, size_t end,
		      struct json_object **out)
{
	bool negative = r->text[start] == '-';
	uint64_t most = (uint64_t)INT64_MAX + (negative ? 1 : 0);
	uint64_t value = 0;

	for (size_t i = start + (negative ? 1 : 0); i < end; i++) {
		unsigned digit = (unsigned)(r->text[i] - '0');

		if (value > (most - digit) / 10)
			return json_fault(r, start,
					  "a whole number beyond 64 bits");
		value = value * 10 + digit;
	}
	if (negative)
		value = 0 - value;
	*out = json_object_new_int64((int64_t)value);
	return *out ? 0 : error_set_no_memory(r->err);
}

/* json-c keeps the number's own text beside the double. */
static int read_fraction(struct reader *r, size_t start, size_t end,
			 struct json_object **out)
{
	struct json_tokener *tokener;
	int len = (int)(end - start) + 1;

	buf_reset(&r->text_value);
	buf_append(&r->text_value, r->text + start, end - start);
	buf_append_char(&r->text_value, '\0');
	tokener = json_tokener_new_ex(1);
	if (!tokener || !buf_ok(&r->text_value)) {
		if (tokener)
			json_tokener_free(tokener);
		return error_set_no_memory(r->err);
	}
	*out = json_tokener_parse_ex(
		tokener, (const char *)buf_bytes(&r->text_value), len);
	json_tokener_free(tokener);
	if (!*out)
		return error_set_no_memory(r->err);
	if (json_object_is_type(*out, json_type_double) &&
	    isfinite(json_object_get_double(*out)))
		return 0;
	json_object_put(*out);
	*out = NULL;
	return json_fault(r, start, "a number beyond the range of a double");
}

int json_read_number(struct reader *r, struct json_object **out)
{
	size_t start = r->at;
	size_t at = start + (r->text[start] == '-' ? 1 : 0);
	bool fraction = false;

	r->at = at;
	if (!is_digit(r, at))
		return json_fault_found(r, "a digit");
	if (r->text[at] == '0' && is_digit(r, at + 1))
		return json_fault(r, start, "a number with a leading zero");
	at = skip_digits(r, at);
	if (at < r->len && r->text[at] == '.') {
		fraction = true;
		r->at = at + 1;
		if (!is_digit(r, r->at))
			return json_fault_found(r, "a digit");
		at = skip_digits(r, r->at);
	}
	if (at < r->len && (r->text[at] == 'e' || r->text[at] == 'E')) {
		fraction = true;
		r->at = at + 1;
		if (r->at < r->len &&
		    (r->text[r->at] == '+' || r->text[r->at] == '-'))
			r->at++;
		if (!is_digit(r, r->at))
			return json_fault_found(r, "a digit");
		at = skip_digits(r, r->at);
	}
	r->at = at;
	return fraction ? read_fraction(r, start, at, out)
			: read_whole(r, start, at, out);
}
