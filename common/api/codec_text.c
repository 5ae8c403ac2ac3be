/*
 * Values from plain text, for what is not JSON: a person's words "name=value",
 * and the queries and segments of a path. Called by the client's generic call
 * and by codec_path.c. What holds: the same checks as for JSON.
 */
#include "api/codec_private.h"

#include <stdlib.h>
#include <string.h>

#include "api/json.h"

/* Decimal digits with an optional minus; nothing else, no blanks, no 0x. */
static bool whole_number(const char *s, size_t len, int64_t *out)
{
	bool negative = len > 0 && *s == '-';
	uint64_t most = (uint64_t)INT64_MAX + (negative ? 1 : 0);
	uint64_t value = 0;
	size_t at = negative ? 1 : 0;

	if (at == len)
		return false;
	for (; at < len; at++) {
		unsigned digit = (unsigned)(s[at] - '0');

		if (s[at] < '0' || s[at] > '9' || value > (most - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*out = (int64_t)(negative ? 0 - value : value);
	return true;
}

static bool equals(const char *s, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(s, word, len) == 0;
}

/* 1, 0, or -1 where it is no bool. */
static int bool_text(const char *s, size_t len, bool words)
{
	static const char *const pairs[][2] = {
		{"true", "false"},
		{"yes", "no"},
		{"on", "off"},
		{"1", "0"},
	};

	for (size_t i = 0; i < (words ? array_size(pairs) : 1); i++) {
		if (equals(s, len, pairs[i][0]))
			return 1;
		if (equals(s, len, pairs[i][1]))
			return 0;
	}
	return -1;
}

static int fault_text(struct decode *d, const char *s, size_t len)
{
	char room[SHOWN_SIZE];
	char words[SHOWN_SIZE + 2];

	snprintf(words, sizeof(words), "\"%s\"", shown(room, s, len));
	return decode_fault_type(d, words);
}

static int enum_from_text(struct decode *d, const struct type *type,
			  const char *s, size_t len, void *slot)
{
	for (unsigned i = 0; i < type->values_count; i++) {
		if (equals(s, len, type->values[i].text)) {
			*(unsigned *)slot = i;
			return 0;
		}
	}
	return fault_text(d, s, len);
}

/* An object has no plain form: its text is JSON. */
static int object_from_text(struct decode *d, const struct type *type,
			    const char *s, size_t len, void *slot)
{
	autojson value = NULL;

	if (json_parse(s, len, NULL, &value, d->err) != 0)
		return error_prefix(d->err, "parameter \"%s\" of %s",
				    d->member->name, d->method->name);
	return value_decode(d, type, value, slot);
}

int value_from_text(struct decode *d, const struct type *type, const char *s,
		    size_t len, bool words, void *slot)
{
	autofree char *copy = NULL;
	int64_t number;
	int yes;

	switch (type->kind) {
	case TYPE_TEXT:
		/* the checks of patterns want a NUL behind the text */
		copy = strndup(s, len);
		if (!copy)
			return error_set_no_memory(d->err);
		if (memchr(s, '\0', len))
			return decode_fault(d, "has a NUL");
		return text_decode(d, type, copy, len, slot);
	case TYPE_INT:
	case TYPE_UINT:
		if (!whole_number(s, len, &number))
			return fault_text(d, s, len);
		return number_decode(d, type, number, slot);
	case TYPE_BOOL:
		yes = bool_text(s, len, words);
		if (yes < 0)
			return fault_text(d, s, len);
		*(bool *)slot = yes == 1;
		return 0;
	case TYPE_ENUM:
		return enum_from_text(d, type, s, len, slot);
	case TYPE_OBJECT:
		return object_from_text(d, type, s, len, slot);
	}
	return -1;
}

/* Makes the list one element longer. */
static int append_element(struct decode *d, const struct member *m,
			  void *params, const char *s, size_t len, bool words)
{
	size_t n = *member_count(m, params);
	size_t size = m->type->size;
	char *elements = *(void **)member_slot(m, params);

	if (n == CODEC_LIST_MAX)
		return decode_fault(d, "has more than %d elements",
				    CODEC_LIST_MAX);
	elements = realloc(elements, (n + 1) * size);
	if (!elements)
		return error_set_no_memory(d->err);
	memset(elements + n * size, 0, size);
	*(void **)member_slot(m, params) = elements;
	*member_count(m, params) = n + 1;
	d->element = n + 1;
	return value_from_text(d, m->type, s, len, words, elements + n * size);
}

static int append_elements(struct decode *d, const struct member *m,
			   void *params, const char *s, size_t len, bool words)
{
	bool commas =
		m->type->kind != TYPE_TEXT && m->type->kind != TYPE_OBJECT;

	while (commas) {
		const char *comma = memchr(s, ',', len);
		size_t n = comma ? (size_t)(comma - s) : len;

		if (append_element(d, m, params, s, n, words) != 0)
			return -1;
		if (!comma)
			return 0;
		s += n + 1;
		len -= n + 1;
	}
	return append_element(d, m, params, s, len, words);
}

int member_from_text(struct decode *d, const struct member *m, void *params,
		     const char *value, size_t len, bool words, uint64_t *seen)
{
	uint64_t bit = (uint64_t)1 << (m - d->method->params);
	int result;

	d->member = m;
	d->element = 0;
	if (!value) {
		if (m->type->kind != TYPE_BOOL || m->count != 0)
			return decode_fault(d, "needs a value: %s=…", m->name);
		value = "true";
		len = 4;
	}
	if (m->count == 0 && (*seen & bit) != 0)
		return decode_fault(d, "is given twice");
	*seen |= bit;
	member_set_given(m, params);
	result = m->count != 0
			 ? append_elements(d, m, params, value, len, words)
			 : value_from_text(d, m->type, value, len, words,
					   member_slot(m, params));
	d->member = NULL;
	d->element = 0;
	return result;
}

static int word_decode(struct decode *d, const char *word, void *params,
		       uint64_t *seen)
{
	const struct method *m = d->method;
	const char *equal = strchr(word, '=');
	size_t len = equal ? (size_t)(equal - word) : strlen(word);
	const struct member *p =
		member_find(m->params, m->params_count, word, len);

	if (!p)
		return decode_fault_unknown(d, m->params, m->params_count, word,
					    len);
	return member_from_text(d, p, params, equal ? equal + 1 : NULL,
				equal ? strlen(equal + 1) : 0, true, seen);
}

int params_decode_words(const struct method *m, const char *const *words,
			size_t n, void *out, struct error *err)
{
	struct decode d = {.method = m, .err = err};
	uint64_t seen = 0;
	int result = 0;

	memset(out, 0, m->params_size);
	for (size_t i = 0; i < n && result == 0; i++)
		result = word_decode(&d, words[i], out, &seen);
	if (result == 0)
		result = params_complete(&d, out, seen);
	if (result != 0)
		params_free(m, out);
	return result;
}

int params_from_words(const struct method *m, const char *const *words,
		      size_t n, struct buf *out, struct error *err)
{
	autofree void *params = malloc(m->params_size);
	int result;

	if (!params)
		return error_set_no_memory(err);
	if (params_decode_words(m, words, n, params, err) != 0)
		return -1;
	result = params_encode(m, params, out);
	params_free(m, params);
	return result == 0 ? 0 : error_set_no_memory(err);
}
