/*
 * The user's private key: reads it, asks for its passphrase where it has one,
 * and makes the TLS context of a profile. Called by the channel and by the
 * session, once each.
 *
 * What always holds: a passphrase stands only in a struct secret and never in an
 * argument or the environment; nothing is asked with `batch`. Blocks while it
 * asks. One thread.
 */
#ifndef VIRTMUX_CLIENT_KEY_H
#define VIRTMUX_CLIENT_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"

struct evp_pkey_st;
struct deadline;     /* client/connect/deadline.h */
struct key_question; /* client/connect/key_ask.h */
struct profile;
struct secret;
struct tls_context;

#define KEY_FILE_MAX   (64 * 1024) /* bytes */
#define KEY_OPENED_MAX (16 * 1024) /* bytes of PKCS#8 */
#define KEY_TRIES      3           /* of a person, at terminal or askpass */

/* A key that was unlocked before, PKCS#8 without a passphrase; from secret_map(). */
struct key_opened {
	size_t len; /* bytes; 0: there is none */
	uint8_t der[KEY_OPENED_MAX];
};

/*
 * Where the key comes from, if it was unlocked before, or its passphrase: the first that
 * is given counts, in this order, then VIRTMUX_ASKPASS, SSH_ASKPASS by its rules, the
 * terminal.
 */
struct key_sources {
	const struct key_opened *opened; /* borrowed, or NULL */
	int key_fd; /* it is read from there to its end; 0: no */
	const struct secret *given; /* was asked before; borrowed, or NULL */
	/* Asks in another way, as key_ask() does, up to KEY_TRIES times; or NULL. */
	int (*ask)(void *context, struct secret *answer,
		   const struct key_question *question, bool again,
		   struct error *err);
	void *ask_context;
	struct secret *keep;         /* gets the answer; borrowed, or NULL */
	struct key_opened *keep_key; /* gets the key; borrowed, or NULL */
	struct deadline
		*deadline; /* is held while a person is asked, or NULL */
	int passphrase_fd; /* read to its first newline, or -1 */
	const char *passphrase_file; /* borrowed, or NULL */
	bool batch;                  /* ask nobody */
	bool embedded;   /* the process is another's: its core dumps stay */
	struct log *log; /* borrowed, may be NULL */
};

/*
 * The key of PROFILE, to tls_key_free(). ERROR_KEY: none configured, not
 * readable, wrong passphrase, none to be had; ERROR_INTERRUPTED at the prompt.
 */
int key_load(struct evp_pkey_st **key, const struct profile *profile,
	     const struct key_sources *sources, struct error *err);

/*
 * Key, certificate and CA of PROFILE as a context for its connections, to
 * tls_context_unref(). SSLKEYLOGFILE is honoured, with a warning on LOG.
 */
int key_tls_context(struct tls_context **context, const struct profile *profile,
		    const struct key_sources *sources, struct error *err);

/* Whether PROFILE names certificate, key and CA; the words tell how to do it. */
int key_check(const struct profile *profile, struct error *err);

#endif
