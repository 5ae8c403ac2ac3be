/*
 * Parameters in the :path of a resource or stream: the segments that the
 * template names, and the query string, both ways. Called for GET, PUT and
 * extended CONNECT. What holds: percent-encoding is taken exactly as RFC 3986
 * has it; what is not allowed raw must be encoded, and nothing is guessed.
 */
#include "api/codec_private.h"

#include <string.h>

/* A :path that is being taken apart, with its template beside it. */
struct walk {
	struct decode d;
	const char *pattern;
	const char *path;
	size_t len; /* without the query */
	size_t at;
	struct buf value; /* the piece that was decoded last */
	uint64_t seen;
	uint64_t in_path; /* the parameters that the template names */
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* unreserved (RFC 3986 2.3): what never needs an escape. */
static bool unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (c != '\0' && strchr("-._~", c));
}

/* pchar, "/" and "?" (RFC 3986 3.3, 3.4), but for "%". */
static bool allowed_raw(char c)
{
	return unreserved(c) || (c != '\0' && strchr("!$&'()*+,;=:@/?", c));
}

/* Resolves the escapes of S into w->value, with a NUL behind it. */
static int percent_decode(struct walk *w, const char *s, size_t len)
{
	buf_reset(&w->value);
	for (size_t i = 0; i < len; i++) {
		int high, low;

		if (s[i] != '%') {
			if (!allowed_raw(s[i]))
				return error_set(
					w->d.err, ERROR_INVALID_PARAMS,
					"the path of %s has the byte 0x%02x; "
					"write it as %%%02X",
					w->d.method->name, (uint8_t)s[i],
					(uint8_t)s[i]);
			buf_append_char(&w->value, s[i]);
			continue;
		}
		high = i + 2 < len ? hex_digit(s[i + 1]) : -1;
		low = i + 2 < len ? hex_digit(s[i + 2]) : -1;
		if (high < 0 || low < 0)
			return error_set(
				w->d.err, ERROR_INVALID_PARAMS,
				"the path of %s has a '%%' without two "
				"hexadecimal digits",
				w->d.method->name);
		buf_append_char(&w->value, (char)(high << 4 | low));
		i += 2;
	}
	if (buf_reserve(&w->value, 1) != 0 || !buf_ok(&w->value))
		return error_set_no_memory(w->d.err);
	*buf_end(&w->value) = '\0';
	return 0;
}

static const char *value_text(const struct walk *w)
{
	return (const char *)buf_bytes(&w->value);
}

/* The "{name}" that the template stands on; moves over it. */
static const struct member *template_param(const struct method *m,
					   const char **pattern)
{
	const char *name = *pattern + 1;
	size_t len = strcspn(name, "}");

	*pattern = name + len + 1;
	return member_find(m->params, m->params_count, name, len);
}

static int segment_decode(struct walk *w, void *params)
{
	const struct member *p = template_param(w->d.method, &w->pattern);
	size_t start = w->at;

	while (w->at < w->len && w->path[w->at] != '/')
		w->at++;
	if (percent_decode(w, w->path + start, w->at - start) != 0)
		return -1;
	w->in_path |= (uint64_t)1 << (p - w->d.method->params);
	return member_from_text(&w->d, p, params, value_text(w), w->value.len,
				false, &w->seen);
}

static int segments_decode(struct walk *w, void *params)
{
	while (*w->pattern != '\0') {
		if (*w->pattern == '{') {
			if (segment_decode(w, params) != 0)
				return -1;
			continue;
		}
		if (w->at == w->len || w->path[w->at] != *w->pattern)
			return error_set(w->d.err, ERROR_NOT_FOUND,
					 "the path is not one of %s",
					 w->d.method->name);
		w->pattern++;
		w->at++;
	}
	return 0;
}

