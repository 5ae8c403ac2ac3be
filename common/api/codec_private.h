/*
 * What the parts of the codec share: one way to check a value and to word its
 * fault, whether it came from JSON, from a path or from a person's words.
 * Private to the room; used by codec_*.c and describe_*.c alone.
 */
#ifndef VIRTMUX_API_CODEC_PRIVATE_H
#define VIRTMUX_API_CODEC_PRIVATE_H

#include <json-c/json_object.h>

#include "api/codec.h"
#include "api/member.h"

/* Where a decoder stands, for its messages; and how strict it is. */
struct decode {
	const struct method *method;
	const struct member *member; /* the innermost one */
	size_t element;              /* of a list, counted from 1; 0: no list */
	bool result; /* of a newer host: what is unknown is ignored */
	struct error *err;
};

/* The code of every fault of this decoder. Returns -1. */
__attribute__((format(printf, 2, 3))) int decode_fault(struct decode *d,
						       const char *format, ...);

/* "parameter "n" of domain.graphics must be …, not FOUND". Returns -1. */
int decode_fault_type(struct decode *d, const char *found);

/* "it is not known; did you mean …?" for the name S. Returns -1. */
int decode_fault_unknown(struct decode *d, const struct member *members,
			 unsigned n, const char *s, size_t len);

/*
 * Why the LEN bytes at S are no value of the text type ("is longer than 255
 * bytes"), or NULL. The reason is constant, or stands in ROOM.
 */
#define CHECK_ROOM 80
const char *text_check(const struct type *type, const char *s, size_t len,
		       char *room);

/* Appends "a whole number from 0 to 255", "one of acpi, agent". */
void type_describe(const struct type *type, struct buf *out);

/* A checked copy of S into SLOT, a char *. */
int text_decode(struct decode *d, const struct type *type, const char *s,
		size_t len, char **slot);

/* A number within the type's range into SLOT. */
int number_decode(struct decode *d, const struct type *type, int64_t value,
		  void *slot);

/* One value from JSON into SLOT; on failure the caller frees the whole struct. */
int value_decode(struct decode *d, const struct type *type,
		 struct json_object *value, void *slot);

/* Allocates room for N elements of M and sets its count. */
int list_alloc(struct decode *d, const struct member *m, void *base, size_t n);

/* One value from text into SLOT; WORDS: a person's way to write bools. */
int value_from_text(struct decode *d, const struct type *type, const char *s,
		    size_t len, bool words, void *slot);

/*
 * One "name=value" into the params struct: sets a scalar, appends to a list.
 * VALUE NULL: the name alone. SEEN has a bit for each member that was set.
 */
int member_from_text(struct decode *d, const struct member *m, void *params,
		     const char *value, size_t len, bool words, uint64_t *seen);

/* Whether every member that must be there is; counts what was given. */
int params_complete(struct decode *d, void *params, uint64_t seen);

/* One scalar as plain text (not JSON), for paths and the audit. */
void value_to_text(const struct type *type, const void *value, struct buf *out);

/* One value as JSON; a struct's members as a JSON object. */
void value_encode(const struct type *type, const void *value, struct buf *out);
void members_encode(const struct member *members, unsigned n, const void *base,
		    struct buf *out);

/* Frees what the members own; leaves dangling pointers behind. */
void members_free(const struct member *members, unsigned n, void *base);

#endif
