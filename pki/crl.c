/*
 * Building and reading revocation lists with OpenSSL's structures. Called by
 * authority and check. What always holds: a list that is returned is complete,
 * sorted and signed.
 */
#include "pki/crl.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *name;
	long number;
} reasons[] = {
	{"unspecified", CRL_REASON_UNSPECIFIED},
	{"keyCompromise", CRL_REASON_KEY_COMPROMISE},
	{"affiliationChanged", CRL_REASON_AFFILIATION_CHANGED},
	{"superseded", CRL_REASON_SUPERSEDED},
	{"cessationOfOperation", CRL_REASON_CESSATION_OF_OPERATION},
	{"privilegeWithdrawn", CRL_REASON_PRIVILEGE_WITHDRAWN},
};

int crl_reason(const char *name, const char **reason, struct error *err)
{
	for (size_t i = 0; i < array_size(reasons); i++) {
		if (strcasecmp(reasons[i].name, name) == 0) {
			*reason = i ? reasons[i].name : NULL;
			return 0;
		}
	}
	return error_set(err, ERROR_USAGE,
			 "there is no reason '%s'; there are: %s", name,
			 CRL_REASONS);
}

/* -1: none of ours. */
static long reason_number(const char *name)
{
	for (size_t i = 0; i < array_size(reasons); i++)
		if (strcmp(reasons[i].name, name) == 0)
			return reasons[i].number;
	return -1;
}

static int set_reason(X509_REVOKED *revoked, const char *reason)
{
	ASN1_ENUMERATED *value;
	int ok;

	/* RFC 5280 5.3.1: rather no reason than "unspecified". */
	if (!reason)
		return 1;
	value = ASN1_ENUMERATED_new();
	ok = value && reason_number(reason) >= 0 &&
	     ASN1_ENUMERATED_set(value, reason_number(reason)) &&
	     X509_REVOKED_add1_ext_i2d(revoked, NID_crl_reason, value, 0, 0);
	ASN1_ENUMERATED_free(value);
	return ok;
}

static int set_serial(X509_REVOKED *revoked, const char *text)
{
	BIGNUM *number = NULL;
	ASN1_INTEGER *serial = NULL;
	int ok;

	ok = BN_hex2bn(&number, text) > 0 &&
	     (serial = BN_to_ASN1_INTEGER(number, NULL)) &&
	     X509_REVOKED_set_serialNumber(revoked, serial);
	ASN1_INTEGER_free(serial);
	BN_free(number);
	return ok;
}

static int add_entry(X509_CRL *crl, const struct index_entry *entry)
{
	X509_REVOKED *revoked = X509_REVOKED_new();
	ASN1_TIME *date = ASN1_TIME_set(NULL, entry->since);
	int ok;

	ok = revoked && date && set_serial(revoked, entry->serial) &&
	     X509_REVOKED_set_revocationDate(revoked, date) &&
	     set_reason(revoked, entry->reason) &&
	     X509_CRL_add0_revoked(crl, revoked);
	ASN1_TIME_free(date);
	if (!ok)
		X509_REVOKED_free(revoked);
	return ok;
}

static int add_entries(X509_CRL *crl, const struct index *index)
{
	for (size_t i = 0; i < index->count; i++)
		if (index->entries[i].state == INDEX_REVOKED &&
		    !add_entry(crl, &index->entries[i]))
			return 0;
	return X509_CRL_sort(crl);
}

/* RFC 5280 5.2.1 and 5.2.3: both must be there. */
static int add_extensions(X509_CRL *crl, X509 *issuer, uint64_t number)
{
	ASN1_INTEGER *value = ASN1_INTEGER_new();
	X509_EXTENSION *identifier;
	X509V3_CTX ctx;
	int ok;

	X509V3_set_ctx(&ctx, issuer, NULL, NULL, crl, 0);
	identifier = X509V3_EXT_conf_nid(
		NULL, &ctx, NID_authority_key_identifier, "keyid:always");
	ok = identifier && X509_CRL_add_ext(crl, identifier, -1) && value &&
	     ASN1_INTEGER_set_uint64(value, number) &&
	     X509_CRL_add1_ext_i2d(crl, NID_crl_number, value, 0, 0);
	X509_EXTENSION_free(identifier);
	ASN1_INTEGER_free(value);
	return ok;
}

static int set_times(X509_CRL *crl, const struct index_crl *times)
{
	ASN1_TIME *begin = ASN1_TIME_set(NULL, times->issued);
	ASN1_TIME *end = ASN1_TIME_set(NULL, times->expires);
	int ok = begin && end && X509_CRL_set1_lastUpdate(crl, begin) &&
		 X509_CRL_set1_nextUpdate(crl, end);

	ASN1_TIME_free(begin);
	ASN1_TIME_free(end);
	return ok;
}

