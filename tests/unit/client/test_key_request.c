/*
 * New keys of every kind: sealed so that only the passphrase opens them, with a
 * request that verifies and names the user.
 */
#include "client/key_request.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/user.h"
#include "crypt/key.h"
#include "wire/tls.h"

static struct secret *secret_of(const char *text)
{
	struct secret *s = secret_new();

	strcpy(s->text, text);
	s->len = strlen(text);
	return s;
}

static void check_sealed(EVP_PKEY *key)
{
	autoptr(secret) right = secret_of("right");
	autoptr(secret) wrong = secret_of("wrong");
	EVP_PKEY *again = NULL;
	autobuf pem = {0};
	bool is_wrong = false;

	assert_int_equal(key_seal(key, right, &pem, NULL), 0);
	assert_true(tls_key_is_encrypted((char *)buf_bytes(&pem), pem.len));
	assert_int_equal(tls_key_from_pem(&again, (char *)buf_bytes(&pem),
					  pem.len, "k", wrong, &is_wrong, NULL),
			 -1);
	assert_true(is_wrong);
	assert_int_equal(tls_key_from_pem(&again, (char *)buf_bytes(&pem),
					  pem.len, "k", right, NULL, NULL),
			 0);
	assert_int_equal(EVP_PKEY_eq(key, again), 1);
	tls_key_free(again);
}

static void check_request(EVP_PKEY *key)
{
	autobuf pem = {0};
	BIO *bio = NULL;
	X509_REQ *request = NULL;
	GENERAL_NAMES *names = NULL;
	STACK_OF(X509_EXTENSION) *extensions = NULL;
	char cn[USER_NAME_MAX + 1];

	assert_int_equal(key_request(key, "anna", &pem, NULL), 0);
	bio = BIO_new_mem_buf(buf_bytes(&pem), (int)pem.len);
	request = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
	assert_non_null(request);
	assert_int_equal(X509_REQ_verify(request, key), 1);
	assert_int_equal(
		X509_NAME_get_text_by_NID(X509_REQ_get_subject_name(request),
					  NID_commonName, cn, sizeof(cn)),
		4);
	assert_string_equal(cn, "anna");
	extensions = X509_REQ_get_extensions(request);
	names = X509V3_get_d2i(extensions, NID_subject_alt_name, NULL, NULL);
	assert_int_equal(sk_GENERAL_NAME_num(names), 1);
	assert_string_equal((const char *)ASN1_STRING_get0_data(
				    sk_GENERAL_NAME_value(names, 0)
					    ->d.uniformResourceIdentifier),
			    "virtmux://user/anna");
	GENERAL_NAMES_free(names);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	X509_REQ_free(request);
	BIO_free(bio);
}

static void test_kinds(void **state)
{
	static const struct {
		enum key_type type;
		const char *name;
		int bits;
	} kinds[] = {
		{KEY_P256, "EC", 256},
		{KEY_P384, "EC", 384},
		{KEY_ED25519, "ED25519", 256},
		{KEY_RSA3072, "RSA", 3072},
	};

	for (size_t i = 0; i < array_size(kinds); i++) {
		EVP_PKEY *key = key_generate(kinds[i].type, NULL);

		assert_non_null(key);
		assert_true(EVP_PKEY_is_a(key, kinds[i].name));
		assert_true(EVP_PKEY_get_bits(key) <= kinds[i].bits &&
			    EVP_PKEY_get_bits(key) > kinds[i].bits - 8);
		check_sealed(key);
		check_request(key);
		tls_key_free(key);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
