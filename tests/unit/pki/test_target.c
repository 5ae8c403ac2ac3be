/*
 * NAME|SERIAL: what it finds, and where it could mean two things.
 */
#include "pki/target.h"

#include "pki/fixture.h"

#define S1 "F123456789ABCDEF0123456789ABCDEF"
#define S2 "0EDCBA9876543210FEDCBA9876543210"
#define S3 "11111111111111111111111111111111"
#define S4 "22222222222222222222222222222222"

static void add(struct index *index, enum certificate_kind kind,
		const char *name, const char *serial)
{
	struct index_entry entry = {.kind = kind,
				    .name = (char *)name,
				    .issued = 1780000000,
				    .expires = 1890000000};

	strcpy(entry.serial, serial);
	assert_int_equal(index_add(index, &entry, NULL), 0);
}

static void assert_found(const struct index *index, const char *word,
			 const char *serial)
{
	const struct index_entry *entry = target_find(index, word, NULL);

	assert_non_null(entry);
	assert_string_equal(entry->serial, serial);
}

static void test_find(void **state)
{
	struct index index = {0};

	add(&index, CERTIFICATE_USER, "ann", S1);
	add(&index, CERTIFICATE_USER, "ann", S2);
	add(&index, CERTIFICATE_HOST, "2001:db8::1", S3);
	assert_found(&index, "ann", S2);
	assert_found(&index, S1, S1);
	assert_found(&index, "f123456789abcdef0123456789abcdef", S1);
	assert_found(&index, "2001:DB8:0::1", S3);
	assert_true(target_is_serial(target_find(&index, S1, NULL), S1));
	assert_false(target_is_serial(target_find(&index, "ann", NULL), "ann"));
	assert_int_equal(index_revoke(&index, S2, 1790000000, NULL, NULL), 0);
	assert_found(&index, "ann", S2);
	index_clear(&index);
}

static void test_refusals(void **state)
{
	struct index index = {0};
	autoerror err = {0};

	add(&index, CERTIFICATE_AUTHORITY, "CA", S1);
	add(&index, CERTIFICATE_USER, "web", S2);
	add(&index, CERTIFICATE_HOST, "web", S3);
	add(&index, CERTIFICATE_HOST, "db", S4);
	assert_null(target_find(&index, "web", &err));
	assert_int_equal(err.code, ERROR_USAGE);
	assert_non_null(strstr(err.words, S2));
	assert_non_null(strstr(err.words, S3));
	assert_null(target_find(&index, "CA", &err));
	assert_int_equal(err.code, ERROR_NOT_FOUND);
	assert_null(target_find(&index, "we", &err));
	assert_null(target_find(&index, "", &err));
	assert_found(&index, "DB", S4);
	index_clear(&index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
