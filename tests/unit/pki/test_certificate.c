/*
 * The extensions that each kind of certificate must and must not have.
 */
#include "pki/certificate.h"

#include <openssl/x509v3.h>
#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "crypt/key.h"

#define BEGIN 1790000000
#define END   2790000000 /* in 2058: a GeneralizedTime (RFC 5280 4.1.2.5) */

struct pair {
	EVP_PKEY *key, *issuer_key;
	X509 *issuer;
};

static int set_up(void **state)
{
	static const struct certificate_plan blank;
	struct certificate_plan plan = blank;
	struct pair *pair = calloc(1, sizeof(*pair));

	pair->key = key_generate(KEY_P256, NULL);
	pair->issuer_key = key_generate(KEY_P384, NULL);
	plan.kind = CERTIFICATE_AUTHORITY;
	plan.name = "test CA";
	plan.not_before = BEGIN;
	plan.not_after = END;
	memset(plan.serial, 0xab, sizeof(plan.serial));
	plan.key = plan.issuer_key = pair->issuer_key;
	pair->issuer = certificate_build(&plan, NULL);
	assert_non_null(pair->issuer);
	*state = pair;
	return 0;
}

static int tear_down(void **state)
{
	struct pair *pair = *state;

	EVP_PKEY_free(pair->key);
	EVP_PKEY_free(pair->issuer_key);
	X509_free(pair->issuer);
	free(pair);
	return 0;
}

static X509 *build(struct pair *pair, enum certificate_kind kind,
		   const char *name, const struct san *sans, size_t san_count,
		   EVP_PKEY *key)
{
	struct certificate_plan plan = {
		.kind = kind,
		.name = name,
		.sans = sans,
		.san_count = san_count,
		.not_before = BEGIN,
		.not_after = END,
		.serial = {0x81, 0x02},
		.key = key,
		.issuer = pair->issuer,
		.issuer_key = pair->issuer_key,
	};

	return certificate_build(&plan, NULL);
}

static int is_critical(X509 *x, int nid)
{
	int index = X509_get_ext_by_NID(x, nid, -1);

	assert_true(index >= 0);
	assert_int_equal(X509_get_ext_by_NID(x, nid, index), -1);
	return X509_EXTENSION_get_critical(X509_get_ext(x, index));
}

static void test_authority(void **state)
{
	struct pair *pair = *state;
	X509 *x = pair->issuer;

	assert_int_equal(X509_get_version(x), X509_VERSION_3);
	assert_int_equal(X509_check_ca(x), 1);
	assert_int_equal(X509_get_pathlen(x), 0);
	assert_true(is_critical(x, NID_basic_constraints));
	assert_true(is_critical(x, NID_key_usage));
	assert_int_equal(X509_get_key_usage(x), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
	assert_int_equal(X509_get_ext_by_NID(x, NID_ext_key_usage, -1), -1);
	assert_int_equal(X509_get_ext_by_NID(x, NID_subject_alt_name, -1), -1);
	assert_non_null(X509_get0_subject_key_id(x));
	assert_int_equal(X509_self_signed(x, 1), 1);
	assert_int_equal(certificate_not_before(x), BEGIN);
	assert_int_equal(certificate_not_after(x), END);
}

static void check_leaf(struct pair *pair, X509 *x, uint32_t purpose)
{
	assert_non_null(x);
	assert_int_equal(X509_verify(x, pair->issuer_key), 1);
	assert_int_equal(X509_check_ca(x), 0);
	assert_true(is_critical(x, NID_basic_constraints));
	assert_int_equal(X509_get_extended_key_usage(x), purpose);
	assert_int_equal(
		ASN1_OCTET_STRING_cmp(X509_get0_authority_key_id(x),
				      X509_get0_subject_key_id(pair->issuer)),
		0);
	assert_int_equal(X509_get_signature_nid(x), NID_ecdsa_with_SHA256);
	assert_int_equal(X509_get_ext_count(x), 6);
}

static void test_host(void **state)
{
	struct san sans[2];
	struct pair *pair = *state;

	assert_int_equal(name_parse_host("web1", &sans[0], NULL), 0);
	assert_int_equal(name_parse_host("10.0.0.1", &sans[1], NULL), 0);
	autox509 *x = build(pair, CERTIFICATE_HOST, "web1", sans, 2, pair->key);

	check_leaf(pair, x, XKU_SSL_SERVER);
	assert_int_equal(X509_get_key_usage(x), KU_DIGITAL_SIGNATURE);
	/* libvirt refuses a critical one without keyEncipherment. */
	assert_false(is_critical(x, NID_key_usage));
	assert_int_equal(X509_check_host(x, "web1", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(x, "web2", 0, 0, NULL), 0);
	assert_int_equal(X509_check_ip_asc(x, "10.0.0.1", 0), 1);
	assert_int_equal(X509_check_ip_asc(x, "10.0.0.2", 0), 0);
}

static void test_rsa_host(void **state)
{
	struct pair *pair = *state;
	autopkey *key = key_generate(KEY_RSA3072, NULL);
	struct san san;

	assert_int_equal(name_parse_host("web1", &san, NULL), 0);
	autox509 *x = build(pair, CERTIFICATE_HOST, "web1", &san, 1, key);

	check_leaf(pair, x, XKU_SSL_SERVER);
	assert_int_equal(X509_get_key_usage(x),
			 KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT);
	assert_true(is_critical(x, NID_key_usage));
}

static void check_uri(X509 *x, const char *uri)
{
	GENERAL_NAMES *names =
		X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	const ASN1_STRING *value;
	int type;

	assert_int_equal(sk_GENERAL_NAME_num(names), 1);
	value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, 0), &type);
	assert_int_equal(type, GEN_URI);
	assert_int_equal(ASN1_STRING_length(value), strlen(uri));
	assert_memory_equal(ASN1_STRING_get0_data(value), uri, strlen(uri));
	GENERAL_NAMES_free(names);
}

