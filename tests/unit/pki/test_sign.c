/*
 * sign: what the command line grants, what becomes of the rest of a request, and
 * of a key that was here before.
 */
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "pki/fixture.h"

/* f->dir/csr: for CN=ann, with NAMES where they are not NULL. */
static EVP_PKEY *write_request(struct fixture *f, const char *names)
{
	EVP_PKEY *key = key_generate(KEY_ED25519, NULL);
	STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
	X509_REQ *asked = X509_REQ_new();
	autobio *pem = BIO_new(BIO_s_mem());
	char path[96];
	size_t len;

	X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(asked), "CN",
				   MBSTRING_UTF8, (const unsigned char *)"ann",
				   -1, -1, 0);
	if (names) {
		sk_X509_EXTENSION_push(extensions,
				       X509V3_EXT_conf_nid(NULL, NULL,
							   NID_subject_alt_name,
							   names));
		X509_REQ_add_extensions(asked, extensions);
	}
	X509_REQ_set_pubkey(asked, key);
	assert_true(X509_REQ_sign(asked, key, NULL) > 0);
	assert_int_equal(PEM_write_bio_X509_REQ(pem, asked), 1);
	assert_int_equal(BIO_write(pem, "", 1), 1);
	snprintf(path, sizeof(path), "%s/csr", f->dir);
	fixture_write(path, crypto_bio_bytes(pem, &len), 0600);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	X509_REQ_free(asked);
	return key;
}

static void test_user(void **state)
{
	struct fixture *f = *state;
	autopkey *key = write_request(f, "URI:virtmux://user/root,DNS:web1");
	autoptr(store) store = NULL;
	autox509 *x = NULL;

	assert_int_equal(fixture_run(f, "sign %s/csr --user ann", f->dir), 0);
	assert_non_null(strstr(f->messages, "Not granted:\n"
					    "URI:virtmux://user/root\n"
					    "DNS:web1\n"));
	assert_non_null(strstr(f->out, "virtmux import"));
	store = store_open(f->pki, NULL);
	x = store_certificate(
		store, index_find(store_index(store), CERTIFICATE_USER, "ann"),
		NULL);
	assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(x), key), 1);
	assert_false(fixture_exists("%s/users/ann.key", f->pki));
	/* That it has one URI, its own, is among what check checks. */
	assert_int_equal(fixture_run(f, "check"), 0);
	assert_int_equal(fixture_run(f, "sign %s/csr --user ann", f->dir), -1);
	assert_int_equal(f->err.code, ERROR_EXISTS);
}

static void test_host(void **state)
{
	struct fixture *f = *state;
	EVP_PKEY_free(write_request(f, "DNS:web1,DNS:evil.example.org"));

	assert_int_equal(
		fixture_run(f, "sign %s/csr --host web1 --san ::1", f->dir), 0);
	assert_non_null(
		strstr(f->messages, "Not granted:\nDNS:evil.example.org\n"));
	assert_non_null(strstr(f->out, "(DNS:web1, IP:::1)"));
	assert_int_equal(fixture_run(f, "check"), 0);
}

static void test_key_before(void **state)
{
	struct fixture *f = *state;
	EVP_PKEY_free(write_request(f, NULL));

	assert_int_equal(fixture_run(f, "user ann --passphrase-file %s/pass",
				     f->dir),
			 0);
	assert_int_equal(
		fixture_run(f, "sign %s/csr --user ann --replace", f->dir), 0);
	assert_false(fixture_exists("%s/users/ann.key", f->pki));
	assert_non_null(strstr(f->messages, "ann.key, the key of the "
					    "certificate before, was removed"));
	assert_int_equal(fixture_run(f, "check"), 0);
}

static void test_refusals(void **state)
{
	static const struct {
		const char *words, *said;
	} cases[] = {
		{"--batch", "--user NAME"},
		{"--user a --host b", "contradict"},
		{"--san b", "--san wants --host"},
		{"--user a --san b", "--san wants --host"},
		{"--user ../a", "characters"},
		{"--host *.a", "wildcard"},
		{"--user a --days 99999", "1 to 36500"},
	};
	struct fixture *f = *state;
	EVP_PKEY_free(write_request(f, NULL));

	for (size_t i = 0; i < array_size(cases); i++) {
		assert_int_equal(fixture_run(f, "sign %s/csr %s", f->dir,
					     cases[i].words),
				 -1);
		assert_int_equal(f->err.code, ERROR_USAGE);
		assert_non_null(strstr(f->err.words, cases[i].said));
	}
	assert_int_equal(fixture_run(f, "sign %s/none --user a", f->dir), -1);
	assert_int_equal(f->err.code, ERROR_NOT_FOUND);
	assert_int_equal(fixture_run(f, "sign %s/pass --user a", f->dir), -1);
	assert_int_equal(f->err.code, ERROR_KEY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test_with_authority(test_user),
		fixture_test_with_authority(test_host),
		fixture_test_with_authority(test_key_before),
		fixture_test_with_authority(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
