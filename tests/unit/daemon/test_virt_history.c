/*
 * daemon/virt/history.c: offsets, growth and overwriting, against a model that
 * keeps every byte ever written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/virt/history.h"

#define MOST 8192

static uint8_t byte_at(uint64_t offset)
{
	return (uint8_t)(offset * 7 + (offset >> 8) + (offset >> 16));
}

/* As many of N as there is room for behind KEEP. */
static size_t put(struct history *h, uint64_t keep, size_t n)
{
	size_t done = 0, room;
	uint8_t *at;

	while (done < n && (room = history_room(h, keep, &at)) > 0) {
		if (room > n - done)
			room = n - done;
		for (size_t i = 0; i < room; i++)
			at[i] = byte_at(h->end + i);
		history_added(h, room);
		done += room;
	}
	return done;
}

static void check(const struct history *h, uint64_t from)
{
	const uint8_t *at;
	size_t n;

	for (uint64_t o = from; o < h->end; o += n) {
		n = history_from(h, o, &at);
		assert_true(n > 0 && o + n <= h->end);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(at[i], byte_at(o + i));
	}
}

static void test_empty(void **state)
{
	struct history h = {.most = MOST};
	const uint8_t *at;

	assert_int_equal(history_first(&h), 0);
	assert_int_equal(history_from(&h, 0, &at), 0);
	assert_null(h.data);
	history_free(&h);
}

static void test_grows_as_it_is_needed(void **state)
{
	struct history h = {.most = MOST};
	size_t n;

	assert_int_equal(put(&h, 0, 10), 10);
	assert_int_equal(h.size, HISTORY_FIRST);
	for (size_t size = HISTORY_FIRST; size < MOST; size *= 2) {
		n = size + 1 - h.len;
		assert_int_equal(put(&h, 0, n), n);
		assert_int_equal(h.size, 2 * size);
		check(&h, 0);
	}
	n = MOST - h.len;
	assert_int_equal(put(&h, 0, 3 * MOST), n);
	history_free(&h);
}

static void test_keeps_what_is_asked_for(void **state)
{
	struct history h = {.most = MOST};

	assert_int_equal(put(&h, 0, 2 * MOST), MOST);
	assert_int_equal(put(&h, 100, MOST), 100);
	assert_int_equal(history_first(&h), 100);
	check(&h, 100);
	assert_int_equal(put(&h, 100, 1), 0);
	assert_int_equal(put(&h, h.end, 0), 0);
	history_free(&h);
}

static void test_overwrites_the_oldest(void **state)
{
	struct history h = {.most = MOST};

	srand(1);
	for (int i = 0; i < 2000; i++) {
		size_t n = (size_t)rand() % 3000 + 1;
		uint64_t keep = h.end - (size_t)rand() % (h.len / 2 + 1);
		uint64_t before = h.end;
		size_t done = put(&h, keep, n);

		assert_true(done == n || h.end == keep + MOST);
		assert_int_equal(h.end, before + done);
		assert_true(history_first(&h) <= keep);
		assert_true(h.len <= MOST && h.size <= MOST);
		check(&h, history_first(&h));
	}
	assert_true(h.end > 100 * (uint64_t)MOST);
	assert_int_equal(history_first(&h), h.end - MOST);
	history_free(&h);
}

/* A line may be allowed more later: what wrapped is still in order. */
static void test_grows_after_it_wrapped(void **state)
{
	struct history h = {.most = MOST};

	for (int i = 0; i < 5; i++)
		put(&h, h.end, 3000);
	h.most = 4 * MOST;
	put(&h, history_first(&h), 3 * MOST);
	assert_int_equal(h.size, 4 * MOST);
	assert_int_equal(h.len, 4 * MOST);
	check(&h, history_first(&h));
	history_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_grows_as_it_is_needed),
		cmocka_unit_test(test_keeps_what_is_asked_for),
		cmocka_unit_test(test_overwrites_the_oldest),
		cmocka_unit_test(test_grows_after_it_wrapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
