/*
 * The growing buffer: its hole at the front, formatted appends, and what is
 * left after a failed allocation.
 */
#include "base/buf.h"

#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/alloc_fail.h"

static void assert_content(const struct buf *b, const char *content)
{
	assert_true(buf_ok(b));
	assert_int_equal(b->len, strlen(content));
	assert_memory_equal(buf_bytes(b), content, b->len);
}

static void test_appends(void **state)
{
	autobuf b = {0};

	assert_null(buf_bytes(&b));
	assert_int_equal(buf_append(&b, NULL, 0), 0);
	assert_int_equal(buf_append(&b, "ab", 2), 0);
	assert_int_equal(buf_append_str(&b, "cd"), 0);
	assert_int_equal(buf_append_char(&b, 'e'), 0);
	assert_int_equal(buf_appendf(&b, "%d%s", 12, "f"), 0);
	assert_content(&b, "abcde12f");
}

static void test_long_format(void **state)
{
	autobuf b = {0};

	assert_int_equal(buf_appendf(&b, "x%1000dy", 7), 0);
	assert_int_equal(b.len, 1002);
	assert_int_equal(buf_bytes(&b)[0], 'x');
	assert_int_equal(buf_bytes(&b)[1000], '7');
	assert_int_equal(buf_bytes(&b)[1001], 'y');
}

static void test_consumes(void **state)
{
	autobuf b = {0};

	buf_append_str(&b, "header body");
	buf_consume(&b, 7);
	assert_content(&b, "body");
	buf_append_str(&b, "!");
	assert_content(&b, "body!");
	buf_consume(&b, 5);
	assert_int_equal(b.len, 0);
	assert_int_equal(b.head, 0);
}

/* A queue that never empties must not grow with what has passed through it. */
static void test_reuses_its_hole(void **state)
{
	uint8_t block[100];
	autobuf b = {0};

	buf_append_str(&b, "0123456789");
	for (int i = 0; i < 10000; i++) {
		memset(block, i, sizeof(block));
		assert_int_equal(buf_append(&b, block, sizeof(block)), 0);
		buf_consume(&b, sizeof(block));
	}
	assert_int_equal(b.len, 10);
	assert_memory_equal(buf_bytes(&b), block, 10);
	assert_true(b.cap <= 512);
}

static void test_reserved_place_is_writable(void **state)
{
	autobuf b = {0};

	assert_int_equal(buf_reserve(&b, 300), 0);
	memset(buf_end(&b), 'z', 300);
	buf_added(&b, 300);
	assert_int_equal(b.len, 300);
	assert_int_equal(buf_bytes(&b)[299], 'z');
}

static void test_steals(void **state)
{
	autobuf b = {0};
	autofree char *s = NULL;
	autofree char *empty = NULL;

	buf_append_str(&b, "xxtext");
	buf_consume(&b, 2);
	s = buf_steal_str(&b);
	assert_string_equal(s, "text");
	assert_null(b.data);
	assert_int_equal(b.len + b.cap, 0);

	empty = buf_steal_str(&b);
	assert_string_equal(empty, "");
}

static void test_overflow_fails(void **state)
{
	autobuf b = {0};

	buf_append_char(&b, 'a');
	assert_int_equal(buf_reserve(&b, SIZE_MAX), -1);
	assert_false(buf_ok(&b));
}

static void test_failure_sticks_until_reset(void **state)
{
	autobuf b = {0};

	buf_append_str(&b, "kept");
	alloc_fail_at(1);
	assert_int_equal(buf_appendf(&b, "%200d", 1), -1);
	assert_true(alloc_fail_end());
	assert_false(buf_ok(&b));
	assert_int_equal(b.len, 4);
	assert_memory_equal(buf_bytes(&b), "kept", 4);
	assert_int_equal(buf_append_char(&b, 'x'), -1);
	assert_int_equal(b.len, 4);

	buf_reset(&b);
	assert_int_equal(buf_append_str(&b, "new"), 0);
	assert_content(&b, "new");
}

static void test_failed_content_is_not_stolen(void **state)
{
	autobuf b = {0};

	alloc_fail_at(1);
	buf_append_str(&b, "lost");
	assert_true(alloc_fail_end());
	buf_append_str(&b, "tail");
	assert_null(buf_steal_str(&b));
	assert_true(buf_ok(&b));
}

static int build(void *context)
{
	autobuf b = {0};
	autofree char *s = NULL;

	for (int i = 0; i < 20; i++)
		buf_appendf(&b, "%0100d", i);
	s = buf_steal_str(&b);
	return s ? 0 : -1;
}

static void test_each_allocation_failing(void **state)
{
	assert_true(alloc_fail_each(build, NULL) >= 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_appends),
		cmocka_unit_test(test_long_format),
		cmocka_unit_test(test_consumes),
		cmocka_unit_test(test_reuses_its_hole),
		cmocka_unit_test(test_reserved_place_is_writable),
		cmocka_unit_test(test_steals),
		cmocka_unit_test(test_overflow_fails),
		cmocka_unit_test(test_failure_sticks_until_reset),
		cmocka_unit_test(test_failed_content_is_not_stolen),
		cmocka_unit_test(test_each_allocation_failing),
	};

	return cmocka_run_group_tests_name("base/buf", tests, NULL, NULL);
}
