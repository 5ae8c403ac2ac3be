/* Tokens of sources: the burst, the rate, refunds, and a table that is full. */
#include "daemon/core/source.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"

static struct address_source host(unsigned number)
{
	return (struct address_source){.bytes = {10, (uint8_t)(number >> 16),
						 (uint8_t)(number >> 8),
						 (uint8_t)number}};
}

static unsigned spend_all(struct sources *sources,
			  const struct address_source *source, uint64_t now)
{
	unsigned n = 0;

	while (n < 5000 && sources_spend(sources, source, now))
		n++;
	return n;
}

static void test_burst_and_rate(void **state)
{
	struct sources *sources = test_calloc(1, sizeof(*sources));
	struct address_source a = host(1), b = host(2);
	uint64_t now = 50 * CLOCK_NS_PER_S;

	assert_int_equal(spend_all(sources, &a, now), CORE_SOURCE_BURST);
	assert_int_equal(spend_all(sources, &b, now), CORE_SOURCE_BURST);
	now += CLOCK_NS_PER_S;
	assert_int_equal(spend_all(sources, &a, now), CORE_SOURCE_RATE);
	assert_int_equal(spend_all(sources, &a, now), 0);
	now += 1000 * CLOCK_NS_PER_S;
	assert_int_equal(spend_all(sources, &a, now), CORE_SOURCE_BURST);
	test_free(sources);
}

static void test_refunds(void **state)
{
	struct sources *sources = test_calloc(1, sizeof(*sources));
	struct address_source a = host(1), b = host(2);
	uint64_t now = 50 * CLOCK_NS_PER_S;

	for (unsigned i = 0; i < 3 * CORE_SOURCE_BURST; i++) {
		assert_true(sources_spend(sources, &a, now));
		sources_refund(sources, &a);
	}
	sources_refund(sources, &b);
	assert_int_equal(spend_all(sources, &a, now), CORE_SOURCE_BURST);
	test_free(sources);
}

static void test_many_sources(void **state)
{
	struct sources *sources = test_calloc(1, sizeof(*sources));
	uint64_t now = 50 * CLOCK_NS_PER_S;

	for (unsigned i = 0; i < 100000; i++) {
		struct address_source a = host(i);

		assert_true(sources_spend(sources, &a, now + i));
	}
	test_free(sources);
}

static void test_families_are_apart(void **state)
{
	struct sources *sources = test_calloc(1, sizeof(*sources));
	struct address_source a = host(1), b = host(1);

	b.v6 = true;
	spend_all(sources, &a, 1);
	assert_true(sources_spend(sources, &b, 1));
	test_free(sources);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_burst_and_rate),
		cmocka_unit_test(test_refunds),
		cmocka_unit_test(test_many_sources),
		cmocka_unit_test(test_families_are_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
