/*
 * check: a whole folder, and every kind of fault in it with its words.
 */
#include <openssl/pem.h>

#include "pki/fixture.h"

static int start(void **state)
{
	struct fixture *f;

	fixture_start_with_authority(state);
	f = *state;
	assert_int_equal(fixture_run(f, "host web1"), 0);
	assert_int_equal(fixture_run(f, "host web2"), 0);
	assert_int_equal(fixture_run(f, "user ann --passphrase-file %s/pass",
				     f->dir),
			 0);
	assert_int_equal(fixture_run(f, "revoke web2"), 0);
	return 0;
}

#define whole_test(function)                                                   \
	cmocka_unit_test_setup_teardown(function, start, fixture_stop)

/* That there are COUNT faults, of which one says WORDS. */
static void assert_faults(struct fixture *f, size_t count, const char *words)
{
	size_t found = 0;

	assert_int_equal(fixture_run(f, "check"), -1);
	assert_int_equal(f->err.code, ERROR_STATE);
	for (const char *at = f->out; (at = strstr(at, "broken: ")); at++)
		found++;
	assert_int_equal(found, count);
	assert_non_null(strstr(f->out, words));
}

static void path_to(const struct fixture *f, const char *name, char *path)
{
	snprintf(path, 160, "%s/%s", f->pki, name);
}

static void swap(const struct fixture *f, const char *a, const char *b)
{
	char from[160], to[160];

	path_to(f, a, from);
	path_to(f, b, to);
	assert_int_equal(rename(from, to), 0);
}

static void test_whole(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fixture_run(f, "check"), 0);
	assert_null(strstr(f->out, "broken"));
	assert_non_null(strstr(f->out, "4 lines in the index, 4 certificates "
				       "and 4 keys"));
	assert_int_equal(fixture_run(f, "check %s", f->pki), 0);
	assert_int_equal(fixture_run(f, "check %s/none", f->dir), -1);
	assert_int_equal(f->err.code, ERROR_NOT_FOUND);
	assert_false(fixture_exists("%s/none", f->dir));
}

static void test_missing_files(void **state)
{
	struct fixture *f = *state;
	char path[160];

	path_to(f, "hosts/web1.crt", path);
	unlink(path);
	assert_faults(f, 1, "web1.crt (any more); put back a copy");
	path_to(f, "ca.key", path);
	unlink(path);
	assert_faults(f, 2, "ca.key is not there");
	path_to(f, "crl.pem", path);
	unlink(path);
	assert_faults(f, 3, "'virtmux-pki crl' writes a new one");
}

static void test_wrong_keys(void **state)
{
	struct fixture *f = *state;
	char path[160];

	swap(f, "hosts/web2.key", "hosts/web1.key");
	assert_faults(f, 1, "web1.key is not the key of the certificate");
	path_to(f, "hosts/web1.key", path);
	fixture_write(path, "nonsense", 0600);
	assert_faults(f, 1, "web1.key holds no private key");
	fixture_write(path, "", 0600);
	assert_faults(f, 1, "web1.key holds no private key");
	chmod(path, 0640);
	assert_faults(f, 1, "chmod 600");
	path_to(f, "ca.key", path);
	chmod(path, 0644);
	assert_faults(f, 2, "ca.key is open to others");
	chmod(f->pki, 0755);
	assert_faults(f, 3, "chmod 700");
}

static void test_wrong_certificates(void **state)
{
	struct fixture *f = *state;
	char path[160];

	swap(f, "hosts/web1.crt", "hosts/other.crt");
	assert_faults(f, 2, "other.crt: the index knows no host of that name");
	path_to(f, "hosts/web1.crt", path);
	fixture_write(path, "nonsense", 0600);
	assert_faults(f, 2, "web1.crt (any more)");
	path_to(f, "hosts/letter", path);
	fixture_write(path, "dear", 0600);
	assert_faults(f, 2, "note: ");
}

/* A certificate with a serial of the index that another key has signed. */
static void test_forged_certificate(void **state)
{
	struct fixture *f = *state;
	autoptr(store) store = store_open(f->pki, NULL);
	const struct index_entry *entry =
		index_find(store_index(store), CERTIFICATE_HOST, "web1");
	autox509 *x = store_certificate(store, entry, NULL);
	autopkey *key = key_generate(KEY_P256, NULL);
	autobio *pem = NULL;
	char path[160];
	size_t len;

	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	pem = certificate_to_pem(x, NULL);
	BIO_write(pem, "", 1);
	path_to(f, "hosts/web1.crt", path);
	fixture_write(path, crypto_bio_bytes(pem, &len), 0644);
	assert_faults(f, 1, "not accepted under the authority");
}

static void test_wrong_list(void **state)
{
	struct fixture *f = *state;
	autobuf old = {0};
	char path[160];

	path_to(f, "crl.pem", path);
	assert_int_equal(file_read(path, 100000, &old, NULL), 0);
	assert_int_equal(buf_append(&old, "", 1), 0);
	assert_int_equal(fixture_run(f, "crl"), 0);
	fixture_write(path, (const char *)buf_bytes(&old), 0644);
	assert_faults(f, 1, "number");
	fixture_write(path, "nonsense", 0644);
	assert_faults(f, 1, "no revocation list in PEM");
	assert_int_equal(fixture_run(f, "crl"), 0);
	assert_int_equal(fixture_run(f, "check"), 0);
}

static void test_index(void **state)
{
	struct fixture *f = *state;
	autobuf text = {0};
	char path[160], *line;

	path_to(f, "index.tsv", path);
	assert_int_equal(file_read(path, 100000, &text, NULL), 0);
	assert_int_equal(buf_append(&text, "", 1), 0);
	/* Web2 is not revoked any more, so the list says too much. */
	line = strstr((char *)buf_bytes(&text), "\trevoked\t");
	assert_non_null(line);
	strcpy(line, "\tvalid\t-\t-\n");
	fixture_write(path, (const char *)buf_bytes(&text), 0600);
	assert_faults(f, 3, "it revokes 1 certificates, the index 0");
	assert_non_null(strstr(f->out, "the index knows no user"));
	fixture_write(path, "nonsense\n", 0600);
	assert_int_equal(fixture_run(f, "check"), -1);
	assert_int_equal(f->err.code, ERROR_CONFIG);
}

static void test_authority_key(void **state)
{
	struct fixture *f = *state;
	char path[160];

	/* The key is plain: whatever the file holds opens it. */
	assert_int_equal(fixture_run(f, "check --ca-passphrase-file %s/pass",
				     f->dir),
			 0);
	path_to(f, "ca.key", path);
	fixture_write(path, "nonsense", 0600);
	assert_faults(f, 1, "ca.key holds no private key");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		whole_test(test_whole),
		whole_test(test_missing_files),
		whole_test(test_wrong_keys),
		whole_test(test_wrong_certificates),
		whole_test(test_forged_certificate),
		whole_test(test_wrong_list),
		whole_test(test_index),
		whole_test(test_authority_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
