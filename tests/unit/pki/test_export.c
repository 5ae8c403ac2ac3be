/*
 * export: what the file holds, and what is refused.
 */
#include <openssl/pkcs12.h>

#include "pki/fixture.h"

static int start(void **state)
{
	struct fixture *f;

	fixture_start_with_authority(state);
	f = *state;
	assert_int_equal(fixture_run(f, "user ann --passphrase-file %s/pass",
				     f->dir),
			 0);
	return 0;
}

static int export(struct fixture *f, const char *name, const char *file)
{
	return fixture_run(f,
			   "export %s --p12 --passphrase-file %s/pass "
			   "--p12-passphrase-file %s/pass -o %s/%s",
			   name, f->dir, f->dir, f->dir, file);
}

static void test_content(void **state)
{
	struct fixture *f = *state;
	STACK_OF(X509) *others = NULL;
	const unsigned char *bytes;
	EVP_PKEY *key = NULL;
	X509 *x = NULL;
	autobuf data = {0};
	struct stat st;
	char path[128];
	PKCS12 *file;

	assert_int_equal(export(f, "ann", "a.p12"), 0);
	snprintf(path, sizeof(path), "%s/a.p12", f->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(file_read(path, 100000, &data, NULL), 0);
	bytes = buf_bytes(&data);
	file = d2i_PKCS12(NULL, &bytes, (long)data.len);
	assert_int_equal(PKCS12_parse(file, "wrong", &key, &x, &others), 0);
	assert_int_equal(PKCS12_parse(file, "secret phrase", &key, &x, &others),
			 1);
	assert_int_equal(X509_check_private_key(x, key), 1);
	assert_int_equal(sk_X509_num(others), 1);
	assert_int_equal(X509_check_issued(sk_X509_value(others, 0), x), 0);
	PKCS12_free(file);
	EVP_PKEY_free(key);
	X509_free(x);
	sk_X509_pop_free(others, X509_free);
}

static void test_refusals(void **state)
{
	struct fixture *f = *state;
	char path[160];

	assert_int_equal(fixture_run(f, "export ann"), -1);
	assert_int_equal(f->err.code, ERROR_USAGE);
	assert_non_null(strstr(f->err.words, "--p12"));
	assert_int_equal(export(f, "nobody", "b.p12"), -1);
	assert_int_equal(f->err.code, ERROR_NOT_FOUND);
	assert_int_equal(export(f, "ann", "pass"), -1);
	assert_int_equal(f->err.code, ERROR_EXISTS);
	assert_int_equal(fixture_run(f, "export ann --p12 --batch -o %s/b.p12",
				     f->dir),
			 -1);
	assert_int_equal(f->err.code, ERROR_USAGE);
	assert_int_equal(
		fixture_run(f,
			    "export ann --p12 --passphrase-file %s/pass "
			    "--batch -o %s/b.p12",
			    f->dir, f->dir),
		-1);
	assert_non_null(strstr(f->err.words, "--p12-passphrase-fd"));
	autoptr(store) store = store_open(f->pki, NULL);

	assert_int_equal(export(f, authority_entry(store)->serial, "b.p12"),
			 -1);
	assert_int_equal(f->err.code, ERROR_USAGE);
	snprintf(path, sizeof(path), "%s/users/ann.key", f->pki);
	unlink(path);
	assert_int_equal(export(f, "ann", "b.p12"), -1);
	assert_int_equal(f->err.code, ERROR_NOT_FOUND);
	assert_int_equal(fixture_run(f, "revoke ann"), 0);
	assert_int_equal(export(f, "ann", "b.p12"), -1);
	assert_int_equal(f->err.code, ERROR_STATE);
	assert_non_null(strstr(f->err.words, "revoked"));
	assert_false(fixture_exists("%s/b.p12", f->dir));
}

static void test_other_key(void **state)
{
	struct fixture *f = *state;
	char from[160], to[160];

	assert_int_equal(fixture_run(f, "host web1"), 0);
	assert_int_equal(fixture_run(f, "host web2"), 0);
	snprintf(from, sizeof(from), "%s/hosts/web2.key", f->pki);
	snprintf(to, sizeof(to), "%s/hosts/web1.key", f->pki);
	assert_int_equal(export(f, "web1", "good.p12"), 0);
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(export(f, "web1", "b.p12"), -1);
	assert_int_equal(f->err.code, ERROR_KEY);
	assert_non_null(strstr(f->err.words, "virtmux-pki check"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_content, start,
						fixture_stop),
		cmocka_unit_test_setup_teardown(test_refusals, start,
						fixture_stop),
		cmocka_unit_test_setup_teardown(test_other_key, start,
						fixture_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
