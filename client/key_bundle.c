/*
 * Certificates of files, read and judged by OpenSSL (key_bundle.h). The judgement
 * is that of wire/verify.h, which the host uses as well.
 */
#include "client/key_bundle.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "client/connect/key_ask.h"
#include "client/key_request.h"
#include "wire/verify.h"

struct key_bundle {
	X509 *user;
	EVP_PKEY *key;
	STACK_OF(X509) * cas;
	struct secret *passphrase; /* of the .p12 */
};

struct key_bundle *key_bundle_new(void)
{
	autoptr(key_bundle) b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->cas = sk_X509_new_null();
	b->passphrase = secret_new();
	return b->cas && b->passphrase ? steal(&b) : NULL;
}

void key_bundle_free(struct key_bundle *b)
{
	if (!b)
		return;
	X509_free(b->user);
	EVP_PKEY_free(b->key);
	sk_X509_pop_free(b->cas, X509_free);
	secret_free(b->passphrase);
	free(b);
}

bool key_bundle_has_user(const struct key_bundle *b)
{
	return b->user != NULL;
}

bool key_bundle_has_key(const struct key_bundle *b)
{
	return b->key != NULL;
}

unsigned key_bundle_cas(const struct key_bundle *b)
{
	return (unsigned)sk_X509_num(b->cas);
}

/* -- reading --------------------------------------------------------------- */

static bool has_ca(const struct key_bundle *b, X509 *ca)
{
	for (int i = 0; i < sk_X509_num(b->cas); i++)
		if (X509_cmp(sk_X509_value(b->cas, i), ca) == 0)
			return true;
	return false;
}

/* CERTIFICATE is taken. */
static int add(struct key_bundle *b, X509 *certificate, const char *name,
	       struct error *err)
{
	bool known = has_ca(b, certificate) ||
		     (b->user && X509_cmp(b->user, certificate) == 0);

	if (known) {
		X509_free(certificate);
		return 0;
	}
	if (X509_check_ca(certificate)) {
		if (sk_X509_push(b->cas, certificate) > 0)
			return 0;
		X509_free(certificate);
		return error_set_no_memory(err);
	}
	if (b->user) {
		X509_free(certificate);
		return error_set(err, ERROR_KEY,
				 "%s: that is a second user's certificate, and "
				 "one is installed at a time",
				 name);
	}
	b->user = certificate;
	return 0;
}

/* The number of certificates, or -1. */
static int add_pem(struct key_bundle *b, BIO *bio, const char *name,
		   struct error *err)
{
	X509 *certificate = NULL;
	int n = 0;

	while ((certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		if (add(b, certificate, name, err) < 0)
			return -1;
		n++;
	}
	ERR_clear_error();
	return n;
}

/* Whether the passphrase is right. Older files are of RC2, a legacy algorithm. */
static bool open_p12(struct key_bundle *b, PKCS12 *p12, X509 **user,
		     STACK_OF(X509) * *cas)
{
	const char *text = b->passphrase->text;
	OSSL_PROVIDER *legacy;
	bool opened;

	if (PKCS12_verify_mac(p12, text, -1) != 1)
		return false;
	if (PKCS12_parse(p12, text, &b->key, user, cas) == 1)
		return true;
	legacy = OSSL_PROVIDER_try_load(NULL, "legacy", 1);
	if (!legacy)
		return false;
	opened = PKCS12_parse(p12, text, &b->key, user, cas) == 1;
	OSSL_PROVIDER_unload(legacy);
	return opened;
}

static int unlock_p12(struct key_bundle *b, PKCS12 *p12, const char *name,
		      const struct key_sources *sources, X509 **user,
		      STACK_OF(X509) * *cas, struct error *err)
{
	const struct key_question question = {sources, "passphrase", name};
	int tries = key_ask_tries(sources);

	if (open_p12(b, p12, user, cas))
		return 0; /* without one */
	for (int i = 0; i < tries; i++) {
		if (key_ask(b->passphrase, &question, i > 0, err) < 0)
			return -1;
		if (open_p12(b, p12, user, cas))
			return 0;
	}
	ERR_clear_error();
	return error_set(err, ERROR_KEY, "the passphrase does not open %s",
			 name);
}

static int add_p12(struct key_bundle *b, PKCS12 *p12, const char *name,
		   const struct key_sources *sources, struct error *err)
{
	STACK_OF(X509) *cas = NULL;
	X509 *user = NULL;
	int rc;

	if (b->key)
		return error_set(err, ERROR_KEY,
				 "%s: that is a second key, and one is "
				 "installed at a time",
				 name);
	if (unlock_p12(b, p12, name, sources, &user, &cas, err) < 0)
		return -1;
	rc = user ? add(b, user, name, err) : 0;
	while (rc == 0 && sk_X509_num(cas) > 0)
		rc = add(b, sk_X509_shift(cas), name, err);
	sk_X509_pop_free(cas, X509_free);
	return rc;
}

static int nothing_in(const char *name, struct error *err)
{
	return error_set(err, ERROR_KEY,
			 "%s holds no certificate (PEM, DER or .p12)", name);
}

int key_bundle_add(struct key_bundle *b, const struct buf *text,
		   const char *name, const struct key_sources *sources,
		   struct error *err)
{
	const uint8_t *der = buf_bytes(text);
	BIO *bio = BIO_new_mem_buf(der, (int)text->len);
	X509 *one = NULL;
	PKCS12 *p12 = NULL;
	int n = bio ? add_pem(b, bio, name, err) : 0;
	int rc;

