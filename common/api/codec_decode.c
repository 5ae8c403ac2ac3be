/*
 * JSON into C structs, by the descriptors: parameters on the host, results on
 * the client. Called with trees from json_parse(). What holds: nothing is
 * coerced; after a failure the struct owns nothing and is all zero. The
 * recursion goes into types, whose depth the tables bound, not the peer.
 */
#include "api/codec_private.h"

#include <stdlib.h>
#include <string.h>

#include <json-c/linkhash.h>

static int members_decode(struct decode *d, const struct member *members,
			  unsigned n, struct json_object *object, void *base,
			  uint64_t *seen);

static const char *json_kind(struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_null:
		return "null";
	case json_type_boolean:
		return json_object_get_boolean(value) ? "true" : "false";
	case json_type_double:
		return "a fraction";
	case json_type_int:
		return "a number";
	case json_type_object:
		return "an object";
	case json_type_array:
		return "a list";
	case json_type_string:
		return "a string";
	}
	return "something else";
}

int text_decode(struct decode *d, const struct type *type, const char *s,
		size_t len, char **slot)
{
	char room[CHECK_ROOM];
	const char *reason = text_check(type, s, len, room);

	if (reason)
		return decode_fault(d, "%s", reason);
	*slot = malloc(len + 1);
	if (!*slot)
		return error_set_no_memory(d->err);
	memcpy(*slot, s, len);
	(*slot)[len] = '\0';
	return 0;
}

int number_decode(struct decode *d, const struct type *type, int64_t value,
		  void *slot)
{
	if (value < type->min || value > type->max)
		return decode_fault_type(d, "out of range");
	if (type->kind == TYPE_INT)
		*(int64_t *)slot = value;
	else
		*(uint64_t *)slot = (uint64_t)value;
	return 0;
}

static int enum_decode(struct decode *d, const struct type *type,
		       struct json_object *value, void *slot)
{
	const char *text = json_object_get_string(value);
	int number = enum_value(type, text);
	char name[SHOWN_SIZE];
	char words[SHOWN_SIZE + 2];

	if (number < 0 && !d->result) {
		snprintf(words, sizeof(words), "\"%s\"",
			 shown(name, text, strlen(text)));
		return decode_fault_type(d, words);
	}
	*(unsigned *)slot = number < 0 ? type->values_count : (unsigned)number;
	return 0;
}

static int int_decode(struct decode *d, const struct type *type,
		      struct json_object *value, void *slot)
{
	/* json-c clamps: a tree that json_parse() did not make can hold more */
	if (json_object_get_uint64(value) > INT64_MAX)
		return decode_fault_type(d, "out of range");
	return number_decode(d, type, json_object_get_int64(value), slot);
}

