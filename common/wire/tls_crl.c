/*
 * Which revocation list may replace which; see tls_crl.h. Called by the daemon for
 * host.push-crl. What always holds: nothing is taken from a list before its
 * signature was checked.
 */
#include "wire/tls_crl.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "wire/verify.h"

#define CA_FILE_MAX (1024 * 1024) /* bytes */

static void free_crl(X509_CRL **crl)
{
	X509_CRL_free(*crl);
}

static void free_crls(STACK_OF(X509_CRL) * *crls)
{
	sk_X509_CRL_pop_free(*crls, X509_CRL_free);
}

static void free_ca(X509 **ca)
{
	X509_free(*ca);
}

static void free_number(ASN1_INTEGER **number)
{
	ASN1_INTEGER_free(*number);
}

/* All lists in PEM text; NULL without memory. */
static STACK_OF(X509_CRL) * read_lists(const char *pem, size_t len)
{
	STACK_OF(X509_CRL) *crls = sk_X509_CRL_new_null();
	BIO *bio = BIO_new_mem_buf(pem ? pem : "", (int)len);
	X509_CRL *crl;

	while (crls && bio &&
	       (crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL)))
		sk_X509_CRL_push(crls, crl);
	ERR_clear_error();
	BIO_free(bio);
	return crls;
}

static int read_one(const char *pem, size_t len, X509_CRL **crl,
		    struct error *err)
{
	cleanup(free_crls) STACK_OF(X509_CRL) *crls = read_lists(pem, len);

	if (!crls)
		return error_set_no_memory(err);
	if (sk_X509_CRL_num(crls) != 1)
		return error_set(
			err, ERROR_INVALID_PARAMS,
			"there are %d revocation lists in it where one "
			"in PEM form belongs; virtmux-pki crl makes "
			"it",
			sk_X509_CRL_num(crls));
	*crl = sk_X509_CRL_pop(crls);
	return 0;
}

/* The CA of the file that has signed CRL. */
static int find_ca(const char *file, X509_CRL *crl, struct error *err)
{
	char issuer[TLS_IDENTITY_MAX];
	autobuf text = {0};
	bool named = false;
	BIO *bio;
	X509 *ca;
	bool found = false;

	if (file_read(file, CA_FILE_MAX, &text, err) < 0)
		return -1;
	bio = BIO_new_mem_buf(buf_bytes(&text), (int)text.len);
	while (!found && bio &&
	       (ca = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		cleanup(free_ca) X509 *owned = ca;

		if (X509_NAME_cmp(X509_get_subject_name(owned),
				  X509_CRL_get_issuer(crl)) != 0)
			continue;
		named = true;
		found = X509_CRL_verify(crl, X509_get0_pubkey(owned)) == 1;
	}
	ERR_clear_error();
	BIO_free(bio);
	if (found)
		return 0;
	verify_common_name(X509_CRL_get_issuer(crl), issuer, sizeof(issuer));
	if (named)
		return error_set(err, ERROR_FAILED,
				 "the revocation list bears the name of the CA "
				 "\"%s\", but not its signature; fetch it anew "
				 "from virtmux-pki crl",
				 issuer);
	return error_set(err, ERROR_FAILED,
			 "the revocation list is of the CA \"%s\", which this "
			 "host does not know",
			 issuer);
}

/* NULL where it has none, or none that can be read. */
static ASN1_INTEGER *number_of(X509_CRL *crl)
{
	return X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
}

static int check_form(X509_CRL *crl, struct error *err)
{
	cleanup(free_number) ASN1_INTEGER *number = number_of(crl);

	if (!number)
		return error_set(err, ERROR_INVALID_PARAMS,
				 "the revocation list has no number, so that "
				 "nobody can tell whether it is newer; make "
				 "one with virtmux-pki crl");
	if (X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) < 0 &&
	    X509_CRL_get_ext_by_NID(crl, NID_issuing_distribution_point, -1) <
		    0)
		return 0;
	return error_set(err, ERROR_INVALID_PARAMS,
			 "the revocation list covers a part of the CA's "
			 "certificates only; a complete one is needed");
}

