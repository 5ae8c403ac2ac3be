/*
 * What is found wrong with a certificate: chain, purpose, and every field.
 */
#include "pki/verify.h"

#include "pki/fixture.h"

struct made {
	EVP_PKEY *key;
	X509 *authority, *user, *host;
	struct index_entry entries[CERTIFICATE_KINDS];
	char texts[CERTIFICATE_KINDS][8];
};

static X509 *build(struct made *made, enum certificate_kind kind,
		   const char *name, X509 *issuer)
{
	struct san san;
	struct certificate_plan plan = {
		.kind = kind,
		.name = name,
		.sans = &san,
		.san_count = kind == CERTIFICATE_HOST,
		.not_before = 1790000000,
		.not_after = 1890000000,
		.key = made->key,
		.issuer = issuer,
		.issuer_key = made->key,
	};
	struct index_entry *entry = &made->entries[kind];

	assert_int_equal(name_parse_host("web1", &san, NULL), 0);
	assert_int_equal(certificate_random_serial(plan.serial, NULL), 0);
	*entry = (struct index_entry){
		.kind = kind, .name = made->texts[kind], .expires = 1890000000};
	strcpy(made->texts[kind], name);
	certificate_serial_text(plan.serial, entry->serial);
	return certificate_build(&plan, NULL);
}

static int start(void **state)
{
	struct made *made = calloc(1, sizeof(*made));

	made->key = key_generate(KEY_P256, NULL);
	made->authority = build(made, CERTIFICATE_AUTHORITY, "CA", NULL);
	made->user = build(made, CERTIFICATE_USER, "ann", made->authority);
	made->host = build(made, CERTIFICATE_HOST, "web1", made->authority);
	*state = made;
	return 0;
}

static int stop(void **state)
{
	struct made *made = *state;

	EVP_PKEY_free(made->key);
	X509_free(made->authority);
	X509_free(made->user);
	X509_free(made->host);
	free(made);
	return 0;
}

static void test_good(void **state)
{
	struct made *made = *state;
	X509 *all[] = {made->authority, made->host, made->user};

	for (unsigned i = 0; i < array_size(all); i++) {
		assert_int_equal(verify_chain(all[i], made->authority,
					      (enum certificate_kind)i, NULL),
				 0);
		assert_int_equal(verify_fields(all[i], &made->entries[i], NULL),
				 0);
	}
}

static void test_chain(void **state)
{
	struct made *made = *state;
	struct made other = {.key = key_generate(KEY_P256, NULL)};
	autox509 *stranger = build(&other, CERTIFICATE_AUTHORITY, "CA", NULL);
	autoerror err = {0};

	assert_int_equal(
		verify_chain(made->user, stranger, CERTIFICATE_USER, &err), -1);
	assert_int_equal(err.code, ERROR_STATE);
	assert_int_equal(verify_chain(made->user, made->authority,
				      CERTIFICATE_HOST, &err),
			 -1);
	assert_non_null(strstr(err.words, "purpose"));
	EVP_PKEY_free(other.key);
}

static void assert_wrong(X509 *x, const struct index_entry *entry,
			 const char *words)
{
	autoerror err = {0};

	assert_int_equal(verify_fields(x, entry, &err), -1);
	assert_int_equal(err.code, ERROR_STATE);
	assert_non_null(strstr(err.words, words));
}

static void test_fields(void **state)
{
	struct made *made = *state;
	struct index_entry entry = made->entries[CERTIFICATE_USER];

	entry.expires++;
	assert_wrong(made->user, &entry, "end");
	entry.expires--;
	entry.name = (char *)"bob";
	assert_wrong(made->user, &entry, "names");
	entry.name = (char *)"an";
	assert_wrong(made->user, &entry, "names");
	entry = made->entries[CERTIFICATE_HOST];
	entry.name = (char *)"web2";
	assert_wrong(made->host, &entry, "names");
	entry = made->entries[CERTIFICATE_USER];
	entry.serial[0] = entry.serial[0] == 'A' ? 'B' : 'A';
	assert_wrong(made->user, &entry, "serial");
	entry = made->entries[CERTIFICATE_USER];
	entry.kind = CERTIFICATE_HOST;
	assert_wrong(made->user, &entry, "usage");
	entry.kind = CERTIFICATE_AUTHORITY;
	assert_wrong(made->user, &entry, "constraints");
	entry = made->entries[CERTIFICATE_AUTHORITY];
	entry.kind = CERTIFICATE_USER;
	assert_wrong(made->authority, &entry, "constraints");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_good, start, stop),
		cmocka_unit_test_setup_teardown(test_chain, start, stop),
		cmocka_unit_test_setup_teardown(test_fields, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
