/*
 * Making the authority and issuing from it. Called by the commands. What always
 * holds: the checks that depend on the index are made under the store's lock,
 * also where the commands made them before to spare a person the questions.
 */
#include "pki/authority.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "pki/crl.h"
#include "pki/unlock.h"
#include "pki/verify.h"

struct authority {
	X509 *certificate;
	EVP_PKEY *key;
};

const struct index_entry *authority_entry(const struct store *store)
{
	const struct index *index = store_index(store);

	for (size_t i = index->count; i-- > 0;)
		if (index->entries[i].kind == CERTIFICATE_AUTHORITY &&
		    index->entries[i].state == INDEX_VALID)
			return &index->entries[i];
	return NULL;
}

int authority_check_present(const struct store *store, struct error *err)
{
	if (authority_entry(store))
		return 0;
	return error_set(err, ERROR_NOT_FOUND,
			 "there is no certificate authority in %s. Make one "
			 "with 'virtmux-pki init', or name its folder with "
			 "--dir or VIRTMUX_PKI",
			 store_dir(store));
}

int authority_check_absent(const struct store *store, struct error *err)
{
	const struct index_entry *old = authority_entry(store);

	if (!old)
		return 0;
	return error_set(err, ERROR_EXISTS,
			 "%s has an authority already ('%s', serial %s). For a "
			 "second one name another folder with --dir",
			 store_dir(store), old->name, old->serial);
}

int authority_check_free(const struct store *store, enum certificate_kind kind,
			 const char *name, bool replace, struct error *err)
{
	const char *word = certificate_kind_name(kind);
	const struct index_entry *old =
		index_find_alike(store_index(store), kind, name);
	char end[CLOCK_TEXT_SIZE];

	if (!old)
		return 0;
	if (strcmp(old->name, name) != 0)
		return error_set(err, ERROR_EXISTS,
				 "there is a %s '%s', which differs from '%s' "
				 "in case alone. Choose another name",
				 word, old->name, name);
	if (replace || old->expires < time(NULL))
		return 0;
	clock_format_s(old->expires, end);
	return error_set(err, ERROR_EXISTS,
			 "%s %s has a certificate (serial %s) that is valid "
			 "until %s. To make a new key and certificate in its "
			 "place: --replace",
			 word, name, old->serial, end);
}

static int unused_serial(const struct store *store, unsigned char *serial,
			 char *text, struct error *err)
{
	do {
		if (certificate_random_serial(serial, err) < 0)
			return -1;
		certificate_serial_text(serial, text);
	} while (index_find_serial(store_index(store), text));
	return 0;
}

/* Whether the certificate of that name that was issued last has this key. */
static bool has_key(const struct store *store,
		    const struct certificate_plan *plan)
{
	const struct index_entry *last =
		index_find_last(store_index(store), plan->kind, plan->name);
	autox509 *x = last ? store_certificate(store, last, NULL) : NULL;

	return x && EVP_PKEY_eq(X509_get0_pubkey(x), plan->key) == 1;
}

/* Builds from PLAN, which lacks the serial, and enters it into the store. */
static int issue(struct store *store, struct certificate_plan *plan,
		 BIO *key_pem, struct index_entry *entry, struct error *err)
{
	enum store_key where = key_pem                ? STORE_KEY_GIVEN
			       : has_key(store, plan) ? STORE_KEY_KEPT
						      : STORE_KEY_ELSEWHERE;
	autox509 *certificate = NULL;
	autobio *pem = NULL;

	*entry = (struct index_entry){
		.kind = plan->kind,
		.name = (char *)plan->name,
		.issued = time(NULL),
		.expires = plan->not_after,
	};
	if (unused_serial(store, plan->serial, entry->serial, err) < 0)
		return -1;
	certificate = certificate_build(plan, err);
	if (!certificate)
		return -1;
	/* What others would refuse shall not count. */
	if (verify_chain(certificate, plan->issuer ? plan->issuer : certificate,
			 plan->kind, err) < 0)
		return error_prefix(err,
				    "the certificate of %s %s was not "
				    "issued",
				    certificate_kind_name(plan->kind),
				    plan->name);
	pem = certificate_to_pem(certificate, err);
	if (!pem)
		return -1;
	return store_commit(store, entry, pem, where, key_pem, err);
}

/* A list may not begin after the clock of a host that is a little behind. */
static int write_crl(X509 *certificate, EVP_PKEY *key, struct store *store,
		     long days, struct error *err)
{
	time_t now = time(NULL);
	time_t begin = now - BACKDATE_SECONDS;
	time_t first = certificate_not_before(certificate);
	time_t end = now + (days ? days : DAYS_OF_CRL) * SECONDS_PER_DAY;
	time_t last = certificate_not_after(certificate);
	autocrl *crl = NULL;
	autobio *pem = NULL;

	store_next_crl(store, begin < first ? first : begin,
		       end > last ? last : end);
	crl = crl_build(store_index(store), certificate, key, err);
	if (!crl)
		return -1;
	pem = crl_to_pem(crl, err);
	return pem ? store_commit_crl(store, pem, err) : -1;
}

int authority_write_crl(const struct authority *authority, struct store *store,
			long days, struct error *err)
{
	return write_crl(authority->certificate, authority->key, store, days,
			 err);
}

static int write_first_crl(struct store *store, EVP_PKEY *key,
			   struct error *err)
{
	autox509 *x = store_certificate(store, authority_entry(store), err);

