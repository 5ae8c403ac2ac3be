/*
 * A serial line's count over cuts: a host of the test's own keeps what it took and
 * what it said, streams are cut at every offset, and in the end both sides must have
 * had every byte once.
 */
#include "client/consoles/serial_book.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#define LINE  "00112233445566aa"
#define TOKEN "0123456789abcdef0123456789abcdef"

static struct serial_book fresh(void)
{
	return (struct serial_book){.token = TOKEN};
}

static int answer(struct serial_book *b, const char *line, uint64_t offset,
		  uint64_t taken, struct serial_news *news, struct error *err)
{
	char offset_text[24], taken_text[24];
	struct serial_answer a = {line, offset_text, taken_text};

	snprintf(offset_text, sizeof(offset_text), "%llu",
		 (unsigned long long)offset);
	snprintf(taken_text, sizeof(taken_text), "%llu",
		 (unsigned long long)taken);
	return serial_book_answer(b, &a, news, err);
}

static void assert_path(const struct serial_book *b,
			const struct serial_ask *ask, const char *expected)
{
	autofree char *path = serial_book_path(b, ask);

	assert_string_equal(path, expected);
}

static void type(struct serial_book *b, const char *text)
{
	assert_int_equal(
		serial_book_type(b, (const uint8_t *)text, strlen(text)), 0);
}

static void assert_unsent(const struct serial_book *b, const char *text)
{
	const uint8_t *at = NULL;

	assert_int_equal(serial_book_unsent(b, &at), strlen(text));
	assert_memory_equal(at, text, strlen(text));
}

/* -- paths ----------------------------------------------------------------- */

static void test_paths(void **state)
{
	struct serial_ask ask = {.domain = "web 1", .n = 2, .history = -1};
	struct serial_book b = fresh();
	struct serial_news news;

	assert_path(&b, &ask, "/domains/web%201/serial/2?writer=" TOKEN);
	ask.force = true;
	ask.history = 0;
	assert_path(&b, &ask,
		    "/domains/web%201/serial/2?writer=" TOKEN
		    "&force=true&history=0");
	assert_false(serial_book_can_return(&b));
	assert_int_equal(answer(&b, LINE, 40, 0, &news, NULL), 0);
	assert_true(serial_book_can_return(&b));
	assert_false(news.again);
	serial_book_got(&b, 2);
	assert_path(&b, &ask,
		    "/domains/web%201/serial/2?writer=" TOKEN "&line=" LINE
		    "&after=42");
	serial_book_clear(&b);
}

static void test_path_of_a_watcher(void **state)
{
	struct serial_ask ask = {.domain = "w", .watch = true, .history = 100};
	struct serial_book b = {0};
	struct serial_news news;

	assert_path(&b, &ask, "/domains/w/serial/0?watch=true&history=100");
	assert_int_equal(answer(&b, LINE, 7, 0, &news, NULL), 0);
	assert_path(&b, &ask,
		    "/domains/w/serial/0?watch=true&line=" LINE "&after=7");
	serial_book_clear(&b);
}

/* -- bytes over cuts ------------------------------------------------------- */

/* A line of the host's: what it took, by which it knows a writer again. */
struct line {
	char took[64];
	size_t taken;
};

/* The stream takes N of what is to be sent, and the line ARRIVES of these. */
static void send_some(struct serial_book *b, struct line *line, size_t n,
		      size_t arrives)
{
	const uint8_t *at = NULL;
	size_t most = serial_book_unsent(b, &at);

	if (n > most)
		n = most;
	if (arrives > n)
		arrives = n;
	memcpy(line->took + line->taken, at, arrives);
	line->taken += arrives;
	serial_book_sent(b, n);
}

static void test_input_over_cuts_at_every_offset(void **state)
{
	static const char text[] = "abcdefghij";
	const size_t len = sizeof(text) - 1;

	for (size_t sent = 0; sent <= len; sent++) {
		for (size_t arrives = 0; arrives <= sent; arrives++) {
			struct serial_book b = fresh();
			struct line line = {0};
			struct serial_news news;

			answer(&b, LINE, 0, 0, &news, NULL);
			type(&b, "abcdefg");
			send_some(&b, &line, sent, arrives);
			/* Cut; typed on; back, and cut once more at once. */
			type(&b, "hij");
			for (int i = 0; i < 2; i++)
				assert_int_equal(answer(&b, LINE, 0, line.taken,
							&news, NULL),
						 0);
			assert_true(news.again);
			assert_false(news.anew || news.missed || news.unknown);
			send_some(&b, &line, len, len);
			assert_int_equal(line.taken, len);
			assert_memory_equal(line.took, text, len);
			/* The host tells so: nothing is held any more. */
			answer(&b, LINE, 0, line.taken, &news, NULL);
			assert_int_equal(b.typed.len, 0);
			serial_book_clear(&b);
		}
	}
}

