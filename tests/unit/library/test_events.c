/*
 * Events of the library: each told once over as many streams as it takes, and all the ways
 * in which following them ends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "library/fake_connection.h"

#define WANTED 6 /* events: of three streams */

struct seen {
	virtmux_connection *connection;
	virtmux_events *events;
	int count;
	int stop_at; /* stops the events in the callback of this one */
	int ends;
	int number;
	char words[256];
};

static void on_event(void *context, const char *event, const char *after)
{
	struct seen *seen = context;
	char expected[64];

	seen->count++;
	snprintf(expected, sizeof(expected),
		 "{\"type\":\"t\",\"after\":\"%d\"}", seen->count);
	assert_string_equal(event, expected);
	assert_int_equal(atoi(after), seen->count);
	if (seen->count != seen->stop_at)
		return;
	virtmux_events_stop(seen->events);
	virtmux_stop(seen->connection);
}

static void on_end(void *context, const virtmux_error *error)
{
	struct seen *seen = context;

	seen->ends++;
	if (error) {
		seen->number = virtmux_error_number(error);
		snprintf(seen->words, sizeof(seen->words), "%s",
			 virtmux_error_words(error));
	}
	virtmux_stop(seen->connection);
}

/* Follows with PARAMS until the callback stops it or it has ended. */
static struct seen follow(struct fixture *f, const char *params, int stop_at)
{
	struct seen seen = {.connection = f->connection, .stop_at = stop_at};

	seen.events = virtmux_events_start(f->connection, params, on_event,
					   on_end, &seen, NULL);
	assert_non_null(seen.events);
	assert_int_equal(virtmux_run(f->connection, NULL), 0);
	if (seen.ends)
		virtmux_events_stop(seen.events);
	return seen;
}

static void assert_ended(const struct seen *seen, int number, const char *words)
{
	assert_int_equal(seen->ends, 1);
	assert_int_equal(seen->number, number);
	if (!strstr(seen->words, words))
		fail_msg("%s", seen->words);
}

/* The host ends the stream behind every second one. */
static void test_goes_on_behind_the_last(void **state)
{
	struct seen seen = follow(*state, NULL, WANTED);

	assert_int_equal(seen.count, WANTED);
	assert_int_equal(seen.ends, 0);
}

static void test_what_is_there_and_no_more(void **state)
{
	struct seen seen = follow(*state, "{\"follow\":false}", -1);

	assert_int_equal(seen.count, 2);
	assert_ended(&seen, VIRTMUX_ERROR_NONE, "");
}

static void test_refused(void **state)
{
	struct seen seen = follow(*state, "{\"domain\":\"denied\"}", -1);

	assert_ended(&seen, VIRTMUX_ERROR_DENIED, "not for you");
}

static void test_no_event(void **state)
{
	struct seen seen = follow(*state, "{\"domain\":\"garbage\"}", -1);

	assert_int_equal(seen.count, 0);
	assert_ended(&seen, VIRTMUX_ERROR_PARSE, "the host's stream of events");
}

static void test_line_without_an_end(void **state)
{
	struct seen seen = follow(*state, "{\"domain\":\"long\"}", -1);

	assert_ended(&seen, VIRTMUX_ERROR_TOO_LARGE, "65536");
}

/* No host is asked for ever that has nothing to say. */
static void test_ends_again_and_again(void **state)
{
	struct seen seen = follow(*state, "{\"domain\":\"ends\"}", -1);

	assert_ended(&seen, VIRTMUX_ERROR_DISCONNECTED, "again and again");
}

static void test_wrong_parameters(void **state)
{
	struct fixture *f = *state;
	virtmux_error *error = NULL;

	assert_null(virtmux_events_start(f->connection, "{\"domian\":\"a\"}",
					 on_event, on_end, NULL, &error));
	assert_error(error, VIRTMUX_ERROR_INVALID_PARAMS, "domian");
	error = NULL;
	assert_null(virtmux_events_start(f->connection, "{", on_event, on_end,
					 NULL, &error));
	assert_error(error, VIRTMUX_ERROR_PARSE, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_HOST(test_goes_on_behind_the_last),
		WITH_HOST(test_what_is_there_and_no_more),
		WITH_HOST(test_refused),
		WITH_HOST(test_no_event),
		WITH_HOST(test_line_without_an_end),
		WITH_HOST(test_ends_again_and_again),
		WITH_HOST(test_wrong_parameters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
