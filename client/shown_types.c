/*
 * The descriptors of commands/types.def. In a member, `has` and `count` tell only
 * whether it may be absent and whether it is a list: there is no struct to point into.
 */
#include "client/shown_types.h"

#define API(id) &api_type_##id
#define OWN(id) &shown_##id

#define SHOWN_MEMBER(name_, type_, doc_, has_, count_)                         \
	{.name = #name_,                                                       \
	 .type = type_,                                                        \
	 .doc = doc_,                                                          \
	 .has = has_,                                                          \
	 .count = count_},
#define OBJECT(id, doc)                 static const struct member fields_##id[] = {
#define FIELD(id, name, type, doc)      SHOWN_MEMBER(name, type, doc, 0, 0)
#define FIELD_OPT(id, name, type, doc)  SHOWN_MEMBER(name, type, doc, 1, 0)
#define FIELD_LIST(id, name, type, doc) SHOWN_MEMBER(name, type, doc, 0, 1)
#define OBJECT_END(id)                                                         \
	}                                                                      \
	;
#include "client/commands/types.def"

#define REAL(id, name_, doc_)                                                  \
	const struct type shown_##id = {                                       \
		.kind = TYPE_TEXT,                                             \
		.form = TEXT_FORM_REAL,                                        \
		.name = name_,                                                 \
		.doc = doc_,                                                   \
	};
#define OBJECT(id, doc_)                                                       \
	const struct type shown_##id = {                                       \
		.kind = TYPE_OBJECT,                                           \
		.name = #id,                                                   \
		.doc = doc_,                                                   \
		.fields = fields_##id,                                         \
		.fields_count = sizeof(fields_##id) / sizeof(fields_##id[0]),  \
	};
#define FIELD(id, name, type, doc)
#define FIELD_OPT(id, name, type, doc)
#define FIELD_LIST(id, name, type, doc)
#define OBJECT_END(id)
#include "client/commands/types.def"
