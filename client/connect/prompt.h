/*
 * Asking a person for a secret: at the terminal, or through an askpass program.
 * Called by key.c alone.
 *
 * What always holds: the answer stands in the struct secret and in nothing else
 * of ours; the terminal gets its settings back on every way out, a signal
 * included. Blocks. One thread.
 */
#ifndef VIRTMUX_CLIENT_PROMPT_H
#define VIRTMUX_CLIENT_PROMPT_H

#include <stdbool.h>

#include "base/error.h"
#include "base/secret.h"

/* Whether the process has a terminal to ask at (/dev/tty opens). */
bool prompt_has_terminal(void);

/*
 * Writes PROMPT to /dev/tty and reads a line without echo. ERROR_INTERRUPTED
 * for Ctrl-C; ERROR_KEY where there is no terminal, or its end was met.
 */
int prompt_terminal(struct secret *answer, const char *prompt,
		    struct error *err);

/*
 * Runs PROGRAM with PROMPT as its argument and reads the first line of what it
 * writes. ERROR_KEY where it cannot be run or ends with another status than 0.
 */
int prompt_askpass(struct secret *answer, const char *program,
		   const char *prompt, struct error *err);

/* Reads FD to its first newline or end. ERROR_KEY; NAME is for errors. */
int prompt_read_line(struct secret *answer, int fd, const char *name,
		     struct error *err);

#endif
