/*
 * The constant descriptors of all types, from types.def, and the look-ups in
 * them. Linked by the codec and the descriptions. Everything here is read-only.
 */
#include "api/types.h"

#include <string.h>

#include "api/member.h"
#include "base/ini.h"

#define ENUM(id, doc)                      static const struct enum_value values_##id[] = {
#define VALUE(id, enumerator, text_, doc_) {text_, #enumerator, doc_},
#define ENUM_END(id)                                                           \
	}                                                                      \
	;
#include "api/types.def"

#define OBJECT(id, doc)            static const struct member fields_##id[] = {
#define FIELD(id, name, type, doc) MEMBER(id, name, type, doc, 0, 0),
#define FIELD_OPT(id, name, type, doc)                                         \
	MEMBER(id, name, type, doc, offsetof(struct id, has_##name), 0),
#define FIELD_LIST(id, name, type, doc)                                        \
	MEMBER(id, name, type, doc, 0, offsetof(struct id, name##_count)),
#define OBJECT_END(id)                                                         \
	}                                                                      \
	;
#include "api/types.def"

#define TEXT(id, name_, least, most, form_, doc_)                              \
	const struct type api_type_##id = {                                    \
		.kind = TYPE_TEXT,                                             \
		.form = TEXT_FORM_##form_,                                     \
		.name = name_,                                                 \
		.doc = doc_,                                                   \
		.size = sizeof(char *),                                        \
		.min = least,                                                  \
		.max = most,                                                   \
	};
#define NUMBER(id, name_, kind_, least, most, doc_)                            \
	const struct type api_type_##id = {                                    \
		.kind = kind_,                                                 \
		.name = name_,                                                 \
		.doc = doc_,                                                   \
		.size = sizeof(ctype_##id),                                    \
		.min = least,                                                  \
		.max = most,                                                   \
	};
#define SIGNED(id, name, least, most, doc)                                     \
	NUMBER(id, name, TYPE_INT, least, most, doc)
#define UNSIGNED(id, name, least, most, doc)                                   \
	NUMBER(id, name, TYPE_UINT, least, most, doc)
#define BOOLEAN(id, name, doc) NUMBER(id, name, TYPE_BOOL, 0, 1, doc)
#define ENUM(id, doc_)                                                         \
	const struct type api_type_##id = {                                    \
		.kind = TYPE_ENUM,                                             \
		.name = #id,                                                   \
		.doc = doc_,                                                   \
		.size = sizeof(enum id),                                       \
		.values = values_##id,                                         \
		.values_count = array_size(values_##id),                       \
	};
#define VALUE(id, enumerator, text, doc)
#define ENUM_END(id)
#define OBJECT(id, doc_)                                                       \
	const struct type api_type_##id = {                                    \
		.kind = TYPE_OBJECT,                                           \
		.name = #id,                                                   \
		.doc = doc_,                                                   \
		.size = sizeof(struct id),                                     \
		.fields = fields_##id,                                         \
		.fields_count = array_size(fields_##id),                       \
	};
#define FIELD(id, name, type, doc)
#define FIELD_OPT(id, name, type, doc)
#define FIELD_LIST(id, name, type, doc)
#define OBJECT_END(id)
#include "api/types.def"
#undef NUMBER

static const struct type *const all_types[] = {
#define TEXT(id, name, least, most, form, doc) &api_type_##id,
#define SIGNED(id, name, least, most, doc)     &api_type_##id,
#define UNSIGNED(id, name, least, most, doc)   &api_type_##id,
#define BOOLEAN(id, name, doc)                 &api_type_##id,
#define ENUM(id, doc)                          &api_type_##id,
#define VALUE(id, enumerator, text, doc)
#define ENUM_END(id)
#define OBJECT(id, doc) &api_type_##id,
#define FIELD(id, name, type, doc)
#define FIELD_OPT(id, name, type, doc)
#define FIELD_LIST(id, name, type, doc)
#define OBJECT_END(id)
#include "api/types.def"
};

const struct type *type_at(size_t n)
{
	return n < array_size(all_types) ? all_types[n] : NULL;
}

const char *enum_text(const struct type *type, unsigned value)
{
	return value < type->values_count ? type->values[value].text
					  : "unknown";
}

int enum_value(const struct type *type, const char *text)
{
	for (unsigned i = 0; i < type->values_count; i++) {
		if (strcmp(type->values[i].text, text) == 0)
			return (int)i;
	}
	return -1;
}

const struct member *member_find(const struct member *members, unsigned n,
				 const char *name, size_t len)
{
	for (unsigned i = 0; i < n; i++) {
		if (members[i].key_len == len + 3 &&
		    memcmp(members[i].name, name, len) == 0)
			return &members[i];
	}
	return NULL;
}

const char *member_nearest(const struct member *members, unsigned n,
			   const char *name)
{
	const char *names[MEMBERS_MAX];
	size_t known = 0;

	for (unsigned i = 0; i < n && known < MEMBERS_MAX; i++)
		names[known++] = members[i].name;
	return nearest_name(name, names, known);
}
