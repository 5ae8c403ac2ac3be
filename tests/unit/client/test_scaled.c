/* Sizes with virsh's units. */
#include "client/scaled.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"

static void expect_bytes(const char *text, uint64_t unit, uint64_t bytes)
{
	uint64_t got = 0;

	assert_int_equal(scaled_bytes("size", text, unit, &got, NULL), 0);
	assert_true(got == bytes);
}

static void test_units(void **state)
{
	expect_bytes("1", 1024, 1024);
	expect_bytes("1", 1, 1);
	expect_bytes("0", 1024, 0);
	expect_bytes("512b", 1024, 512);
	expect_bytes("512bytes", 1024, 512);
	expect_bytes("2k", 1, 2048);
	expect_bytes("2KiB", 1, 2048);
	expect_bytes("2KB", 1, 2000);
	expect_bytes("3M", 1024, UINT64_C(3) << 20);
	expect_bytes("3mb", 1024, 3000000);
	expect_bytes("4GiB", 1024, UINT64_C(4) << 30);
	expect_bytes("1T", 1024, UINT64_C(1) << 40);
	expect_bytes("7EiB", 1024, UINT64_C(7) << 60);
}

static void test_refusals(void **state)
{
	static const char *const texts[] = {
		"",
		"G",
		"1.5G",
		"-1",
		"+1",
		" 1",
		"1 G",
		"1X",
		"1GX",
		"1Gi",
		"8E",
		"0x10",
		"99999999999999999999",
	};
	struct error err = {0};
	uint64_t got;

	for (size_t i = 0; i < array_size(texts); i++) {
		if (scaled_bytes("size", texts[i], 1024, &got, &err) == 0)
			fail_msg("taken: %s", texts[i]);
		assert_int_equal(err.code, ERROR_USAGE);
		assert_non_null(strstr(error_words(&err), "size: "));
		error_clear(&err);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
