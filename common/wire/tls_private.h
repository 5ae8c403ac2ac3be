/*
 * What the tls*.c files and tls_explain.c share. Included by them alone.
 */
#ifndef VIRTMUX_WIRE_TLS_PRIVATE_H
#define VIRTMUX_WIRE_TLS_PRIVATE_H

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdatomic.h>

#include "wire/tls.h"

#define TLS_FIRST_BYTES 16 /* of what the peer sent, for explanations */

struct tls_context {
	atomic_uint references;
	SSL_CTX *ssl;
	EVP_PKEY *key; /* a client's, until it is forgotten, or NULL */
	BIO_METHOD *bio;
	enum tls_role role;
	enum tls_identity identity;
	bool allow_tls12;
	bool probe;    /* a handshake that is done fails (tls_look.h) */
	int keylog_fd; /* -1: none */
};

struct tls {
	SSL *ssl;
	struct tls_context *context;
	const uint8_t *input; /* lent */
	size_t input_len;
	struct block *output; /* borrowed */
	char *server_name;
	int alert_received;        /* -1: none */
	int alert_sent;            /* -1: none */
	struct error verify_error; /* why the peer was refused */
	bool refused;              /* it was, in this handshake */
	bool no_alpn;              /* host: the peer offered no "h2" */
	bool established;
	uint8_t first[TLS_FIRST_BYTES]; /* what the peer sent first */
	size_t first_len;
	struct tls_peer peer;
};

/* tls.c: the BIO that reads lent bytes and appends to a block; to free. */
BIO_METHOD *tls_bio_method(void);

/* tls_explain.c: fills ERR for a failed handshake or read. */
void tls_explain(struct tls *tls, int ssl_error, struct error *err);

/* Whether what the peer sent first may be TLS; true before it sent anything. */
bool tls_looks_like_tls(const struct tls *tls);

#endif
