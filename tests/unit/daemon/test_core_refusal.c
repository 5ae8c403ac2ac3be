/*
 * The log of refusals: one line a reason and source, and few in a flood.
 */
#include "daemon/core/refusal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"

struct fixture {
	struct refusals refusals;
	FILE *file;
	struct log *log;
	uint64_t now;
};

static int set_up(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	*state = f;
	f->file = tmpfile();
	f->log = log_new(fileno(f->file), "t", LOG_LEVEL_INFO, true);
	f->now = 100 * CLOCK_NS_PER_S;
	return f->log ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	log_free(f->log);
	fclose(f->file);
	test_free(f);
	return 0;
}

static void refuse(struct fixture *f, uint8_t host, unsigned port,
		   const char *identity, const char *words)
{
	char peer[32];
	autoerror why = {0};
	const struct refusal refusal = {
		.peer = peer,
		.source = {.bytes = {192, 0, 2, host}},
		.identity = identity,
		.why = &why,
	};

	snprintf(peer, sizeof(peer), "192.0.2.%u:%u", host, port);
	error_set(&why, ERROR_TLS, "%s sent %s", peer, words);
	refusal_log(&f->refusals, f->log, f->now, &refusal);
}

static unsigned lines(struct fixture *f, char *last, size_t size)
{
	unsigned n = 0;

	rewind(f->file);
	while (fgets(last, (int)size, f->file))
		n++;
	return n;
}

static void test_the_same_once(void **state)
{
	struct fixture *f = *state;
	char last[256];

	for (unsigned port = 1; port < 50; port++)
		refuse(f, 1, port, NULL, "nonsense");
	assert_int_equal(lines(f, last, sizeof(last)), 1);
	assert_string_equal(last, "<4>refused 192.0.2.1:1: 192.0.2.1:1 sent "
				  "nonsense\n");
	f->now += 60 * CLOCK_NS_PER_S;
	refuse(f, 1, 50, NULL, "nonsense");
	assert_int_equal(lines(f, last, sizeof(last)), 2);
	assert_non_null(strstr(last, "(and 48 more of this kind)"));
}

static void test_others_have_lines_of_their_own(void **state)
{
	struct fixture *f = *state;
	char last[256];

	refuse(f, 1, 1, NULL, "nonsense");
	refuse(f, 2, 1, NULL, "nonsense");
	refuse(f, 1, 1, NULL, "no certificate");
	refuse(f, 1, 1, "anna", "no certificate");
	assert_int_equal(lines(f, last, sizeof(last)), 4);
	assert_non_null(strstr(last, "refused 192.0.2.1:1 \"anna\": "));
}

static void test_a_flood_costs_few_lines(void **state)
{
	struct fixture *f = *state;
	char last[256];

	for (unsigned i = 0; i < 10000; i++)
		refuse(f, (uint8_t)(i % 200), i, NULL, i % 2 ? "a" : "b");
	assert_int_equal(lines(f, last, sizeof(last)), CORE_REFUSAL_RATE);
	f->now += CLOCK_NS_PER_S;
	refuse(f, 250, 1, NULL, "a");
	assert_int_equal(lines(f, last, sizeof(last)), CORE_REFUSAL_RATE + 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_the_same_once),
		TEST(test_others_have_lines_of_their_own),
		TEST(test_a_flood_costs_few_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
