/*
 * revoke and crl: what they mark, what they write, what they refuse.
 */
#include "pki/crl.h"

#include "pki/fixture.h"

static X509_CRL *read_list(const struct fixture *f)
{
	autobuf data = {0};
	char path[128];

	snprintf(path, sizeof(path), "%s/crl.pem", f->pki);
	assert_int_equal(file_read(path, PEM_FILE_MAX, &data, NULL), 0);
	return crl_from_bytes(buf_bytes(&data), data.len, path, NULL);
}

/* That the list on the disk is the one that the index asks for; its length. */
static size_t check_list(const struct fixture *f)
{
	autoptr(store) store = store_open(f->pki, NULL);
	autocrl *crl = read_list(f);
	size_t revoked = 0;

	assert_non_null(crl);
	assert_int_equal(crl_compare(crl, store_index(store), NULL), 0);
	for (size_t i = 0; i < store_index(store)->count; i++)
		revoked +=
			store_index(store)->entries[i].state == INDEX_REVOKED;
	return revoked;
}

static uint64_t number(const struct fixture *f)
{
	autocrl *crl = read_list(f);

	return crl_number(crl);
}

/* Of the last entry. */
static void serial_of(const struct fixture *f, char *serial)
{
	autoptr(store) store = store_open(f->pki, NULL);
	const struct index *index = store_index(store);

	strcpy(serial, index->entries[index->count - 1].serial);
}

static void test_first_list(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(check_list(f), 0);
	assert_in_range(number(f), time(NULL) - 60, time(NULL) + 60);
}

static void test_revoke_name(void **state)
{
	struct fixture *f = *state;
	uint64_t before = number(f);

	assert_int_equal(fixture_run(f, "host web1"), 0);
	assert_int_equal(fixture_run(f, "host web1 --replace"), 0);
	assert_int_equal(fixture_run(f, "host web2"), 0);
	assert_int_equal(fixture_run(f, "revoke WEB1 --reason superseded"), 0);
	assert_non_null(strstr(f->out, "push-crl"));
	assert_non_null(strstr(f->out, "(superseded)"));
	/* The replaced one could still be used. */
	assert_int_equal(check_list(f), 2);
	assert_true(number(f) > before);
	assert_int_equal(fixture_run(f, "revoke web1"), -1);
	assert_int_equal(f->err.code, ERROR_STATE);
	assert_non_null(strstr(f->err.words, "already"));
	/* The name is free again. */
	assert_int_equal(fixture_run(f, "host web1"), 0);
	assert_int_equal(check_list(f), 2);
}

static void test_revoke_serial(void **state)
{
	struct fixture *f = *state;
	char serial[SERIAL_TEXT_SIZE];

	assert_int_equal(fixture_run(f, "host web1"), 0);
	serial_of(f, serial);
	assert_int_equal(fixture_run(f, "host web1 --replace"), 0);
	assert_int_equal(fixture_run(f, "revoke %s", serial), 0);
	assert_int_equal(check_list(f), 1);
	assert_int_equal(fixture_run(f, "show web1"), 0);
	assert_non_null(strstr(f->out, "state        valid"));
}

static void test_expired(void **state)
{
	struct fixture *f = *state;
	autoptr(store) store = NULL;
	autobuf text = {0};
	char path[128], serial[SERIAL_TEXT_SIZE];

	assert_int_equal(fixture_run(f, "host web1"), 0);
	serial_of(f, serial);
	store = store_open(f->pki, NULL);
	index_find_serial(store_index(store), serial)->expires = 1700000000;
	index_print(store_index(store), &text);
	assert_int_equal(buf_append(&text, "", 1), 0);
	snprintf(path, sizeof(path), "%s/index.tsv", f->pki);
	fixture_write(path, (const char *)buf_bytes(&text), 0600);
	assert_int_equal(fixture_run(f, "revoke web1"), -1);
	assert_non_null(strstr(f->err.words, "expired"));
	assert_int_equal(fixture_run(f, "revoke %s", serial), 0);
	assert_int_equal(check_list(f), 1);
}

static void test_refusals(void **state)
{
	struct fixture *f = *state;
	char serial[SERIAL_TEXT_SIZE];

	serial_of(f, serial);
	assert_int_equal(fixture_run(f, "revoke %s", serial), -1);
	assert_non_null(strstr(f->err.words, "cannot revoke itself"));
	assert_int_equal(fixture_run(f, "revoke nobody"), -1);
	assert_int_equal(f->err.code, ERROR_NOT_FOUND);
	assert_int_equal(fixture_run(f, "host web1"), 0);
	assert_int_equal(fixture_run(f, "revoke web1 --reason bad"), -1);
	assert_int_equal(f->err.code, ERROR_USAGE);
	assert_int_equal(fixture_run(f, "revoke web1 --days 0"), -1);
	assert_int_equal(check_list(f), 0);
}

static void test_crl(void **state)
{
	struct fixture *f = *state;
	uint64_t before = number(f);
	time_t now = time(NULL);
	autocrl *crl = NULL;

	assert_int_equal(fixture_run(f, "crl --days 10"), 0);
	assert_true(number(f) > before);
	assert_int_equal(check_list(f), 0);
	crl = read_list(f);
	assert_in_range(crypto_seconds(X509_CRL_get0_nextUpdate(crl)),
			now + 10 * SECONDS_PER_DAY,
			now + 10 * SECONDS_PER_DAY + 60);
	/* The authority itself ends sooner. */
	assert_int_equal(fixture_run(f, "crl --days 36500"), 0);
	autoptr(store) store = store_open(f->pki, NULL);

	assert_int_equal(store_index(store)->crl.expires,
			 authority_entry(store)->expires);
}

static void test_without_authority(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fixture_run(f, "crl"), -1);
	assert_int_equal(f->err.code, ERROR_NOT_FOUND);
	assert_int_equal(fixture_run(f, "revoke ann"), -1);
	assert_int_equal(f->err.code, ERROR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test_with_authority(test_first_list),
		fixture_test_with_authority(test_revoke_name),
		fixture_test_with_authority(test_revoke_serial),
		fixture_test_with_authority(test_expired),
		fixture_test_with_authority(test_refusals),
		fixture_test_with_authority(test_crl),
		fixture_test(test_without_authority),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
