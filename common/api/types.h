/*
 * The C side of types.def: an enum for each ENUM, a struct for each OBJECT, and
 * for every type a constant descriptor that the codec and the descriptions walk.
 * Used by everything that names a parameter or a result. All data are constant;
 * any thread.
 */
#ifndef VIRTMUX_API_TYPES_H
#define VIRTMUX_API_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum type_kind {
	TYPE_TEXT,   /* char *, NUL-terminated UTF-8 */
	TYPE_INT,    /* int64_t */
	TYPE_UINT,   /* uint64_t */
	TYPE_BOOL,   /* bool */
	TYPE_ENUM,   /* enum, values counted from 0 */
	TYPE_OBJECT, /* struct */
};

enum text_form {
	TEXT_FORM_ANY,  /* any UTF-8 without NUL */
	TEXT_FORM_NAME, /* without control characters */
	TEXT_FORM_UUID, /* 8-4-4-4-12 hexadecimal digits */
	TEXT_FORM_GLOB, /* base/glob.h */
	TEXT_FORM_TIME, /* RFC 3339, UTC, ends in Z */
	TEXT_FORM_JSON, /* any JSON value, as its text; in results alone */
	TEXT_FORM_REAL, /* a JSON number that need not be whole, likewise */
};

struct type;

#define MEMBERS_MAX 64 /* parameters of a method, fields of an object */

/* A parameter of a method, or a field of an object. */
struct member {
	const char *name;
	const char *key; /* "name": as JSON has it, with quotes and colon */
	const struct type *type;
	const char *doc;
	uint32_t key_len;
	uint32_t offset; /* of the value, or of the pointer of a list */
	uint32_t has;    /* offset of bool has_NAME; 0: always there */
	uint32_t count;  /* offset of size_t NAME_count; 0: not a list */
};

struct enum_value {
	const char *text;
	const char *name; /* of the C enumerator */
	const char *doc;
};

struct type {
	enum type_kind kind;
	enum text_form form;
	const char *name;
	const char *doc;
	size_t size; /* of the C value, bytes */
	int64_t min; /* text: bytes; numbers: the value */
	int64_t max;
	const struct enum_value *values; /* enums: values_count of them */
	unsigned values_count;
	const struct member *fields; /* objects: fields_count of them */
	unsigned fields_count;
};

/* enum domain_state { DOMAIN_STATE_NONE, …, domain_state_count }; */
#define ENUM(id, doc)                    enum id {
#define VALUE(id, enumerator, text, doc) enumerator,
#define ENUM_END(id)                                                           \
	id##_count                                                             \
	}                                                                      \
	;
#include "api/types.def"

/* ctype_TYPE: the C type of a value; for an enum or object the enum or struct. */
#define TEXT(id, name, least, most, form, doc) typedef char *ctype_##id;
#define SIGNED(id, name, least, most, doc)     typedef int64_t ctype_##id;
#define UNSIGNED(id, name, least, most, doc)   typedef uint64_t ctype_##id;
#define BOOLEAN(id, name, doc)                 typedef bool ctype_##id;
#define ENUM(id, doc)                          typedef enum id ctype_##id;
#define VALUE(id, enumerator, text, doc)
#define ENUM_END(id)
#define OBJECT(id, doc) typedef struct id ctype_##id;
#define FIELD(id, name, type, doc)
#define FIELD_OPT(id, name, type, doc)
#define FIELD_LIST(id, name, type, doc)
#define OBJECT_END(id)
#include "api/types.def"

/*
 * struct domain_summary { char *uuid; …; uint64_t id; bool has_id; … };
 * Strings and lists are owned by the struct: value_free() or result_free().
 */
#define OBJECT(id, doc)            struct id {
#define FIELD(id, name, type, doc) ctype_##type name;
#define FIELD_OPT(id, name, type, doc)                                         \
	ctype_##type name;                                                     \
	bool has_##name;
#define FIELD_LIST(id, name, type, doc)                                        \
	ctype_##type *name;                                                    \
	size_t name##_count;
#define OBJECT_END(id)                                                         \
	}                                                                      \
	;
#include "api/types.def"

/* The descriptors: api_type_STRING, api_type_domain_state, … */
#define TEXT(id, name, least, most, form, doc)                                 \
	extern const struct type api_type_##id;
#define SIGNED(id, name, least, most, doc)                                     \
	extern const struct type api_type_##id;
#define UNSIGNED(id, name, least, most, doc)                                   \
	extern const struct type api_type_##id;
#define BOOLEAN(id, name, doc) extern const struct type api_type_##id;
#define ENUM(id, doc)          extern const struct type api_type_##id;
#define VALUE(id, enumerator, text, doc)
#define ENUM_END(id)
#define OBJECT(id, doc) extern const struct type api_type_##id;
#define FIELD(id, name, type, doc)
#define FIELD_OPT(id, name, type, doc)
#define FIELD_LIST(id, name, type, doc)
#define OBJECT_END(id)
#include "api/types.def"

/* All types, in the order of types.def; type_at(n) is NULL behind the last. */
const struct type *type_at(size_t n);

/*
 * The text of an enum's value; "unknown" where VALUE is out of range (an object
 * from a newer host can hold one: then it equals id_count).
 */
const char *enum_text(const struct type *type, unsigned value);

/* The value of TEXT, or -1. */
int enum_value(const struct type *type, const char *text);

#endif
