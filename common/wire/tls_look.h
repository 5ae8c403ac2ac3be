/*
 * Looking at TLS without relying on it: what a handshake showed, however it
 * ended, what a context offers, and what stands in a certificate's file. For the
 * client's doctor, which tells people; nothing here admits anybody. Thread: as
 * tls.h.
 */
#ifndef VIRTMUX_WIRE_TLS_LOOK_H
#define VIRTMUX_WIRE_TLS_LOOK_H

#include "base/buf.h"
#include "wire/tls.h"

#define TLS_LOOK_NAMES 512 /* bytes of alternative names, with NUL */

struct tls_certificate {
	char subject[TLS_IDENTITY_MAX]; /* common name */
	char issuer[TLS_IDENTITY_MAX];  /* common name */
	char names[TLS_LOOK_NAMES]; /* "DNS:kvm1, IP:192.0.2.1", or "none" */
	int64_t not_before;         /* seconds since 1970 */
	int64_t not_after;
	bool is_ca;
	bool for_clients; /* its usage has clientAuth */
};

/*
 * The first certificate of a PEM file. WHAT ("the CA certificate") stands before
 * the words where it cannot be read: ERROR_NOT_FOUND, ERROR_SYSTEM; ERROR_KEY
 * where there is none in it.
 */
int tls_look_file(const char *path, const char *what,
		  struct tls_certificate *certificate, struct error *err);

/*
 * Whether KEY is that of the file's first certificate: ERROR_KEY with the words of
 * tls_context_new() otherwise.
 */
int tls_look_pair(const char *path, struct evp_pkey_st *key, struct error *err);

/* "TLS 1.3 with x25519, secp256r1 …": what CONTEXT offers, appended. */
void tls_look_offer(const struct tls_context *context, struct buf *out);

/* How far a handshake came. */
enum tls_stage {
	TLS_STAGE_HELLO,       /* no version, cipher and group agreed */
	TLS_STAGE_CERTIFICATE, /* agreed; we refused the peer's certificate */
	TLS_STAGE_ALPN,        /* the peer speaks no HTTP/2 */
	TLS_STAGE_VERDICT,     /* the peer refused us, before the end */
	TLS_STAGE_DONE,        /* TLS 1.3: a host may still refuse us */
};

struct tls_report {
	enum tls_stage stage;
	bool speaks_tls;  /* what the peer sent first looks like TLS */
	char version[16]; /* "TLSv1.3"; "" before these are agreed */
	char cipher[64];
	char group[32]; /* "" where none was used */
	bool has_peer;  /* the peer's certificate was accepted: */
	struct tls_certificate peer;
};

void tls_look(const struct tls *tls, struct tls_report *report);

/*
 * A context that asks one question: would a host agree on this version (1.0 to
 * 1.3 as 10 to 13)? It takes any certificate, shows none, and its handshakes fail
 * when they are done, so that no byte of the channel ever follows.
 */
int tls_probe_new(struct tls_context **context, unsigned version,
		  struct error *err);

#endif
