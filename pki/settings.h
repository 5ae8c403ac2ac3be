/*
 * What several commands read from the command line and the environment in the
 * same way: the folder, passphrases, the kind of key, validity. Called by the
 * commands. What always holds: nothing here opens or changes a file.
 */
#ifndef VIRTMUX_PKI_SETTINGS_H
#define VIRTMUX_PKI_SETTINGS_H

#include "base/error.h"
#include "crypt/key.h"
#include "pki/arguments.h"
#include "pki/passphrase.h"
#include "pki/store.h"

/* The store in the folder that --dir or the environment names; NULL on error. */
struct store *settings_open_store(const struct arguments *arguments,
				  struct error *err);

/* The same; DIR, where it is not NULL, wins. */
struct store *settings_open_named_store(const struct arguments *arguments,
					const char *dir, struct error *err);

/* Strings in SOURCE are borrowed from ARGUMENTS. ERROR_USAGE. */
int settings_ca_passphrase(const struct arguments *arguments,
			   struct passphrase_source *source, struct error *err);
int settings_user_passphrase(const struct arguments *arguments,
			     struct passphrase_source *source,
			     struct error *err);

int settings_p12_passphrase(const struct arguments *arguments,
			    struct passphrase_source *source,
			    struct error *err);

/* --key-type and --days; *DAYS is 0 where it was not given. ERROR_USAGE. */
int settings_key_type(const struct arguments *arguments, enum key_type *type,
		      struct error *err);
int settings_days(const struct arguments *arguments, long *days,
		  struct error *err);

#endif