/* Whatever it is, as its text. */
static int raw_decode(struct decode *d, struct json_object *value, char **slot)
{
	const char *text = json_object_to_json_string_ext(
		value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

	*slot = text ? strdup(text) : NULL;
	return *slot ? 0 : error_set_no_memory(d->err);
}

int value_decode(struct decode *d, const struct type *type,
		 struct json_object *value, void *slot)
{
	static const enum json_type wanted[] = {
		[TYPE_TEXT] = json_type_string,
		[TYPE_INT] = json_type_int,
		[TYPE_UINT] = json_type_int,
		[TYPE_BOOL] = json_type_boolean,
		[TYPE_ENUM] = json_type_string,
		[TYPE_OBJECT] = json_type_object,
	};

	if (type->kind == TYPE_TEXT &&
	    (type->form == TEXT_FORM_JSON || type->form == TEXT_FORM_REAL))
		return raw_decode(d, value, slot);
	if (!json_object_is_type(value, wanted[type->kind]))
		return decode_fault_type(d, json_kind(value));
	switch (type->kind) {
	case TYPE_TEXT:
		return text_decode(d, type, json_object_get_string(value),
				   (size_t)json_object_get_string_len(value),
				   slot);
	case TYPE_INT:
	case TYPE_UINT:
		return int_decode(d, type, value, slot);
	case TYPE_BOOL:
		*(bool *)slot = json_object_get_boolean(value);
		return 0;
	case TYPE_ENUM:
		return enum_decode(d, type, value, slot);
	case TYPE_OBJECT:
		return members_decode(d, type->fields, type->fields_count,
				      value, slot, NULL);
	}
	return -1;
}

int list_alloc(struct decode *d, const struct member *m, void *base, size_t n)
{
	void *elements = NULL;

	if (n > 0) {
		elements = calloc(n, m->type->size);
		if (!elements)
			return error_set_no_memory(d->err);
	}
	*(void **)member_slot(m, base) = elements;
	*member_count(m, base) = n;
	return 0;
}

static int list_decode(struct decode *d, const struct member *m,
		       struct json_object *list, void *base)
{
	size_t most = d->result ? CODEC_LIST_MAX_READ : CODEC_LIST_MAX;
	const struct member *outer = d->member;
	char *element;
	size_t n;

	if (!json_object_is_type(list, json_type_array))
		return decode_fault_type(d, json_kind(list));
	n = json_object_array_length(list);
	if (n > most)
		return decode_fault(
			d, "has %zu elements; at most %zu are taken", n, most);
	if (list_alloc(d, m, base, n) != 0)
		return -1;
	element = *(void **)member_slot(m, base);
	for (size_t i = 0; i < n; i++, element += m->type->size) {
		d->member = outer;
		d->element = i + 1;
		if (value_decode(d, m->type, json_object_array_get_idx(list, i),
				 element) != 0)
			return -1;
	}
	d->element = 0;
	return 0;
}

static int member_decode(struct decode *d, const struct member *m,
			 struct json_object *value, void *base)
{
	/* An absent field of a newer host's result may be spelled null. */
	if (d->result && !value && m->has != 0)
		return 0;
	d->member = m;
	d->element = 0;
	member_set_given(m, base);
	if (m->count != 0)
		return list_decode(d, m, value, base);
	return value_decode(d, m->type, value, member_slot(m, base));
}

static int members_complete(struct decode *d, const struct member *members,
			    unsigned n, uint64_t seen)
{
	for (unsigned i = 0; i < n; i++) {
		/* An older host leaves a list out that it does not know. */
		if (members[i].has != 0 || (seen >> i & 1) != 0 ||
		    (d->result && members[i].count != 0))
			continue;
		d->member = &members[i];
		d->element = 0;
		return decode_fault(d, "is missing");
	}
	return 0;
}

/* SEEN NULL: all that must be there is checked at once. */
static int members_decode(struct decode *d, const struct member *members,
			  unsigned n, struct json_object *object, void *base,
			  uint64_t *seen)
{
	const struct member *owner = d->member;
	uint64_t found = 0;

	json_object_object_foreach(object, key, value)
	{
		size_t len = strlen(key);
		const struct member *m = member_find(members, n, key, len);

		d->member = owner;
		if (!m && d->result)
			continue;
		if (!m)
			return decode_fault_unknown(d, members, n, key, len);
		found |= (uint64_t)1 << (m - members);
		if (member_decode(d, m, value, base) != 0)
			return -1;
	}
	if (seen) {
		*seen = found;
		return 0;
	}
	return members_complete(d, members, n, found);
}

int params_complete(struct decode *d, void *params, uint64_t seen)
{
	*(unsigned *)params = (unsigned)__builtin_popcountll(seen);
	return members_complete(d, d->method->params, d->method->params_count,
				seen);
}

int params_decode(const struct method *m, struct json_object *params, void *out,
		  struct error *err)
{
	struct decode d = {.method = m, .err = err};
	uint64_t seen = 0;

	memset(out, 0, m->params_size);
	if (json_object_is_type(params, json_type_array))
		return error_set(err, ERROR_INVALID_PARAMS,
				 "%s takes its parameters by name: an object, "
				 "not a list",
				 m->name);
	if (params && !json_object_is_type(params, json_type_object))
		return decode_fault_type(&d, json_kind(params));
	if ((params && members_decode(&d, m->params, m->params_count, params,
				      out, &seen) != 0) ||
	    params_complete(&d, out, seen) != 0) {
		params_free(m, out);
		return -1;
	}
	return 0;
}

int result_decode(const struct method *m, struct json_object *result, void *out,
		  struct error *err)
{
	struct decode d = {.method = m, .result = true, .err = err};

	memset(out, 0, m->result->size);
	if (!json_object_is_type(result, json_type_object))
		return decode_fault_type(&d, json_kind(result));
	if (members_decode(&d, m->result->fields, m->result->fields_count,
			   result, out, NULL) != 0) {
		result_free(m, out);
		return -1;
	}
	return 0;
}

/* -- release -------------------------------------------------------------- */

static void value_free(const struct type *type, void *value)
{
	if (type->kind == TYPE_TEXT)
		free(*(char **)value);
	else if (type->kind == TYPE_OBJECT)
		members_free(type->fields, type->fields_count, value);
}

void members_free(const struct member *members, unsigned n, void *base)
{
	for (const struct member *m = members; m < members + n; m++) {
		if (m->count == 0) {
			value_free(m->type, member_slot(m, base));
			continue;
		}
		char *list = *(void **)member_slot(m, base);

		for (size_t i = 0; list && i < *member_count(m, base); i++)
			value_free(m->type, list + i * m->type->size);
		free(list);
	}
}

void params_free(const struct method *m, void *params)
{
	if (!params)
		return;
	members_free(m->params, m->params_count, params);
	memset(params, 0, m->params_size);
}

void object_free(const struct type *type, void *object)
{
	if (!object)
		return;
	members_free(type->fields, type->fields_count, object);
	memset(object, 0, type->size);
}

void result_free(const struct method *m, void *result)
{
	if (m->result)
		object_free(m->result, result);
}
