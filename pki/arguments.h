/*
 * The command line, parsed by the table in arguments.def. Called by main, read
 * by the commands. What always holds: an option that a command does not take is
 * refused, as is one that is unknown or has no value.
 */
#ifndef VIRTMUX_PKI_ARGUMENTS_H
#define VIRTMUX_PKI_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "pki/commands.h"

enum argument_id {
#define ARGUMENT(id, name, letter, value, commands, doc) ARGUMENT_##id,
#include "pki/arguments.def"
#undef ARGUMENT
	ARGUMENTS
};

struct argument_spec {
	const char *name;
	char letter;       /* 0: none */
	const char *value; /* a word for it; NULL: a switch */
	unsigned commands; /* bits 1 << enum command_id */
	const char *doc;
};

const struct argument_spec *argument_spec(enum argument_id id);

struct arguments;

/* ERROR_USAGE; NULL then. The words are copied from ARGV. */
struct arguments *arguments_parse(int argc, const char **argv,
				  struct error *err);
void arguments_free(struct arguments *arguments); /* NULL-safe */

DEFINE_CLEANUP(arguments, arguments_free);

/* ERROR_USAGE where an option is given that the command does not take. */
int arguments_check(const struct arguments *arguments, enum command_id command,
		    struct error *err);

/* Words that are no options, the command first; NULL past the last one. */
size_t arguments_words(const struct arguments *arguments);
const char *arguments_word(const struct arguments *arguments, size_t i);

bool arguments_given(const struct arguments *arguments, enum argument_id id);

/* How often it was given, and its Ith value; NULL past the last. */
size_t arguments_count(const struct arguments *arguments, enum argument_id id);
const char *arguments_nth(const struct arguments *arguments,
			  enum argument_id id, size_t i);

/* The last value given, or NULL. */
const char *arguments_value(const struct arguments *arguments,
			    enum argument_id id);

/*
 * A decimal number in MIN to MAX into *NUMBER, which stays as it is where the
 * option was not given. ERROR_USAGE.
 */
int arguments_number(const struct arguments *arguments, enum argument_id id,
		     long min, long max, long *number, struct error *err);

#endif
