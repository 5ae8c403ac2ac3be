/*
 * libmicrohttpd as it is loaded: each function of the table is there, and it is a
 * version whose header we know.
 */
#include "client/web/http_library.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static void test_load(void **state)
{
	struct http_library library = {0};
	autoerror err = {0};

	assert_int_equal(http_library_load(&library, &err), 0);
#define FUNCTION(name) assert_true(library.name != NULL);
	HTTP_LIBRARY(FUNCTION)
#undef FUNCTION
	assert_int_equal(library.is_feature_supported(MHD_FEATURE_EPOLL),
			 MHD_YES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
