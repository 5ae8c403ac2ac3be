/*
 * Names that a session tells: 10,000 of them, odd ones, of several hosts; and that a
 * host which does not answer is left in time.
 */
#include "client/complete.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"
#include "connect/fake_host.h"

#define SLOW_S 30 /* what no test takes, however busy the machine is */

static int setup(void **state)
{
	struct fake_host *host = calloc(1, sizeof(*host));
	char config[128];
	FILE *file;

	fake_host_start(host);
	snprintf(config, sizeof(config), "%s/config", host->folder);
	file = fopen(config, "a");
	assert_non_null(file);
	fputs("\n[host gone]\naddress = 127.0.0.1:1\n", file);
	fclose(file);
	setenv("VIRTMUX_CONFIG", config, 1);
	unsetenv("VIRTMUX_HOST");
	*state = host;
	return 0;
}

static int teardown(void **state)
{
	fake_host_stop(*state);
	free(*state);
	unsetenv("VIRTMUX_CONFIG");
	return 0;
}

static void complete(struct candidates *found, const char *const *words)
{
	size_t n = 0;

	while (words[n])
		n++;
	complete_words(found, words, n);
}

#define COMPLETE(found, ...)                                                   \
	complete(found, (const char *const[]){__VA_ARGS__, NULL})

static void assert_one(const char *expected, const char *note,
		       const char *const *words)
{
	autocandidates found = {0};

	complete(&found, words);
	assert_int_equal(found.n, 1);
	assert_string_equal(found.list[0].text, expected);
	if (note)
		assert_string_equal(found.list[0].note, note);
	else
		assert_null(found.list[0].note);
}

#define ASSERT_ONE(expected, note, ...)                                        \
	assert_one(expected, note, (const char *const[]){__VA_ARGS__, NULL})

/* In the host's order, what it has twice once, and nothing that drives a terminal. */
static void test_many_names(void **state)
{
	autocandidates found = {0};
	char name[16];

	COMPLETE(&found, "-H", "fake", "net-info", "");
	assert_int_equal(found.n, FAKE_NETWORKS + 3);
	for (unsigned i = 0; i < FAKE_NETWORKS; i++) {
		snprintf(name, sizeof(name), "net-%05u", i);
		assert_string_equal(found.list[i].text, name);
	}
	assert_string_equal(found.list[FAKE_NETWORKS].text, "two words");
	assert_string_equal(found.list[FAKE_NETWORKS + 1].text,
			    "it's \"quoted\"");
	assert_string_equal(found.list[FAKE_NETWORKS + 2].text, "näh");
}

static void test_some_names(void **state)
{
	autocandidates none = {0};

	ASSERT_ONE("net-09999", NULL, "-H", "fake", "net-info", "net-09999");
	ASSERT_ONE("--network=net-00421", NULL, "-H", "fake", "net-info",
		   "--network=net-00421");
	ASSERT_ONE("näh", NULL, "-H", "fake", "net-info", "n\xc3\xa4");
	ASSERT_ONE("network=two words", NULL, "-H", "fake", "call",
		   "network.info", "network=two");
	COMPLETE(&none, "-H", "fake", "net-info", "net-1\xff");
	assert_int_equal(none.n, 0);
}

static void test_several_hosts(void **state)
{
	ASSERT_ONE("two words", "fake", "-H", "gone,fake", "net-info", "two");
	ASSERT_ONE("two words", "fake", "-H", "@all", "net-info", "two");
	setenv("VIRTMUX_HOST", "fake,gone", 1);
	ASSERT_ONE("two words", "fake", "net-info", "two");
	unsetenv("VIRTMUX_HOST");
}

/* What changes the profile asks no session, which has another one. */
static void test_nobody_to_ask(void **state)
{
	autocandidates gone = {0}, changed = {0}, unknown = {0}, wrong = {0};

	COMPLETE(&gone, "-H", "gone", "net-info", "");
	assert_int_equal(gone.n, 0);
	COMPLETE(&changed, "-H", "fake", "--ca", "/x", "net-info", "");
	assert_int_equal(changed.n, 0);
	COMPLETE(&unknown, "-H", "no-such-host", "net-info", "");
	assert_int_equal(unknown.n, 0);
	COMPLETE(&wrong, "-H", "fake,@no-such-group", "net-info", "");
	assert_int_equal(wrong.n, 0);
}

static void test_no_answer(void **state)
{
	uint64_t begun = clock_monotonic_ns();
	autocandidates found = {0};

	COMPLETE(&found, "-H", "fake", "dominfo", "");
	assert_int_equal(found.n, 0);
	assert_true(clock_monotonic_ns() - begun < SLOW_S * CLOCK_NS_PER_S);
	assert_true(clock_monotonic_ns() - begun >=
		    COMPLETE_MS * CLOCK_NS_PER_MS);
}

/* Each of several has but a part of the time. */
static void test_no_answer_of_several(void **state)
{
	autocandidates found = {0};
	uint64_t begun = clock_monotonic_ns();

	COMPLETE(&found, "-H", "fake,gone", "dominfo", "");
	assert_int_equal(found.n, 0);
	assert_true(clock_monotonic_ns() - begun >=
		    COMPLETE_MS / COMPLETE_PART * CLOCK_NS_PER_MS);
	assert_true(clock_monotonic_ns() - begun < SLOW_S * CLOCK_NS_PER_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_names),
		cmocka_unit_test(test_some_names),
		cmocka_unit_test(test_several_hosts),
		cmocka_unit_test(test_nobody_to_ask),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_no_answer_of_several),
	};

	return cmocka_run_group_tests_name("client/complete_live", tests, setup,
					   teardown);
}
