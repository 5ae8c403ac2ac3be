/*
 * Private keys from PEM text; see tls.h. The passphrase is lent by the caller
 * and never kept.
 */
#include <openssl/err.h>
#include <openssl/evperr.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>
#include <string.h>

#include "base/buf.h"
#include "wire/tls.h"

bool tls_key_is_encrypted(const char *pem, size_t len)
{
	return memmem(pem, len, "BEGIN ENCRYPTED PRIVATE KEY", 27) ||
	       memmem(pem, len, "Proc-Type: 4,ENCRYPTED", 22);
}

struct asked {
	const struct secret *passphrase;
	bool needed;
};

static int give_passphrase(char *to, int size, int writing, void *context)
{
	struct asked *asked = context;

	asked->needed = true;
	if (!asked->passphrase || asked->passphrase->len > (size_t)size)
		return -1;
	memcpy(to, asked->passphrase->text, asked->passphrase->len);
	return (int)asked->passphrase->len;
}

static EVP_PKEY *read_pem(const char *pem, size_t len, struct asked *asked)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)len);
	EVP_PKEY *found = NULL;

	if (bio)
		found = PEM_read_bio_PrivateKey(bio, NULL, give_passphrase,
						asked);
	BIO_free(bio);
	return found;
}

/* Whether OpenSSL failed since it does not know a cipher or digest by itself. */
static bool needs_legacy(void)
{
	unsigned long code;
	bool unsupported = false;

	while ((code = ERR_get_error()))
		unsupported =
			unsupported ||
			ERR_GET_REASON(code) == ERR_R_UNSUPPORTED ||
			(ERR_GET_LIB(code) == ERR_LIB_EVP &&
			 (ERR_GET_REASON(code) == EVP_R_UNSUPPORTED_ALGORITHM ||
			  ERR_GET_REASON(code) == EVP_R_UNKNOWN_CIPHER));
	return unsupported;
}

int tls_key_from_pem(struct evp_pkey_st **key, const char *pem, size_t len,
		     const char *name, const struct secret *passphrase,
		     bool *wrong_passphrase, struct error *err)
{
	struct asked asked = {.passphrase = passphrase};
	OSSL_PROVIDER *legacy = NULL;
	EVP_PKEY *found;

	if (wrong_passphrase)
		*wrong_passphrase = false;
	ERR_clear_error();
	found = read_pem(pem, len, &asked);
	if (!found && passphrase && needs_legacy())
		legacy = OSSL_PROVIDER_try_load(NULL, "legacy", 1);
	if (legacy) {
		found = read_pem(pem, len, &asked);
		OSSL_PROVIDER_unload(legacy);
	}
	ERR_clear_error();
	if (found) {
		*key = found;
		return 0;
	}
	if (!asked.needed)
		return error_set(err, ERROR_KEY,
				 "%s holds no private key in PEM form that "
				 "OpenSSL can read",
				 name);
	if (!passphrase)
		return error_set(err, ERROR_KEY,
				 "the key %s needs a passphrase", name);
	if (wrong_passphrase)
		*wrong_passphrase = true;
	return error_set(err, ERROR_KEY,
			 "the passphrase does not open the key %s", name);
}

size_t tls_key_to_der(struct evp_pkey_st *key, uint8_t *to, size_t room)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	int n = info ? i2d_PKCS8_PRIV_KEY_INFO(info, NULL) : -1;

	if (n > 0 && (size_t)n <= room)
		n = i2d_PKCS8_PRIV_KEY_INFO(info, &to);
	else
		n = 0;
	PKCS8_PRIV_KEY_INFO_free(info);
	ERR_clear_error();
	return n > 0 ? (size_t)n : 0;
}

int tls_key_from_der(struct evp_pkey_st **key, const uint8_t *der, size_t len,
		     struct error *err)
{
	PKCS8_PRIV_KEY_INFO *info =
		d2i_PKCS8_PRIV_KEY_INFO(NULL, &der, (long)len);

	*key = info ? EVP_PKCS82PKEY(info) : NULL;
	PKCS8_PRIV_KEY_INFO_free(info);
	ERR_clear_error();
	return *key ? 0
		    : error_set(err, ERROR_KEY,
				"what was handed over is no private key");
}

void tls_key_free(struct evp_pkey_st *key)
{
	EVP_PKEY_free(key);
}
