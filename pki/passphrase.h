/*
 * Passphrases of private keys: from a descriptor, a private file, or asked at
 * the terminal. Called by the commands and authority. What always holds: a
 * passphrase is only ever in a struct secret, is never printed, and is no
 * argument; the terminal is restored also when a signal ends the question.
 */
#ifndef VIRTMUX_PKI_PASSPHRASE_H
#define VIRTMUX_PKI_PASSPHRASE_H

#include <stdbool.h>

#include "base/error.h"
#include "base/secret.h"

/* Where a passphrase comes from; strings are borrowed. */
struct passphrase_source {
	const char *of;     /* "the CA key", for questions and errors */
	const char *option; /* "--ca-passphrase": then "-fd" or "-file" */
	int fd;             /* read a line from it; -1: not given */
	const char *file;   /* read its first line; NULL: not given */
	bool batch;         /* never ask */
};

/*
 * The passphrase of a key that exists. ATTEMPT counts from 0: after the first,
 * the question says that the last answer was wrong. Errors: ERROR_USAGE where
 * there is no source, ERROR_KEY where it gives none, ERROR_INTERRUPTED.
 */
struct secret *passphrase_get(const struct passphrase_source *source,
			      unsigned attempt, struct error *err);

/* That of a new key: asked twice; too short ones are refused (ERROR_KEY). */
struct secret *passphrase_get_new(const struct passphrase_source *source,
				  struct error *err);

/* Whether another attempt can bring another answer: a person is asked. */
bool passphrase_is_asked(const struct passphrase_source *source);

/*
 * Asks PROMPT at the terminal FD without echo. The line, without its end, goes
 * to ANSWER. ERROR_INTERRUPTED on SIGINT, SIGTERM, SIGHUP or SIGQUIT, which are
 * thereby used up. One thread at a time: signal handlers belong to the process.
 */
int passphrase_ask(int fd, const char *prompt, struct secret *answer,
		   struct error *err);

#endif
