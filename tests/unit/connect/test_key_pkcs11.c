/*
 * URIs of keys on tokens that are refused before an engine or a module is looked
 * for. (Keys in SoftHSM: tests/integration/test_pkcs11.py.)
 */
#include "client/connect/key_pkcs11.h"

#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static void assert_refused(const char *uri, const char *words)
{
	const struct key_sources sources = {.passphrase_fd = -1, .batch = true};
	struct evp_pkey_st *key = NULL;
	autoerror err = {0};

	assert_int_equal(key_pkcs11_load(&key, uri, &sources, &err), -1);
	assert_null(key);
	assert_int_equal(err.code, ERROR_KEY);
	if (!strstr(error_words(&err), words))
		fail_msg("\"%s\" lacks \"%s\"", error_words(&err), words);
}

static void test_is_pkcs11(void **state)
{
	assert_true(key_is_pkcs11("pkcs11:"));
	assert_false(key_is_pkcs11("/pkcs11:"));
	assert_false(key_is_pkcs11("pkcs11"));
}

static void test_refused(void **state)
{
	assert_refused("pkcs11:token=x?pin-value=1", "has a PIN in it");
	assert_refused("pkcs11:?module-path=/m&pin-value=1", "has a PIN in it");
	assert_refused("pkcs11:pin-value=1", "has a PIN in it");
	assert_refused("pkcs11:object=pin-value?module-path=/no/m.so",
		       "/no/m.so (");
	assert_refused("pkcs11:token=x?module-path=/no%2Fm%2e%s&pin-source=/x",
		       "/no/m.%s (");
	assert_refused("pkcs11:module-path=/no/%C3%A4;token=x", "/no/\xc3\xa4");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_is_pkcs11),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
