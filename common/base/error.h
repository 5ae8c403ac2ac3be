/*
 * Errors: a code of the closed table in errors.def, words for people, and a
 * cause for the log. A function that can fail returns 0 or -1 and fills a
 * struct error. The layer that knows the subject writes the words (what failed,
 * on what, what to do next); upper layers put context before them.
 *
 * Thread: a struct error belongs to whoever holds it; no state is shared.
 */
#ifndef VIRTMUX_BASE_ERROR_H
#define VIRTMUX_BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>

#include "base/cleanup.h"

enum error_code {
	ERROR_NONE = 0,
#define ERROR_CODE(id, name, status, number, retry, doc) ERROR_##id,
#include "base/errors.def"
#undef ERROR_CODE
	ERROR_CODES
};

/*
 * words: one or more sentences for the person, without final newline.
 * cause: NULL, or detail that only the log may show (paths, libvirt's words).
 * Both are owned by the struct. All zero means: no error.
 */
struct error {
	enum error_code code;
	char *words;
	char *cause;
};

#define autoerror cleanup(error_clear) struct error

/*
 * Sets ERR (which may be NULL, or hold an older error that is replaced) and
 * returns -1, so that a caller can write `return error_set(err, ...)`.
 */
int error_set(struct error *err, enum error_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same, with ": " and strerror(ERRNUM) added. Code as given. */
int error_set_errno(struct error *err, enum error_code code, int errnum,
		    const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Puts context and ": " before the words. Returns -1. */
int error_prefix(struct error *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Sets (replaces) the cause, which only the log shows. Returns -1. */
int error_set_cause(struct error *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Memory ran out: needs no allocation itself; words stay NULL. Returns -1. */
int error_set_no_memory(struct error *err);

/* Sets TO to what FROM holds, the cause included. Returns -1. */
int error_copy(struct error *to, const struct error *from);

/* Moves FROM into TO (may be NULL: then FROM is cleared). Returns -1. */
int error_move(struct error *to, struct error *from);

/* Frees what ERR owns and makes it all zero. */
void error_clear(struct error *err);

static inline bool error_is_set(const struct error *err)
{
	return err->code != ERROR_NONE;
}

/* The words, or the code's meaning where there are none; never NULL. */
const char *error_words(const struct error *err);

/* The table's columns; CODE out of range is treated as ERROR_INTERNAL. */
const char *error_code_name(enum error_code code);
const char *error_code_meaning(enum error_code code);
int error_code_exit_status(enum error_code code);
int error_code_rpc_number(enum error_code code);
bool error_code_may_retry(enum error_code code);

/* From a JSON-RPC number or a name; ERROR_FAILED where it is unknown. */
enum error_code error_code_from_rpc_number(int number);
enum error_code error_code_from_name(const char *name);

#endif
