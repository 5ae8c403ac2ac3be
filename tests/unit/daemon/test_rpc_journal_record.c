/*
 * The records' form on disk: what was written is read again; a file that is cut at
 * any byte gives its whole records and no others; each bit that is turned over is
 * found, with its offset; zeros at the end are blocks that were never written.
 */
#include "daemon/rpc/journal_record.h"

#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#define RECORDS 3

static const struct journal_record records[RECORDS] = {
	{.kind = JOURNAL_BEGIN,
	 .index = 3,
	 .time_us = 1790000000123456,
	 .identity = "anna",
	 .key = "k-1",
	 .method = "domain.start",
	 .params = 0x123456789abcdef0,
	 .params_len = 16},
	{.kind = JOURNAL_END,
	 .index = 3,
	 .time_us = 1790000000123457,
	 .identity = "anna",
	 .key = "k-1",
	 .error = "",
	 .text = "{\"a\":1}",
	 .text_len = 7},
	{.kind = JOURNAL_WITHDRAWN,
	 .time_us = -1,
	 .identity = "bert",
	 .key = "k-2"},
};

struct seen {
	size_t count;
	bool differs;
};

static void assert_text(const char *is, const char *wanted)
{
	if (wanted)
		assert_string_equal(is, wanted);
	else
		assert_null(is);
}

static int see(void *context, const struct journal_record *record,
	       struct error *err)
{
	struct seen *seen = context;
	const struct journal_record *wanted = &records[seen->count++];

	assert_true(seen->count <= RECORDS);
	assert_int_equal(record->kind, wanted->kind);
	assert_int_equal(record->index, wanted->index);
	assert_int_equal(record->time_us, wanted->time_us);
	assert_text(record->identity, wanted->identity);
	assert_text(record->key, wanted->key);
	assert_text(record->method, wanted->method);
	assert_int_equal(record->params, wanted->params);
	assert_int_equal(record->params_len, wanted->params_len);
	assert_text(record->error, wanted->error);
	assert_text(record->text, wanted->text);
	assert_int_equal(record->text_len, wanted->text_len);
	return 0;
}

/* The whole file, and where each record ends. */
static void make(struct buf *file, size_t *ends)
{
	buf_append_str(file, JOURNAL_HEAD);
	assert_int_equal(file->len, JOURNAL_HEAD_SIZE);
	for (size_t i = 0; i < RECORDS; i++) {
		assert_int_equal(journal_encode(file, &records[i]), 0);
		ends[i] = file->len;
	}
}

static void test_what_was_written_is_read(void **state)
{
	autobuf file = {0};
	size_t ends[RECORDS];
	struct seen seen = {0};
	size_t good;

	make(&file, ends);
	assert_int_equal(journal_read(buf_bytes(&file), file.len, see, &seen,
				      &good, NULL),
			 0);
	assert_int_equal(seen.count, RECORDS);
	assert_int_equal(good, file.len);
}

/* Cut at N bytes, and with ZEROS further ones. */
static void assert_cut(const struct buf *file, const size_t *ends, size_t n,
		       size_t zeros)
{
	struct seen seen = {0};
	autoerror err = {0};
	autobuf cut = {0};
	size_t good, whole = 0;

	buf_append(&cut, buf_bytes(file), n);
	for (size_t i = 0; i < zeros; i++)
		buf_append_char(&cut, '\0');
	while (whole < RECORDS && ends[whole] <= n)
		whole++;
	if (journal_read(buf_bytes(&cut), cut.len, see, &seen, &good, &err) < 0)
		fail_msg("cut at %zu, %zu zeros: %s", n, zeros,
			 error_words(&err));
	assert_int_equal(seen.count, whole);
	if (n >= JOURNAL_HEAD_SIZE)
		assert_int_equal(good,
				 whole ? ends[whole - 1] : JOURNAL_HEAD_SIZE);
	else
		assert_int_equal(good, 0);
}

static void test_a_cut_at_any_byte(void **state)
{
	autobuf file = {0};
	size_t ends[RECORDS];

	make(&file, ends);
	for (size_t n = 0; n <= file.len; n++)
		assert_cut(&file, ends, n, 0);
}

