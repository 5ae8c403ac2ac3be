/* The journal of events: places, words, and its two limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"

#include "daemon/rpc/event_log.h"
#include "daemon/rpc/limits.h"

static struct event_log *open_log(void)
{
	struct event_log *log = NULL;
	struct error err = {0};

	assert_int_equal(event_log_new(&log, &err), 0);
	return log;
}

/* The word of the new entry, of SIZE bytes. */
static const char *add(struct event_log *log, size_t size)
{
	struct event_entry entry = {.name = strdup("web"), .uuid = strdup("u")};

	random_name(entry.word, sizeof(entry.word));
	assert_int_equal(buf_reserve(&entry.line, size), 0);
	memset(buf_end(&entry.line), 'x', size);
	buf_added(&entry.line, size);
	event_log_add(log, &entry);
	assert_null(entry.name);
	return event_log_word(log, event_log_next(log));
}

static void places_and_words(void **state)
{
	autoptr(event_log) log = open_log();
	char origin[EVENT_WORD_SIZE], word[EVENT_WORD_SIZE];
	uint64_t place = 77;

	strcpy(origin, event_log_word(log, 0));
	assert_int_equal(strlen(origin), EVENT_WORD_SIZE - 1);
	assert_true(event_log_find(log, origin, &place));
	assert_int_equal(place, 0);
	strcpy(word, add(log, 10));
	add(log, 10);
	assert_string_not_equal(word, origin);
	assert_true(event_log_find(log, word, &place));
	assert_int_equal(place, 1);
	assert_true(event_log_find(log, origin, &place));
	assert_int_equal(place, 0);
	assert_false(event_log_find(log, "0123456789abcdef", &place));
	assert_false(event_log_find(log, "", &place));
	assert_string_equal(event_log_at(log, 1)->name, "web");
	assert_int_equal(event_log_at(log, 1)->line.len, 10);
}

static void the_oldest_go(void **state)
{
	autoptr(event_log) log = open_log();
	char first[EVENT_WORD_SIZE], second[EVENT_WORD_SIZE];
	uint64_t place;

	strcpy(first, add(log, 1));
	strcpy(second, add(log, 1));
	for (unsigned i = 2; i < RPC_EVENTS_KEPT; i++)
		add(log, 1);
	assert_int_equal(event_log_first(log), 0);
	add(log, 1);
	assert_int_equal(event_log_first(log), 1);
	/* Behind the first one all is there still. */
	assert_true(event_log_find(log, first, &place));
	assert_int_equal(place, 1);
	add(log, 1);
	assert_false(event_log_find(log, first, &place));
	assert_true(event_log_find(log, second, &place));
	assert_int_equal(event_log_next(log) - event_log_first(log),
			 RPC_EVENTS_KEPT);
}

static void long_lines_push_more_out(void **state)
{
	autoptr(event_log) log = open_log();

	for (unsigned i = 0; i < 8; i++)
		add(log, RPC_EVENTS_BYTES / 4);
	assert_int_equal(event_log_next(log), 8);
	assert_int_equal(event_log_first(log), 4);
	add(log, 2 * RPC_EVENTS_BYTES); /* alone above it: it is told */
	assert_int_equal(event_log_first(log), 8);
	assert_int_equal(event_log_next(log), 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_and_words),
		cmocka_unit_test(the_oldest_go),
		cmocka_unit_test(long_lines_push_more_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
