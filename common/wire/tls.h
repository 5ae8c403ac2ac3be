/*
 * TLS 1.3 with both certificates, by OpenSSL, without I/O: cipher bytes are
 * lent to it and taken from it, conn moves them. A context holds certificate,
 * key, CA and rules, is made once for each configuration and shared by
 * connections; it is swapped as a whole on a reload.
 *
 * What always holds: no tickets, no early data, no compression, no
 * renegotiation; ALPN "h2" or nothing; the peer's certificate was judged by
 * verify.h before one byte of HTTP/2 is read. Thread: a context may be made on
 * any thread; a struct tls belongs to its loop.
 */
#ifndef VIRTMUX_WIRE_TLS_H
#define VIRTMUX_WIRE_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/log.h"
#include "base/secret.h"
#include "wire/block.h"

struct evp_pkey_st; /* OpenSSL's EVP_PKEY */
struct tls_context;
struct tls;

enum tls_role { TLS_HOST, TLS_CLIENT };

/* Where a user's name stands in his certificate. */
enum tls_identity { TLS_IDENTITY_URI, TLS_IDENTITY_EMAIL, TLS_IDENTITY_CN };

#define TLS_IDENTITY_MAX 256 /* bytes, with NUL */

/* All strings are borrowed during tls_context_new() only. */
struct tls_config {
	enum tls_role role;
	enum tls_identity identity;   /* host: how users are named */
	bool allow_tls12;             /* tls-min = 1.2 */
	const char *ca_file;          /* PEM, one or more CA certificates */
	const char *certificate_file; /* PEM, leaf first; client: NULL none */
	const char *crl_file;         /* PEM, or NULL */
	struct evp_pkey_st *key; /* borrowed; the context takes a reference */
	const char *keylog_file; /* SSLKEYLOGFILE format, or NULL */
	bool probe; /* of tls_look.c alone, which says what it is */
};

/* Words name the file and the cure: ERROR_TLS, ERROR_KEY, ERROR_NOT_FOUND. */
int tls_context_new(struct tls_context **context,
		    const struct tls_config *config, struct error *err);
struct tls_context *tls_context_ref(struct tls_context *context);
void tls_context_unref(struct tls_context *context); /* NULL-safe */

/*
 * A client's private key: each connection has a reference to it during its own
 * handshake, the context until this is called, and nobody afterwards, so that
 * OpenSSL wipes it while the connection lives on. The context then makes no
 * further connection to a host that asks for a certificate. Not for hosts.
 */
void tls_context_forget_key(struct tls_context *context);

/* When what a context holds ends first; seconds since 1970, 0: not there. */
struct tls_dates {
	int64_t certificate;
	int64_t ca;
	int64_t crl; /* when the next list is due */
};

void tls_context_dates(const struct tls_context *context,
		       struct tls_dates *dates);

/* -- private keys --------------------------------------------------------- */

/* Whether PEM text holds a key that needs a passphrase. */
bool tls_key_is_encrypted(const char *pem, size_t len);

/*
 * A key from PEM text (PKCS#8 or a legacy form); PASSPHRASE may be NULL where
 * none is needed. NAME is for errors. ERROR_KEY: wrong passphrase (then
 * *WRONG_PASSPHRASE, which may be NULL, is set) or no key in it.
 */
int tls_key_from_pem(struct evp_pkey_st **key, const char *pem, size_t len,
		     const char *name, const struct secret *passphrase,
		     bool *wrong_passphrase, struct error *err);
/*
 * The same as PKCS#8 without a passphrase (RFC 5958), to hand it to another process:
 * its bytes in TO, which has ROOM; 0 where they do not fit, or it is in a token that
 * does not give it.
 */
size_t tls_key_to_der(struct evp_pkey_st *key, uint8_t *to, size_t room);
int tls_key_from_der(struct evp_pkey_st **key, const uint8_t *der, size_t len,
		     struct error *err);

void tls_key_free(struct evp_pkey_st *key); /* NULL-safe */

/* -- one connection ------------------------------------------------------- */

/*
 * SERVER_NAME (client only): the name or address that the host's certificate
 * must carry; also sent as SNI where it is a name.
 */
int tls_new(struct tls **tls, struct tls_context *context,
	    const char *server_name, struct error *err);
void tls_free(struct tls *tls); /* NULL-safe */

/* Lends LEN received bytes; they must stay until tls_input_left() is 0. */
void tls_lend_input(struct tls *tls, const uint8_t *data, size_t len);
size_t tls_input_left(const struct tls *tls);

/* Where cipher bytes are appended from now on; NULL takes it away. */
void tls_set_output(struct tls *tls, struct block *block);

enum tls_status {
	TLS_OK,
	TLS_AGAIN,  /* needs more input, or room in the output block */
	TLS_CLOSED, /* the peer ended properly (close_notify) */
	TLS_FAILED, /* err is filled; an alert may stand in the output */
};

/* Goes on with the handshake until TLS_OK. */
enum tls_status tls_handshake(struct tls *tls, struct error *err);

/* Up to ROOM plain bytes to TO; *GOT tells how many where TLS_OK. */
enum tls_status tls_read(struct tls *tls, uint8_t *to, size_t room, size_t *got,
			 struct error *err);

/*
 * Encrypts N (at most WIRE_RECORD_PLAIN) bytes as one record. The output block
 * must have room for N + WIRE_RECORD_OVERHEAD.
 */
enum tls_status tls_write(struct tls *tls, const uint8_t *from, size_t n,
			  struct error *err);

/* Appends close_notify to the output. */
void tls_close(struct tls *tls);

/* What the peer's certificate says, after the handshake. */
struct tls_peer {
	char identity[TLS_IDENTITY_MAX]; /* of a user; "" on the client */
	char subject[TLS_IDENTITY_MAX];  /* common name, for messages */
	char serial[48];                 /* hexadecimal */
	char fingerprint[65];            /* SHA-256, hexadecimal */
	int64_t not_after;               /* seconds since 1970 */
};

const struct tls_peer *tls_peer(const struct tls *tls);

/*
 * Judges the certificate of a peer whose handshake is over by another context,
 * which a reload made: 0, or -1 where it would not get in today, or under another
 * name. ERROR_TLS with the words of a handshake. Costs about two signatures.
 */
int tls_judge(const struct tls *tls, struct tls_context *by, struct error *err);

/* "TLSv1.3, TLS_AES_256_GCM_SHA384, X25519", for doctor and logs. */
void tls_describe(const struct tls *tls, char *text, size_t size);

#endif
