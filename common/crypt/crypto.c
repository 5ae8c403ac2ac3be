/*
 * OpenSSL's error queue and memory BIOs; see crypto.h. What always holds: a message names
 * OpenSSL's reason, never its error numbers.
 */
#include "crypt/crypto.h"

#include <openssl/err.h>

#include "base/buf.h"

/* The first error is the cause; those after it only tell who passed it on. */
static const char *take_reason(void)
{
	unsigned long first = ERR_get_error();
	const char *reason = first ? ERR_reason_error_string(first) : NULL;

	ERR_clear_error();
	return reason ? reason : "no reason given";
}

int crypto_error(struct error *err, enum error_code code, const char *format,
		 ...)
{
	autobuf words = {0};
	autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	buf_vappendf(&words, format, args);
	va_end(args);
	buf_appendf(&words, " (OpenSSL: %s)", take_reason());
	text = buf_steal_str(&words);
	if (!text)
		return error_set_no_memory(err);
	return error_set(err, code, "%s", text);
}

const EVP_MD *crypto_digest(const EVP_PKEY *key)
{
	return EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256();
}

time_t crypto_seconds(const ASN1_TIME *time)
{
	struct tm tm;

	return time && ASN1_TIME_to_tm(time, &tm) == 1 ? timegm(&tm) : -1;
}

const char *crypto_bio_bytes(BIO *bio, size_t *len)
{
	char *data = NULL;
	long n = BIO_get_mem_data(bio, &data);

	*len = n > 0 ? (size_t)n : 0;
	return data;
}
