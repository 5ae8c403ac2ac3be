/*
 * The folder of an authority: where each file is, the lock, and the one way in
 * which a certificate enters. Called by authority and the commands.
 *
 *	ca.crt ca.key			the authority (key encrypted)
 *	hosts/NAME.crt hosts/NAME.key	hosts (key plain: they start alone)
 *	users/NAME.crt users/NAME.key	users (key encrypted)
 *	crl.pem				the revocation list, for every host
 *	index.tsv			all that was ever issued (index.h)
 *	pending/SERIAL.*		made, but not yet in its place
 *	lock				fcntl(2) lock of the one who writes
 *
 * SERIAL.gone says that the key in the place of that certificate's is to be
 * removed. A list waits as pending/NUMBER.crl, where the index has that number.
 *
 * What always holds: a crash at any point leaves it whole. Files are made in
 * pending/; the rename of the index decides whether they count; then they move
 * to their place. Whoever locks next finishes or removes what is pending.
 */
#ifndef VIRTMUX_PKI_STORE_H
#define VIRTMUX_PKI_STORE_H

#include "base/error.h"
#include "crypt/crypto.h"
#include "pki/index.h"

struct store;

enum store_file { STORE_CERTIFICATE, STORE_KEY };

/*
 * Reads the index of DIR, which may have none yet. Takes no lock: the index is
 * whole at any moment. NULL on error.
 */
struct store *store_open(const char *dir, struct error *err);
void store_free(struct store *store); /* gives the lock back; NULL-safe */

DEFINE_CLEANUP(store, store_free);

/* Borrowed from the store. */
const char *store_dir(const struct store *store);
const struct index *store_index(const struct store *store);

/* The path of a file in its place, to free(); NULL without memory. */
char *store_path(const struct store *store, enum certificate_kind kind,
		 const char *name, enum store_file file);

/*
 * Makes DIR with mode 0700. ERROR_KEY where it is there, is not empty and is
 * open to others: it might be somebody's and nothing of it is changed.
 */
int store_make(struct store *store, struct error *err);

/*
 * Waits for the lock, finishes or removes what is pending, and reads the index
 * again. ERROR_NOT_FOUND where there is no folder.
 */
int store_lock(struct store *store, struct error *err);

/* Where the key of a certificate is that is entered. */
enum store_key {
	STORE_KEY_GIVEN,     /* new: to be put in its place */
	STORE_KEY_KEPT,      /* in its place already, or elsewhere as before */
	STORE_KEY_ELSEWHERE, /* never here: what is in its place is removed */
};

/*
 * Enters a certificate (the store is locked): ENTRY into the index, its PEM
 * and, where it is STORE_KEY_GIVEN, that of the KEY into their places. On error
 * nothing has changed, unless the words say so.
 */
int store_commit(struct store *store, const struct index_entry *entry,
		 BIO *certificate, enum store_key where, BIO *key,
		 struct error *err);

/*
 * Revoking, with the store locked: any number of store_revoke(), which only
 * marks in memory, then store_next_crl(), which gives the list its number and
 * times (seconds since 1970 UTC), and store_commit_crl() with the list that
 * store_index() now asks for. The rename of the index makes all of it count. On
 * error nothing has changed, unless the words say so.
 *
 * A number is the time, in seconds, or one more than the last: so it grows also
 * where an old copy of the folder was put back.
 */
int store_revoke(struct store *store, const char *serial, time_t since,
		 const char *reason, struct error *err);
void store_next_crl(struct store *store, time_t issued, time_t expires);
int store_commit_crl(struct store *store, BIO *pem, struct error *err);

/* The path of the list, to free(); NULL without memory. */
char *store_crl_path(const struct store *store);

/*
 * The certificate of ENTRY. ERROR_NOT_FOUND where a newer one has taken its
 * place.
 */
X509 *store_certificate(const struct store *store,
			const struct index_entry *entry, struct error *err);

#endif
