/*
 * SHA-256 by OpenSSL's EVP (digest.h). What always holds: OpenSSL's own errors can
 * only be a want of memory, which digest_new() has met.
 */
#include "base/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>

struct digest {
	EVP_MD_CTX *context;
};

int digest_new(struct digest **digest, struct error *err)
{
	autoptr(digest) d = calloc(1, sizeof(*d));

	if (!d)
		return error_set_no_memory(err);
	d->context = EVP_MD_CTX_new();
	if (!d->context ||
	    EVP_DigestInit_ex(d->context, EVP_sha256(), NULL) != 1)
		return error_set_no_memory(err);
	*digest = steal(&d);
	return 0;
}

void digest_free(struct digest *digest)
{
	if (!digest)
		return;
	EVP_MD_CTX_free(digest->context);
	free(digest);
}

void digest_add(struct digest *digest, const void *data, size_t n)
{
	EVP_DigestUpdate(digest->context, data, n);
}

void digest_add_zeros(struct digest *digest, uint64_t n)
{
	static const uint8_t zeros[64 * 1024];

	while (n > 0) {
		size_t some = n < sizeof(zeros) ? (size_t)n : sizeof(zeros);

		digest_add(digest, zeros, some);
		n -= some;
	}
}

void digest_finish(struct digest *digest, uint8_t out[DIGEST_BYTES])
{
	unsigned len = DIGEST_BYTES;

	EVP_DigestFinal_ex(digest->context, out, &len);
	EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL);
}

int digest_keyed(const uint8_t key[DIGEST_BYTES], const void *data, size_t n,
		 uint8_t out[DIGEST_BYTES])
{
	return HMAC(EVP_sha256(), key, DIGEST_BYTES, data, n, out, NULL) ? 0
									 : -1;
}

void digest_text(const uint8_t bytes[DIGEST_BYTES], char text[DIGEST_TEXT_SIZE])
{
	for (size_t i = 0; i < DIGEST_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}
