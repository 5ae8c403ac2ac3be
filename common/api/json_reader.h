/*
 * The reader that json_parse.c and json_scalar.c share: its place in the text,
 * what it has open, and how a fault is told. Private to the two. What holds: `at`
 * only grows and never passes `len`.
 */
#ifndef VIRTMUX_API_JSON_READER_H
#define VIRTMUX_API_JSON_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "api/json.h"

/* What may come next. */
enum expect {
	EXPECT_VALUE,
	EXPECT_VALUE_OR_END, /* behind "[" */
	EXPECT_NAME,
	EXPECT_NAME_OR_END, /* behind "{" */
	EXPECT_COMMA_OR_END,
	EXPECT_NOTHING, /* the outermost value is complete */
};

struct reader {
	const uint8_t *text;
	size_t len;
	size_t at;
	const struct json_limits *limits;
	size_t values;
	size_t containers;
	enum expect expect;
	size_t depth;
	struct json_object *open[JSON_DEPTH_MAX];
	struct json_object *root;
	struct buf name; /* of the member whose value comes next, with NUL */
	struct buf text_value; /* a string with escapes, resolved */
	struct error *err;
};

/* A run of bytes, in the text or in a buffer of the reader. */
struct slice {
	const char *s;
	size_t len;
};

/* ERROR_PARSE with the offset AT; returns -1. */
__attribute__((format(printf, 3, 4))) int
json_fault(struct reader *r, size_t at, const char *format, ...);

/* "'x' where WANTED is due", at the reader's place; returns -1. */
int json_fault_found(struct reader *r, const char *wanted);

/*
 * The string at the reader's place, which is its quote. OUT lies in the text
 * where the string has no escapes, else in r->text_value, until the next one.
 */
int json_read_string(struct reader *r, struct slice *out);

/* The number at the reader's place, which is a digit or a minus. */
int json_read_number(struct reader *r, struct json_object **out);

#endif
