/*
 * The shells' files in the program are those of etc/completion, byte for byte.
 */
#include "client/shells.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"

#define FILE_MAX (1 << 20)

/* From tests/unit, where the tests run. */
#define FOLDER "../../etc/completion/"

static void test_names(void **state)
{
	assert_string_equal(shells_name(0), "bash");
	assert_string_equal(shells_name(1), "zsh");
	assert_string_equal(shells_name(2), "fish");
	assert_null(shells_name(3));
	assert_null(shells_name(SIZE_MAX));
	assert_null(shells_file("tcsh"));
	assert_null(shells_file(""));
	assert_null(shells_file("bas"));
}

static void test_files(void **state)
{
	for (size_t i = 0; shells_name(i); i++) {
		const char *text = shells_file(shells_name(i));
		autobuf file = {0};
		char path[64];

		snprintf(path, sizeof(path), FOLDER "virtmux.%s",
			 shells_name(i));
		assert_int_equal(file_read(path, FILE_MAX, &file, NULL), 0);
		assert_int_equal(strlen(text), file.len);
		assert_memory_equal(text, buf_bytes(&file), file.len);
		assert_non_null(strstr(text, "__complete"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests_name("client/shells", tests, NULL, NULL);
}
