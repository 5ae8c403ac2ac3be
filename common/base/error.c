/*
 * The table of error codes and the filling of struct error. Called by every
 * function that can fail. What always holds: a code survives even where there
 * is no memory for its words, and error_words() then gives the code's meaning.
 */
#include "base/error.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"

#define ERRNO_TEXT_SIZE 128

enum { RETRY_FINAL, RETRY_RETRY };

static const struct {
	const char *name;
	const char *meaning;
	int exit_status;
	int rpc_number;
	bool may_retry;
} codes[ERROR_CODES] = {
	[ERROR_NONE] = {"none", "no error", 0, 0, false},
#define ERROR_CODE(id, name, status, number, retry, doc)                       \
	[ERROR_##id] = {name, doc, status, number, RETRY_##retry},
#include "base/errors.def"
#undef ERROR_CODE
};

static char *vformat(const char *format, va_list args)
	__attribute__((format(printf, 1, 0)));

/* NULL without memory. */
static char *vformat(const char *format, va_list args)
{
	autobuf text = {0};

	buf_vappendf(&text, format, args);
	return buf_steal_str(&text);
}

/* The new words may be made from the old ones: those are freed last. */
static int replace(struct error *err, enum error_code code, char *words)
{
	assert(code != ERROR_NONE);
	error_clear(err);
	err->code = code;
	err->words = words;
	return -1;
}

int error_set(struct error *err, enum error_code code, const char *format, ...)
{
	va_list args;
	char *words;

	if (!err)
		return -1;
	va_start(args, format);
	words = vformat(format, args);
	va_end(args);
	return replace(err, code, words);
}

static const char *errno_text(int errnum, char *text, size_t size)
{
#ifdef __GLIBC__
	return strerror_r(errnum, text, size);
#else
	if (strerror_r(errnum, text, size) != 0)
		return "unknown error";
	return text;
#endif
}

int error_set_errno(struct error *err, enum error_code code, int errnum,
		    const char *format, ...)
{
	char reason[ERRNO_TEXT_SIZE];
	autobuf words = {0};
	va_list args;

	if (!err)
		return -1;
	va_start(args, format);
	buf_vappendf(&words, format, args);
	va_end(args);
	buf_append_str(&words, ": ");
	buf_append_str(&words, errno_text(errnum, reason, sizeof(reason)));
	return replace(err, code, buf_steal_str(&words));
}

int error_prefix(struct error *err, const char *format, ...)
{
	autobuf text = {0};
	va_list args;
	char *words;

	if (!err)
		return -1;
	va_start(args, format);
	buf_vappendf(&text, format, args);
	va_end(args);
	buf_append_str(&text, ": ");
	buf_append_str(&text, error_words(err));
	words = buf_steal_str(&text);
	if (words) {
		free(err->words);
		err->words = words;
	}
	return -1;
}

int error_set_cause(struct error *err, const char *format, ...)
{
	va_list args;
	char *cause;

	if (!err)
		return -1;
	va_start(args, format);
	cause = vformat(format, args);
	va_end(args);
	free(err->cause);
	err->cause = cause;
	return -1;
}

int error_set_no_memory(struct error *err)
{
	return err ? replace(err, ERROR_NO_MEMORY, NULL) : -1;
}

int error_copy(struct error *to, const struct error *from)
{
	error_set(to, from->code, "%s", error_words(from));
	if (from->cause)
		error_set_cause(to, "%s", from->cause);
	return -1;
}

int error_move(struct error *to, struct error *from)
{
	if (!to) {
		error_clear(from);
	} else if (to != from) {
		error_clear(to);
		*to = *from;
		*from = (struct error){0};
	}
	return -1;
}

void error_clear(struct error *err)
{
	if (!err)
		return;
	free(err->words);
	free(err->cause);
	*err = (struct error){0};
}

const char *error_words(const struct error *err)
{
	return err->words ? err->words : error_code_meaning(err->code);
}

static enum error_code known(enum error_code code)
{
	return (unsigned)code < ERROR_CODES ? code : ERROR_INTERNAL;
}

const char *error_code_name(enum error_code code)
{
	return codes[known(code)].name;
}

const char *error_code_meaning(enum error_code code)
{
	return codes[known(code)].meaning;
}

int error_code_exit_status(enum error_code code)
{
	return codes[known(code)].exit_status;
}

int error_code_rpc_number(enum error_code code)
{
	return codes[known(code)].rpc_number;
}

bool error_code_may_retry(enum error_code code)
{
	return codes[known(code)].may_retry;
}

enum error_code error_code_from_rpc_number(int number)
{
	for (unsigned i = ERROR_NONE + 1; i < ERROR_CODES; i++)
		if (codes[i].rpc_number == number)
			return (enum error_code)i;
	return ERROR_FAILED;
}

enum error_code error_code_from_name(const char *name)
{
	for (unsigned i = ERROR_NONE + 1; i < ERROR_CODES; i++)
		if (strcmp(codes[i].name, name) == 0)
			return (enum error_code)i;
	return ERROR_FAILED;
}