X509_CRL *crl_build(const struct index *index, X509 *issuer,
		    EVP_PKEY *issuer_key, struct error *err)
{
	autocrl *crl = X509_CRL_new();

	if (crl && X509_CRL_set_version(crl, X509_CRL_VERSION_2) &&
	    X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer)) &&
	    set_times(crl, &index->crl) && add_entries(crl, index) &&
	    add_extensions(crl, issuer, index->crl.number) &&
	    X509_CRL_sign(crl, issuer_key, crypto_digest(issuer_key)) > 0)
		return steal(&crl);
	crypto_error(err, ERROR_FAILED, "cannot build the revocation list");
	return NULL;
}

BIO *crl_to_pem(X509_CRL *crl, struct error *err)
{
	autobio *pem = BIO_new(BIO_s_mem());

	if (pem && PEM_write_bio_X509_CRL(pem, crl) == 1)
		return steal(&pem);
	crypto_error(err, ERROR_FAILED, "cannot write a list as PEM");
	return NULL;
}

X509_CRL *crl_from_bytes(const void *data, size_t len, const char *name,
			 struct error *err)
{
	autobio *bio = len ? BIO_new_mem_buf(data, (int)len) : NULL;
	const unsigned char *der = data;
	X509_CRL *crl =
		bio ? PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL) : NULL;

	if (!crl && len)
		crl = d2i_X509_CRL(NULL, &der, (long)len);
	if (!crl)
		crypto_error(err, ERROR_CONFIG,
			     "%s holds no revocation list in PEM or DER form",
			     name);
	ERR_clear_error();
	return crl;
}

uint64_t crl_number(const X509_CRL *crl)
{
	ASN1_INTEGER *value =
		X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
	uint64_t number = 0;

	if (value && ASN1_INTEGER_get_uint64(&number, value) != 1)
		number = 0;
	ASN1_INTEGER_free(value);
	ERR_clear_error();
	return number;
}

static long reason_of(const X509_REVOKED *revoked)
{
	ASN1_ENUMERATED *value =
		X509_REVOKED_get_ext_d2i(revoked, NID_crl_reason, NULL, NULL);
	long number =
		value ? ASN1_ENUMERATED_get(value) : CRL_REASON_UNSPECIFIED;

	ASN1_ENUMERATED_free(value);
	return number;
}

static X509_REVOKED *find(X509_CRL *crl, const char *serial)
{
	BIGNUM *number = NULL;
	ASN1_INTEGER *value = NULL;
	X509_REVOKED *revoked = NULL;

	if (BN_hex2bn(&number, serial) > 0 &&
	    (value = BN_to_ASN1_INTEGER(number, NULL)))
		X509_CRL_get0_by_serial(crl, &revoked, value);
	ASN1_INTEGER_free(value);
	BN_free(number);
	return revoked;
}

static bool has_entry(X509_CRL *crl, const struct index_entry *entry)
{
	X509_REVOKED *revoked = find(crl, entry->serial);
	long reason = entry->reason ? reason_number(entry->reason)
				    : CRL_REASON_UNSPECIFIED;

	return revoked && reason_of(revoked) == reason &&
	       crypto_seconds(X509_REVOKED_get0_revocationDate(revoked)) ==
		       entry->since;
}

int crl_compare(X509_CRL *crl, const struct index *index, struct error *err)
{
	size_t revoked = 0;
	int listed = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl));

	for (size_t i = 0; i < index->count; i++) {
		const struct index_entry *entry = &index->entries[i];

		if (entry->state != INDEX_REVOKED)
			continue;
		revoked++;
		if (!has_entry(crl, entry))
			return error_set(err, ERROR_STATE,
					 "it does not revoke serial %s as the "
					 "index does",
					 entry->serial);
	}
	if (listed > 0 && (size_t)listed != revoked)
		return error_set(err, ERROR_STATE,
				 "it revokes %d certificates, the index %zu",
				 listed, revoked);
	if (crl_number(crl) != index->crl.number)
		return error_set(err, ERROR_STATE,
				 "its number is %ju, the index says %ju",
				 (uintmax_t)crl_number(crl),
				 (uintmax_t)index->crl.number);
	if (crypto_seconds(X509_CRL_get0_lastUpdate(crl)) !=
		    index->crl.issued ||
	    crypto_seconds(X509_CRL_get0_nextUpdate(crl)) != index->crl.expires)
		return error_set(err, ERROR_STATE,
				 "its times are not those of the index");
	return 0;
}
