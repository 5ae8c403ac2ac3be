/*
 * The user's sealed key and his request, by OpenSSL; see key_request.h.
 */
#include "client/key_request.h"

#include <assert.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/user.h"
#include "crypt/crypto.h"
#include "crypt/key.h"

/* What BIO holds, appended to OUT. Nothing in it is secret. */
static int take_text(BIO *bio, struct buf *out, struct error *err)
{
	size_t len = 0;
	const char *text = crypto_bio_bytes(bio, &len);

	if (len == 0 || buf_append(out, text, len) < 0)
		return error_set_no_memory(err);
	return 0;
}

int key_seal(const struct evp_pkey_st *key, const struct secret *passphrase,
	     struct buf *out, struct error *err)
{
	autobio *pem = NULL;

	assert(passphrase);
	pem = key_to_pem(key, passphrase, err);
	return pem ? take_text(pem, out, err) : -1;
}

/* -- the request ----------------------------------------------------------- */

static bool add_uri(X509_REQ *request, const char *name)
{
	STACK_OF(X509_EXTENSION) *extensions = NULL;
	char value[sizeof("URI:" USER_URI_PREFIX) + USER_NAME_MAX];
	X509_EXTENSION *one;
	bool ok;

	snprintf(value, sizeof(value), "URI:" USER_URI_PREFIX "%s", name);
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
	autobio *bio = BIO_new(BIO_s_mem());
	int rc;

	if (request && bio && fill_request(request, key, name) &&
	    PEM_write_bio_X509_REQ(bio, request) == 1)
		rc = take_text(bio, out, err);
	else
		rc = crypto_error(err, ERROR_KEY, "cannot make the request");
	X509_REQ_free(request);
	return rc;
}
