/*
 * Certificate revocation lists (RFC 5280 section 5): building one from the
 * index, its PEM form, and the reasons. Called by authority, store and check; no
 * files, nobody is asked. What always holds: a list names every certificate that
 * the index calls revoked, also those that have expired since, and has a number.
 *
 * Any thread; arguments are borrowed, results are the caller's.
 */
#ifndef VIRTMUX_PKI_CRL_H
#define VIRTMUX_PKI_CRL_H

#include <stdint.h>

#include "base/error.h"
#include "crypt/crypto.h"
#include "pki/index.h"

#define autocrl cleanup(crl_free) X509_CRL

static inline void crl_free(X509_CRL **crl)
{
	X509_CRL_free(*crl);
}

#define CRL_REASONS                                                            \
	"unspecified, keyCompromise, affiliationChanged, superseded, "         \
	"cessationOfOperation, privilegeWithdrawn"

/*
 * The reason of that name (RFC 5280 5.3.1), in any case, as it is written in
 * the index; NULL in *REASON for "unspecified", which a list leaves out.
 * ERROR_USAGE, naming those that there are.
 */
int crl_reason(const char *name, const char **reason, struct error *err);

/*
 * The list that INDEX asks for, with the number and the times of INDEX->crl.
 * ISSUER_KEY signs. ERROR_FAILED with OpenSSL's reason.
 */
X509_CRL *crl_build(const struct index *index, X509 *issuer,
		    EVP_PKEY *issuer_key, struct error *err);

/* PEM in a memory BIO; NULL on error. */
BIO *crl_to_pem(X509_CRL *crl, struct error *err);

/* From PEM or DER; ERROR_CONFIG, naming NAME, where there is none. */
X509_CRL *crl_from_bytes(const void *data, size_t len, const char *name,
			 struct error *err);

/* Its number; 0 where it has none that fits. */
uint64_t crl_number(const X509_CRL *crl);

/*
 * Where CRL does not say exactly what INDEX does (number, times, every serial
 * with its date and reason): ERROR_STATE with the first difference.
 */
int crl_compare(X509_CRL *crl, const struct index *index, struct error *err);

#endif