	BIO_free(bio);
	if (n != 0)
		return n < 0 ? -1 : 0;
	one = d2i_X509(NULL, &der, (long)text->len);
	if (one)
		return add(b, one, name, err);
	der = buf_bytes(text);
	p12 = d2i_PKCS12(NULL, &der, (long)text->len);
	ERR_clear_error();
	if (!p12)
		return nothing_in(name, err);
	rc = add_p12(b, p12, name, sources, err);
	PKCS12_free(p12);
	ERR_clear_error();
	return rc;
}

/* -- judging --------------------------------------------------------------- */

/* A context that trusts the bundle's CAs, as strictly as a host does. */
static SSL_CTX *make_context(const struct key_bundle *b)
{
	SSL_CTX *context = SSL_CTX_new(TLS_method());
	X509_STORE *store = context ? SSL_CTX_get_cert_store(context) : NULL;
	bool ok = store != NULL;

	for (int i = 0; ok && i < sk_X509_num(b->cas); i++)
		ok = X509_STORE_add_cert(store, sk_X509_value(b->cas, i)) == 1;
	if (!ok) {
		SSL_CTX_free(context);
		return NULL;
	}
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context),
				    X509_V_FLAG_X509_STRICT);
	return context;
}

int key_bundle_judge(const struct key_bundle *b, struct tls_peer *peer,
		     bool *by_name, struct error *err)
{
	struct verify_rules rules = {.peer_is = TLS_CLIENT,
				     .identity = TLS_IDENTITY_URI,
				     .without_crl = true};
	SSL_CTX *context = make_context(b);
	int code;

	*by_name = false;
	if (!context)
		return error_set_no_memory(err);
	code = verify_outside(context, b->user, NULL, &rules, peer, err);
	if (code == X509_V_ERR_INVALID_EXTENSION) {
		rules.identity = TLS_IDENTITY_CN;
		*by_name = verify_outside(context, b->user, NULL, &rules, peer,
					  NULL) == X509_V_OK;
	}
	SSL_CTX_free(context);
	ERR_clear_error();
	if (code != X509_V_OK && !*by_name)
		return -1;
	if (!b->key || key_bundle_fits_key(b, b->key))
		return 0;
	return error_set(err, ERROR_KEY,
			 "the key that came with it is another one's");
}

bool key_bundle_fits_key(const struct key_bundle *b, struct evp_pkey_st *key)
{
	bool fits = X509_check_private_key(b->user, key) == 1;

	ERR_clear_error();
	return fits;
}

static EVP_PKEY *public_key(const struct buf *pem)
{
	BIO *bio = BIO_new_mem_buf(buf_bytes(pem), (int)pem->len);
	X509_REQ *request = NULL;
	X509 *certificate = NULL;
	EVP_PKEY *key = NULL;

	if (bio && (request = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL)))
		key = X509_REQ_get_pubkey(request);
	else if (bio && BIO_reset(bio) >= 0 &&
		 (certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
		key = X509_get_pubkey(certificate);
	X509_REQ_free(request);
	X509_free(certificate);
	BIO_free(bio);
	ERR_clear_error();
	return key;
}

bool key_bundle_fits_pem(const struct key_bundle *b, const struct buf *pem)
{
	EVP_PKEY *key = public_key(pem);
	bool fits = key && key_bundle_fits_key(b, key);

	EVP_PKEY_free(key);
	return fits;
}

/* -- writing --------------------------------------------------------------- */

void key_bundle_ca_name(const struct key_bundle *b, struct buf *out)
{
	struct tls_peer peer = {0};

	if (sk_X509_num(b->cas) == 0)
		return;
	verify_describe(sk_X509_value(b->cas, 0), &peer);
	buf_append_str(out, peer.subject);
}

static int append_pem(X509 *certificate, struct buf *out, struct error *err)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long len = 0;
	int rc = 0;

	if (bio && PEM_write_bio_X509(bio, certificate) == 1)
		len = BIO_get_mem_data(bio, &text);
	if (len <= 0 || buf_append(out, text, (size_t)len) < 0)
		rc = error_set_no_memory(err);
	BIO_free(bio);
	return rc;
}

int key_bundle_write_user(const struct key_bundle *b, struct buf *out,
			  struct error *err)
{
	return append_pem(b->user, out, err);
}

int key_bundle_write_cas(const struct key_bundle *b, struct buf *out,
			 struct error *err)
{
	for (int i = 0; i < sk_X509_num(b->cas); i++)
		if (append_pem(sk_X509_value(b->cas, i), out, err) < 0)
			return -1;
	return 0;
}

int key_bundle_write_key(struct key_bundle *b,
			 const struct key_sources *sources, const char *name,
			 struct buf *out, struct error *err)
{
	const struct key_question question = {sources, "passphrase", name};

	if (b->passphrase->len == 0 &&
	    key_ask_new(b->passphrase, &question, err) < 0)
		return -1;
	return key_seal(b->key, b->passphrase, out, err);
}