static void test_output_over_a_cut(void **state)
{
	struct serial_book b = fresh();
	struct serial_news news;

	answer(&b, LINE, 100, 0, &news, NULL);
	assert_int_equal(serial_book_got(&b, 50), 0);
	assert_int_equal(answer(&b, LINE, 150, 0, &news, NULL), 0);
	assert_int_equal(news.missed, 0);
	/* Ten bytes come again, in two pieces: none of them counts twice. */
	assert_int_equal(answer(&b, LINE, 140, 0, &news, NULL), 0);
	assert_int_equal(news.missed, 0);
	assert_int_equal(serial_book_got(&b, 4), 4);
	assert_int_equal(serial_book_got(&b, 10), 6);
	assert_int_equal(b.next, 154);
	/* And these are gone. */
	assert_int_equal(answer(&b, LINE, 1000, 0, &news, NULL), 0);
	assert_int_equal(news.missed, 1000 - 154);
	assert_int_equal(serial_book_got(&b, 1), 0);
	assert_int_equal(b.next, 1001);
	serial_book_clear(&b);
}

static void test_another_run(void **state)
{
	struct serial_book b = fresh();
	struct line line = {0};
	struct serial_news news;

	answer(&b, LINE, 0, 0, &news, NULL);
	serial_book_got(&b, 500);
	type(&b, "0123456789");
	send_some(&b, &line, 6, 2);
	assert_int_equal(answer(&b, "ff", 30, 0, &news, NULL), 0);
	assert_true(news.anew);
	assert_int_equal(news.missed, 0);
	assert_int_equal(news.unknown, 6);
	assert_int_equal(news.dropped, 4);
	assert_int_equal(b.next, 30);
	type(&b, "x");
	assert_unsent(&b, "x");
	serial_book_clear(&b);
}

/* Nobody knows what it took: that is told, and nothing is typed twice. */
static void test_the_host_has_forgotten_the_writer(void **state)
{
	struct serial_book b = fresh();
	struct line line = {0};
	struct serial_news news;

	answer(&b, LINE, 0, 0, &news, NULL);
	type(&b, "0123");
	send_some(&b, &line, 4, 4);
	answer(&b, LINE, 0, 4, &news, NULL);
	type(&b, "456789");
	send_some(&b, &line, 2, 2);
	assert_int_equal(answer(&b, LINE, 0, 0, &news, NULL), 0);
	assert_int_equal(news.unknown, 2);
	assert_unsent(&b, "6789");
	send_some(&b, &line, 4, 1);
	assert_int_equal(answer(&b, LINE, 0, 1, &news, NULL), 0);
	assert_unsent(&b, "789");
	serial_book_clear(&b);
}

static void test_answers_without_sense(void **state)
{
	static const char *const numbers[] = {
		"", "x", "-1", "1x", "+1", " 1", "99999999999999999999"};
	struct serial_book b = fresh();
	struct serial_news news;
	autoerror err = {0};

	for (size_t i = 0; i < array_size(numbers); i++) {
		struct serial_answer a = {LINE, numbers[i], "0"};
		struct serial_answer c = {LINE, "0", numbers[i]};

		assert_int_equal(serial_book_answer(&b, &a, &news, &err), -1);
		assert_int_equal(err.code, ERROR_DISCONNECTED);
		assert_int_equal(serial_book_answer(&b, &c, &news, &err), -1);
	}
	assert_false(serial_book_can_return(&b));
	answer(&b, LINE, 0, 0, &news, NULL);
	type(&b, "abc");
	serial_book_sent(&b, 2);
	assert_int_equal(answer(&b, LINE, 0, 3, &news, &err), -1);
	assert_string_equal(err.words,
			    "the host's answer cannot be understood: it has "
			    "taken more than was sent");
	assert_int_equal(answer(&b, NULL, 0, 0, &news, &err), -1);
	serial_book_clear(&b);
}

/* A host that tells nothing of runs: it is used, and cannot be come back to. */
static void test_a_silent_host(void **state)
{
	struct serial_answer silence = {0};
	struct serial_book b = fresh();
	struct serial_news news;

	assert_int_equal(serial_book_answer(&b, &silence, &news, NULL), 0);
	assert_false(serial_book_can_return(&b));
	assert_int_equal(serial_book_got(&b, 10), 0);
	serial_book_clear(&b);
}

/* What is sent is held up to the limit, and the count goes on. */
static void test_what_is_held_is_bounded(void **state)
{
	enum { PIECE = 1024 * 1024, PIECES = 20 };
	uint8_t *piece = calloc(1, PIECE);
	struct serial_book b = fresh();
	struct serial_news news;
	const uint64_t all = (uint64_t)PIECE * PIECES;

	answer(&b, LINE, 0, 0, &news, NULL);
	for (int i = 0; i < PIECES; i++) {
		assert_int_equal(serial_book_type(&b, piece, PIECE), 0);
		serial_book_sent(&b, PIECE);
		assert_in_range(b.typed.len, 0, SERIAL_HELD_MAX);
	}
	assert_int_equal(b.taken + b.sent, all);
	assert_int_equal(answer(&b, LINE, 0, all - 3, &news, NULL), 0);
	assert_int_equal(serial_book_unsent(&b, NULL), 3);
	assert_int_equal(news.unknown, 0);
	serial_book_clear(&b);
	free(piece);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_path_of_a_watcher),
		cmocka_unit_test(test_input_over_cuts_at_every_offset),
		cmocka_unit_test(test_output_over_a_cut),
		cmocka_unit_test(test_another_run),
		cmocka_unit_test(test_the_host_has_forgotten_the_writer),
		cmocka_unit_test(test_answers_without_sense),
		cmocka_unit_test(test_a_silent_host),
		cmocka_unit_test(test_what_is_held_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
