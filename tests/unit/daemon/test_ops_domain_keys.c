/* Keys by name and number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/types.h"
#include "base/cleanup.h"
#include "daemon/ops/domain_keys.h"
#include "daemon/virt/guest.h"

static void expect_key(const char *text, bool names, unsigned number)
{
	uint16_t got = 0;

	assert_int_equal(domain_key(text, names, &got, NULL), 0);
	assert_int_equal(got, number);
}

static void test_keys(void **state)
{
	expect_key("KEY_ESC", true, 1);
	expect_key("KEY_ENTER", true, 28);
	expect_key("KEY_LEFTCTRL", true, 29);
	expect_key("KEY_DELETE", true, 111);
	expect_key("28", true, 28);
	expect_key("0x1C", false, 28);
	expect_key("010", false, 10);
	expect_key("65535", false, 65535);
}

static void test_refusals(void **state)
{
	static const char *const texts[] = {
		"",        "KEY_",
		"key_esc", "ESC",
		"-1",      "65536",
		"0x",      "1 ",
		"+1",      "0x10000",
		"1e3",     "0xg",
		" 1",      "99999999999999999999",
	};
	struct error err = {0};
	uint16_t got;

	for (size_t i = 0; i < array_size(texts); i++) {
		assert_int_equal(domain_key(texts[i], true, &got, &err), -1);
		assert_int_equal(err.code, ERROR_INVALID_PARAMS);
		error_clear(&err);
	}
	assert_int_equal(domain_key("KEY_ESC", false, &got, &err), -1);
	assert_non_null(strstr(error_words(&err), "linux"));
	error_clear(&err);
	assert_int_equal(domain_key("KEY_ENTRE", true, &got, &err), -1);
	assert_non_null(strstr(error_words(&err), "KEY_ENTER"));
	error_clear(&err);
}

/* op_domain_send_key() takes one for the other. */
static void test_codesets_have_one_order(void **state)
{
	assert_int_equal(KEY_CODESET_LINUX, VIRT_CODESET_LINUX);
	assert_int_equal(KEY_CODESET_XT, VIRT_CODESET_XT);
	assert_int_equal(KEY_CODESET_ATSET1, VIRT_CODESET_ATSET1);
	assert_int_equal(KEY_CODESET_ATSET2, VIRT_CODESET_ATSET2);
	assert_int_equal(KEY_CODESET_ATSET3, VIRT_CODESET_ATSET3);
	assert_int_equal(KEY_CODESET_OSX, VIRT_CODESET_OSX);
	assert_int_equal(KEY_CODESET_XT_KBD, VIRT_CODESET_XT_KBD);
	assert_int_equal(KEY_CODESET_USB, VIRT_CODESET_USB);
	assert_int_equal(KEY_CODESET_WIN32, VIRT_CODESET_WIN32);
	assert_int_equal(KEY_CODESET_QNUM, VIRT_CODESET_QNUM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_codesets_have_one_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
