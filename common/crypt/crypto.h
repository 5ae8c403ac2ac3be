/*
 * Small helpers over OpenSSL: ownership attributes for its objects, and its
 * errors as ours. Used by key.c, the PKI, and the client's requests. What
 * always holds: after crypto_error() OpenSSL's error queue is empty.
 */
#ifndef VIRTMUX_CRYPT_CRYPTO_H
#define VIRTMUX_CRYPT_CRYPTO_H

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/cleanup.h"
#include "base/error.h"

#define autobio  cleanup(crypto_bio_free) BIO
#define autox509 cleanup(crypto_x509_free) X509
#define autopkey cleanup(crypto_pkey_free) EVP_PKEY

static inline void crypto_bio_free(BIO **bio)
{
	BIO_free_all(*bio);
}

static inline void crypto_x509_free(X509 **certificate)
{
	X509_free(*certificate);
}

static inline void crypto_pkey_free(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

/* Sets ERR to the words and, in brackets, OpenSSL's reason. Returns -1. */
int crypto_error(struct error *err, enum error_code code, const char *format,
		 ...) __attribute__((format(printf, 3, 4)));

/* What KEY signs with; NULL for Ed25519, which brings its own (RFC 8410). */
const EVP_MD *crypto_digest(const EVP_PKEY *key);

/* Seconds since 1970 UTC; -1 where TIME is malformed or NULL. */
time_t crypto_seconds(const ASN1_TIME *time);

/*
 * The bytes that a memory BIO holds, borrowed from it; NULL for none. LEN
 * receives their number.
 */
const char *crypto_bio_bytes(BIO *bio, size_t *len);

#endif
