/*
 * Keys of each type, and their PEM form with and without a passphrase.
 */
#include "crypt/key.h"

#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static struct secret *secret_of(const char *text)
{
	struct secret *s = secret_new();

	assert_non_null(s);
	strcpy(s->text, text);
	s->len = strlen(text);
	return s;
}

static void test_types(void **state)
{
	static const struct {
		const char *name;
		const char *text;
	} expected[] = {
		{"p256", "EC P-256"},
		{"p384", "EC P-384"},
		{"ed25519", "Ed25519"},
		{"rsa3072", "RSA 3072"},
	};

	for (size_t i = 0; i < array_size(expected); i++) {
		char text[KEY_TEXT_SIZE];
		enum key_type type;

		assert_int_equal(
			key_type_from_name(expected[i].name, &type, NULL), 0);
		autopkey *key = key_generate(type, NULL);

		assert_non_null(key);
		key_describe(key, text);
		assert_string_equal(text, expected[i].text);
	}
}

static void test_unknown_type(void **state)
{
	autoerror err = {0};
	enum key_type type;

	assert_int_equal(key_type_from_name("rsa1024", &type, &err), -1);
	assert_int_equal(err.code, ERROR_USAGE);
	assert_non_null(strstr(err.words, KEY_TYPE_NAMES));
}

static void test_plain_round_trip(void **state)
{
	autopkey *key = key_generate(KEY_P256, NULL);
	autobio *pem = key_to_pem(key, NULL, NULL);
	size_t len;
	const char *bytes = crypto_bio_bytes(pem, &len);
	autopkey *again = key_from_pem(bytes, len, "x", NULL, NULL);

	assert_false(key_pem_is_encrypted(bytes, len));
	assert_non_null(memmem(bytes, len, "BEGIN PRIVATE KEY", 17));
	assert_int_equal(EVP_PKEY_eq(key, again), 1);
}

static void test_encrypted_round_trip(void **state)
{
	autoptr(secret) right = secret_of("right one");
	autoptr(secret) wrong = secret_of("wrong one");
	autopkey *key = key_generate(KEY_ED25519, NULL);
	autobio *pem = key_to_pem(key, right, NULL);
	autoerror err = {0};
	size_t len;
	const char *bytes = crypto_bio_bytes(pem, &len);
	autopkey *again = key_from_pem(bytes, len, "x", right, NULL);

	assert_true(key_pem_is_encrypted(bytes, len));
	assert_int_equal(EVP_PKEY_eq(key, again), 1);
	assert_null(key_from_pem(bytes, len, "x", wrong, &err));
	assert_int_equal(err.code, ERROR_KEY);
	assert_non_null(strstr(err.words, "passphrase"));
	/* It must not ask at the terminal by itself. */
	assert_null(key_from_pem(bytes, len, "x", NULL, &err));
	assert_int_equal(err.code, ERROR_KEY);
}

static void test_no_key(void **state)
{
	autoerror err = {0};

	assert_null(key_from_pem("nonsense", 8, "FILE", NULL, &err));
	assert_int_equal(err.code, ERROR_KEY);
	assert_non_null(strstr(err.words, "FILE"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_unknown_type),
		cmocka_unit_test(test_plain_round_trip),
		cmocka_unit_test(test_encrypted_round_trip),
		cmocka_unit_test(test_no_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
