/*
 * The rules for the peer's certificate beyond the chain, and the words for
 * what breaks them. Called by tls_context.c inside the handshake. No state; any
 * thread. Source: RFC 5280; DESIGN "Identity and rights".
 */
#ifndef VIRTMUX_WIRE_VERIFY_H
#define VIRTMUX_WIRE_VERIFY_H

#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "base/buf.h"
#include "base/error.h"
#include "wire/tls.h"

#define VERIFY_URI_PREFIX "virtmux://user/"

/*
 * Judges CERT, the leaf of a chain that X509_verify_cert() has accepted.
 * PEER_IS names what it must be: a host's (serverAuth) or a user's (clientAuth
 * and exactly one identity). Returns X509_V_OK, or the code that makes the
 * fitting TLS alert, with words.
 */
int verify_leaf(X509 *cert, enum tls_role peer_is, enum tls_identity identity,
		struct tls_peer *peer, struct error *err);

/* Fills subject, serial, fingerprint and end of validity. */
void verify_describe(X509 *cert, struct tls_peer *peer);

/*
 * Words for a failed chain (CODE of X509_STORE_CTX_get_error): what, and the
 * cure. PEER_IS as above; NAME: expected host name, or NULL.
 */
void verify_explain(X509 *cert, int code, enum tls_role peer_is,
		    const char *name, struct error *err);

/* "DNS:kvm1, IP:192.0.2.1", or "none", appended. */
void verify_names(X509 *cert, struct buf *out);

/* Whether OWN would be refused now by a peer, with the reason; for tls_explain.c. */
bool verify_own(X509 *own, X509_STORE *cas, enum tls_role own_is,
		struct error *err);

#endif
