/*
 * What a value of a type may be, and the words for one that may not. Called by
 * every decoder of the codec and by the descriptions. What holds: a message
 * names the parameter, what it must be and what it is, and never more than a
 * short piece of what the peer sent.
 */
#include "api/codec_private.h"

#include <inttypes.h>
#include <string.h>

#include "base/glob.h"
#include "base/utf8.h"

const char *shown(char *out, const char *s, size_t len)
{
	size_t at = 0, n = 0;

	while (at < len && n + 8 < SHOWN_SIZE) {
		uint32_t code_point = 0;
		size_t step = utf8_sequence((const uint8_t *)s + at, len - at,
					    &code_point);

		if (step == 0 || code_point < 0x20 ||
		    (code_point >= 0x7f && code_point < 0xa0)) {
			out[n++] = '?';
			step = step == 0 ? 1 : step;
		} else {
			memcpy(out + n, s + at, step);
			n += step;
		}
		at += step;
	}
	if (at < len) {
		memcpy(out + n, "...", 3);
		n += 3;
	}
	out[n] = '\0';
	return out;
}

static bool matches_form(const char *form, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++, form++) {
		bool digit = s[i] >= '0' && s[i] <= '9';
		bool letter = (s[i] >= 'a' && s[i] <= 'f') ||
			      (s[i] >= 'A' && s[i] <= 'F');

		if (*form == 'x'   ? !(digit || letter)
		    : *form == '9' ? !digit
				   : s[i] != *form)
			return false;
	}
	return true;
}

static bool is_time(const char *s, size_t len)
{
	size_t at = 20;

	if (len < 20 || !matches_form("9999-99-99T99:99:99", s, 19))
		return false;
	if (s[19] == 'Z')
		return len == 20;
	while (at < len && s[at] >= '0' && s[at] <= '9')
		at++;
	return s[19] == '.' && at > 20 && at + 1 == len && s[at] == 'Z';
}

static bool has_controls(const char *s, size_t len)
{
	for (size_t at = 0; at < len; at++) {
		uint8_t c = (uint8_t)s[at];

		if (c < 0x20 || c == 0x7f)
			return true;
		/* U+0080 to U+009F, the C1 controls */
		if (c == 0xc2 && at + 1 < len && (uint8_t)s[at + 1] < 0xa0)
			return true;
	}
	return false;
}

static const char *form_check(enum text_form form, const char *s, size_t len)
{
	switch (form) {
	case TEXT_FORM_ANY:
	case TEXT_FORM_JSON:
	case TEXT_FORM_REAL:
		return NULL;
	case TEXT_FORM_NAME:
		return has_controls(s, len) ? "has a control character" : NULL;
	case TEXT_FORM_UUID:
		return matches_form("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", s,
				    len)
			       ? NULL
			       : "is no UUID";
	case TEXT_FORM_GLOB:
		if (has_controls(s, len))
			return "has a control character";
		return glob_check(s, NULL) == 0
			       ? NULL
			       : "is not a well-formed pattern";
	case TEXT_FORM_TIME:
		return is_time(s, len) ? NULL : "is no time of RFC 3339 in UTC";
	}
	return NULL;
}

/* S is NUL-terminated behind its LEN bytes. */
const char *text_check(const struct type *type, const char *s, size_t len,
		       char *room)
{
	if (memchr(s, '\0', len))
		return "has a NUL";
	if (!utf8_valid((const uint8_t *)s, len))
		return "is not valid UTF-8";
	if (len == 0 && type->min > 0)
		return "is empty";
	if (type->form == TEXT_FORM_UUID && len != (size_t)type->max)
		return "is no UUID";
	if (type->form == TEXT_FORM_TIME &&
	    (len < (size_t)type->min || len > (size_t)type->max))
		return "is no time of RFC 3339 in UTC";
	if (len > (size_t)type->max) {
		snprintf(room, CHECK_ROOM,
			 "is %zu bytes long; at most %" PRId64 " are taken",
			 len, type->max);
		return room;
	}
	return form_check(type->form, s, len);
}

void type_describe(const struct type *type, struct buf *out)
{
	switch (type->kind) {
	case TYPE_INT:
	case TYPE_UINT:
		/* 2^53 and more are easier to read in the type's own words */
		if (type->max > UINT32_MAX) {
			buf_append_str(out, type->doc);
			return;
		}
		buf_appendf(out, "a whole number from %" PRId64 " to %" PRId64,
			    type->min, type->max);
		return;
	case TYPE_BOOL:
		buf_append_str(out, "true or false");
		return;
	case TYPE_ENUM:
		buf_append_str(out, "one of ");
		for (unsigned i = 0; i < type->values_count; i++)
			buf_appendf(out, "%s%s", i > 0 ? ", " : "",
				    type->values[i].text);
		return;
	case TYPE_TEXT:
		buf_appendf(out, "a string: %s", type->doc);
		return;
	case TYPE_OBJECT:
		buf_append_str(out, "an object: ");
		buf_append_str(out, type->doc);
		return;
	}
}

/* `parameter "state" of domain.list, element 2` */
static void describe_place(const struct decode *d, struct buf *out)
{
	const char *kind = d->result ? "field" : "parameter";

	if (!d->member)
		buf_appendf(out, "the %s of %s",
			    d->result ? "result" : "parameters",
			    d->method->name);
	else
		buf_appendf(out, "%s \"%s\" of %s", kind, d->member->name,
			    d->method->name);
	if (d->element > 0)
		buf_appendf(out, ", element %zu,", d->element);
}

int decode_fault(struct decode *d, const char *format, ...)
{
	autobuf words = {0};
	va_list args;

	describe_place(d, &words);
	buf_append_char(&words, ' ');
	va_start(args, format);
	buf_vappendf(&words, format, args);
	va_end(args);
	buf_append_char(&words, '\0');
	if (!buf_ok(&words))
		return error_set_no_memory(d->err);
	return error_set(d->err,
			 d->result ? ERROR_INVALID_REQUEST
				   : ERROR_INVALID_PARAMS,
			 "%s", (const char *)buf_bytes(&words));
}

int decode_fault_type(struct decode *d, const char *found)
{
	bool list = d->member && d->member->count != 0 && d->element == 0;
	autobuf wanted = {0};

	if (!d->member || list)
		buf_append_str(&wanted, list ? "a list" : "an object");
	else
		type_describe(d->member->type, &wanted);
	buf_append_char(&wanted, '\0');
	if (!buf_ok(&wanted))
		return error_set_no_memory(d->err);
	return decode_fault(d, "must be %s; it is %s",
			    (const char *)buf_bytes(&wanted), found);
}

int decode_fault_unknown(struct decode *d, const struct member *members,
			 unsigned n, const char *s, size_t len)
{
	char name[SHOWN_SIZE];
	const char *nearest;

	shown(name, s, len);
	nearest = member_nearest(members, n, name);
	if (d->member)
		return decode_fault(d, "has no field \"%s\"%s%s%s", name,
				    nearest ? "; did you mean \"" : "",
				    nearest ? nearest : "",
				    nearest ? "\"?" : "");
	return error_set(d->err, ERROR_INVALID_PARAMS,
			 "%s has no parameter \"%s\"%s%s%s", d->method->name,
			 name, nearest ? "; did you mean \"" : "",
			 nearest ? nearest : "", nearest ? "\"?" : "");
}
