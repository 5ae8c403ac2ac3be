/*
 * Values between C structs and text, by the descriptors of the tables: JSON from
 * and to peers, paths with their queries, and a person's key=value words. Types,
 * forms and ranges are checked and never coerced. The daemon decodes parameters
 * and encodes results, the client the reverse. No state; any thread.
 *
 * PARAMS is always a struct ID_params, RESULT a result_of_ID of that method. On
 * failure nothing is left to free and the struct is all zero. ERROR_INVALID_PARAMS
 * names the parameter, what it must be, and the nearest known name of an unknown
 * one; ERROR_NO_MEMORY otherwise.
 */
#ifndef VIRTMUX_API_CODEC_H
#define VIRTMUX_API_CODEC_H

#include <json-c/json_object.h>

#include "api/method.h"
#include "base/buf.h"
#include "base/error.h"

#define CODEC_LIST_MAX      4096    /* elements of a list in parameters */
#define CODEC_LIST_MAX_READ 1000000 /* elements of a list in results */
#define CODEC_DEPTH_MAX     8       /* objects within each other */

/*
 * From the "params" of a request; NULL stands for none given. An array (positional
 * parameters) is refused. Strings are copies.
 */
int params_decode(const struct method *m, struct json_object *params, void *out,
		  struct error *err);

/*
 * From the :path of a request (LEN bytes) that method_find_path() gave M for:
 * the segments that the template names, then the query string (name=value&…).
 * Percent-encoding is strict (RFC 3986 2.1); "+" is itself. The decoded bytes must be
 * UTF-8 without NUL. An element may not be given twice, unless it is a list.
 */
int params_decode_path(const struct method *m, const char *path, size_t len,
		       void *out, struct error *err);

/*
 * From a person's words "name=value". A word without "=" sets a bool to true;
 * bools are true/false, yes/no, on/off, 1/0; a list takes a name again and again,
 * and for numbers and enums also commas.
 */
int params_decode_words(const struct method *m, const char *const *words,
			size_t n, void *out, struct error *err);

/* The same words, checked, as JSON text appended to OUT. */
int params_from_words(const struct method *m, const char *const *words,
		      size_t n, struct buf *out, struct error *err);

/* As a JSON object; only what is given. 0, or -1 without memory. */
int params_encode(const struct method *m, const void *params, struct buf *out);

/* As :path of a GET, PUT or STREAM method, percent-encoded. */
int params_encode_path(const struct method *m, const void *params,
		       struct buf *out);

/* Frees what the struct owns and zeroes it. NULL-safe. */
void params_free(const struct method *m, void *params);

/*
 * What the audit writes as target: the values of the AUDIT parameters, joined by
 * blanks, as text (not JSON). 0, or -1 without memory.
 */
int params_audit_target(const struct method *m, const void *params,
			struct buf *out);

/* As JSON text. Invalid UTF-8 becomes U+FFFD, a NULL string "". */
int result_encode(const struct method *m, const void *result, struct buf *out);

/*
 * From the "result" of a response. What a newer host adds is ignored: unknown
 * fields, and an unknown text of an enum, which becomes its id_count.
 * ERROR_INVALID_REQUEST where it does not fit M otherwise.
 */
int result_decode(const struct method *m, struct json_object *result, void *out,
		  struct error *err);

/* Frees what the struct owns and zeroes it. NULL-safe. */
void result_free(const struct method *m, void *result);

/* The same for any object type of types.def, such as one domain_summary. */
int object_encode(const struct type *type, const void *object, struct buf *out);
void object_free(const struct type *type, void *object);

#endif
