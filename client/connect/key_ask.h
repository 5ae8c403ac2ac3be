/*
 * Where a passphrase or PIN comes from: the first source that is given counts
 * (--passphrase-fd, --passphrase-file), then a person, asked by VIRTMUX_ASKPASS,
 * by SSH_ASKPASS by its rules, or at the terminal. Called by key.c and the verbs
 * that make and install keys.
 *
 * What always holds: an answer stands only in a struct secret; with `batch` nobody
 * is asked. Blocks. One thread.
 */
#ifndef VIRTMUX_CLIENT_KEY_ASK_H
#define VIRTMUX_CLIENT_KEY_ASK_H

#include <stdbool.h>

#include "base/error.h"
#include "base/secret.h"
#include "client/connect/key.h"

/* What is wanted: "Passphrase" of "/home/anna/anna.key"; borrowed. */
struct key_question {
	const struct key_sources *sources;
	const char *what;
	const char *name;
};

/* How often a wrong answer is asked again: of a person KEY_TRIES, else 1. */
int key_ask_tries(const struct key_sources *sources);

/*
 * The answer; AGAIN says that the one before was wrong. ERROR_KEY where there is
 * none to be had, ERROR_INTERRUPTED.
 */
int key_ask(struct secret *answer, const struct key_question *question,
	    bool again, struct error *err);

/*
 * A new passphrase, which a person gives twice. ERROR_KEY also where it is empty,
 * or was given differently KEY_TRIES times.
 */
int key_ask_new(struct secret *answer, const struct key_question *question,
		struct error *err);

#endif
