/*
 * The prototypes of all verbs, from the table. Included by the files that define
 * them and by command_table.c, so that a row without its function, or a function
 * without its row, does not build.
 */
#ifndef VIRTMUX_CLIENT_VERBS_H
#define VIRTMUX_CLIENT_VERBS_H

#include "client/command.h"

#define COMMAND(id, verb, alias, method, function, done, summary, doc)         \
	command_fn function;
#include "client/commands.def"

#endif
