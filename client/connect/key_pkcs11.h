/*
 * Keys on a smart card or another PKCS#11 token, named by a URI (RFC 7512) and used
 * through OpenSSL's engine "pkcs11" (Debian: libengine-pkcs11-openssl), which is
 * loaded when such a key is. Called by key.c.
 *
 * What always holds: the PIN stands in a struct secret and, while the key lives, in
 * the engine, which wipes it with the key; a URI with a PIN in it is refused, since
 * arguments and configurations are no place for it. One thread.
 */
#ifndef VIRTMUX_CLIENT_KEY_PKCS11_H
#define VIRTMUX_CLIENT_KEY_PKCS11_H

#include "base/error.h"
#include "client/connect/key.h"

/*
 * The private key that URI names, to tls_key_free(). Its attribute "module-path"
 * names the token's library; otherwise p11-kit's modules are asked, or that of
 * PKCS11_MODULE_PATH. The PIN is asked as a passphrase is, once where it is right.
 * ERROR_KEY.
 */
int key_pkcs11_load(struct evp_pkey_st **key, const char *uri,
		    const struct key_sources *sources, struct error *err);

/* Whether KEY, of a profile, is a URI and no file. */
bool key_is_pkcs11(const char *key);

#endif
