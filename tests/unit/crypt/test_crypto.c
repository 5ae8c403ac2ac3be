/*
 * OpenSSL's errors as ours, and memory BIOs.
 */
#include "crypt/crypto.h"

#include <openssl/err.h>
#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static void test_error_has_reason(void **state)
{
	autoerror err = {0};
	const unsigned char der[] = {0x30};
	const unsigned char *p = der;

	assert_null(d2i_X509(NULL, &p, 1));
	assert_int_equal(crypto_error(&err, ERROR_KEY, "no %s", "good"), -1);
	assert_int_equal(err.code, ERROR_KEY);
	assert_non_null(strstr(err.words, "no good (OpenSSL: "));
	assert_null(strstr(err.words, "no reason given"));
	assert_int_equal(ERR_peek_error(), 0);
}

static void test_error_without_reason(void **state)
{
	autoerror err = {0};

	ERR_clear_error();
	crypto_error(&err, ERROR_FAILED, "it failed");
	assert_string_equal(err.words, "it failed (OpenSSL: no reason given)");
}

static void test_bio_bytes(void **state)
{
	autobio *bio = BIO_new(BIO_s_mem());
	size_t len = 1;

	crypto_bio_bytes(bio, &len);
	assert_int_equal(len, 0);
	BIO_write(bio, "abc", 3);
	assert_memory_equal(crypto_bio_bytes(bio, &len), "abc", 3);
	assert_int_equal(len, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_error_has_reason),
		cmocka_unit_test(test_error_without_reason),
		cmocka_unit_test(test_bio_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
