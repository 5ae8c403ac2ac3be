/* Base64: the vectors of RFC 4648 section 10, and what is refused. */
#include "base/base64.h"

#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

static void decodes(void **state)
{
	static const char *const vectors[][2] = {
		{"", ""},
		{"Zg==", "f"},
		{"Zm8=", "fo"},
		{"Zm9v", "foo"},
		{"Zm9vYg==", "foob"},
		{"Zm9vYmE=", "fooba"},
		{"Zm9vYmFy", "foobar"},
	};

	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
		autobuf out = {0};

		buf_append_char(&out, '>');
		assert_int_equal(base64_decode(vectors[i][0], &out), 0);
		assert_int_equal(out.len, 1 + strlen(vectors[i][1]));
		assert_memory_equal(buf_bytes(&out) + 1, vectors[i][1],
				    out.len - 1);
	}
}

static void decodes_every_byte(void **state)
{
	autobuf out = {0};

	assert_int_equal(base64_decode("AP+A/w==", &out), 0);
	assert_int_equal(out.len, 4);
	assert_memory_equal(buf_bytes(&out), "\0\xff\x80\xff", 4);
}

static void refuses(void **state)
{
	static const char *const wrong[] = {
		"Z",      "Zg",    "Zg=",  "Zg===", "Z===", "====",
		"Zm9v\n", " Zm9v", "Zm9-", "Zm=v",  "=Zm9", "Zm9vZg",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		autobuf out = {0};

		assert_int_equal(base64_decode(wrong[i], &out), -1);
		assert_int_equal(out.len, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes),
		cmocka_unit_test(decodes_every_byte),
		cmocka_unit_test(refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
