/*
 * What a certificate or a request says, field by field, for people or as JSON. Called by
 * report. What always holds: any certificate can be described, also one that is
 * not ours; its bytes reach the terminal only as printable characters.
 */
#ifndef VIRTMUX_PKI_DESCRIBE_H
#define VIRTMUX_PKI_DESCRIBE_H

#include <stdbool.h>

#include <openssl/x509v3.h>

#include "base/buf.h"
#include "crypt/crypto.h"

enum describe_form {
	DESCRIBE_LINES,  /* "expires      2027-11-21 08:45:12 UTC" */
	DESCRIBE_PERSON, /* the same, with how soon: ", in 12 months" */
	DESCRIBE_JSON,   /* one object */
};

/*
 * Appends the fields of CERTIFICATE. STATE is the index's word for it, or NULL.
 * Check buf_ok().
 */
void certificate_describe(X509 *certificate, const char *state,
			  enum describe_form form, struct buf *out);

/* The same, in lines, of what a request asks for. */
void request_describe(X509_REQ *request, struct buf *out);

/*
 * "DNS:web1", "URI:virtmux://user/ann" …, printable in any case; to free(), NULL
 * without memory.
 */
char *describe_name(const GENERAL_NAME *name);

#endif
