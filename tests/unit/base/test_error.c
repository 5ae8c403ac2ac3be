/*
 * Errors: how words, context and cause are put together, the closed table, and
 * what remains of an error when memory has run out.
 */
#include "base/error.h"

#include <errno.h>
#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/alloc_fail.h"

static void test_set_replaces(void **state)
{
	autoerror err = {0};

	assert_false(error_is_set(&err));
	assert_int_equal(error_set(&err, ERROR_NOT_FOUND, "no %s", "web-1"),
			 -1);
	assert_int_equal(error_set_cause(&err, "libvirt %d", 42), -1);
	assert_true(error_is_set(&err));
	assert_string_equal(error_words(&err), "no web-1");
	assert_string_equal(err.cause, "libvirt 42");

	error_set(&err, ERROR_BUSY, "busy");
	assert_int_equal(err.code, ERROR_BUSY);
	assert_string_equal(err.words, "busy");
	assert_null(err.cause);
}

static void test_set_from_its_own_words(void **state)
{
	autoerror err = {0};

	error_set(&err, ERROR_BUSY, "busy");
	error_set(&err, ERROR_FAILED, "still %s", err.words);
	assert_string_equal(err.words, "still busy");
	error_set_cause(&err, "first");
	error_set_cause(&err, "%s, second", err.cause);
	assert_string_equal(err.cause, "first, second");
}

static void test_errno(void **state)
{
	autoerror err = {0};

	assert_int_equal(error_set_errno(&err, ERROR_SYSTEM, ENOENT,
					 "cannot open %s", "/x"),
			 -1);
	assert_int_equal(err.code, ERROR_SYSTEM);
	assert_string_equal(err.words,
			    "cannot open /x: No such file or directory");
}

static void test_prefix(void **state)
{
	autoerror err = {0};

	error_set(&err, ERROR_CONFIG, "unknown key");
	assert_int_equal(error_prefix(&err, "%s:%d", "f.conf", 3), -1);
	assert_int_equal(err.code, ERROR_CONFIG);
	assert_string_equal(err.words, "f.conf:3: unknown key");
}

static void test_prefix_without_words(void **state)
{
	autoerror err = {0};

	error_set_no_memory(&err);
	assert_null(err.words);
	assert_string_equal(error_words(&err), "memory ran out");
	error_prefix(&err, "host h");
	assert_int_equal(err.code, ERROR_NO_MEMORY);
	assert_string_equal(err.words, "host h: memory ran out");
}

static void test_null_is_allowed(void **state)
{
	struct error from = {0};

	assert_int_equal(error_set(NULL, ERROR_BUSY, "x"), -1);
	assert_int_equal(error_set_errno(NULL, ERROR_BUSY, EIO, "x"), -1);
	assert_int_equal(error_prefix(NULL, "x"), -1);
	assert_int_equal(error_set_cause(NULL, "x"), -1);
	assert_int_equal(error_set_no_memory(NULL), -1);
	error_set(&from, ERROR_BUSY, "x");
	assert_int_equal(error_move(NULL, &from), -1);
	assert_false(error_is_set(&from));
	error_clear(NULL);
}

static void test_moves(void **state)
{
	autoerror from = {0};
	autoerror to = {0};

	error_set(&to, ERROR_BUSY, "older");
	error_set_cause(&to, "older cause");
	error_set(&from, ERROR_STATE, "newer");
	assert_int_equal(error_move(&to, &from), -1);
	assert_int_equal(to.code, ERROR_STATE);
	assert_string_equal(to.words, "newer");
	assert_null(to.cause);
	assert_false(error_is_set(&from));
	assert_null(from.words);

	error_move(&to, &to);
	assert_string_equal(to.words, "newer");
}

/* What scripts rely on; the exit statuses are frozen. */
static void test_columns(void **state)
{
	assert_string_equal(error_code_name(ERROR_NOT_FOUND), "not-found");
	assert_int_equal(error_code_exit_status(ERROR_NOT_FOUND), 3);
	assert_int_equal(error_code_exit_status(ERROR_DENIED), 4);
	assert_int_equal(error_code_exit_status(ERROR_CONNECT), 5);
	assert_int_equal(error_code_exit_status(ERROR_TLS), 6);
	assert_int_equal(error_code_exit_status(ERROR_TIMED_OUT), 7);
	assert_int_equal(error_code_exit_status(ERROR_PARTIAL), 8);
	assert_int_equal(error_code_exit_status(ERROR_UNKNOWN_OUTCOME), 9);
	assert_int_equal(error_code_exit_status(ERROR_INTERRUPTED), 130);
	assert_int_equal(error_code_exit_status(ERROR_NONE), 0);
	assert_int_equal(error_code_rpc_number(ERROR_PARSE), -32700);
	assert_true(error_code_may_retry(ERROR_BUSY));
	assert_false(error_code_may_retry(ERROR_UNKNOWN_OUTCOME));
}

static void test_table_is_whole_and_unambiguous(void **state)
{
	for (int i = ERROR_NONE + 1; i < ERROR_CODES; i++) {
		enum error_code code = (enum error_code)i;

		assert_true(strlen(error_code_meaning(code)) > 0);
		assert_in_range(error_code_exit_status(code), 1, 130);
		assert_int_equal(error_code_from_name(error_code_name(code)),
				 code);
		assert_int_equal(
			error_code_from_rpc_number(error_code_rpc_number(code)),
			code);
	}
}

static void test_unknown_codes(void **state)
{
	assert_int_equal(error_code_from_name("nonsense"), ERROR_FAILED);
	assert_int_equal(error_code_from_name("none"), ERROR_FAILED);
	assert_int_equal(error_code_from_rpc_number(-1), ERROR_FAILED);
	assert_int_equal(error_code_from_rpc_number(0), ERROR_FAILED);
	assert_string_equal(error_code_name(ERROR_CODES), "internal");
	assert_string_equal(error_code_name((enum error_code) - 1), "internal");
}

static void test_code_survives_without_memory(void **state)
{
	autoerror err = {0};

	error_set(&err, ERROR_BUSY, "older");
	alloc_fail_at(1);
	assert_int_equal(error_set(&err, ERROR_DENIED, "may not"), -1);
	assert_true(alloc_fail_end());
	assert_int_equal(err.code, ERROR_DENIED);
	assert_null(err.words);
	assert_string_equal(error_words(&err),
			    "the identity has no right to it");

	alloc_fail_at(1);
	error_set_errno(&err, ERROR_SYSTEM, EIO, "cannot read");
	assert_true(alloc_fail_end());
	assert_int_equal(err.code, ERROR_SYSTEM);
	assert_null(err.words);
}

static void test_prefix_without_memory_keeps_the_words(void **state)
{
	autoerror err = {0};

	error_set(&err, ERROR_CONFIG, "unknown key");
	alloc_fail_at(1);
	error_prefix(&err, "file");
	assert_true(alloc_fail_end());
	assert_string_equal(err.words, "unknown key");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_replaces),
		cmocka_unit_test(test_set_from_its_own_words),
		cmocka_unit_test(test_errno),
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_prefix_without_words),
		cmocka_unit_test(test_null_is_allowed),
		cmocka_unit_test(test_moves),
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_table_is_whole_and_unambiguous),
		cmocka_unit_test(test_unknown_codes),
		cmocka_unit_test(test_code_survives_without_memory),
		cmocka_unit_test(test_prefix_without_memory_keeps_the_words),
	};

	return cmocka_run_group_tests_name("base/error", tests, NULL, NULL);
}
