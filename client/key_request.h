/*
 * The user's private key sealed under his passphrase, and the request (CSR, RFC 2986)
 * that his administrator signs. Called by the verb `enroll`, and by `import` to seal
 * the key of a .p12.
 *
 * What always holds: a key is written only as PKCS#8 with scrypt and AES-256
 * (crypt/key.h); its plain bytes stand only in memory that OpenSSL wipes. Any
 * thread.
 */
#ifndef VIRTMUX_CLIENT_KEY_REQUEST_H
#define VIRTMUX_CLIENT_KEY_REQUEST_H

#include "base/buf.h"
#include "base/error.h"
#include "base/secret.h"

struct evp_pkey_st;

/* PEM text appended to OUT. ERROR_KEY. */
int key_seal(const struct evp_pkey_st *key, const struct secret *passphrase,
	     struct buf *out, struct error *err);

/*
 * The request of user NAME (user_check_name()) for KEY as PEM text appended to OUT: the
 * common name and the URI virtmux://user/NAME. ERROR_KEY.
 */
int key_request(struct evp_pkey_st *key, const char *name, struct buf *out,
		struct error *err);

#endif