	if (x && write_crl(x, key, store, 0, err) == 0)
		return 0;
	return error_prefix(err, "the authority was made, but its first "
				 "revocation list was not; 'virtmux-pki crl' "
				 "writes it");
}

int authority_create(struct store *store,
		     const struct authority_request *request,
		     struct index_entry *entry, struct error *err)
{
	long days = request->days ? request->days : DAYS_OF_AUTHORITY;
	time_t now = time(NULL);
	struct certificate_plan plan = {
		.kind = CERTIFICATE_AUTHORITY,
		.name = request->name,
		.permits = request->permits,
		.permit_count = request->permit_count,
		.not_before = now - BACKDATE_SECONDS,
		.not_after = now + days * SECONDS_PER_DAY,
		.key = request->key,
		.issuer_key = request->key,
	};

	if (authority_check_absent(store, err) < 0)
		return -1;
	if (issue(store, &plan, request->key_pem, entry, err) < 0)
		return -1;
	return write_first_crl(store, request->key, err);
}

static EVP_PKEY *read_key(const struct store *store,
			  const struct passphrase_source *source,
			  struct error *err)
{
	autofree char *path =
		store_path(store, CERTIFICATE_AUTHORITY, "", STORE_KEY);

	if (path)
		return unlock_key(path, source, err);
	error_set_no_memory(err);
	return NULL;
}

static int check_authority(const struct authority *authority, const char *dir,
			   struct error *err)
{
	time_t now = time(NULL);
	time_t end = certificate_not_after(authority->certificate);
	char end_text[CLOCK_TEXT_SIZE], now_text[CLOCK_TEXT_SIZE];

	if (X509_check_private_key(authority->certificate, authority->key) != 1)
		return crypto_error(err, ERROR_KEY,
				    "%s/ca.key is not the key of %s/ca.crt. "
				    "Put back the copies that belong together",
				    dir, dir);
	if (end > now)
		return 0;
	clock_format_s(end, end_text);
	clock_format_s(now, now_text);
	return error_set(err, ERROR_STATE,
			 "the authority in %s ended at %s (it is %s now). Make "
			 "a new one in another folder with 'virtmux-pki --dir "
			 "DIR init'",
			 dir, end_text, now_text);
}

struct authority *authority_open(const struct store *store,
				 const struct passphrase_source *source,
				 struct error *err)
{
	autoptr(authority) authority = calloc(1, sizeof(*authority));
	const struct index_entry *entry = authority_entry(store);

	if (!authority) {
		error_set_no_memory(err);
		return NULL;
	}
	if (!entry) {
		authority_check_present(store, err);
		return NULL;
	}
	authority->certificate = store_certificate(store, entry, err);
	if (!authority->certificate)
		return NULL;
	authority->key = read_key(store, source, err);
	if (!authority->key ||
	    check_authority(authority, store_dir(store), err) < 0)
		return NULL;
	return steal(&authority);
}

void authority_free(struct authority *authority)
{
	if (!authority)
		return;
	X509_free(authority->certificate);
	EVP_PKEY_free(authority->key);
	free(authority);
}

int authority_end(const struct authority *authority, long days, time_t *end,
		  bool *cut, struct error *err)
{
	time_t last = certificate_not_after(authority->certificate);
	time_t now = time(NULL);
	char text[CLOCK_TEXT_SIZE];

	*end = now + (days ? days : DAYS_OF_CERTIFICATE) * SECONDS_PER_DAY;
	*cut = false;
	if (*end <= last)
		return 0;
	if (!days) {
		*end = last;
		*cut = true;
		return 0;
	}
	clock_format_s(last, text);
	return error_set(err, ERROR_USAGE,
			 "--days %ld would pass the end of the authority "
			 "itself, %s. At most --days %ld is possible",
			 days, text, (long)((last - now) / SECONDS_PER_DAY));
}

/* Another command may have been faster while this one asked its questions. */
static int check_renewed(const struct store *store,
			 const struct authority_request *request,
			 struct error *err)
{
	const struct index_entry *last = index_find_last(
		store_index(store), request->kind, request->name);

	if (!request->renews || (last && last->state == INDEX_VALID &&
				 strcmp(last->serial, request->renews) == 0))
		return 0;
	return error_set(err, ERROR_STATE,
			 "serial %s was replaced or revoked meanwhile: nothing "
			 "was issued. See 'virtmux-pki list'",
			 request->renews);
}

int authority_issue(const struct authority *authority, struct store *store,
		    const struct authority_request *request,
		    struct index_entry *entry, struct error *err)
{
	time_t first = certificate_not_before(authority->certificate);
	time_t begin = time(NULL) - BACKDATE_SECONDS;
	struct certificate_plan plan = {
		.kind = request->kind,
		.name = request->name,
		.sans = request->sans,
		.san_count = request->san_count,
		.not_before = begin < first ? first : begin,
		.key = request->key,
		.issuer = authority->certificate,
		.issuer_key = authority->key,
	};
	bool cut;

	if (authority_check_free(store, request->kind, request->name,
				 request->replace, err) < 0 ||
	    check_renewed(store, request, err) < 0 ||
	    authority_end(authority, request->days, &plan.not_after, &cut,
			  err) < 0)
		return -1;
	return issue(store, &plan, request->key_pem, entry, err);
}
