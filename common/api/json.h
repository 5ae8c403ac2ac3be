/*
 * The strict gate in front of json-c, and the writer of JSON text. json_parse()
 * takes exactly RFC 8259 (I-JSON, RFC 7493, where they differ) and builds the
 * tree in the same pass, so that no second parser can read a message in another
 * way. Called for every byte of JSON that comes from a peer. No state; any
 * thread; never recursive.
 *
 * Refused, each with what and at which offset: invalid UTF-8, a byte order mark,
 * NULs (also as \u0000), lone surrogates, a name that stands twice in an object
 * ("a" equals "\u0061"), trailing bytes, comments, quotes other than ", unquoted
 * names, every number form that the grammar does not have, whole numbers outside
 * int64 and fractions outside double.
 */
#ifndef VIRTMUX_API_JSON_H
#define VIRTMUX_API_JSON_H

#include <json-c/json_object.h>

#include "base/buf.h"
#include "base/error.h"

/* A container of json-c costs some 700 bytes: hence a limit of its own. */
struct json_limits {
	size_t size;  /* bytes of text */
	size_t depth; /* containers within each other, at most JSON_DEPTH_MAX */
	size_t values;     /* values in all, containers included */
	size_t containers; /* objects and arrays in all */
};

#define JSON_DEPTH_MAX 32

#define JSON_REQUEST_SIZE_MAX       (1024 * 1024)
#define JSON_REQUEST_VALUES_MAX     16384
#define JSON_REQUEST_CONTAINERS_MAX 4096

#define JSON_RESPONSE_SIZE_MAX       (256 * 1024 * 1024)
#define JSON_RESPONSE_VALUES_MAX     8000000
#define JSON_RESPONSE_CONTAINERS_MAX 1000000

/* For what a client sends, and for what a host answers. */
extern const struct json_limits json_request_limits;
extern const struct json_limits json_response_limits;

/*
 * Reads TEXT (LEN bytes, no NUL needed behind them) into *OUT, which the caller
 * releases with json_object_put(); a JSON null is *OUT == NULL. ERROR_PARSE,
 * ERROR_TOO_LARGE for a limit, or ERROR_NO_MEMORY. LIMITS NULL: of requests.
 */
int json_parse(const char *text, size_t len, const struct json_limits *limits,
	       struct json_object **out, struct error *err);

/*
 * Appends S as a JSON string with its quotes. Invalid UTF-8 becomes U+FFFD;
 * control characters, " and \ are escaped, and so is U+007F. 0, or -1 without
 * memory. S may be NULL: then it writes null.
 */
int json_append_string(struct buf *out, const char *s);
int json_append_string_len(struct buf *out, const char *s, size_t len);

int json_append_int(struct buf *out, int64_t value);
int json_append_uint(struct buf *out, uint64_t value);

/*
 * The text of O's member NAME, borrowed from O: a string as it is, all else as JSON;
 * NULL where there is none, or null.
 */
const char *json_text(struct json_object *o, const char *name);
/* Whether O has a member NAME that is true. */
bool json_is_true(struct json_object *o, const char *name);

/* Adds a member NAME; none where TEXT is NULL. */
void json_add_text(struct json_object *o, const char *name, const char *text);
/*
 * Adds an empty list NAME and returns it, borrowed from O. NULL without memory, as
 * where O is NULL.
 */
struct json_object *json_add_list(struct json_object *o, const char *name);

static inline void json_cleanup_put(struct json_object **o)
{
	json_object_put(*o);
}

#define autojson cleanup(json_cleanup_put) struct json_object *

#endif
