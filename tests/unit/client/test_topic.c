/*
 * The topics of `virtmux help TOPIC`: each is complete, found by its name alone, and
 * stands in the manual page; tables of other rooms are told whole.
 */
#include "client/topic.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/buf.h"
#include "client/command_private.h"
#include "client/connect/profile.h"

#define TEXT_MAX 1000000 /* no topic is so long */

static size_t count_topics(void)
{
	size_t n = 0;

	while (topic_at(n))
		n++;
	return n;
}

/* What stands in a topic, to free(). */
static char *text_of(const struct topic *topic, const struct page *page,
		     struct buf *out)
{
	topic_print(page, topic);
	return buf_steal_str(out);
}

static char *terminal_text(const struct topic *topic)
{
	autobuf out = {0};
	const struct page page = {.out = &out};

	return text_of(topic, &page, &out);
}

static void test_rows(void **state)
{
	assert_true(count_topics() >= 8);
	assert_null(topic_at(count_topics()));
	assert_null(topic_at(SIZE_MAX));
	for (size_t i = 0; topic_at(i); i++) {
		const struct topic *t = topic_at(i);

		assert_true(strlen(t->name) > 0);
		assert_int_equal(strspn(t->name, "abcdefghijklmnopqrstuvwxyz-"),
				 strlen(t->name));
		assert_true(isupper((unsigned char)t->title[0]));
		assert_true(strlen(t->summary) > 10);
		assert_int_not_equal(t->summary[strlen(t->summary) - 1], '.');
		assert_ptr_equal(topic_find(t->name), t);
		/* `help NAME` can mean but one thing */
		for (const struct command *c = command_table; c->verb; c++)
			if (strcmp(c->verb, t->name) == 0)
				assert_non_null(c->doc);
	}
}

static void test_find(void **state)
{
	assert_string_equal(topic_find("exit-status")->title, "EXIT STATUS");
	assert_null(topic_find(""));
	assert_null(topic_find("exit"));
	assert_null(topic_find("Exit-Status"));
	assert_null(topic_find("exit-status "));
	assert_null(topic_find("\xc3\xa4"));
}

static void test_texts(void **state)
{
	for (size_t i = 0; topic_at(i); i++) {
		const struct topic *t = topic_at(i);
		autofree char *text = terminal_text(t);

		assert_non_null(text);
		assert_true(strlen(text) > strlen(t->title) + 40);
		assert_true(strlen(text) < TEXT_MAX);
		for (const char *p = text; *p; p++)
			assert_true(*p == '\n' || (unsigned char)*p >= ' ');
	}
}

/* A key that is added to the table is told without a word here. */
static void test_keys_of_the_configuration(void **state)
{
	autofree char *text = terminal_text(topic_find("configuration"));

	for (size_t i = 0; i < profile_options_count; i++) {
		const struct option_spec *o = &profile_options[i];

		assert_non_null(strstr(text, o->name));
		if (o->range[0])
			assert_non_null(strstr(text, "Range: "));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_keys_of_the_configuration),
	};

	return cmocka_run_group_tests_name("client/topic", tests, NULL, NULL);
}
