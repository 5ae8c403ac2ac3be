/*
 * The command line: popt splits it, our table says what is allowed. Called by
 * main. What always holds: values are kept as text, in the order given; popt's
 * own tables are made on the stack for each parse.
 */
#include "pki/arguments.h"

#include <errno.h>
#include <popt.h>
#include <stdlib.h>
#include <string.h>

#define ON(id) (1u << COMMAND_##id)
#define ON_ALL (~0u)
/* What opens the authority's key, and gives something an end. */
#define ON_AUTHORITY                                                           \
	(ON(INIT) | ON(HOST) | ON(USER) | ON(SIGN) | ON(RENEW) | ON(REVOKE) |  \
	 ON(CRL))
#define VALUE_OF_ONE 1 /* popt: 0 would mean "do not return it" */

static const struct argument_spec specs[ARGUMENTS] = {
#define ARGUMENT(id, name, letter, value, commands, doc)                       \
	[ARGUMENT_##id] = {name, letter, value, commands, doc},
#include "pki/arguments.def"
#undef ARGUMENT
};

struct given {
	enum argument_id id;
	char *value; /* NULL for a switch */
};

struct arguments {
	struct given *given;
	size_t given_count;
	char **words;
	size_t word_count;
};

const struct argument_spec *argument_spec(enum argument_id id)
{
	return &specs[id];
}

void arguments_free(struct arguments *arguments)
{
	if (!arguments)
		return;
	for (size_t i = 0; i < arguments->given_count; i++)
		free(arguments->given[i].value);
	for (size_t i = 0; i < arguments->word_count; i++)
		free(arguments->words[i]);
	free(arguments->given);
	free(arguments->words);
	free(arguments);
}

static void fill_popt_table(struct poptOption *table)
{
	for (unsigned i = 0; i < ARGUMENTS; i++)
		table[i] = (struct poptOption){
			.longName = specs[i].name,
			.shortName = specs[i].letter,
			.argInfo = specs[i].value ? POPT_ARG_STRING
						  : POPT_ARG_NONE,
			.val = (int)i + VALUE_OF_ONE,
		};
	table[ARGUMENTS] = (struct poptOption){0};
}

static int take_options(struct arguments *arguments, poptContext popt,
			struct error *err)
{
	int found;

	while ((found = poptGetNextOpt(popt)) > 0) {
		struct given *given =
			&arguments->given[arguments->given_count++];

		given->id = (enum argument_id)(found - VALUE_OF_ONE);
		given->value = poptGetOptArg(popt);
		if (given->value && !*given->value)
			return error_set(err, ERROR_USAGE,
					 "the value of --%s is empty",
					 specs[given->id].name);
	}
	if (found == -1)
		return 0;
	return error_set(err, ERROR_USAGE, "%s: %s. See 'virtmux-pki --help'",
			 poptBadOption(popt, POPT_BADOPTION_NOALIAS),
			 poptStrerror(found));
}

static int take_words(struct arguments *arguments, poptContext popt,
		      struct error *err)
{
	const char *word;

	while ((word = poptGetArg(popt))) {
		char *copy = strdup(word);

		if (!copy)
			return error_set_no_memory(err);
		arguments->words[arguments->word_count++] = copy;
	}
	return 0;
}

struct arguments *arguments_parse(int argc, const char **argv,
				  struct error *err)
{
	struct poptOption table[ARGUMENTS + 1];
	autoptr(arguments) arguments = calloc(1, sizeof(*arguments));
	poptContext popt;
	int result = 0;

	if (arguments) {
		/* No word of ARGV gives more than one option or word, but a
		 * bundle of letters does: -hV. */
		size_t most = 1;

		for (int i = 0; i < argc; i++)
			most += strlen(argv[i]) + 1;
		arguments->given = calloc(most, sizeof(*arguments->given));
		arguments->words = calloc(most, sizeof(*arguments->words));
	}
	if (!arguments || !arguments->given || !arguments->words) {
		error_set_no_memory(err);
		return NULL;
	}
	fill_popt_table(table);
	popt = poptGetContext("virtmux-pki", argc, argv, table, 0);
	if (!popt)
		result = error_set_no_memory(err);
	if (result == 0)
		result = take_options(arguments, popt, err);
	if (result == 0)
		result = take_words(arguments, popt, err);
	poptFreeContext(popt);
	return result < 0 ? NULL : steal(&arguments);
}

int arguments_check(const struct arguments *arguments, enum command_id command,
		    struct error *err)
{
	for (size_t i = 0; i < arguments->given_count; i++) {
		const struct argument_spec *spec =
			&specs[arguments->given[i].id];

		if (!(spec->commands & (1u << command)))
			return error_set(err, ERROR_USAGE,
					 "'%s' does not take --%s. See "
					 "'virtmux-pki help %s'",
					 command_spec(command)->name,
					 spec->name,
					 command_spec(command)->name);
	}
	return 0;
}

size_t arguments_words(const struct arguments *arguments)
{
	return arguments->word_count;
}

const char *arguments_word(const struct arguments *arguments, size_t i)
{
	return i < arguments->word_count ? arguments->words[i] : NULL;
}

bool arguments_given(const struct arguments *arguments, enum argument_id id)
{
	return arguments_count(arguments, id) > 0;
}

size_t arguments_count(const struct arguments *arguments, enum argument_id id)
{
	size_t count = 0;

	for (size_t i = 0; i < arguments->given_count; i++)
		count += arguments->given[i].id == id;
	return count;
}

const char *arguments_nth(const struct arguments *arguments,
			  enum argument_id id, size_t nth)
{
	for (size_t i = 0; i < arguments->given_count; i++)
		if (arguments->given[i].id == id && nth-- == 0)
			return arguments->given[i].value;
	return NULL;
}

const char *arguments_value(const struct arguments *arguments,
			    enum argument_id id)
{
	size_t count = arguments_count(arguments, id);

	return count ? arguments_nth(arguments, id, count - 1) : NULL;
}

int arguments_number(const struct arguments *arguments, enum argument_id id,
		     long min, long max, long *number, struct error *err)
{
	const char *text = arguments_value(arguments, id);
	char *end = NULL;
	long value;

	if (!text)
		return 0;
	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || *end || text[strspn(text, "0123456789")] || value < min ||
	    value > max)
		return error_set(
			err, ERROR_USAGE,
			"--%s takes a number from %ld to %ld, not '%s'",
			specs[id].name, min, max, text);
	*number = value;
	return 0;
}
