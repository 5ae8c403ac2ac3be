/*
 * Certificates that are not ours: odd names must not reach the terminal as
 * they are, and what is missing is left out.
 */
#include "pki/describe.h"

#include <openssl/x509v3.h>
#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "crypt/key.h"

static void add_name(GENERAL_NAMES *names, int type, const char *data, int len)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_STRING *value = ASN1_STRING_type_new(
		type == GEN_IPADD ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);

	assert_int_equal(ASN1_STRING_set(value, data, len), 1);
	GENERAL_NAME_set0_value(name, type, value);
	assert_true(sk_GENERAL_NAME_push(names, name) > 0);
}

static X509 *odd_certificate(void)
{
	autopkey *key = key_generate(KEY_P256, NULL);
	X509 *x = X509_new();
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();

	add_name(names, GEN_DNS, "a\0.b", 4);
	add_name(names, GEN_URI, "x:\x1b[31m", 7);
	add_name(names, GEN_IPADD, "\x0a\0\0\1", 4);
	add_name(names, GEN_IPADD, "\x0a\0\0", 3);
	assert_int_equal(X509_set_version(x, X509_VERSION_3), 1);
	assert_int_equal(
		X509_NAME_add_entry_by_NID(
			X509_get_subject_name(x), NID_commonName, MBSTRING_UTF8,
			(const unsigned char *)"e\x1b\xc3\xb6", -1, -1, 0),
		1);
	ASN1_TIME_set(X509_getm_notBefore(x), 0);
	ASN1_TIME_set(X509_getm_notAfter(x), 1000);
	assert_int_equal(
		X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, 0), 1);
	assert_int_equal(X509_set_pubkey(x, key), 1);
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	GENERAL_NAMES_free(names);
	return x;
}

static char *describe(const char *state, enum describe_form form)
{
	autox509 *x = odd_certificate();
	autobuf out = {0};

	certificate_describe(x, state, form, &out);
	return buf_steal_str(&out);
}

static void test_text(void **state)
{
	autofree char *text = describe(NULL, DESCRIBE_LINES);

	assert_null(strchr(text, '\x1b'));
	assert_non_null(strstr(text, "DNS:a\\x00.b, URI:x:\\x1B[31m, "
				     "IP:10.0.0.1, IP:malformed, 3 bytes\n"));
	assert_non_null(strstr(text, "CN=e\\1B\\C3\\B6\n"));
	assert_non_null(strstr(text, "begins       1970-01-01 00:00:00 UTC\n"));
	assert_null(strstr(text, "purpose"));
	assert_null(strstr(text, "state"));
}

static void test_json(void **state)
{
	autofree char *text = describe("expired", DESCRIBE_JSON);

	assert_null(strchr(text, '\x1b'));
	assert_non_null(strstr(text, "\"names\": [\"DNS:a\\\\x00.b\", "));
	assert_non_null(strstr(text, "\"state\": \"expired\""));
	assert_non_null(strstr(text, "\"ca\": false"));
	assert_non_null(strstr(text, "\"key\": \"EC P-256\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
