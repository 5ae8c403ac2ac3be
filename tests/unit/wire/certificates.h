/*
 * Certificates for the wire's unit tests, made afresh in a folder of the test's
 * own: a CA, and leaves with chosen faults. Not part of the product; the
 * product's own are made by virtmux-pki.
 */
#ifndef VIRTMUX_TESTS_WIRE_CERTIFICATES_H
#define VIRTMUX_TESTS_WIRE_CERTIFICATES_H

#include <openssl/x509.h>
#include <stdbool.h>

struct authority {
	EVP_PKEY *key;
	X509 *cert;
};

struct leaf_options {
	const char *cn;
	const char *san;   /* OpenSSL's syntax; NULL: none */
	const char *usage; /* extendedKeyUsage; NULL: none */
	long from_s;       /* begin of validity, relative to now */
	long until_s;
	bool is_ca;
};

void authority_make(struct authority *ca, const char *name);
void authority_free(struct authority *ca);

/* Writes DIR/NAME.crt and DIR/NAME.key (or .crt alone for the CA itself). */
void authority_write(const struct authority *ca, const char *dir,
		     const char *name);
void leaf_write(const struct authority *ca, const struct leaf_options *options,
		const char *dir, const char *name);

#endif
