/*
 * Test certificates; see certificates.h. Any failure aborts the test program.
 */
#include "wire/certificates.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#define DAY (24 * 3600L)

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX context;

	X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
	X509V3_set_ctx_nodb(&context);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	assert(extension);
	X509_add_ext(cert, extension, -1);
	X509_EXTENSION_free(extension);
}

static X509 *new_certificate(const char *cn, EVP_PKEY *key, long from_s,
			     long until_s)
{
	X509 *cert = X509_new();
	unsigned char serial[8];
	BIGNUM *number;

	assert(cert);
	for (size_t i = 0; i < sizeof(serial); i++)
		serial[i] = (unsigned char)(random() & 0x7f) | 1;
	number = BN_bin2bn(serial, sizeof(serial), NULL);
	BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
	BN_free(number);
	X509_set_version(cert, X509_VERSION_3);
	X509_gmtime_adj(X509_getm_notBefore(cert), from_s);
	X509_gmtime_adj(X509_getm_notAfter(cert), until_s);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN",
				   MBSTRING_UTF8, (const unsigned char *)cn, -1,
				   -1, 0);
	X509_set_pubkey(cert, key);
	return cert;
}

void authority_make(struct authority *ca, const char *name)
{
	ca->key = EVP_EC_gen("P-256");
	assert(ca->key);
	ca->cert = new_certificate(name, ca->key, -DAY, 3650 * DAY);
	X509_set_issuer_name(ca->cert, X509_get_subject_name(ca->cert));
	add_extension(ca->cert, ca->cert, NID_basic_constraints,
		      "critical,CA:TRUE,pathlen:0");
	add_extension(ca->cert, ca->cert, NID_key_usage,
		      "critical,keyCertSign,cRLSign");
	add_extension(ca->cert, ca->cert, NID_subject_key_identifier, "hash");
	X509_sign(ca->cert, ca->key, EVP_sha256());
}

void authority_free(struct authority *ca)
{
	EVP_PKEY_free(ca->key);
	X509_free(ca->cert);
}

static FILE *create(const char *dir, const char *name, const char *suffix)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s%s", dir, name, suffix);
	f = fopen(path, "w");
	assert(f);
	return f;
}

static void write_certificate(X509 *cert, const char *dir, const char *name)
{
	FILE *f = create(dir, name, ".crt");

	PEM_write_X509(f, cert);
	fclose(f);
}

void authority_write(const struct authority *ca, const char *dir,
		     const char *name)
{
	write_certificate(ca->cert, dir, name);
}

void leaf_write(const struct authority *ca, const struct leaf_options *o,
		const char *dir, const char *name)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = new_certificate(o->cn, key, o->from_s ? o->from_s : -DAY,
				     o->until_s ? o->until_s : DAY);
	FILE *f = create(dir, name, ".key");

	X509_set_issuer_name(cert, X509_get_subject_name(ca->cert));
	add_extension(cert, ca->cert, NID_basic_constraints,
		      o->is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	add_extension(cert, ca->cert, NID_key_usage,
		      o->is_ca ? "critical,keyCertSign,digitalSignature"
			       : "critical,digitalSignature");
	add_extension(cert, ca->cert, NID_subject_key_identifier, "hash");
	add_extension(cert, ca->cert, NID_authority_key_identifier,
		      "keyid:always");
	if (o->usage)
		add_extension(cert, ca->cert, NID_ext_key_usage, o->usage);
	if (o->san)
		add_extension(cert, ca->cert, NID_subject_alt_name, o->san);
	X509_sign(cert, ca->key, EVP_sha256());
	write_certificate(cert, dir, name);
	PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
	X509_free(cert);
	EVP_PKEY_free(key);
}