static int check_dates(const struct crl_info *info, struct error *err)
{
	int64_t now = clock_realtime_us() / 1000000;
	char from[CLOCK_TEXT_SIZE], until[CLOCK_TEXT_SIZE],
		clock[CLOCK_TEXT_SIZE];

	clock_format_s(info->this_update, from);
	clock_format_s(info->next_update, until);
	clock_format_s(now, clock);
	if (info->this_update > now)
		return error_set(err, ERROR_FAILED,
				 "the revocation list is not valid yet: it "
				 "begins %s, and the host's clock says %s",
				 from, clock);
	if (info->next_update > now)
		return 0;
	return error_set(err, ERROR_FAILED,
			 "the revocation list is out of date%s%s, and the "
			 "host's clock says %s; make one with virtmux-pki crl",
			 info->next_update ? ": the next one was due " : "",
			 info->next_update ? until : "", clock);
}

static void decimal(const ASN1_INTEGER *number, char *text, size_t size)
{
	BIGNUM *big = number ? ASN1_INTEGER_to_BN(number, NULL) : NULL;
	char *digits = big ? BN_bn2dec(big) : NULL;

	snprintf(text, size, "%s", digits ? digits : "none");
	OPENSSL_free(digits);
	BN_free(big);
}

static void describe(X509_CRL *crl, struct crl_info *info)
{
	cleanup(free_number) ASN1_INTEGER *number = number_of(crl);
	STACK_OF(X509_REVOKED) *revoked = X509_CRL_get_REVOKED(crl);

	*info = (struct crl_info){0};
	verify_common_name(X509_CRL_get_issuer(crl), info->issuer,
			   sizeof(info->issuer));
	decimal(number, info->number, sizeof(info->number));
	info->this_update = verify_seconds(X509_CRL_get0_lastUpdate(crl));
	info->next_update = verify_seconds(X509_CRL_get0_nextUpdate(crl));
	info->revoked = revoked ? (size_t)sk_X509_REVOKED_num(revoked) : 0;
}

static int check_newer(X509_CRL *crl, X509_CRL *old, struct error *err)
{
	cleanup(free_number) ASN1_INTEGER *number = number_of(crl);
	cleanup(free_number) ASN1_INTEGER *before = number_of(old);
	char text[64], text_before[64];

	if (X509_CRL_match(crl, old) == 0 || !before ||
	    ASN1_INTEGER_cmp(number, before) > 0)
		return 0;
	decimal(number, text, sizeof(text));
	decimal(before, text_before, sizeof(text_before));
	return error_set(err, ERROR_STATE,
			 "the host has a newer revocation list: its number is "
			 "%s, that of this one %s; push the newest one",
			 text_before, text);
}

static int append(struct buf *out, X509_CRL *crl)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long n = -1;

	if (bio && PEM_write_bio_X509_CRL(bio, crl) == 1) {
		n = BIO_get_mem_data(bio, &text);
		buf_append(out, text, (size_t)n);
	}
	BIO_free(bio);
	return n < 0 ? -1 : 0;
}

static int merge(X509_CRL *crl, const struct buf *old, struct buf *out,
		 struct error *err)
{
	cleanup(free_crls) STACK_OF(X509_CRL) *before =
		read_lists((const char *)buf_bytes(old), old->len);

	if (!before || append(out, crl) < 0)
		return error_set_no_memory(err);
	for (int i = 0; i < sk_X509_CRL_num(before); i++) {
		X509_CRL *other = sk_X509_CRL_value(before, i);

		if (X509_CRL_cmp(crl, other) == 0) {
			if (check_newer(crl, other, err) < 0)
				return -1;
		} else if (append(out, other) < 0) {
			return error_set_no_memory(err);
		}
	}
	return buf_ok(out) ? 0 : error_set_no_memory(err);
}

int crl_merge(const char *ca_file, const struct buf *old, const char *pem,
	      size_t len, struct buf *out, struct crl_info *info,
	      struct error *err)
{
	cleanup(free_crl) X509_CRL *crl = NULL;

	if (read_one(pem, len, &crl, err) < 0 ||
	    find_ca(ca_file, crl, err) < 0 || check_form(crl, err) < 0)
		return -1;
	describe(crl, info);
	if (check_dates(info, err) < 0)
		return -1;
	return merge(crl, old, out, err);
}
