/*
 * The index: its text both ways, searches, and every way to be damaged.
 */
#include "pki/index.h"

#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#define S1   "0123456789ABCDEF0123456789ABCDEF"
#define S2   "FEDCBA9876543210FEDCBA9876543210"
#define LINE "user\tann\t" S1 "\t2026-01-01T00:00:00Z\t2027-01-01T00:00:00Z"
#define GOOD LINE "\tvalid\t-\t-\n"

static int parse(struct index *index, const char *text, struct error *err)
{
	return index_parse(index, text, strlen(text), "FILE", err);
}

static struct index_entry entry_of(const char *name, const char *serial,
				   time_t issued)
{
	struct index_entry entry = {
		.kind = CERTIFICATE_USER,
		.name = (char *)name,
		.issued = issued,
		.expires = issued + 1000,
	};

	strcpy(entry.serial, serial);
	return entry;
}

static void test_round_trip(void **state)
{
	struct index index = {0}, again = {0};
	autobuf text = {0}, copy = {0};
	struct index_entry ca = entry_of("my CA", S1, 1790000000);
	struct index_entry ann = entry_of("ann", S2, 1790000001);

	ca.kind = CERTIFICATE_AUTHORITY;
	ann.state = INDEX_REVOKED;
	ann.since = 1790000500;
	ann.reason = "keyCompromise";
	assert_int_equal(index_add(&index, &ca, NULL), 0);
	assert_int_equal(index_add(&index, &ann, NULL), 0);
	index_print(&index, &text);
	assert_int_equal(index_parse(&again, (char *)buf_bytes(&text), text.len,
				     "x", NULL),
			 0);
	assert_int_equal(again.count, 2);
	assert_string_equal(again.entries[1].reason, "keyCompromise");
	assert_int_equal(again.entries[1].since, 1790000500);
	index_print(&again, &copy);
	assert_int_equal(text.len, copy.len);
	assert_memory_equal(buf_bytes(&text), buf_bytes(&copy), text.len);
	index_clear(&index);
	index_clear(&again);
}

#define CRL_TIMES "\t2026-01-01T00:00:00Z\t2027-01-01T00:00:00Z"
#define CRL       "crl\t7" CRL_TIMES

static void test_crl_line(void **state)
{
	static const char *const bad[] = {
		CRL "\n" CRL "\n", /* a second one */
		CRL "\t-\n",
		"crl\t7\t2026-01-01T00:00:00Z\n",
		"crl\t0" CRL_TIMES "\n",
		"crl\t-7" CRL_TIMES "\n",
		"crl\t07" CRL_TIMES "\n",
		"crl\t" CRL_TIMES "\n",
		"crl\t18446744073709551616" CRL_TIMES "\n",
		"crl\t7\t2026-01-01\t2027-01-01T00:00:00Z\n",
	};
	struct index index = {0};
	autobuf text = {0};

	assert_int_equal(parse(&index, CRL "\n" GOOD, NULL), 0);
	assert_int_equal(index.crl.number, 7);
	assert_int_equal(index.crl.issued, 1767225600);
	index_print(&index, &text);
	assert_int_equal(buf_append(&text, "", 1), 0);
	assert_non_null(strstr((char *)buf_bytes(&text), "\n" CRL "\n" GOOD));
	index_clear(&index);
	for (size_t i = 0; i < array_size(bad); i++) {
		autoerror err = {0};

		assert_int_equal(parse(&index, bad[i], &err), -1);
		assert_int_equal(err.code, ERROR_CONFIG);
		index_clear(&index);
	}
}

static void test_revoke(void **state)
{
	struct index index = {0};
	autoerror err = {0};

	assert_int_equal(parse(&index, GOOD, NULL), 0);
	assert_int_equal(index_revoke(&index, S2, 1, NULL, &err), -1);
	assert_int_equal(err.code, ERROR_NOT_FOUND);
	assert_int_equal(index_revoke(&index, S1, 5, "superseded", NULL), 0);
	assert_int_equal(index.entries[0].since, 5);
	assert_string_equal(index.entries[0].reason, "superseded");
	assert_int_equal(index_revoke(&index, S1, 6, NULL, &err), -1);
	assert_int_equal(err.code, ERROR_STATE);
	assert_null(index_find(&index, CERTIFICATE_USER, "ann"));
	assert_non_null(index_find_last(&index, CERTIFICATE_USER, "ann"));
	assert_null(index_find_last(&index, CERTIFICATE_HOST, "ann"));
	index_clear(&index);
}

