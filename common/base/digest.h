/*
 * SHA-256 (FIPS 180-4) by OpenSSL: over bytes that come in pieces, for the content of
 * volumes on both sides; and at once with a key, for what the journal keeps. One
 * thread at a time for each digest.
 */
#ifndef VIRTMUX_BASE_DIGEST_H
#define VIRTMUX_BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define DIGEST_BYTES     32
#define DIGEST_TEXT_SIZE 65 /* hexadecimal, lower case, and NUL */

struct digest;

/* ERROR_NO_MEMORY. */
int digest_new(struct digest **digest, struct error *err);
void digest_free(struct digest *digest); /* NULL-safe */

DEFINE_CLEANUP(digest, digest_free);

void digest_add(struct digest *digest, const void *data, size_t n);

/* N zeros: what a hole reads as. */
void digest_add_zeros(struct digest *digest, uint64_t n);

/* What was added so far; the digest begins anew. */
void digest_finish(struct digest *digest, uint8_t out[DIGEST_BYTES]);

/* HMAC-SHA256 (RFC 2104) of N bytes at once. 0, or -1 without memory. */
int digest_keyed(const uint8_t key[DIGEST_BYTES], const void *data, size_t n,
		 uint8_t out[DIGEST_BYTES]);

/* As hexadecimal digits. */
void digest_text(const uint8_t bytes[DIGEST_BYTES],
		 char text[DIGEST_TEXT_SIZE]);

#endif
