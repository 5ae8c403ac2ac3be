/*
 * A new passphrase: asked twice of a person, once where it is given; and what is
 * refused. Runs in a session of its own, so that there is no terminal. (The sources
 * themselves are tried with keys in test_key.c.)
 */
#include "client/connect/key_ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/file.h"
#include "client/no_terminal.h"

#define FOLDER  "/tmp/virtmux-test-key-ask"
#define PASS    FOLDER "/pass"
#define ASKPASS FOLDER "/askpass"
#define ASKED   FOLDER "/asked"
#define ANSWERS FOLDER "/answers"

/* Gives the N-th line of ANSWERS when it is asked for the N-th time. */
static const char askpass[] =
	"#!/bin/sh\necho \"$1\" >> " ASKED "\n"
	"n=$(wc -l < " ASKED ")\nsed -n \"${n}p\" " ANSWERS "\n";

static const struct key_sources person = {.passphrase_fd = -1};

static void write_text(const char *path, const char *text, mode_t mode)
{
	assert_int_equal(
		file_write_atomic(path, text, strlen(text), mode, NULL), 0);
}

static int ask_new(struct secret *answer, struct key_sources sources,
		   const char *answers, struct error *err)
{
	const struct key_question question = {&sources, "passphrase", "k"};

	unlink(ASKED);
	write_text(ANSWERS, answers, 0600);
	return key_ask_new(answer, &question, err);
}

static void assert_asked(const char *prompts)
{
	autobuf text = {0};

	assert_int_equal(file_read(ASKED, 65536, &text, NULL), 0);
	buf_append_char(&text, '\0');
	assert_string_equal((char *)buf_bytes(&text), prompts);
}

static void test_person(void **state)
{
	autoptr(secret) s = secret_new();

	assert_int_equal(key_ask_tries(&person), KEY_TRIES);
	assert_int_equal(ask_new(s, person, "a\na\n", NULL), 0);
	assert_string_equal(s->text, "a");
	assert_asked("Passphrase for k, a new one: \nPassphrase for k, once "
		     "more: \n");
	assert_int_equal(ask_new(s, person, "a\nb\nc\nc\n", NULL), 0);
	assert_string_equal(s->text, "c");
	assert_asked(
		"Passphrase for k, a new one: \nPassphrase for k, once more: \n"
		"They differ. Passphrase for k, a new one: \n"
		"Passphrase for k, once more: \n");
}

static void test_refused(void **state)
{
	autoptr(secret) s = secret_new();
	struct key_sources batch = person;
	autoerror err = {0};

	assert_int_equal(ask_new(s, person, "a\nb\na\nb\na\nb\n", &err), -1);
	assert_int_equal(err.code, ERROR_KEY);
	assert_non_null(strstr(error_words(&err), "twice"));
	assert_int_equal(ask_new(s, person, "\n\n", &err), -1);
	assert_non_null(strstr(error_words(&err), "empty"));
	batch.batch = true;
	assert_int_equal(key_ask_tries(&batch), 1);
	assert_int_equal(ask_new(s, batch, "a\na\n", &err), -1);
	assert_non_null(strstr(error_words(&err), "--batch"));
}

static void test_given(void **state)
{
	autoptr(secret) s = secret_new();
	struct key_sources given = person;
	autoerror err = {0};

	given.passphrase_file = PASS;
	write_text(PASS, "once\n", 0600);
	assert_int_equal(key_ask_tries(&given), 1);
	assert_int_equal(ask_new(s, given, "x\nx\n", NULL), 0);
	assert_string_equal(s->text, "once");
	assert_int_equal(access(ASKED, F_OK), -1);
	write_text(PASS, "\n", 0600);
	assert_int_equal(ask_new(s, given, "x\nx\n", &err), -1);
	assert_non_null(strstr(error_words(&err), "empty"));
}

static int answer_of_program(void *context, struct secret *answer,
			     const struct key_question *q, bool again,
			     struct error *err)
{
	int *times = context;

	assert_string_equal(q->what, "passphrase");
	assert_int_equal(again, *times > 0);
	if (++*times > 2)
		return error_set(err, ERROR_KEY, "it has none");
	answer->len = (size_t)snprintf(answer->text, sizeof(answer->text), "%d",
				       *times);
	return 0;
}

/* It is asked instead of everybody, and as often as a person. */
static void test_program(void **state)
{
	autoptr(secret) s = secret_new();
	int times = 0;
	struct key_sources program = person;
	const struct key_question question = {&program, "passphrase", "k"};
	autoerror err = {0};

	program.ask = answer_of_program;
	program.ask_context = &times;
	program.batch = true;
	unlink(ASKED);
	assert_int_equal(key_ask_tries(&program), KEY_TRIES);
	assert_int_equal(key_ask(s, &question, false, NULL), 0);
	assert_string_equal(s->text, "1");
	assert_int_equal(key_ask(s, &question, true, NULL), 0);
	assert_string_equal(s->text, "2");
	assert_int_equal(key_ask(s, &question, true, &err), -1);
	assert_string_equal(error_words(&err), "it has none");
	assert_int_equal(access(ASKED, F_OK), -1);
}

static int setup(void **state)
{
	if (file_make_dirs(FOLDER, 0700, NULL) < 0)
		return -1;
	write_text(ASKPASS, askpass, 0700);
	setenv("VIRTMUX_ASKPASS", ASKPASS, 1);
	return 0;
}

static int teardown(void **state)
{
	return system("rm -r '" FOLDER "'");
}

static int run_all(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_person),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_given),
		cmocka_unit_test(test_program),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

int main(void)
{
	return without_terminal(run_all);
}
