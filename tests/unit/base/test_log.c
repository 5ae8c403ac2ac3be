/*
 * The log's lines: their form, that nothing can forge one, the cut of long
 * words, and that threads never mix theirs. Lines are read back from a pipe.
 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/cleanup.h"

#define THREADS          4
#define LINES_PER_THREAD 200

struct fixture {
	int from;
	int to;
	char text[65536]; /* what was read last */
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int ends[2];

	if (!f || pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	f->from = ends[0];
	f->to = ends[1];
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close(f->from);
	close(f->to);
	free(f);
	return 0;
}

/* All that is in the pipe now. */
static const char *written(struct fixture *f)
{
	ssize_t n = read(f->from, f->text, sizeof(f->text) - 1);

	f->text[n > 0 ? n : 0] = '\0';
	return f->text;
}

DEFINE_CLEANUP(log, log_free);

static void test_journal_lines(void **state)
{
	struct fixture *f = *state;
	autoptr(log) log = log_new(f->to, "virtmuxd", LOG_LEVEL_DEBUG, true);

	log_error(log, "a %d", 1);
	log_warning(log, "b");
	log_info(log, "c");
	log_debug(log, "d");
	assert_string_equal(written(f), "<3>a 1\n<4>b\n<6>c\n<7>d\n");
}

static void test_plain_lines(void **state)
{
	struct fixture *f = *state;
	autoptr(log) log = log_new(f->to, "virtmuxd", LOG_LEVEL_INFO, false);
	const char *line;
	int end = 0;

	log_warning(log, "disk %s", "full");
	line = written(f);
	sscanf(line, "%*4d-%*2d-%*2dT%*2d:%*2d:%*2d.%*3dZ%n", &end);
	assert_int_equal(end, 24);
	assert_string_equal(line + end, " virtmuxd warning: disk full\n");
}

static void test_level(void **state)
{
	struct fixture *f = *state;
	autoptr(log) log = log_new(f->to, "p", LOG_LEVEL_WARNING, true);

	assert_true(log_enabled(log, LOG_LEVEL_ERROR));
	assert_false(log_enabled(log, LOG_LEVEL_INFO));
	log_info(log, "hidden");
	log_set_level(log, LOG_LEVEL_INFO);
	log_info(log, "shown");
	assert_string_equal(written(f), "<6>shown\n");
}

static void test_null_log(void **state)
{
	log_error(NULL, "nobody hears %s", "it");
	assert_false(log_enabled(NULL, LOG_LEVEL_ERROR));
	log_free(NULL);
}

static void test_escapes(void **state)
{
	struct fixture *f = *state;
	autoptr(log) log = log_new(f->to, "p", LOG_LEVEL_INFO, true);

	log_info(log, "x\n<3>forged\r\x1b[2J\t\x7f.");
	assert_string_equal(written(f),
			    "<6>x\\x0a<3>forged\\x0d\\x1b[2J\\x09\\x7f.\n");
	log_info(log, "%s", "\xc2\x9b \xff \xc3 M\xc3\xbc");
	assert_string_equal(written(f),
			    "<6>\\xc2\\x9b \\xff \\xc3 M\xc3\xbc\n");
}

static void assert_cut(struct fixture *f, struct log *log, char fill, size_t n)
{
	autofree char *words = malloc(n + 1);
	const char *line;
	size_t len;

	assert_non_null(words);
	memset(words, fill, n);
	words[n] = '\0';
	log_info(log, "%s", words);
	line = written(f);
	len = strlen(line);
	assert_in_range(len, 4000, 8192);
	assert_string_equal(line + len - 4, "...\n");
	assert_ptr_equal(strchr(line, '\n'), line + len - 1);
}

static void test_long_words_are_cut(void **state)
{
	struct fixture *f = *state;
	autoptr(log) log = log_new(f->to, "p", LOG_LEVEL_INFO, false);

	assert_cut(f, log, 'w', 4096);
	assert_cut(f, log, 'w', 100000);
	assert_cut(f, log, '\x01', 4095);
}

static void test_keeps_errno(void **state)
{
	autoptr(log) log = log_new(-1, "p", LOG_LEVEL_INFO, true);

	errno = ENOSPC;
	log_info(log, "to a closed descriptor");
	assert_int_equal(errno, ENOSPC);
}

static void *write_lines(void *log)
{
	for (int i = 0; i < LINES_PER_THREAD; i++)
		log_info(log, "%s", "0123456789012345678901234567890123456789");
	return NULL;
}

static void test_threads_do_not_mix(void **state)
{
	struct fixture *f = *state;
	autoptr(log) log = log_new(f->to, "p", LOG_LEVEL_INFO, true);
	static const char line[] =
		"<6>0123456789012345678901234567890123456789\n";
	pthread_t threads[THREADS];
	const char *text;

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, write_lines, log), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	text = written(f);
	assert_int_equal(strlen(text),
			 THREADS * LINES_PER_THREAD * strlen(line));
	for (; *text; text += strlen(line))
		assert_memory_equal(text, line, strlen(line));
}

static void test_level_names(void **state)
{
	assert_int_equal(log_level_from_name("error"), LOG_LEVEL_ERROR);
	assert_int_equal(log_level_from_name("warning"), LOG_LEVEL_WARNING);
	assert_int_equal(log_level_from_name("info"), LOG_LEVEL_INFO);
	assert_int_equal(log_level_from_name("debug"), LOG_LEVEL_DEBUG);
	assert_int_equal(log_level_from_name("Debug"), -1);
	assert_int_equal(log_level_from_name(""), -1);
}

#define pipe_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		pipe_test(test_journal_lines),
		pipe_test(test_plain_lines),
		pipe_test(test_level),
		cmocka_unit_test(test_null_log),
		pipe_test(test_escapes),
		pipe_test(test_long_words_are_cut),
		cmocka_unit_test(test_keeps_errno),
		pipe_test(test_threads_do_not_mix),
		cmocka_unit_test(test_level_names),
	};

	return cmocka_run_group_tests_name("base/log", tests, NULL, NULL);
}
