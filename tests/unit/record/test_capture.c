/*
 * The container of display recordings: what is written is read again, split at
 * every offset; a file that was cut is read up to the cut; each damaged byte of a
 * head is found.
 */
#include "record/capture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/json.h"

struct heard {
	struct buf server;
	struct buf client;
	uint64_t us;
	unsigned records;
};

static int on_record(void *context, const struct capture_record *record,
		     struct error *err)
{
	struct heard *h = context;

	assert_true(record->us >= h->us);
	assert_true(record->len > 0 && record->len <= CAPTURE_DATA_MAX);
	h->us = record->us;
	h->records++;
	return buf_append(record->kind == CAPTURE_SERVER ? &h->server
							 : &h->client,
			  record->data, record->len);
}

static void forget(struct heard *h)
{
	buf_free(&h->server);
	buf_free(&h->client);
	*h = (struct heard){0};
}

static int read_split(const uint8_t *data, size_t n, size_t at, struct heard *h,
		      bool *cut, struct error *err)
{
	autoptr(capture_reader) r = capture_reader_new();
	size_t lost = 0;

	if (capture_reader_feed(r, data, at, on_record, h, err) < 0 ||
	    capture_reader_feed(r, data + at, n - at, on_record, h, err) < 0)
		return -1;
	return capture_reader_end(r, cut, &lost, err);
}

/* The places where a record ends are marked, from the first one on. */
#define MARKS 5

static void make(struct buf *file, size_t marks[MARKS])
{
	struct capture_sums sums = {0};
	const struct record_about about = {
		.time_us = 1763761275000000, .domain = "web-1", .kind = "vnc"};

	assert_int_equal(capture_append_header(file, &about), 0);
	marks[0] = file->len;
	capture_append_data(file, &sums, 5, CAPTURE_SERVER,
			    (const uint8_t *)"RFB 003.008\n", 12);
	marks[1] = file->len;
	capture_append_data(file, &sums, 70000, CAPTURE_CLIENT,
			    (const uint8_t *)"RFB 003.008\n\1", 13);
	marks[2] = file->len;
	capture_append_data(file, &sums, 70000, CAPTURE_SERVER,
			    (const uint8_t *)"\0\0\0\0", 4);
	marks[3] = file->len;
	assert_int_equal(capture_append_end(file, &sums, 1ull << 40), 0);
	marks[4] = file->len;
}

static void test_split_at_every_offset(void **state)
{
	autobuf file = {0};
	size_t marks[MARKS];

	make(&file, marks);
	for (size_t at = 0; at <= file.len; at++) {
		struct heard h = {0};
		bool cut = true;

		assert_int_equal(read_split(buf_bytes(&file), file.len, at, &h,
					    &cut, NULL),
				 0);
		assert_false(cut);
		assert_int_equal(h.records, 3);
		assert_memory_equal(buf_bytes(&h.server),
				    "RFB 003.008\n\0\0\0\0", 16);
		assert_memory_equal(buf_bytes(&h.client), "RFB 003.008\n\1",
				    13);
		assert_int_equal(h.us, 70000);
		forget(&h);
	}
}

static void test_cut_at_every_offset(void **state)
{
	autobuf file = {0};
	size_t marks[MARKS];

	make(&file, marks);
	for (size_t n = 0; n < file.len; n++) {
		struct heard h = {0};
		autoerror err = {0};
		bool cut = false;
		unsigned whole = 0;
		int rc = read_split(buf_bytes(&file), n, n / 2, &h, &cut, &err);

		while (whole < 3 && marks[whole + 1] <= n)
			whole++;
		assert_int_equal(rc, n < marks[0] ? -1 : 0);
		assert_true(cut || rc < 0);
		assert_int_equal(h.records, whole);
		forget(&h);
	}
}

