/*
 * X.509v3 certificates as DESIGN.md wants them (RFC 5280): one builder for the
 * authority, hosts and users, and their PEM form. Called by authority; it does
 * no files and asks nobody. What always holds: extensions follow from the kind
 * alone, so that no option can make an odd certificate.
 *
 * Any thread; arguments are borrowed, results are the caller's.
 */
#ifndef VIRTMUX_PKI_CERTIFICATE_H
#define VIRTMUX_PKI_CERTIFICATE_H

#include <openssl/x509v3.h>
#include <stdbool.h>
#include <time.h>

#include "base/error.h"
#include "crypt/crypto.h"
#include "pki/limits.h"
#include "pki/name.h"

enum certificate_kind {
	CERTIFICATE_AUTHORITY,
	CERTIFICATE_HOST,
	CERTIFICATE_USER,
	CERTIFICATE_KINDS
};

struct certificate_plan {
	enum certificate_kind kind;
	const char *name;       /* of the authority, host or user: checked */
	const struct san *sans; /* hosts only, the host's own name first */
	size_t san_count;
	const struct permit *permits; /* authorities only */
	size_t permit_count;
	time_t not_before; /* seconds since 1970 UTC */
	time_t not_after;
	unsigned char serial[SERIAL_BYTES];
	EVP_PKEY *key;        /* the subject's; its public part is enough */
	X509 *issuer;         /* NULL: signed by itself */
	EVP_PKEY *issuer_key; /* the key that signs */
};

/* "ca", "host", "user"; and back, -1 for another name. */
const char *certificate_kind_name(enum certificate_kind kind);
int certificate_kind_from_name(const char *name);

/* ERROR_FAILED, with OpenSSL's reason, is all that can happen. */
X509 *certificate_build(const struct certificate_plan *plan, struct error *err);

/* SERIAL_BYTES random bytes, the first of them not 0. ERROR_SYSTEM. */
int certificate_random_serial(unsigned char *serial, struct error *err);

/* Upper-case hexadecimal; TEXT has SERIAL_TEXT_SIZE bytes. */
void certificate_serial_text(const unsigned char *serial, char *text);

/*
 * The serial of any certificate in the same form. -1 where it is no serial of
 * ours (another length, or negative).
 */
int certificate_read_serial(const X509 *certificate, char *text);

/*
 * Its DNS names and addresses, as far as they are well-formed, into *SANS, to
 * free(). ERROR_NO_MEMORY.
 */
int certificate_sans(const X509 *certificate, struct san **sans, size_t *count,
		     struct error *err);

/*
 * NAME of a request or a certificate as a name of a host; false where it is of
 * another kind, or malformed.
 */
bool certificate_san(const GENERAL_NAME *name, struct san *san);

/* PEM in a memory BIO; NULL on error. */
BIO *certificate_to_pem(X509 *certificate, struct error *err);

/*
 * The first certificate of PEM text, or DER. ERROR_KEY, naming NAME, where
 * there is none.
 */
X509 *certificate_from_bytes(const void *data, size_t len, const char *name,
			     struct error *err);

/* Begin and end of validity, seconds since 1970 UTC; -1 where malformed. */
time_t certificate_not_before(const X509 *certificate);
time_t certificate_not_after(const X509 *certificate);

#endif
