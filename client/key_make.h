/*
 * A new private key of the user's, sealed under his passphrase, and the request
 * (CSR, RFC 2986) that his administrator signs. Called by the verb `enroll`, and
 * by `import` to seal the key of a .p12.
 *
 * What always holds: a key is written only as PKCS#8 with scrypt and AES-256
 * (RFC 5208, 7914); its plain bytes stand only in memory that OpenSSL wipes. Any
 * thread.
 */
#ifndef VIRTMUX_CLIENT_KEY_MAKE_H
#define VIRTMUX_CLIENT_KEY_MAKE_H

#include "base/buf.h"
#include "base/error.h"
#include "base/secret.h"

struct evp_pkey_st;

/* In the order of the verb's choices. */
enum key_algorithm {
	KEY_P256,
	KEY_P384,
	KEY_ED25519,
	KEY_RSA3072,
	KEY_RSA4096,
	KEY_ALGORITHMS
};

#define KEY_ALGORITHM_WORDS "p256 p384 ed25519 rsa3072 rsa4096"
#define KEY_NAME_MAX        64 /* bytes of a user's name: X.520's limit of a CN */

/* To tls_key_free(). ERROR_KEY. */
int key_make(struct evp_pkey_st **key, enum key_algorithm algorithm,
	     struct error *err);

/* PEM text appended to OUT. ERROR_KEY. */
int key_seal(struct evp_pkey_st *key, const struct secret *passphrase,
	     struct buf *out, struct error *err);

/*
 * The request of user NAME for KEY as PEM text appended to OUT: the common name and
 * the URI virtmux://user/NAME. ERROR_KEY.
 */
int key_request(struct evp_pkey_st *key, const char *name, struct buf *out,
		struct error *err);

/*
 * Whether NAME may be a user's (as in virtmux-pki): ERROR_USAGE. It is then also a
 * file's name that hides nothing.
 */
int key_check_name(const char *name, struct error *err);

#endif
