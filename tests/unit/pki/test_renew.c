/*
 * renew: which names and key it keeps, and what it refuses.
 */
#include "pki/fixture.h"

static X509 *read_certificate(const struct fixture *f, const char *name)
{
	autoptr(store) store = store_open(f->pki, NULL);
	X509 *x = store_certificate(store,
				    index_find_last(store_index(store),
						    CERTIFICATE_HOST, name),
				    NULL);

	assert_non_null(x);
	return x;
}

static void test_same_key(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
		fixture_run(f, "host web1 --san 10.0.0.1 --san b.example.org"),
		0);
	autox509 *old = read_certificate(f, "web1");

	assert_int_equal(fixture_run(f, "renew WEB1 --days 20"), 0);
	assert_string_equal(f->messages, "");
	assert_non_null(strstr(f->out, "the key stays"));
	autox509 *new = read_certificate(f, "web1");
	autofree struct san *sans = NULL;
	size_t count;

	assert_int_equal(
		EVP_PKEY_eq(X509_get0_pubkey(old), X509_get0_pubkey(new)), 1);
	assert_int_equal(certificate_sans(new, &sans, &count, NULL), 0);
	assert_int_equal(count, 3);
	assert_string_equal(sans[0].text, "web1");
	assert_string_equal(sans[1].text, "10.0.0.1");
	assert_string_equal(sans[2].text, "b.example.org");
	assert_in_range(certificate_not_after(new) - time(NULL),
			20 * SECONDS_PER_DAY - 60, 20 * SECONDS_PER_DAY);
	assert_int_equal(fixture_run(f, "check"), 0);
}

static void test_new_key(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fixture_run(f, "host web1 --key-type p384"), 0);
	autox509 *old = read_certificate(f, "web1");

	assert_int_equal(fixture_run(f, "renew web1 --new-key"), 0);
	assert_non_null(strstr(f->messages, "revoke"));
	autox509 *new = read_certificate(f, "web1");
	enum key_type type = KEY_TYPES;

	assert_int_equal(
		EVP_PKEY_eq(X509_get0_pubkey(old), X509_get0_pubkey(new)), 0);
	assert_int_equal(key_type_of(X509_get0_pubkey(new), &type), 0);
	assert_int_equal(type, KEY_P384);
	assert_int_equal(fixture_run(f, "renew web1 --new-key --key-type p256"),
			 0);
	assert_int_equal(fixture_run(f, "check"), 0);
}

static void test_refusals(void **state)
{
	struct fixture *f = *state;
	autoptr(store) store = NULL;
	char serial[SERIAL_TEXT_SIZE];
	char path[160];

	assert_int_equal(fixture_run(f, "host web1"), 0);
	store = store_open(f->pki, NULL);
	assert_int_equal(
		fixture_run(f, "renew %s", authority_entry(store)->serial), -1);
	assert_int_equal(f->err.code, ERROR_USAGE);
	strcpy(serial, index_find(store_index(store), CERTIFICATE_HOST, "web1")
			       ->serial);
	assert_int_equal(fixture_run(f, "renew web1 --key-type p256"), -1);
	assert_non_null(strstr(f->err.words, "wants --new-key"));
	assert_int_equal(fixture_run(f, "renew %s", serial), 0);
	assert_int_equal(fixture_run(f, "renew %s", serial), -1);
	assert_non_null(strstr(f->err.words, "was replaced by"));
	snprintf(path, sizeof(path), "%s/hosts/web1.key", f->pki);
	unlink(path);
	assert_int_equal(fixture_run(f, "renew web1 --new-key"), -1);
	assert_non_null(strstr(f->err.words, "virtmux-pki sign"));
	assert_int_equal(fixture_run(f, "revoke web1"), 0);
	assert_int_equal(fixture_run(f, "renew web1"), -1);
	assert_non_null(strstr(f->err.words, "virtmux-pki host web1"));
	assert_int_equal(fixture_run(f, "renew nobody"), -1);
	assert_int_equal(f->err.code, ERROR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test_with_authority(test_same_key),
		fixture_test_with_authority(test_new_key),
		fixture_test_with_authority(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
