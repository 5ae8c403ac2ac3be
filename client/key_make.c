/*
 * Keys and requests by OpenSSL (key_make.h). The parameters of scrypt are those of
 * virtmux-pki, so that both make keys of the same strength.
 */
#include "client/key_make.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "wire/tls.h"

#define SCRYPT_N          16384
#define SCRYPT_R          8
#define SCRYPT_P          5
#define SCRYPT_SALT_BYTES 16

static int openssl_error(struct error *err, const char *what)
{
	const char *words = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return error_set(err, ERROR_KEY, "cannot %s: %s", what,
			 words ? words : "OpenSSL tells no reason");
}

int key_make(struct evp_pkey_st **key, enum key_algorithm algorithm,
	     struct error *err)
{
	static const struct {
		const char *name;
		const char *curve;
		size_t bits;
	} kinds[KEY_ALGORITHMS] = {
		[KEY_P256] = {"EC", "P-256", 0},
		[KEY_P384] = {"EC", "P-384", 0},
		[KEY_ED25519] = {"ED25519", NULL, 0},
		[KEY_RSA3072] = {"RSA", NULL, 3072},
		[KEY_RSA4096] = {"RSA", NULL, 4096},
	};
	const char *name = kinds[algorithm].name;

	if (kinds[algorithm].curve)
		*key = EVP_PKEY_Q_keygen(NULL, NULL, name,
					 kinds[algorithm].curve);
	else if (kinds[algorithm].bits)
		*key = EVP_PKEY_Q_keygen(NULL, NULL, name,
					 kinds[algorithm].bits);
	else
		*key = EVP_PKEY_Q_keygen(NULL, NULL, name);
	return *key ? 0 : openssl_error(err, "make a key");
}

/* -- texts ----------------------------------------------------------------- */

/* What BIO holds, appended to OUT. Nothing in it is secret. */
static int take_text(BIO *bio, struct buf *out, struct error *err)
{
	char *text = NULL;
	long len = BIO_get_mem_data(bio, &text);

	if (len <= 0 || buf_append(out, text, (size_t)len) < 0)
		return error_set_no_memory(err);
	return 0;
}

static X509_SIG *encrypt(EVP_PKEY *key, const struct secret *passphrase)
{
	PKCS8_PRIV_KEY_INFO *plain = EVP_PKEY2PKCS8(key);
	X509_ALGOR *scheme =
		PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), NULL,
				      SCRYPT_SALT_BYTES, NULL, SCRYPT_N,
				      SCRYPT_R, SCRYPT_P);
	X509_SIG *sealed = NULL;

	if (plain && scheme)
		sealed = PKCS8_set0_pbe(passphrase->text, (int)passphrase->len,
					plain, scheme);
	if (!sealed) /* else it owns the scheme */
		X509_ALGOR_free(scheme);
	PKCS8_PRIV_KEY_INFO_free(plain);
	return sealed;
}

int key_seal(struct evp_pkey_st *key, const struct secret *passphrase,
	     struct buf *out, struct error *err)
{
	X509_SIG *sealed = encrypt(key, passphrase);
	BIO *bio = BIO_new(BIO_s_mem());
	int rc;

	if (sealed && bio && PEM_write_bio_PKCS8(bio, sealed) == 1)
		rc = take_text(bio, out, err);
	else
		rc = openssl_error(err, "seal the key");
	BIO_free(bio);
	X509_SIG_free(sealed);
	return rc;
}

/* -- the request ----------------------------------------------------------- */

static bool add_uri(X509_REQ *request, const char *name)
{
	STACK_OF(X509_EXTENSION) *extensions = NULL;
	char value[sizeof("URI:virtmux://user/") + KEY_NAME_MAX];
	X509_EXTENSION *one;
	bool ok;

	snprintf(value, sizeof(value), "URI:virtmux://user/%s", name);
	one = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, value);
	ok = one && X509v3_add_ext(&extensions, one, -1) &&
	     X509_REQ_add_extensions(request, extensions) == 1;
	X509_EXTENSION_free(one);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	return ok;
}

static bool fill_request(X509_REQ *request, EVP_PKEY *key, const char *name)
{
	X509_NAME *subject = X509_REQ_get_subject_name(request);
	const EVP_MD *digest = EVP_sha256();

	if (EVP_PKEY_is_a(key, "ED25519"))
		digest = NULL; /* it has its own */
	else if (EVP_PKEY_get_bits(key) == 384)
		digest = EVP_sha384();
	return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
					  (const unsigned char *)name, -1, -1,
					  0) == 1 &&
	       add_uri(request, name) &&
	       X509_REQ_set_pubkey(request, key) == 1 &&
	       X509_REQ_sign(request, key, digest) > 0;
}

int key_request(struct evp_pkey_st *key, const char *name, struct buf *out,
		struct error *err)
{
	X509_REQ *request = X509_REQ_new();
	BIO *bio = BIO_new(BIO_s_mem());
	int rc;

	if (request && bio && fill_request(request, key, name) &&
	    PEM_write_bio_X509_REQ(bio, request) == 1)
		rc = take_text(bio, out, err);
	else
		rc = openssl_error(err, "make the request");
	BIO_free(bio);
	X509_REQ_free(request);
	return rc;
}

int key_check_name(const char *name, struct error *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._@-";
	size_t len = strlen(name);

	if (len >= 1 && len <= KEY_NAME_MAX && strspn(name, allowed) == len &&
	    !strchr(".-@", name[0]))
		return 0;
	return error_set(err, ERROR_USAGE,
			 "a user's name has 1 to %d of the characters A-Z a-z "
			 "0-9 . _ @ - and begins with a letter, a digit or _",
			 KEY_NAME_MAX);
}
