/*
 * Lines of `virtmux shell` and what completes them, without a terminal: each is run in a
 * process of its own, and a bad one leaves the shell as it was.
 */
#include "client/shell.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "connect/fake_host.h"

#define LONG_BYTES 100000

struct place {
	struct fake_host host;
	struct command_call call;
	struct shell shell;
};

static int setup(void **state)
{
	static const char *const words[] = {"virtmux", "shell"};
	struct place *p = calloc(1, sizeof(*p));
	char config[128];

	fake_host_start(&p->host);
	snprintf(config, sizeof(config), "%s/config", p->host.folder);
	setenv("VIRTMUX_CONFIG", config, 1);
	unsetenv("VIRTMUX_HOST");
	assert_int_equal(command_parse(&p->call, 2, (const char **)words, NULL),
			 0);
	p->shell.call = &p->call;
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	free(p->shell.host);
	command_clear(&p->call);
	fake_host_stop(&p->host);
	free(p);
	return 0;
}

/* Runs LINE with standard output and error thrown away; its status. */
static int quiet(struct shell *shell, const char *line)
{
	int null = open("/dev/null", O_WRONLY);
	int out = dup(STDOUT_FILENO);
	int err = dup(STDERR_FILENO);

	fflush(NULL);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	shell_run(shell, line);
	fflush(NULL);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	close(null);
	close(out);
	close(err);
	return shell->status;
}

static void test_lines(void **state)
{
	struct shell *shell = &((struct place *)*state)->shell;
	autofree char *text = malloc(LONG_BYTES);

	assert_int_equal(quiet(shell, "resume x"), 0);
	assert_int_equal(quiet(shell, "dominfo x"), 3);
	assert_int_equal(quiet(shell, ""), 3); /* nothing changes it */
	assert_int_equal(quiet(shell, "   # only a remark"), 3);
	assert_int_equal(quiet(shell, "resume 'näh \"x'"), 0);
	assert_int_equal(quiet(shell, "no-such-verb"), 2);
	assert_int_equal(quiet(shell, "resume 'x"), 2);
	assert_int_equal(quiet(shell, "resume x\\"), 2);
	assert_int_equal(quiet(shell, "shell"), 2);
	assert_non_null(text);
	memset(text, 'x', LONG_BYTES - 1);
	text[LONG_BYTES - 1] = '\0';
	assert_int_equal(quiet(shell, text), 2);
	assert_false(shell->over);
}

static void test_use(void **state)
{
	struct shell *shell = &((struct place *)*state)->shell;

	assert_int_equal(quiet(shell, "use"), 2);
	assert_int_equal(quiet(shell, "use a b"), 2);
	assert_int_not_equal(quiet(shell, "use no-such-host"), 0);
	assert_false(shell->chosen);
	assert_int_equal(quiet(shell, "use fake"), 0);
	assert_true(shell->chosen);
	assert_string_equal(shell->host, "fake");
	assert_int_equal(quiet(shell, "resume x"), 0);
	/* a bad one does not take the good one's place */
	assert_int_not_equal(quiet(shell, "use no-such-host"), 0);
	assert_string_equal(shell->host, "fake");
}

static void test_end(void **state)
{
	struct shell *shell = &((struct place *)*state)->shell;

	assert_int_equal(quiet(shell, "resume x"), 0);
	quiet(shell, "quit");
	assert_true(shell->over);
	assert_int_equal(shell->status, 0);
	shell->over = false;
	quiet(shell, "exit");
	assert_true(shell->over);
	shell->over = false;
}

/* TEXT is completed to EXPECTED alone; NULL: to nothing. */
static void check(struct shell *shell, const char *text, const char *expected)
{
	autocandidates found = {0};

	shell_complete(shell, text, &found);
	if (!expected) {
		assert_int_equal(found.n, 0);
		return;
	}
	assert_int_equal(found.n, 1);
	assert_string_equal(found.list[0].text, expected);
}

static void test_completion(void **state)
{
	struct shell *shell = &((struct place *)*state)->shell;
	autocandidates many = {0};
	autocandidates files = {0};

	check(shell, "dumpx", "dumpxml");
	check(shell, "us", "use");
	check(shell, "qu", "quit");
	check(shell, "use fa", "fake");
	check(shell, "use fake ", NULL);
	check(shell, "net-info net-00421", "net-00421");
	check(shell, "net-info 'two", "two words");
	check(shell, "net-info two\\ w", "two words");
	check(shell, "net-info \"n\xc3\xa4", "n\xc3\xa4h");
	check(shell, "no-such-verb ", NULL);
	shell_complete(shell, "net-info ", &many);
	assert_int_equal(many.n, FAKE_NETWORKS + 3);
	shell_complete(shell, "define ", &files);
	assert_true(files.files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_use),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_completion),
	};

	return cmocka_run_group_tests_name("client/shell", tests, setup,
					   teardown);
}