static void test_user(void **state)
{
	struct pair *pair = *state;
	char cn[80];
	autox509 *x = build(pair, CERTIFICATE_USER, "ann@example.org", NULL, 0,
			    pair->key);

	check_leaf(pair, x, XKU_SSL_CLIENT);
	assert_int_equal(X509_get_key_usage(x), KU_DIGITAL_SIGNATURE);
	check_uri(x, "virtmux://user/ann@example.org");
	X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, cn,
				  sizeof(cn));
	assert_string_equal(cn, "ann@example.org");
}

static void test_long_names(void **state)
{
	struct pair *pair = *state;
	char name[65], cn[80];
	struct san san;

	memset(name, 'a', 64);
	name[64] = '\0';
	autox509 *user =
		build(pair, CERTIFICATE_USER, name, NULL, 0, pair->key);

	assert_non_null(user);
	assert_int_equal(name_parse_host("first.label.of.a.name.that.is."
					 "longer.than.a.common.name.may.be."
					 "example.org",
					 &san, NULL),
			 0);
	autox509 *host =
		build(pair, CERTIFICATE_HOST, san.text, &san, 1, pair->key);

	assert_non_null(host);
	X509_NAME_get_text_by_NID(X509_get_subject_name(host), NID_commonName,
				  cn, sizeof(cn));
	assert_string_equal(cn, "first");
	assert_int_equal(X509_check_host(host, san.text, 0, 0, NULL), 1);
}

static void test_serials(void **state)
{
	unsigned char first[SERIAL_BYTES], second[SERIAL_BYTES];
	char text[SERIAL_TEXT_SIZE];
	struct pair *pair = *state;

	assert_int_equal(certificate_random_serial(first, NULL), 0);
	assert_int_equal(certificate_random_serial(second, NULL), 0);
	assert_memory_not_equal(first, second, SERIAL_BYTES);
	assert_int_not_equal(first[0], 0);
	assert_int_equal(certificate_read_serial(pair->issuer, text), 0);
	assert_string_equal(text, "ABABABABABABABABABABABABABABABAB");
}

static void test_pem_and_der(void **state)
{
	struct pair *pair = *state;
	autobio *pem = certificate_to_pem(pair->issuer, NULL);
	unsigned char *der = NULL;
	size_t len;
	const char *bytes = crypto_bio_bytes(pem, &len);
	int der_len = i2d_X509(pair->issuer, &der);
	autox509 *one = certificate_from_bytes(bytes, len, "x", NULL);
	autox509 *two = certificate_from_bytes(der, (size_t)der_len, "x", NULL);

	assert_int_equal(X509_cmp(one, pair->issuer), 0);
	assert_int_equal(X509_cmp(two, pair->issuer), 0);
	OPENSSL_free(der);
}

static void test_no_certificate(void **state)
{
	autoerror err = {0};

	assert_null(certificate_from_bytes("nonsense", 8, "FILE", &err));
	assert_int_equal(err.code, ERROR_KEY);
	assert_non_null(strstr(err.words, "FILE"));
	assert_null(certificate_from_bytes(NULL, 0, "FILE", &err));
}

static void test_kinds(void **state)
{
	for (int i = 0; i < CERTIFICATE_KINDS; i++)
		assert_int_equal(
			certificate_kind_from_name(certificate_kind_name(
				(enum certificate_kind)i)),
			i);
	assert_int_equal(certificate_kind_from_name("dog"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_authority),
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_rsa_host),
		cmocka_unit_test(test_user),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_serials),
		cmocka_unit_test(test_pem_and_der),
		cmocka_unit_test(test_no_certificate),
		cmocka_unit_test(test_kinds),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