/* A file that has its new size, and not all of its blocks. */
static void test_blocks_that_were_never_written(void **state)
{
	autobuf file = {0};
	size_t ends[RECORDS];

	make(&file, ends);
	for (size_t r = 0; r < RECORDS; r++) {
		size_t begin = r ? ends[r - 1] : JOURNAL_HEAD_SIZE;

		assert_cut(&file, ends, begin, 5);
		assert_cut(&file, ends, begin, ends[r] - begin);
		for (size_t n = begin + JOURNAL_SUM_SIZE; n < ends[r]; n++)
			assert_cut(&file, ends, n, ends[r] - n);
	}
}

/* Each bit of a file that goes on behind it: told, with the record's offset. */
static void test_each_bit(void **state)
{
	autobuf file = {0};
	size_t ends[RECORDS];

	make(&file, ends);
	for (size_t bit = 0; bit < ends[RECORDS - 1] * 8; bit++) {
		struct seen seen = {0};
		autoerror err = {0};
		size_t good, begin = 0, at = bit / 8;
		char offset[32];

		for (size_t r = 0; r < RECORDS && at >= JOURNAL_HEAD_SIZE; r++)
			if (at < ends[r]) {
				begin = r ? ends[r - 1] : JOURNAL_HEAD_SIZE;
				break;
			}
		buf_bytes(&file)[at] ^= (uint8_t)(1u << (bit & 7));
		if (journal_read(buf_bytes(&file), file.len, see, &seen, &good,
				 &err) == 0)
			fail_msg("bit %zu was not seen", bit);
		snprintf(offset, sizeof(offset), "at byte %zu:", begin);
		if (!strstr(error_words(&err), offset))
			fail_msg("bit %zu: %s, not %s", bit, error_words(&err),
				 offset);
		assert_int_equal(err.code, ERROR_SYSTEM);
		buf_bytes(&file)[at] ^= (uint8_t)(1u << (bit & 7));
	}
}

static int refuse(void *context, const struct journal_record *record,
		  struct error *err)
{
	return error_set(err, ERROR_NO_MEMORY, "no");
}

static void test_a_reader_may_refuse(void **state)
{
	autobuf file = {0};
	autoerror err = {0};
	size_t ends[RECORDS], good;

	make(&file, ends);
	assert_int_equal(journal_read(buf_bytes(&file), file.len, refuse, NULL,
				      &good, &err),
			 -1);
	assert_int_equal(err.code, ERROR_NO_MEMORY);
	assert_int_equal(good, JOURNAL_HEAD_SIZE);
}

static void test_an_older_head(void **state)
{
	autobuf file = {0};
	size_t ends[RECORDS], good;
	struct seen seen = {0};

	make(&file, ends);
	assert_false(journal_is_old(buf_bytes(&file), file.len));
	memcpy(buf_bytes(&file), JOURNAL_HEAD_OLD, JOURNAL_HEAD_SIZE);
	assert_true(journal_is_old(buf_bytes(&file), file.len));
	assert_false(journal_is_old(buf_bytes(&file), JOURNAL_HEAD_SIZE - 1));
	assert_int_equal(journal_read(buf_bytes(&file), file.len, see, &seen,
				      &good, NULL),
			 0);
	assert_int_equal(seen.count, RECORDS);
}

static void test_another_file(void **state)
{
	static const char text[] = "# not a journal at all\n";
	struct seen seen = {0};
	autoerror err = {0};
	size_t good;

	assert_int_equal(journal_read((const uint8_t *)text, sizeof(text) - 1,
				      see, &seen, &good, &err),
			 -1);
	assert_int_equal(good, 0);
	assert_non_null(strstr(error_words(&err), "at byte 0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_written_is_read),
		cmocka_unit_test(test_a_cut_at_any_byte),
		cmocka_unit_test(test_blocks_that_were_never_written),
		cmocka_unit_test(test_each_bit),
		cmocka_unit_test(test_a_reader_may_refuse),
		cmocka_unit_test(test_an_older_head),
		cmocka_unit_test(test_another_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
