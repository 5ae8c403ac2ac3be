/*
 * `virtmux shell`: lines that are commands, from a person or from a file. Each runs in a
 * process of its own, made by fork(), so that what interrupts or breaks a command leaves
 * the shell alone; the user's session keeps key and channel for all of them.
 *
 * What always holds: the shell itself opens no channel and no key. One thread.
 */
#ifndef VIRTMUX_CLIENT_SHELL_H
#define VIRTMUX_CLIENT_SHELL_H

#include <stdbool.h>
#include <sys/types.h>

#include "client/command_private.h"
#include "client/complete.h"

#define SHELL_LINE_MAX 65536 /* bytes of a line */

struct shell {
	struct command_call *call; /* the verb; borrowed */
	char **globals;            /* options before the verb, for each line */
	size_t globals_count;
	char *host; /* that `use` chose, or that is meant without; may be NULL */
	bool chosen;   /* by `use` */
	bool terminal; /* a person types */
	bool over;
	int status; /* of the last line */
};

/* Runs a LINE; its status is in SHELL. */
void shell_run(struct shell *shell, const char *line);

/*
 * What may stand at the end of TEXT, a part of a line. A process of its own finds it, so
 * that the shell has no loop and no channel.
 */
void shell_complete(struct shell *shell, const char *text,
		    struct candidates *to);

/* Reads lines at the terminal, with history, until the end. ERROR_NO_MEMORY … */
int shell_edit(struct shell *shell, struct error *err);

#endif
