/*
 * Key files: plain, encrypted, empty, damaged, and open to others.
 */
#include "pki/unlock.h"

#include "pki/fixture.h"

static struct passphrase_source source_of(const char *file)
{
	return (struct passphrase_source){.of = "the key",
					  .option = "--x",
					  .fd = -1,
					  .file = file,
					  .batch = true};
}

static void test_files(void **state)
{
	struct fixture *f = *state;
	autopkey *key = key_generate(KEY_P256, NULL);
	autoptr(secret) secret = secret_new();
	struct passphrase_source none = source_of(NULL);
	char path[96], pass[96];
	struct passphrase_source source = source_of(pass);
	autoerror err = {0};
	size_t len;

	strcpy(secret->text, "secret phrase");
	secret->len = strlen(secret->text);
	autobio *plain = key_to_pem(key, NULL, NULL);
	autobio *sealed = key_to_pem(key, secret, NULL);

	BIO_write(plain, "", 1);
	BIO_write(sealed, "", 1);
	snprintf(path, sizeof(path), "%s/key", f->dir);
	snprintf(pass, sizeof(pass), "%s/pass", f->dir);
	fixture_write(pass, "secret phrase\n", 0600);
	assert_null(unlock_key(path, &none, &err));
	assert_int_equal(err.code, ERROR_NOT_FOUND);
	fixture_write(path, crypto_bio_bytes(plain, &len), 0600);
	autopkey *first = unlock_key(path, &none, NULL);

	assert_int_equal(EVP_PKEY_eq(first, key), 1);
	fixture_write(path, crypto_bio_bytes(sealed, &len), 0600);
	autopkey *second = unlock_key(path, &source, NULL);

	assert_int_equal(EVP_PKEY_eq(second, key), 1);
	assert_null(unlock_key(path, &none, &err));
	assert_int_equal(err.code, ERROR_USAGE);
	fixture_write(pass, "another\n", 0600);
	assert_null(unlock_key(path, &source, &err));
	assert_int_equal(err.code, ERROR_KEY);
	fixture_write(path, "", 0600);
	assert_null(unlock_key(path, &source, &err));
	assert_non_null(strstr(err.words, "is empty"));
	chmod(path, 0640);
	assert_null(unlock_key(path, &source, &err));
	assert_non_null(strstr(err.words, "chmod 600"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
