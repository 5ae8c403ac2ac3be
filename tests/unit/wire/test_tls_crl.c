/*
 * Which revocation list may replace which: signed by our CA, current, complete,
 * numbered, and never older; lists of other CAs in the file stay.
 */
#include "wire/tls_crl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/certificates.h"

#define DAY (24 * 3600L)

struct lists {
	char dir[64];
	char ca_file[96];
	struct authority ca;
	struct authority twin; /* of the same name */
	struct buf old;
	struct buf out;
	struct crl_info info;
	struct error err;
};

static int set_up(void **state)
{
	struct lists *l = calloc(1, sizeof(*l));

	strcpy(l->dir, "/tmp/virtmux-test-XXXXXX");
	assert_non_null(mkdtemp(l->dir));
	authority_make(&l->ca, "test CA");
	authority_make(&l->twin, "test CA");
	authority_write(&l->ca, l->dir, "ca");
	snprintf(l->ca_file, sizeof(l->ca_file), "%s/ca.crt", l->dir);
	*state = l;
	return 0;
}

static int tear_down(void **state)
{
	struct lists *l = *state;

	unlink(l->ca_file);
	rmdir(l->dir);
	authority_free(&l->ca);
	authority_free(&l->twin);
	buf_free(&l->old);
	buf_free(&l->out);
	error_clear(&l->err);
	free(l);
	return 0;
}

#define NO_NUMBER     (-1)
#define BROKEN_NUMBER (-2)

/* What is no INTEGER where the number stands. */
static void add_broken_number(X509_CRL *crl)
{
	ASN1_OCTET_STRING *bytes = ASN1_OCTET_STRING_new();
	X509_EXTENSION *extension;

	ASN1_OCTET_STRING_set(bytes, (const unsigned char *)"?", 1);
	extension =
		X509_EXTENSION_create_by_NID(NULL, NID_crl_number, 0, bytes);
	X509_CRL_add_ext(crl, extension, -1);
	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(bytes);
}

/* A list with one certificate, as PEM appended to OUT. */
static void make_list(const struct authority *ca, long number, long from,
		      long until, struct buf *out)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *time = ASN1_TIME_new();
	ASN1_INTEGER *integer = ASN1_INTEGER_new();
	X509_REVOKED *revoked = X509_REVOKED_new();
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long len;

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->cert));
	X509_CRL_set1_lastUpdate(crl, X509_gmtime_adj(time, from));
	X509_CRL_set1_nextUpdate(crl, X509_gmtime_adj(time, until));
	ASN1_INTEGER_set(integer, 4711);
	X509_REVOKED_set_serialNumber(revoked, integer);
	X509_REVOKED_set_revocationDate(revoked, X509_gmtime_adj(time, -9));
	X509_CRL_add0_revoked(crl, revoked);
	ASN1_INTEGER_set(integer, number);
	if (number >= 0)
		X509_CRL_add1_ext_i2d(crl, NID_crl_number, integer, 0, 0);
	else if (number == BROKEN_NUMBER)
		add_broken_number(crl);
	assert_true(X509_CRL_sign(crl, ca->key, EVP_sha256()) > 0);
	PEM_write_bio_X509_CRL(bio, crl);
	len = BIO_get_mem_data(bio, &text);
	buf_append(out, text, (size_t)len);
	BIO_free(bio);
	ASN1_INTEGER_free(integer);
	ASN1_TIME_free(time);
	X509_CRL_free(crl);
}

static int merge(struct lists *l, const struct buf *pem)
{
	buf_reset(&l->out);
	error_clear(&l->err);
	return crl_merge(l->ca_file, &l->old, (const char *)buf_bytes(pem),
			 pem->len, &l->out, &l->info, &l->err);
}

static void expect(struct lists *l, const struct authority *ca, long number,
		   long from, long until, enum error_code code,
		   const char *words)
{
	autobuf pem = {0};

	make_list(ca, number, from, until, &pem);
	assert_int_equal(merge(l, &pem), code ? -1 : 0);
	assert_int_equal(l->err.code, code);
	if (code && !strstr(error_words(&l->err), words))
		fail_msg("%s", error_words(&l->err));
}

static void test_the_first(void **state)
{
	struct lists *l = *state;

	expect(l, &l->ca, 7, -DAY, DAY, ERROR_NONE, NULL);
	assert_string_equal(l->info.issuer, "test CA");
	assert_string_equal(l->info.number, "7");
	assert_int_equal(l->info.revoked, 1);
	assert_int_equal(l->info.next_update - l->info.this_update, 2 * DAY);
	assert_true(l->out.len > 0);
}

static void test_never_older(void **state)
{
	struct lists *l = *state;
	autobuf same = {0};

	make_list(&l->ca, 300, -DAY, DAY, &l->old);
	expect(l, &l->ca, 301, -DAY, DAY, ERROR_NONE, NULL);
	expect(l, &l->ca, 299, -DAY, DAY, ERROR_STATE, "300");
	expect(l, &l->ca, 300, -DAY, 2 * DAY, ERROR_STATE, "newer");
	buf_append(&same, buf_bytes(&l->old), l->old.len);
	assert_int_equal(merge(l, &same), 0);
}

static void test_what_is_refused(void **state)
{
	struct lists *l = *state;
	struct authority other;
	autobuf text = {0};

	expect(l, &l->twin, 7, -DAY, DAY, ERROR_FAILED, "not its signature");
	authority_make(&other, "other CA");
	expect(l, &other, 7, -DAY, DAY, ERROR_FAILED, "\"other CA\"");
	authority_free(&other);
	make_list(&l->ca, 6, -DAY, DAY, &l->old);
	expect(l, &l->ca, NO_NUMBER, -DAY, DAY, ERROR_INVALID_PARAMS,
	       "no number");
	expect(l, &l->ca, BROKEN_NUMBER, -DAY, DAY, ERROR_INVALID_PARAMS,
	       "no number");
	expect(l, &l->ca, 7, -DAY, -9, ERROR_FAILED, "out of date");
	expect(l, &l->ca, 7, 99, DAY, ERROR_FAILED, "not valid yet");
	buf_append_str(&text, "nonsense");
	assert_int_equal(merge(l, &text), -1);
	assert_int_equal(l->err.code, ERROR_INVALID_PARAMS);
	buf_reset(&text);
	make_list(&l->ca, 7, -DAY, DAY, &text);
	make_list(&l->ca, 8, -DAY, DAY, &text);
	assert_int_equal(merge(l, &text), -1);
	assert_non_null(strstr(error_words(&l->err), "2 revocation lists"));
}

static void test_lists_of_others_stay(void **state)
{
	struct lists *l = *state;
	struct authority other;
	autofree char *text = NULL;
	const char *first;

	authority_make(&other, "other CA");
	make_list(&other, 900, -DAY, DAY, &l->old);
	make_list(&l->ca, 1, -DAY, DAY, &l->old);
	expect(l, &l->ca, 2, -DAY, DAY, ERROR_NONE, NULL);
	text = buf_steal_str(&l->out);
	first = strstr(text, "BEGIN X509 CRL");
	assert_non_null(first);
	first = strstr(first + 1, "BEGIN X509 CRL");
	assert_non_null(first);
	assert_null(strstr(first + 1, "BEGIN X509 CRL"));
	authority_free(&other);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_the_first),
		TEST(test_never_older),
		TEST(test_what_is_refused),
		TEST(test_lists_of_others_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