static void test_damage(void **state)
{
	static const char *const bad[] = {
		LINE "\tvalid\t-\t-",                      /* no line end */
		LINE "\tvalid\t-\n",                       /* a field short */
		LINE "\tvalid\t-\t-\t-\n",                 /* one too many */
		LINE "\tgone\t-\t-\n",                     /* state */
		LINE "\tvalid\t\t-\n",                     /* empty field */
		LINE "\tvalid\t2026-01-01T00:00:00Z\t-\n", /* since when? */
		LINE "\trevoked\t-\t-\n",                  /* since when? */
		"dog\tann\t" S1 "\t2026-01-01T00:00:00Z\t"
		"2027-01-01T00:00:00Z\tvalid\t-\t-\n",
		"user\tann\t0123\t2026-01-01T00:00:00Z\t"
		"2027-01-01T00:00:00Z\tvalid\t-\t-\n",
		"user\tann\t" S1 "\t2026-02-31T00:00:00Z\t"
		"2027-01-01T00:00:00Z\tvalid\t-\t-\n",
		"user\tann\t" S1 "\t2026-1-1T00:00:00Z\t"
		"2027-01-01T00:00:00Z\tvalid\t-\t-\n",
		GOOD GOOD, /* one serial twice */
	};

	for (size_t i = 0; i < array_size(bad); i++) {
		struct index index = {0};
		autoerror err = {0};

		assert_int_equal(parse(&index, bad[i], &err), -1);
		assert_int_equal(err.code, ERROR_CONFIG);
		assert_non_null(strstr(err.words, "FILE:"));
		index_clear(&index);
	}
}

static void test_every_cut_line(void **state)
{
	for (size_t len = 1; len < strlen(GOOD); len++) {
		struct index index = {0};

		assert_int_equal(index_parse(&index, GOOD, len, "x", NULL), -1);
		index_clear(&index);
	}
}

static void test_odd_bytes(void **state)
{
	struct index index = {0};

	assert_int_equal(index_parse(&index, "#\0\n", 3, "x", NULL), -1);
	assert_int_equal(parse(&index, "#\xff\n", NULL), -1);
	assert_int_equal(index_parse(&index, NULL, 0, "x", NULL), 0);
	assert_int_equal(parse(&index, "# a\n\n" GOOD, NULL), 0);
	assert_int_equal(index.count, 1);
	index_clear(&index);
}

static void test_find(void **state)
{
	struct index index = {0};
	struct index_entry *found;

	assert_int_equal(parse(&index, GOOD, NULL), 0);
	found = index_find(&index, CERTIFICATE_USER, "ann");
	assert_non_null(found);
	assert_null(index_find(&index, CERTIFICATE_HOST, "ann"));
	assert_null(index_find(&index, CERTIFICATE_USER, "Ann"));
	assert_ptr_equal(index_find_alike(&index, CERTIFICATE_USER, "ANN"),
			 found);
	assert_ptr_equal(index_find_serial(&index, S1), found);
	assert_null(index_find_serial(&index, S2));
	index_clear(&index);
}

static void test_add_replaces(void **state)
{
	struct index index = {0};
	autoerror err = {0};
	struct index_entry first = entry_of("ann", S1, 1790000000);
	struct index_entry second = entry_of("ann", S2, 1790000100);

	assert_int_equal(index_add(&index, &first, NULL), 0);
	assert_int_equal(index_add(&index, &first, &err), -1);
	assert_int_equal(err.code, ERROR_EXISTS);
	assert_int_equal(index_add(&index, &second, NULL), 0);
	assert_int_equal(index.entries[0].state, INDEX_REPLACED);
	assert_int_equal(index.entries[0].since, 1790000100);
	assert_string_equal(index_find(&index, CERTIFICATE_USER, "ann")->serial,
			    S2);
	index_clear(&index);
}

static void test_state_names(void **state)
{
	struct index_entry entry = entry_of("ann", S1, 1000);

	assert_string_equal(index_state_name(&entry, 1500), "valid");
	assert_string_equal(index_state_name(&entry, 2000), "valid");
	assert_string_equal(index_state_name(&entry, 2001), "expired");
	entry.state = INDEX_REVOKED;
	assert_string_equal(index_state_name(&entry, 2001), "revoked");
}

static void test_growth(void **state)
{
	struct index index = {0};
	char serial[SERIAL_TEXT_SIZE];

	for (int i = 0; i < 100; i++) {
		struct index_entry entry;
		char name[20];

		snprintf(serial, sizeof(serial), "%032X", i);
		snprintf(name, sizeof(name), "u%d", i);
		entry = entry_of(name, serial, 1000);
		assert_int_equal(index_add(&index, &entry, NULL), 0);
	}
	assert_int_equal(index.count, 100);
	assert_non_null(index_find(&index, CERTIFICATE_USER, "u0"));
	assert_non_null(index_find(&index, CERTIFICATE_USER, "u99"));
	index_clear(&index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_crl_line),
		cmocka_unit_test(test_revoke),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_every_cut_line),
		cmocka_unit_test(test_odd_bytes),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_add_replaces),
		cmocka_unit_test(test_state_names),
		cmocka_unit_test(test_growth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
