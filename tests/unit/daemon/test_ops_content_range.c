/* Range and Content-Range, their good forms and the others. */
#include "daemon/ops/content_range.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void expect(const char *text, uint64_t size, uint64_t offset,
		   uint64_t length)
{
	uint64_t o = 0, l = 0;

	assert_int_equal(range_parse(text, size, &o, &l), RANGE_PART);
	assert_int_equal(o, offset);
	assert_int_equal(l, length);
}

static enum range_kind kind(const char *text, uint64_t size)
{
	uint64_t o, l;

	return range_parse(text, size, &o, &l);
}

static void parts(void **state)
{
	expect("bytes=0-0", 10, 0, 1);
	expect("bytes=3-5", 10, 3, 3);
	expect("Bytes=9-", 10, 9, 1);
	expect("bytes=2-999999999999999999", 10, 2, 8);
	expect("bytes=-3", 10, 7, 3);
	expect("bytes=-30", 10, 0, 10);
}

static void past_the_end(void **state)
{
	assert_int_equal(kind("bytes=10-", 10), RANGE_UNSATISFIABLE);
	assert_int_equal(kind("bytes=0-", 0), RANGE_UNSATISFIABLE);
	assert_int_equal(kind("bytes=-0", 10), RANGE_UNSATISFIABLE);
	assert_int_equal(kind("bytes=-1", 0), RANGE_UNSATISFIABLE);
}

static void others_are_ignored(void **state)
{
	static const char *const texts[] = {
		NULL,         "",
		"bytes",      "bytes=",
		"bytes=-",    "bytes=a-",
		"bytes=1",    "bytes=5-4",
		"bytes=1-2,", "bytes=1-2,4",
		"lines=1-2",  "bytes=1--2",
		"bytes= 1-2", "bytes=+1-2",
		"bytes=1-2 ", "bytes=9999999999999999999-",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_int_equal(kind(texts[i], 10), RANGE_WHOLE);
}

static void contents(void **state)
{
	static const char *const bad[] = {
		"",
		"bytes",
		"bytes 1-2",
		"bytes 2-1/*",
		"bytes 0-9/9",
		"bytes */10",
		"bytes 0-9/",
		"bytes 0-9/10 ",
		"bytes=0-9/10",
		"bytes 0-9/1000000000000000000000",
	};
	uint64_t offset = 0, length = 0;

	assert_true(range_parse_content("bytes 5-9/10", &offset, &length));
	assert_int_equal(offset, 5);
	assert_int_equal(length, 5);
	assert_true(range_parse_content("bytes 0-0/*", &offset, &length));
	assert_int_equal(offset, 0);
	assert_int_equal(length, 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(range_parse_content(bad[i], &offset, &length));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts),
		cmocka_unit_test(past_the_end),
		cmocka_unit_test(others_are_ignored),
		cmocka_unit_test(contents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
