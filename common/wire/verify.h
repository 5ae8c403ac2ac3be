/*
 * The rules for the peer's certificate, and the words for what breaks them.
 * Called by tls_context.c inside the handshake, and for certificates of live
 * connections and our own ones outside of it. No state; any thread. Source: RFC
 * 5280; DESIGN "Identity and rights".
 */
#ifndef VIRTMUX_WIRE_VERIFY_H
#define VIRTMUX_WIRE_VERIFY_H

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "base/buf.h"
#include "base/error.h"
#include "wire/tls.h"

/* 112 bits: RSA and DH from 2048 bits on, no SHA-1. */
#define VERIFY_LEVEL 2

struct verify_rules {
	enum tls_role peer_is; /* a host's (serverAuth) or a user's */
	enum tls_identity identity;
	const char *name; /* that a host's must carry, for messages; or NULL */
	bool without_crl; /* our own one, which others judge by their lists */
};

/*
 * The whole judgement: X509_verify_cert() of STORE, depth 1, usage, identity.
 * PEER is filled as far as it goes. X509_V_OK, or a code with words that name the
 * cure, and a cause that names what was offered.
 */
int verify_judge(X509_STORE_CTX *store, const struct verify_rules *rules,
		 struct tls_peer *peer, struct error *err);

/* The same outside a handshake, by the CA and lists of CONTEXT; MORE: the rest of
 * its chain, or NULL. The name is not checked. */
int verify_outside(SSL_CTX *context, X509 *leaf, STACK_OF(X509) * more,
		   const struct verify_rules *rules, struct tls_peer *peer,
		   struct error *err);

/* Whether the lists by which others are judged are at fault, not the peer. */
bool verify_is_our_fault(int code);
bool verify_is_unknown_issuer(int code);

/* -- parts, for verify*.c ---------------------------------------------------- */

/* No CA, no NUL in a name, the exact usage. */
int verify_usage(X509 *cert, const struct verify_rules *rules,
		 struct error *err);
bool verify_has_nul(X509 *cert);

/* Words for a failed chain: what, and the cure. */
void verify_explain(X509_STORE_CTX *store, int code,
		    const struct verify_rules *rules, struct error *err);

/* Fills subject, serial, fingerprint and end of validity. */
void verify_describe(X509 *cert, struct tls_peer *peer);

/* "DNS:kvm1, IP:192.0.2.1", or "none", appended. */
void verify_names(X509 *cert, struct buf *out);

/* NAME's common name, printable, or "(no common name)". */
void verify_common_name(const X509_NAME *name, char *text, size_t size);

/* "host" or "user". */
const char *verify_kind(const struct verify_rules *rules);

/* Seconds since 1970; 0 where there is no such time. */
int64_t verify_seconds(const ASN1_TIME *time);

#endif
