/*
 * Revocation lists: what they say, their form, and every difference from the
 * index that is noticed.
 */
#include "pki/crl.h"

#include <openssl/x509v3.h>

#include "pki/fixture.h"

#define S1  "F123456789ABCDEF0123456789ABCDEF"
#define S2  "0EDCBA9876543210FEDCBA9876543210"
#define DAY 86400

struct signer {
	EVP_PKEY *key;
	X509 *certificate;
};

static int start(void **state)
{
	struct signer *signer = calloc(1, sizeof(*signer));
	struct certificate_plan plan = {
		.kind = CERTIFICATE_AUTHORITY,
		.name = "test CA",
		.not_after = time(NULL) + DAY,
		.serial = {1},
	};

	assert_non_null(signer);
	signer->key = key_generate(KEY_P256, NULL);
	plan.key = signer->key;
	plan.issuer_key = signer->key;
	signer->certificate = certificate_build(&plan, NULL);
	assert_non_null(signer->certificate);
	*state = signer;
	return 0;
}

static int stop(void **state)
{
	struct signer *signer = *state;

	EVP_PKEY_free(signer->key);
	X509_free(signer->certificate);
	free(signer);
	return 0;
}

/* Two entries, of which S1 is revoked. */
static struct index make_index(void)
{
	struct index index = {
		.crl = {.number = 7,
			.issued = 1790000000,
			.expires = 1790000000 + DAY},
	};
	struct index_entry entry = {.kind = CERTIFICATE_USER,
				    .name = (char *)"ann",
				    .issued = 1780000000,
				    .expires = 1890000000};

	strcpy(entry.serial, S1);
	assert_int_equal(index_add(&index, &entry, NULL), 0);
	strcpy(entry.serial, S2);
	entry.name = (char *)"bob";
	assert_int_equal(index_add(&index, &entry, NULL), 0);
	assert_int_equal(
		index_revoke(&index, S1, 1790000000, "keyCompromise", NULL), 0);
	return index;
}

static X509_CRL *build(const struct signer *signer, const struct index *index)
{
	X509_CRL *crl =
		crl_build(index, signer->certificate, signer->key, NULL);

	assert_non_null(crl);
	return crl;
}

static void test_fields(void **state)
{
	struct signer *signer = *state;
	struct index index = make_index();
	autocrl *crl = build(signer, &index);
	AUTHORITY_KEYID *id;

	assert_int_equal(X509_CRL_verify(crl, signer->key), 1);
	assert_int_equal(X509_CRL_get_version(crl), X509_CRL_VERSION_2);
	assert_int_equal(
		X509_NAME_cmp(X509_CRL_get_issuer(crl),
			      X509_get_subject_name(signer->certificate)),
		0);
	assert_int_equal(crl_number(crl), 7);
	id = X509_CRL_get_ext_d2i(crl, NID_authority_key_identifier, NULL,
				  NULL);
	assert_non_null(id);
	assert_int_equal(ASN1_OCTET_STRING_cmp(
				 id->keyid,
				 X509_get0_subject_key_id(signer->certificate)),
			 0);
	AUTHORITY_KEYID_free(id);
	assert_int_equal(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)), 1);
	assert_int_equal(crl_compare(crl, &index, NULL), 0);
	index_clear(&index);
}

static void test_forms(void **state)
{
	struct index index = make_index();
	autocrl *crl = build(*state, &index);
	autobio *pem = crl_to_pem(crl, NULL);
	autoerror err = {0};
	size_t len;
	const char *bytes = crypto_bio_bytes(pem, &len);
	autocrl *again = crl_from_bytes(bytes, len, "x", NULL);
	unsigned char *der = NULL;
	int der_len = i2d_X509_CRL(crl, &der);
	autocrl *from_der = crl_from_bytes(der, (size_t)der_len, "x", NULL);

	assert_int_equal(crl_compare(again, &index, NULL), 0);
	assert_int_equal(crl_compare(from_der, &index, NULL), 0);
	OPENSSL_free(der);
	assert_null(crl_from_bytes("nonsense", 8, "the file", &err));
	assert_int_equal(err.code, ERROR_CONFIG);
	assert_non_null(strstr(err.words, "the file"));
	assert_null(crl_from_bytes("", 0, "the file", &err));
	index_clear(&index);
}

static void assert_differs(X509_CRL *crl, const struct index *index,
			   const char *words)
{
	autoerror err = {0};

	assert_int_equal(crl_compare(crl, index, &err), -1);
	assert_int_equal(err.code, ERROR_STATE);
	assert_non_null(strstr(err.words, words));
}

static void test_differences(void **state)
{
	struct index index = make_index(), other = make_index();
	autocrl *crl = build(*state, &index);

	other.crl.number++;
	assert_differs(crl, &other, "number");
	other.crl.number--;
	other.crl.expires++;
	assert_differs(crl, &other, "times");
	other.crl.expires--;
	other.entries[0].since++;
	assert_differs(crl, &other, S1);
	other.entries[0].since--;
	other.entries[0].reason[0] = 'x';
	assert_differs(crl, &other, S1);
	other.entries[0].reason[0] = 'k';
	assert_int_equal(crl_compare(crl, &other, NULL), 0);
	other.entries[0].state = INDEX_VALID;
	assert_differs(crl, &other, "revokes 1");
	other.entries[0].state = INDEX_REVOKED;
	assert_int_equal(index_revoke(&other, S2, 1790000000, NULL, NULL), 0);
	assert_differs(crl, &other, S2);
	index_clear(&index);
	index_clear(&other);
}

static void test_empty(void **state)
{
	struct index index = {.crl = {.number = 1, .expires = 1790000000}};
	autocrl *crl = build(*state, &index);

	assert_int_equal(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)), -1);
	assert_int_equal(crl_compare(crl, &index, NULL), 0);
}

/* RFC 5280 5.2.3 allows 20 bytes; what does not fit counts as none. */
static void test_big_number(void **state)
{
	struct index index = {.crl = {.number = UINT64_MAX, .expires = 1}};
	autocrl *crl = build(*state, &index);
	autocrl *plain = X509_CRL_new();

	assert_true(crl_number(crl) == UINT64_MAX);
	assert_int_equal(crl_number(plain), 0);
}

static void test_reasons(void **state)
{
	const char *reason = "x";
	autoerror err = {0};

	assert_int_equal(crl_reason("Unspecified", &reason, NULL), 0);
	assert_null(reason);
	assert_int_equal(crl_reason("KEYCOMPROMISE", &reason, NULL), 0);
	assert_string_equal(reason, "keyCompromise");
	assert_int_equal(crl_reason("certificateHold", &reason, &err), -1);
	assert_int_equal(err.code, ERROR_USAGE);
	assert_non_null(strstr(err.words, CRL_REASONS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_fields, start, stop),
		cmocka_unit_test_setup_teardown(test_forms, start, stop),
		cmocka_unit_test_setup_teardown(test_differences, start, stop),
		cmocka_unit_test_setup_teardown(test_empty, start, stop),
		cmocka_unit_test_setup_teardown(test_big_number, start, stop),
		cmocka_unit_test(test_reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
