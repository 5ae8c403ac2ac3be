/*
 * Reading a private key from its file, with the passphrase where it has one.
 * Called by authority (the CA's key) and export. What always holds: a file that
 * others can read is refused, and plain key bytes are wiped.
 */
#ifndef VIRTMUX_PKI_UNLOCK_H
#define VIRTMUX_PKI_UNLOCK_H

#include "base/error.h"
#include "crypt/crypto.h"
#include "pki/passphrase.h"

/*
 * The key in the file PATH, to EVP_PKEY_free(); a person gets PASSPHRASE_TRIES.
 * ERROR_NOT_FOUND, ERROR_KEY, and those of passphrase_get().
 */
EVP_PKEY *unlock_key(const char *path, const struct passphrase_source *source,
		     struct error *err);

#endif
