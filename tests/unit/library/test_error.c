/*
 * Errors of the library: every code of the table as the program sees it, and the one for
 * which there is no memory.
 */
#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "client/library/library_private.h"

static void test_every_code(void **state)
{
	for (int code = ERROR_NONE + 1; code < ERROR_CODES; code++) {
		virtmux_error *error = NULL;
		struct error why = {0};

		error_set(&why, (enum error_code)code, "words %d", code);
		assert_int_equal(error_give(&error, &why), -1);
		assert_false(error_is_set(&why));
		assert_int_equal(
			error_code_from_rpc_number(virtmux_error_number(error)),
			code);
		assert_string_equal(virtmux_error_name(error),
				    error_code_name((enum error_code)code));
		assert_int_equal(virtmux_error_exit_status(error),
				 error_code_exit_status((enum error_code)code));
		assert_int_equal(virtmux_error_may_retry(error),
				 error_code_may_retry((enum error_code)code));
		assert_non_null(strstr(virtmux_error_words(error), "words "));
		virtmux_error_free(error);
	}
}

static void test_nobody_wants_it(void **state)
{
	struct error why = {0};

	error_set(&why, ERROR_DENIED, "no");
	assert_int_equal(error_give(NULL, &why), -1);
	assert_false(error_is_set(&why));
	virtmux_error_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_code),
		cmocka_unit_test(test_nobody_wants_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
