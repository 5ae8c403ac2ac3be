/*
 * The table of commands and its dispatch. Called by main and help. What always
 * holds: options and the number of words are checked before a command begins,
 * so that a mistake in them has no effect.
 */
#include "pki/commands.h"

#include <string.h>

#include "base/ini.h"
#include "pki/arguments.h"

static const struct command specs[COMMANDS] = {
#define COMMAND(id, name, words, fewest, most, function, summary, doc)         \
	[COMMAND_##id] = {name, words, fewest, most, function, summary, doc},
#include "pki/commands.def"
#undef COMMAND
};

const struct command *command_spec(enum command_id id)
{
	return &specs[id];
}

enum command_id command_find(const char *name)
{
	unsigned i = 0;

	while (i < COMMANDS && strcmp(specs[i].name, name) != 0)
		i++;
	return (enum command_id)i;
}

int command_run(enum command_id id, const struct command_call *call,
		struct error *err)
{
	const struct command *command = &specs[id];
	size_t words = arguments_words(call->arguments) - 1;

	if (words < command->fewest || words > command->most)
		return error_set(err, ERROR_USAGE,
				 "too %s words. It is: virtmux-pki %s%s%s",
				 words < command->fewest ? "few" : "many",
				 command->name, *command->words ? " " : "",
				 command->words);
	if (arguments_check(call->arguments, id, err) < 0)
		return -1;
	return command->function(call, err);
}
