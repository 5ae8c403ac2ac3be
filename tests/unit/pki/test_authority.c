/*
 * Making and opening an authority, and what it refuses to issue.
 */
#include "pki/authority.h"

#include "pki/fixture.h"

static const struct passphrase_source nobody = {
	.of = "the CA key",
	.option = "--ca-passphrase",
	.fd = -1,
	.batch = true,
};

static int issue(struct fixture *f, const char *name, long days, bool replace,
		 struct index_entry *entry, struct error *err)
{
	autoptr(store) store = store_open(f->pki, NULL);
	autoptr(authority) authority = authority_open(store, &nobody, err);
	autopkey *key = key_generate(KEY_P256, NULL);
	struct authority_request request = {
		.kind = CERTIFICATE_USER,
		.name = name,
		.days = days,
		.key = key,
		.replace = replace,
	};

	if (!authority || store_lock(store, err) < 0)
		return -1;
	return authority_issue(authority, store, &request, entry, err);
}

static void test_issue(void **state)
{
	struct fixture *f = *state;
	struct index_entry entry;
	time_t now = time(NULL);

	assert_int_equal(issue(f, "ann", 10, false, &entry, NULL), 0);
	assert_in_range(entry.expires, now + 10 * SECONDS_PER_DAY,
			now + 10 * SECONDS_PER_DAY + 60);
	autoptr(store) store = store_open(f->pki, NULL);
	autox509 *x = store_certificate(
		store, index_find(store_index(store), CERTIFICATE_USER, "ann"),
		NULL);

	assert_non_null(x);
	assert_true(certificate_not_before(x) <= now);
	/* The key was not given: it stays where it was made. */
	assert_false(fixture_exists("%s/users/ann.key", f->pki));
}

static void test_name_is_taken(void **state)
{
	struct fixture *f = *state;
	struct index_entry entry;
	autoerror err = {0};

	assert_int_equal(issue(f, "ann", 0, false, &entry, NULL), 0);
	assert_int_equal(issue(f, "ann", 0, false, &entry, &err), -1);
	assert_int_equal(err.code, ERROR_EXISTS);
	assert_non_null(strstr(err.words, "--replace"));
	assert_int_equal(issue(f, "Ann", 0, true, &entry, &err), -1);
	assert_int_equal(err.code, ERROR_EXISTS);
	assert_int_equal(issue(f, "ann", 0, true, &entry, NULL), 0);
}

static void test_end(void **state)
{
	struct fixture *f = *state;
	autoptr(store) store = store_open(f->pki, NULL);
	autoptr(authority) authority = authority_open(store, &nobody, NULL);
	autoerror err = {0};
	time_t end;
	bool cut;

	assert_int_equal(authority_end(authority, 0, &end, &cut, NULL), 0);
	assert_false(cut);
	assert_int_equal(authority_end(authority, 3651, &end, &cut, &err), -1);
	assert_int_equal(err.code, ERROR_USAGE);
	assert_non_null(strstr(err.words, "--days"));
}

static void test_end_is_cut(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fixture_run(f, "init --no-ca-passphrase --days 30"),
			 0);
	autoptr(store) store = store_open(f->pki, NULL);
	autoptr(authority) authority = authority_open(store, &nobody, NULL);
	time_t end;
	bool cut;

	assert_int_equal(authority_end(authority, 0, &end, &cut, NULL), 0);
	assert_true(cut);
	assert_int_equal(end, authority_entry(store)->expires);
}

static void test_only_one_authority(void **state)
{
	struct fixture *f = *state;
	autoptr(store) store = store_open(f->pki, NULL);
	autopkey *key = key_generate(KEY_P256, NULL);
	struct authority_request request = {
		.kind = CERTIFICATE_AUTHORITY,
		.name = "second",
		.key = key,
	};
	struct index_entry entry;
	autoerror err = {0};

	assert_int_equal(store_lock(store, NULL), 0);
	assert_int_equal(authority_create(store, &request, &entry, &err), -1);
	assert_int_equal(err.code, ERROR_EXISTS);
	assert_int_equal(authority_check_present(store, NULL), 0);
}

static void test_none(void **state)
{
	struct fixture *f = *state;
	autoptr(store) store = store_open(f->pki, NULL);
	autoerror err = {0};

	assert_null(authority_entry(store));
	assert_null(authority_open(store, &nobody, &err));
	assert_int_equal(err.code, ERROR_NOT_FOUND);
	assert_non_null(strstr(err.words, "virtmux-pki init"));
}

static void replace_key(struct fixture *f, const char *text, mode_t mode)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/ca.key", f->pki);
	fixture_write(path, text, mode);
}

static void test_bad_keys(void **state)
{
	struct fixture *f = *state;
	autoptr(store) store = store_open(f->pki, NULL);
	autoerror err = {0};
	autopkey *other = key_generate(KEY_P256, NULL);
	autobio *pem = key_to_pem(other, NULL, NULL);
	size_t len;

	BIO_write(pem, "", 1);
	replace_key(f, crypto_bio_bytes(pem, &len), 0600);
	assert_null(authority_open(store, &nobody, &err));
	assert_int_equal(err.code, ERROR_KEY);
	assert_non_null(strstr(err.words, "is not the key of"));
	replace_key(f, "nonsense", 0600);
	assert_null(authority_open(store, &nobody, &err));
	replace_key(f, "", 0600);
	assert_null(authority_open(store, &nobody, &err));
	assert_int_equal(err.code, ERROR_KEY);
	replace_key(f, "nonsense", 0644);
	assert_null(authority_open(store, &nobody, &err));
	assert_non_null(strstr(err.words, "chmod 600"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test_with_authority(test_issue),
		fixture_test_with_authority(test_name_is_taken),
		fixture_test_with_authority(test_end),
		fixture_test(test_end_is_cut),
		fixture_test_with_authority(test_only_one_authority),
		fixture_test(test_none),
		fixture_test_with_authority(test_bad_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