static void test_what_it_tells_of_itself(void **state)
{
	autobuf file = {0};
	size_t marks[MARKS];
	struct heard h = {0};
	struct json_object *o = NULL;
	autoptr(capture_reader) r = capture_reader_new();

	make(&file, marks);
	capture_reader_feed(r, buf_bytes(&file), marks[0], on_record, &h, NULL);
	assert_non_null(capture_reader_about(r));
	assert_true(
		json_object_object_get_ex(capture_reader_about(r), "kind", &o));
	assert_string_equal(json_object_get_string(o), "vnc");
	assert_true(
		json_object_object_get_ex(capture_reader_about(r), "time", &o));
	assert_string_equal(json_object_get_string(o),
			    "2025-11-21T21:41:15.000Z");
}

static void test_large_data_become_several_records(void **state)
{
	size_t n = CAPTURE_DATA_MAX * 2 + 17;
	autofree uint8_t *data = calloc(1, n);
	const struct record_about about = {.kind = "vnc"};
	struct capture_sums sums = {0};
	struct heard h = {0};
	autobuf file = {0};
	bool cut = true;

	for (size_t i = 0; i < n; i++)
		data[i] = (uint8_t)(i * 7);
	capture_append_header(&file, &about);
	capture_append_data(&file, &sums, 1, CAPTURE_SERVER, data, n);
	capture_append_end(&file, &sums, 1);
	assert_int_equal(read_split(buf_bytes(&file), file.len, 1000, &h, &cut,
				    NULL),
			 0);
	assert_false(cut);
	assert_int_equal(h.records, 3);
	assert_int_equal(h.server.len, n);
	assert_memory_equal(buf_bytes(&h.server), data, n);
	forget(&h);
}

struct change {
	size_t mark; /* the record after it */
	size_t at;   /* in its head */
	uint8_t value;
	const char *words;
};

static void test_damage_is_found(void **state)
{
	static const struct change changes[] = {
		{0, 0, 'A', "no record"},
		{0, 0, 'X', "no record"},
		{0, 1, 1, "no record"},
		{0, 3, 1, "no record"},
		{0, 4, 1, "no record"},
		{1, 7, 0, "no record"},
		{1, 8, 0x80, "backwards"},
		{2, 14, 0, "backwards"},
		{3, 7, 15, "no record"},
		{3, CAPTURE_HEAD, 1, "sums"},
		{3, CAPTURE_HEAD + 15, 1, "sums"},
	};

	for (size_t i = 0; i < array_size(changes); i++) {
		const struct change *c = &changes[i];
		autobuf file = {0};
		autoerror err = {0};
		size_t marks[MARKS];
		struct heard h = {0};
		bool cut;

		make(&file, marks);
		buf_bytes(&file)[marks[c->mark] + c->at] = c->value;
		assert_int_equal(read_split(buf_bytes(&file), file.len, 0, &h,
					    &cut, &err),
				 -1);
		assert_int_equal(err.code, ERROR_PARSE);
		if (!strstr(error_words(&err), c->words))
			fail_msg("%zu: %s", i, error_words(&err));
		forget(&h);
	}
}

static void test_what_is_no_recording(void **state)
{
	autobuf file = {0};
	size_t marks[MARKS];
	struct heard h = {0};
	bool cut;

	make(&file, marks);
	for (size_t i = 0; i < CAPTURE_MAGIC_SIZE + 4; i++) {
		autoerror err = {0};

		buf_bytes(&file)[i] ^= 1;
		assert_int_equal(read_split(buf_bytes(&file), file.len, 0, &h,
					    &cut, &err),
				 -1);
		assert_int_equal(err.code, ERROR_PARSE);
		buf_bytes(&file)[i] ^= 1;
	}
	buf_append_char(&file, 'S');
	for (size_t i = 1; i < CAPTURE_HEAD; i++)
		buf_append_char(&file, 0);
	assert_int_equal(
		read_split(buf_bytes(&file), file.len, 0, &h, &cut, NULL), -1);
	forget(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split_at_every_offset),
		cmocka_unit_test(test_cut_at_every_offset),
		cmocka_unit_test(test_what_it_tells_of_itself),
		cmocka_unit_test(test_large_data_become_several_records),
		cmocka_unit_test(test_damage_is_found),
		cmocka_unit_test(test_what_is_no_recording),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
