/*
 * JSON schemas (2020-12) of what verbs print with --json, from the tables: commands.def,
 * commands/types.def and common/api. For `virtmux schema`. No state; any thread. Each
 * appends to OUT and returns 0, or -1 with ERR.
 */
#ifndef VIRTMUX_CLIENT_SCHEMA_H
#define VIRTMUX_CLIENT_SCHEMA_H

#include "client/command.h"

#define SCHEMA_PRINTS_MAX 8 /* kinds of results that one verb may have */

/*
 * What COMMAND may print, up to N of them; the result is their number. None where it
 * prints nothing.
 */
size_t schema_prints(const struct command *command,
		     struct command_print *prints, size_t n);

/* Of a verb; ERROR_USAGE with the reason where it has no JSON. */
int schema_of_command(struct buf *out, const struct command *command,
		      struct error *err);
/* Of a method's result. */
int schema_of_method(struct buf *out, const struct method *method,
		     struct error *err);
/* Of the line on standard error that tells a failure. */
int schema_of_error(struct buf *out, struct error *err);

#endif
