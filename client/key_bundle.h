/*
 * What an administrator sends back: the certificates of one or several files (PEM,
 * DER or PKCS#12), sorted into the user's own and those of CAs, and judged as a
 * host will judge them. Called by the verb `import`.
 *
 * What always holds: a key that came with them (PKCS#12) leaves only sealed under
 * a passphrase. Blocks where it asks for one. One thread.
 */
#ifndef VIRTMUX_CLIENT_KEY_BUNDLE_H
#define VIRTMUX_CLIENT_KEY_BUNDLE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"
#include "client/connect/key.h"
#include "wire/tls.h"

struct key_bundle;

struct key_bundle *key_bundle_new(void); /* NULL without memory */
void key_bundle_free(struct key_bundle *bundle);

DEFINE_CLEANUP(key_bundle, key_bundle_free);

/*
 * Adds what stands in TEXT, the content of the file NAME. ERROR_KEY: nothing of
 * use, or a second user's certificate; and those of key_ask().
 */
int key_bundle_add(struct key_bundle *bundle, const struct buf *text,
		   const char *name, const struct key_sources *sources,
		   struct error *err);

/* What was found. */
bool key_bundle_has_user(const struct key_bundle *bundle);
bool key_bundle_has_key(const struct key_bundle *bundle);
unsigned key_bundle_cas(const struct key_bundle *bundle);

/*
 * Whether a host that trusts these CAs will admit the user's certificate: ERROR_TLS
 * with the reason and the cure. *PEER then tells whose it is; *BY_NAME that it has
 * no virtmux://user/ URI, so that the host needs identity = cn.
 */
int key_bundle_judge(const struct key_bundle *bundle, struct tls_peer *peer,
		     bool *by_name, struct error *err);

/* Whether the user's certificate is for that key; the PEM text is a request's or
 * another certificate's. */
bool key_bundle_fits_key(const struct key_bundle *bundle,
			 struct evp_pkey_st *key);
bool key_bundle_fits_pem(const struct key_bundle *bundle,
			 const struct buf *pem);

/* Common name of the first CA, appended. */
void key_bundle_ca_name(const struct key_bundle *bundle, struct buf *out);

/* As PEM, appended: the user's certificate; the CAs'; the key, under the passphrase
 * that it came with, or a new one that is asked for NAME where it had none. */
int key_bundle_write_user(const struct key_bundle *bundle, struct buf *out,
			  struct error *err);
int key_bundle_write_cas(const struct key_bundle *bundle, struct buf *out,
			 struct error *err);
int key_bundle_write_key(struct key_bundle *bundle,
			 const struct key_sources *sources, const char *name,
			 struct buf *out, struct error *err);

#endif
