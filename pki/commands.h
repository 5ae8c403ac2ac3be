/*
 * The commands: their table (commands.def), and what a command gets. Called by
 * main. What always holds: a command writes data to OUT and messages to
 * MESSAGES, and returns 0, or -1 with ERR filled; it never exits.
 */
#ifndef VIRTMUX_PKI_COMMANDS_H
#define VIRTMUX_PKI_COMMANDS_H

#include <stddef.h>
#include <stdio.h>

#include "base/error.h"

enum command_id {
#define COMMAND(id, name, words, fewest, most, function, summary, doc)         \
	COMMAND_##id,
#include "pki/commands.def"
#undef COMMAND
	COMMANDS
};

struct arguments;

/* All borrowed for the call. */
struct command_call {
	const struct arguments *arguments;
	FILE *out;      /* data */
	FILE *messages; /* warnings and notes */
};

typedef int command_fn(const struct command_call *call, struct error *err);

struct command {
	const char *name;
	const char *words; /* what follows the name, for help */
	size_t fewest, most;
	command_fn *function;
	const char *summary; /* without a full stop */
	const char *doc;
};

const struct command *command_spec(enum command_id id);

/* COMMANDS where there is none of that name. */
enum command_id command_find(const char *name);

/* Checks the options and the number of words, and runs it. */
int command_run(enum command_id id, const struct command_call *call,
		struct error *err);

#define COMMAND(id, name, words, fewest, most, function, summary, doc)         \
	command_fn function;
#include "pki/commands.def"
#undef COMMAND

#endif
