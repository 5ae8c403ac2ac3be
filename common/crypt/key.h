/*
 * Private keys: making them, and writing and reading their PEM form. A key that
 * has a passphrase is PKCS#8 with scrypt and AES-256-CBC (RFC 5208, 7914,
 * 8018); one without is plain PKCS#8. Called by the PKI, and by the client for its
 * user's own key.
 * What always holds: plain key bytes are only in memory that is wiped when it
 * is freed. Any thread.
 */
#ifndef VIRTMUX_CRYPT_KEY_H
#define VIRTMUX_CRYPT_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/secret.h"
#include "crypt/crypto.h"

/* In the order of the words of `virtmux enroll --algorithm`. */
enum key_type {
	KEY_P256,
	KEY_P384,
	KEY_ED25519,
	KEY_RSA3072,
	KEY_RSA4096,
	KEY_TYPES
};

#define KEY_TYPE_NAMES "p256, p384, ed25519, rsa3072, rsa4096"

/* ERROR_USAGE, naming those that there are. */
int key_type_from_name(const char *name, enum key_type *type,
		       struct error *err);

/* The type of a key that exists; -1 where it is none of ours. */
int key_type_of(const EVP_PKEY *key, enum key_type *type);

/* A new key, to EVP_PKEY_free(); NULL on error. */
EVP_PKEY *key_generate(enum key_type type, struct error *err);

/* "EC P-256", "Ed25519", "RSA 3072" …: TEXT has KEY_TEXT_SIZE bytes. */
#define KEY_TEXT_SIZE 40
void key_describe(const EVP_PKEY *key, char *text);

/*
 * PEM in a memory BIO that is wiped when freed (crypto_bio_bytes()). PASSPHRASE
 * is borrowed; NULL writes the key in plain. NULL on error.
 */
BIO *key_to_pem(const EVP_PKEY *key, const struct secret *passphrase,
		struct error *err);

/* Whether PEM text holds an encrypted key (PKCS#8 or the legacy form). */
bool key_pem_is_encrypted(const void *pem, size_t len);

/*
 * Reads a key. NAME is for errors. PASSPHRASE may be NULL where the text is not
 * encrypted. ERROR_KEY where it is wrong or the text holds no key.
 */
EVP_PKEY *key_from_pem(const void *pem, size_t len, const char *name,
		       const struct secret *passphrase, struct error *err);

#endif
