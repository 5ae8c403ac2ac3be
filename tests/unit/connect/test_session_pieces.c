/*
 * The queue of pieces: whatever is put in and taken out in parts of any size comes out
 * in its order, and nothing is kept that was not given back.
 */
#include "client/connect/session_pieces.h"

#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/cleanup.h"

#define TOTAL (40 * PIECE_SIZE)

static uint8_t byte_at(size_t i)
{
	return (uint8_t)(i * 7 + i / 251 + i / PIECE_SIZE);
}

/* Puts in PUT bytes and takes out TAKE in turns, as far as there are so many. */
static void pass(size_t put, size_t take)
{
	struct piece_pool pool = {0};
	struct pieces pieces = {0};
	uint8_t *in = malloc(TOTAL);
	uint8_t *out = malloc(TOTAL);
	size_t given = 0;
	size_t taken = 0;

	assert_non_null(in);
	assert_non_null(out);
	for (size_t i = 0; i < TOTAL; i++)
		in[i] = byte_at(i);
	while (taken < TOTAL) {
		size_t n = TOTAL - given < put ? TOTAL - given : put;

		assert_int_equal(pieces_append(&pieces, &pool, in + given, n),
				 0);
		given += n;
		assert_int_equal(pieces.len, given - taken);
		n = pieces.len < take ? pieces.len : take;
		pieces_take(&pieces, &pool, out + taken, n);
		taken += n;
	}
	assert_memory_equal(in, out, TOTAL);
	assert_int_equal(pieces.len, 0);
	assert_null(pieces.first);
	assert_null(pieces.last);
	assert_in_range(pool.kept, 1, PIECES_KEPT);
	piece_pool_clear(&pool);
	assert_null(pool.free);
	free(in);
	free(out);
}

static void test_order(void **state)
{
	static const size_t sizes[] = {
		1,          1000,           PIECE_SIZE - 1,
		PIECE_SIZE, PIECE_SIZE + 1, 5 * PIECE_SIZE + 3,
		TOTAL};

	for (size_t i = 0; i < array_size(sizes); i++)
		for (size_t j = 0; j < array_size(sizes); j++)
			pass(sizes[i], sizes[j]);
}

/* Two queues of one pool do not share a byte, and what is cleared is used again. */
static void test_shared_pool(void **state)
{
	struct piece_pool pool = {0};
	struct pieces one = {0};
	struct pieces other = {0};
	uint8_t bytes[4];

	assert_int_equal(pieces_append(&one, &pool, (uint8_t *)"one!", 4), 0);
	assert_int_equal(pieces_append(&other, &pool, (uint8_t *)"two?", 4), 0);
	pieces_take(&one, &pool, bytes, 4);
	assert_memory_equal(bytes, "one!", 4);
	assert_int_equal(pool.kept, 1);
	pieces_clear(&other, &pool);
	assert_int_equal(other.len, 0);
	assert_int_equal(pool.kept, 2);
	assert_int_equal(pieces_append(&one, &pool, (uint8_t *)"more", 4), 0);
	assert_int_equal(pool.kept, 1);
	pieces_clear(&one, &pool);
	piece_pool_clear(&pool);
}

static void test_nothing(void **state)
{
	struct piece_pool pool = {0};
	struct pieces pieces = {0};

	assert_int_equal(pieces_append(&pieces, &pool, NULL, 0), 0);
	assert_null(pieces.first);
	pieces_take(&pieces, &pool, NULL, 0);
	pieces_clear(&pieces, &pool);
	assert_int_equal(pool.kept, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_shared_pool),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
