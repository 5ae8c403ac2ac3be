/*
 * Rates from counters, and the order of the rows.
 */
#include "client/top.h"

#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"

#define UUID_A "00000000-0000-4000-8000-00000000000a"
#define UUID_B "00000000-0000-4000-8000-00000000000b"

static struct domain_stats domain(const char *uuid, const char *name,
				  uint64_t cpu_ns, struct stats_block *disks,
				  size_t n)
{
	return (struct domain_stats){
		.uuid = (char *)uuid,
		.name = (char *)name,
		.has_cpu = true,
		.cpu = {.has_time = true, .time = cpu_ns},
		.block = disks,
		.block_count = n,
	};
}

static struct stats_block disk(uint64_t read, uint64_t written)
{
	return (struct stats_block){.has_rd_bytes = true,
				    .rd_bytes = read,
				    .has_wr_bytes = true,
				    .wr_bytes = written};
}

static void take(struct top_rows *rows, uint64_t seconds,
		 struct domain_stats *domains, size_t n)
{
	const struct domain_stats_list list = {.domains = domains,
					       .domains_count = n};

	assert_int_equal(top_take(rows, &list, seconds * CLOCK_NS_PER_S, 4), 0);
}

static void test_rates(void **state)
{
	struct top_rows rows = {0};
	struct stats_block first[] = {disk(100, 0), disk(50, 10)};
	struct stats_block second[] = {disk(300, 0), disk(50, 30)};
	struct domain_stats before[] = {domain(UUID_A, "a", 0, first, 2)};
	struct domain_stats after[] = {domain(UUID_A, "renamed",
					      2 * CLOCK_NS_PER_S, second, 2),
				       domain(UUID_B, "new", 5, NULL, 0)};

	take(&rows, 10, before, 1);
	assert_true(rows.rows[0].cpu < 0 && rows.rows[0].read < 0);
	take(&rows, 12, after, 2);
	/* 2 s of processor time in 2 s are one of four processors */
	assert_true(rows.rows[0].cpu > 24.9 && rows.rows[0].cpu < 25.1);
	assert_true(rows.rows[0].read > 99.9 && rows.rows[0].read < 100.1);
	assert_true(rows.rows[0].written > 9.9 && rows.rows[0].written < 10.1);
	assert_true(rows.rows[0].received < 0); /* it has no interface */
	assert_true(rows.rows[1].cpu < 0);
	top_clear(&rows);
}

/* A counter that went back, and no time between two answers. */
static void test_what_gives_no_rate(void **state)
{
	struct top_rows rows = {0};
	struct domain_stats high[] = {domain(UUID_A, "a", 1000, NULL, 0)};
	struct domain_stats low[] = {domain(UUID_A, "a", 10, NULL, 0)};

	take(&rows, 1, high, 1);
	take(&rows, 2, low, 1);
	assert_true(rows.rows[0].cpu < 0);
	take(&rows, 2, high, 1);
	assert_true(rows.rows[0].cpu < 0);
	take(&rows, 3, NULL, 0);
	assert_int_equal(rows.count, 0);
	top_sort(&rows, TOP_SORT_CPU, true);
	top_clear(&rows);
}

static void assert_order(struct top_rows *rows, enum top_sort sort,
			 bool reverse, const char *names)
{
	top_sort(rows, sort, reverse);
	for (size_t i = 0; i < rows->count; i++)
		assert_int_equal(rows->rows[i].name[0], names[i]);
}

static void test_order(void **state)
{
	struct top_row three[] = {
		{.name = "b", .cpu = 1, .memory = 5, .read = -1, .written = 9},
		{.name = "c", .cpu = -1, .memory = -1, .received = 7},
		{.name = "a", .cpu = 1, .memory = 5, .counters = {.cpu_ns = 3}},
	};
	struct top_rows rows = {.rows = three, .count = 3};

	assert_order(&rows, TOP_SORT_CPU, false, "abc");
	assert_order(&rows, TOP_SORT_CPU, true, "cba");
	assert_order(&rows, TOP_SORT_MEMORY, false, "abc");
	assert_order(&rows, TOP_SORT_BLOCK, false, "bac");
	assert_order(&rows, TOP_SORT_NET, false, "cab");
	assert_order(&rows, TOP_SORT_TIME, false, "abc");
	assert_order(&rows, TOP_SORT_NAME, true, "cba");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_what_gives_no_rate),
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
