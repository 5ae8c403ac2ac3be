/*
 * Help and the manual page, printed from the tables of commands and options.
 * Called by main and by the command "help". What always holds: no command or
 * option is described anywhere else.
 */
#ifndef VIRTMUX_PKI_HELP_H
#define VIRTMUX_PKI_HELP_H

#include "base/buf.h"
#include "pki/commands.h"

/* Help of the whole program, or of one command. Check buf_ok(). */
void help_program(struct buf *out);
void help_command(enum command_id id, struct buf *out);

/* The manual page virtmux-pki(1), as roff with the man macros. */
void help_manual(struct buf *out);

/* ERROR_USAGE for a command that there is not, with the nearest one. */
int help_unknown_command(const char *name, struct error *err);

/* Writes OUT to FILE; ERROR_NO_MEMORY where it is incomplete. */
int help_write(const struct buf *text, FILE *file, struct error *err);

#endif