/* One "name=value" of the query string, or a bool's name alone. */
static int element_decode(struct walk *w, const char *s, size_t len,
			  void *params)
{
	const struct method *m = w->d.method;
	const char *equal = memchr(s, '=', len);
	size_t name_len = equal ? (size_t)(equal - s) : len;
	const struct member *p;

	if (percent_decode(w, s, name_len) != 0)
		return -1;
	p = member_find(m->params, m->params_count, value_text(w),
			w->value.len);
	if (!p)
		return decode_fault_unknown(&w->d, m->params, m->params_count,
					    value_text(w), w->value.len);
	if ((w->in_path >> (p - m->params) & 1) != 0) {
		w->d.member = p;
		return decode_fault(&w->d, "is given by the path already");
	}
	if (!equal)
		return member_from_text(&w->d, p, params, NULL, 0, false,
					&w->seen);
	if (percent_decode(w, equal + 1, len - name_len - 1) != 0)
		return -1;
	return member_from_text(&w->d, p, params, value_text(w), w->value.len,
				false, &w->seen);
}

static int query_decode(struct walk *w, const char *s, size_t len, void *params)
{
	while (len > 0) {
		const char *end = memchr(s, '&', len);
		size_t n = end ? (size_t)(end - s) : len;

		if (element_decode(w, s, n, params) != 0)
			return -1;
		s += end ? n + 1 : n;
		len -= end ? n + 1 : n;
	}
	return 0;
}

int params_decode_path(const struct method *m, const char *path, size_t len,
		       void *out, struct error *err)
{
	const char *query = memchr(path, '?', len);
	struct walk w = {
		.d = {.method = m, .err = err},
		.pattern = m->path,
		.path = path,
		.len = query ? (size_t)(query - path) : len,
	};
	int result;

	memset(out, 0, m->params_size);
	result = segments_decode(&w, out);
	if (result == 0 && query)
		result = query_decode(&w, query + 1,
				      len - (size_t)(query + 1 - path), out);
	if (result == 0)
		result = params_complete(&w.d, out, w.seen);
	buf_free(&w.value);
	if (result != 0)
		params_free(m, out);
	return result;
}

/* -- the other way -------------------------------------------------------- */

static void percent_encode(const struct buf *text, struct buf *out)
{
	const uint8_t *s = buf_bytes(text);

	if (text->failed)
		out->failed = true;
	for (size_t i = 0; i < text->len; i++) {
		if (unreserved((char)s[i]))
			buf_append_char(out, (char)s[i]);
		else
			buf_appendf(out, "%%%02X", s[i]);
	}
}

static void append_value(const struct type *type, const void *value,
			 struct buf *out)
{
	autobuf text = {0};

	value_to_text(type, value, &text);
	percent_encode(&text, out);
}

static void append_element(const struct member *p, const void *value,
			   bool *first, struct buf *out)
{
	buf_append_char(out, *first ? '?' : '&');
	*first = false;
	buf_append_str(out, p->name);
	buf_append_char(out, '=');
	append_value(p->type, value, out);
}

static void append_query(const struct method *m, const void *params,
			 uint64_t in_path, struct buf *out)
{
	bool first = true;

	for (unsigned i = 0; i < m->params_count; i++) {
		const struct member *p = &m->params[i];
		const char *value = member_value(p, params);

		if ((in_path >> i & 1) != 0 || !member_given(p, params))
			continue;
		if (p->count == 0) {
			append_element(p, value, &first, out);
			continue;
		}
		size_t n =
			*(const size_t *)(const void *)((const char *)params +
							p->count);

		value = *(void *const *)(const void *)value;
		for (size_t k = 0; k < n; k++)
			append_element(p, value + k * p->type->size, &first,
				       out);
	}
}

int params_encode_path(const struct method *m, const void *params,
		       struct buf *out)
{
	const char *pattern = m->path;
	uint64_t in_path = 0;

	while (*pattern != '\0') {
		const struct member *p;

		if (*pattern != '{') {
			buf_append_char(out, *pattern++);
			continue;
		}
		p = template_param(m, &pattern);
		in_path |= (uint64_t)1 << (p - m->params);
		append_value(p->type, member_value(p, params), out);
	}
	append_query(m, params, in_path, out);
	return buf_ok(out) ? 0 : -1;
}
