/*
 * The certificate authority: making one, opening its key, and issuing. Called
 * by the commands. It decides validity and serials; what a certificate holds is
 * certificate's, where it goes is store's. What always holds: nothing is issued
 * beyond the authority's own end, nor while its key and certificate differ.
 */
#ifndef VIRTMUX_PKI_AUTHORITY_H
#define VIRTMUX_PKI_AUTHORITY_H

#include <stdbool.h>

#include "base/error.h"
#include "base/secret.h"
#include "crypt/key.h"
#include "pki/certificate.h"
#include "pki/passphrase.h"
#include "pki/store.h"

struct authority;

/* What to issue; everything is borrowed. */
struct authority_request {
	enum certificate_kind kind;
	const char *name; /* checked by name.h, in its canonical form */
	const struct san *sans;
	size_t san_count;
	const struct permit *permits; /* of an authority */
	size_t permit_count;
	long days;          /* 0: the default, cut at the authority's own end */
	EVP_PKEY *key;      /* its public part is enough */
	BIO *key_pem;       /* NULL: the key stays where it is */
	bool replace;       /* a valid certificate of that name may go */
	const char *renews; /* the serial that it shall replace; or NULL */
};

/*
 * Makes an authority in STORE, which is locked: REQUEST's key signs itself, and
 * then its first, empty revocation list.
 * ERROR_EXISTS where there is one. ENTRY receives the index line; its name is
 * borrowed from REQUEST.
 */
int authority_create(struct store *store,
		     const struct authority_request *request,
		     struct index_entry *entry, struct error *err);

/* The index line of STORE's authority, borrowed; NULL for none. */
const struct index_entry *authority_entry(const struct store *store);

/* ERROR_NOT_FOUND where STORE has no authority, ERROR_EXISTS where it has. */
int authority_check_present(const struct store *store, struct error *err);
int authority_check_absent(const struct store *store, struct error *err);

/*
 * ERROR_EXISTS with the cure where NAME has a valid certificate of that kind
 * (and REPLACE is false), or one whose name differs in case alone.
 */
int authority_check_free(const struct store *store, enum certificate_kind kind,
			 const char *name, bool replace, struct error *err);

/*
 * Reads certificate and key of STORE's authority; asks for the passphrase where
 * the key has one. ERROR_KEY, ERROR_NOT_FOUND, ERROR_STATE (expired).
 */
struct authority *authority_open(const struct store *store,
				 const struct passphrase_source *source,
				 struct error *err);
void authority_free(struct authority *authority); /* NULL-safe */

DEFINE_CLEANUP(authority, authority_free);

/*
 * The end that a certificate of DAYS days would have (0: the default). Sets
 * *CUT where the default had to be shortened to the authority's end; ERROR_USAGE
 * where DAYS would pass it.
 */
int authority_end(const struct authority *authority, long days, time_t *end,
		  bool *cut, struct error *err);

/*
 * Writes the revocation list that STORE (locked) asks for, with the marks that
 * store_revoke() made. DAYS until it ends: 0 is the default, and the authority's
 * own end cuts it.
 */
int authority_write_crl(const struct authority *authority, struct store *store,
			long days, struct error *err);

/*
 * Issues into STORE, which is locked. ENTRY receives the index line; its name
 * is borrowed from REQUEST.
 */
int authority_issue(const struct authority *authority, struct store *store,
		    const struct authority_request *request,
		    struct index_entry *entry, struct error *err);

#endif
