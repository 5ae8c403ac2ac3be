/*
 * The name that was meant: only for a person, only where it was an argument that the
 * host does not know, and only what is near.
 */
#include "client/suggest.h"

#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "client/command_private.h"
#include "client/connect/channel.h"
#include "client/output.h"
#include "connect/fake_host.h"

#define WORDS_MAX 8

struct place {
	struct fake_host host;
	struct channel *channel;
	int terminal; /* a terminal's descriptor for standard error */
	int master;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	struct channel_options options = {0};

	fake_host_start(&p->host);
	options.profile = p->host.profile;
	assert_int_equal(channel_open(&p->channel, &options, NULL), 0);
	assert_int_equal(openpty(&p->master, &p->terminal, NULL, NULL, NULL),
			 0);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	close(p->terminal);
	close(p->master);
	channel_free(p->channel);
	fake_host_stop(&p->host);
	free(p);
	return 0;
}

struct asked {
	const char *words[WORDS_MAX]; /* the command, without "virtmux" */
	enum error_code code;
	const char *error;
	enum output_format format;
	bool no_terminal;
};

/* The error's words after a suggestion for A, to free(). */
static char *suggest(struct place *p, const struct asked *a)
{
	const char *argv[WORDS_MAX + 1] = {"virtmux"};
	struct command_call call = {0};
	struct output_options options = {.file = stdout, .format = a->format};
	int kept = dup(STDERR_FILENO);
	int null = open("/dev/null", O_WRONLY);
	autoerror why = {0};
	char *words = NULL;
	int argc = 1;

	for (size_t i = 0; a->words[i]; i++)
		argv[argc++] = a->words[i];
	assert_int_equal(command_parse(&call, argc, argv, NULL), 0);
	call.output = output_new(&options);
	error_set(&why, a->code, "%s", a->error);
	error_set_cause(&why, "call c-1");
	dup2(a->no_terminal ? null : p->terminal, STDERR_FILENO);
	suggest_name(&call, p->channel, &why);
	dup2(kept, STDERR_FILENO);
	close(kept);
	close(null);
	assert_int_equal(why.code, a->code);
	assert_string_equal(why.cause, "call c-1");
	words = strdup(error_words(&why));
	command_clear(&call);
	return words;
}

static void check(struct place *p, const struct asked *a, const char *expected)
{
	autofree char *words = suggest(p, a);

	assert_string_equal(words, expected);
}

#define NONE "no network 'net-0O421'"

static const struct asked mistyped = {
	.words = {"net-info", "net-0O421"},
	.code = ERROR_NOT_FOUND,
	.error = NONE,
};

static void test_near(void **state)
{
	const struct asked odd = {.words = {"net-info", "two wrods"},
				  .code = ERROR_NOT_FOUND,
				  .error = "no network 'two wrods'"};
	const struct asked utf8 = {.words = {"net-info", "n\xc3\xb6h"},
				   .code = ERROR_NOT_FOUND,
				   .error = "no network 'n\xc3\xb6h'"};

	check(*state, &mistyped, NONE "; did you mean 'net-00421'?");
	check(*state, &odd,
	      "no network 'two wrods'; did you mean 'two words'?");
	check(*state, &utf8,
	      "no network 'n\xc3\xb6h'; did you mean 'n\xc3\xa4h'?");
}

static void test_nothing_near(void **state)
{
	const struct asked far = {.words = {"net-info", "qqqqqq"},
				  .code = ERROR_NOT_FOUND,
				  .error = "no network 'qqqqqq'"};
	const struct asked brief = {.words = {"net-info", "x"},
				    .code = ERROR_NOT_FOUND,
				    .error = "no network 'x'"};

	check(*state, &far, far.error);
	check(*state, &brief, brief.error);
}

/* The name is right; what the host lacks is another thing. */
static void test_one_that_is_there(void **state)
{
	const struct asked there = {
		.words = {"net-info", "net-00421"},
		.code = ERROR_NOT_FOUND,
		.error = "network 'net-00421' has no bridge"};

	check(*state, &there, there.error);
}

/* Scripts pay nothing, and read what they always did. */
static void test_for_a_person_alone(void **state)
{
	struct asked a = mistyped;

	a.no_terminal = true;
	check(*state, &a, NONE);
	a = mistyped;
	a.format = OUTPUT_JSON;
	check(*state, &a, NONE);
}

static void test_other_errors(void **state)
{
	struct asked a = mistyped;

	a.code = ERROR_DENIED;
	check(*state, &a, NONE);
	a = mistyped; /* about something else than an argument */
	a.error = "no snapshot 'x'";
	check(*state, &a, a.error);
}

static void test_no_channel(void **state)
{
	struct place p = *(struct place *)*state;

	p.channel = NULL;
	check(&p, &mistyped, NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_near),
		cmocka_unit_test(test_nothing_near),
		cmocka_unit_test(test_one_that_is_there),
		cmocka_unit_test(test_for_a_person_alone),
		cmocka_unit_test(test_other_errors),
		cmocka_unit_test(test_no_channel),
	};

	return cmocka_run_group_tests_name("client/suggest", tests, setup,
					   teardown);
}
