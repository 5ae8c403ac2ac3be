/*
 * Asking for a secret: the line from a descriptor, askpass programs good and bad,
 * and a terminal of the test's own (a pseudo terminal): echo off, editing keys,
 * Ctrl-C, a signal, and the settings given back each time.
 */
#include "client/connect/prompt.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"

#define PROGRAM "/tmp/virtmux-test-askpass"

/* -- lines ----------------------------------------------------------------- */

static int read_text(struct secret *s, const char *text, size_t len,
		     struct error *err)
{
	int ends[2];
	int rc = 0;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(file_write_all(ends[1], text, len, NULL), 0);
	close(ends[1]);
	rc = prompt_read_line(s, ends[0], "descriptor 9", err);
	close(ends[0]);
	return rc;
}

static void test_line(void **state)
{
	autoptr(secret) s = secret_new();

	assert_int_equal(read_text(s, "one\ntwo", 7, NULL), 0);
	assert_string_equal(s->text, "one");
	assert_int_equal(s->len, 3);
	assert_int_equal(read_text(s, "no newline", 10, NULL), 0);
	assert_string_equal(s->text, "no newline");
	assert_int_equal(read_text(s, "dos\r\n", 5, NULL), 0);
	assert_string_equal(s->text, "dos");
	assert_int_equal(read_text(s, "", 0, NULL), 0);
	assert_int_equal(s->len, 0);
}

static void test_line_refused(void **state)
{
	autoptr(secret) s = secret_new();
	autoerror err = {0};
	char big[SECRET_MAX + 1];

	memset(big, 'x', sizeof(big));
	assert_int_equal(read_text(s, "a\0b\n", 4, &err), -1);
	assert_int_equal(err.code, ERROR_KEY);
	assert_non_null(strstr(error_words(&err), "descriptor 9"));
	assert_int_equal(read_text(s, big, SECRET_MAX, &err), -1);
	assert_int_equal(read_text(s, big, SECRET_MAX - 1, &err), 0);
	assert_int_equal(prompt_read_line(s, 999, "descriptor 999", &err), -1);
	assert_int_equal(err.code, ERROR_KEY);
}

/* -- askpass --------------------------------------------------------------- */

static int askpass(struct secret *s, const char *script, struct error *err)
{
	int rc = 0;

	assert_int_equal(file_write_atomic(PROGRAM, script, strlen(script),
					   0700, NULL),
			 0);
	rc = prompt_askpass(s, PROGRAM, "Passphrase for x: ", err);
	unlink(PROGRAM);
	return rc;
}

static void test_askpass(void **state)
{
	autoptr(secret) s = secret_new();
	autoerror err = {0};

	assert_int_equal(askpass(s, "#!/bin/sh\necho \"<$1>\"\n", &err), 0);
	assert_string_equal(s->text, "<Passphrase for x: >");
	assert_int_equal(askpass(s, "#!/bin/sh\necho no; exit 1\n", &err), -1);
	assert_int_equal(err.code, ERROR_KEY);
	assert_int_equal(s->len, 0);
	assert_int_equal(s->text[0], '\0');
	assert_int_equal(prompt_askpass(s, "/nonexistent/askpass", "p", &err),
			 -1);
	assert_non_null(strstr(error_words(&err), "/nonexistent/askpass"));
}

/* SIGPIPE, which virtmux ignores, has its effect in the program. */
static void test_askpass_signals(void **state)
{
	autoptr(secret) s = secret_new();

	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(askpass(s,
				 "#!/bin/sh\n"
				 "sh -c 'kill -PIPE $$; echo lived' | cat\n",
				 NULL),
			 0);
	assert_string_equal(s->text, "");
	signal(SIGPIPE, SIG_DFL);
}

/* -- terminal -------------------------------------------------------------- */

struct terminal {
	int master;
	pid_t pid;
	struct buf seen;
};

/*
 * The child on the other side: its status is 0 where ANSWER came and the terminal
 * is as before, 1 for another answer, 2 for an error that is no interruption, 3
 * for an interruption, 4 for a terminal that was left changed.
 */
static void ask(const char *answer)
{
	struct secret *s = secret_new();
	struct termios before;
	struct termios after;
	autoerror err = {0};
	int fd = open("/dev/tty", O_RDWR);
	int rc = 0;

	tcgetattr(fd, &before);
	rc = prompt_terminal(s, "secret? ", &err);
	tcgetattr(fd, &after);
	if (after.c_lflag != before.c_lflag)
		_exit(4);
	if (rc < 0)
		_exit(err.code == ERROR_INTERRUPTED ? 3 : 2);
	_exit(strcmp(s->text, answer) != 0);
}

static void terminal_start(struct terminal *t, const char *answer)
{
	int slave = -1;

	memset(t, 0, sizeof(*t));
	t->master = posix_openpt(O_RDWR | O_NOCTTY);
	assert_true(t->master >= 0);
	assert_int_equal(grantpt(t->master), 0);
	assert_int_equal(unlockpt(t->master), 0);
	t->pid = fork();
	assert_true(t->pid >= 0);
	if (t->pid == 0) {
		setsid();
		slave = open(ptsname(t->master), O_RDWR);
		ioctl(slave, TIOCSCTTY, 0);
		close(t->master);
		ask(answer);
	}
}

/* Reads until WORDS were seen. */
static void expect(struct terminal *t, const char *words)
{
	char text[256];
	struct pollfd p = {.fd = t->master, .events = POLLIN};

	for (;;) {
		ssize_t n = 0;

		if (t->seen.len && memmem(buf_bytes(&t->seen), t->seen.len,
					  words, strlen(words)))
			return;
		assert_int_equal(poll(&p, 1, 10000), 1);
		n = read(t->master, text, sizeof(text));
		assert_true(n > 0);
		buf_append(&t->seen, text, (size_t)n);
	}
}

static void type(struct terminal *t, const char *text)
{
	assert_int_equal(file_write_all(t->master, text, strlen(text), NULL),
			 0);
}

static int terminal_end(struct terminal *t)
{
	char text[256];
	int status = 0;
	ssize_t n = 0;

	while ((n = read(t->master, text, sizeof(text))) > 0)
		buf_append(&t->seen, text, (size_t)n);
	assert_int_equal(waitpid(t->pid, &status, 0), t->pid);
	close(t->master);
	return status;
}

static void assert_typed(const char *keys, const char *answer)
{
	struct terminal t;
	int status = 0;

	terminal_start(&t, answer);
	expect(&t, "secret? ");
	type(&t, keys);
	status = terminal_end(&t);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	/* Nothing of it is shown. */
	assert_null(memmem(buf_bytes(&t.seen), t.seen.len, "horse", 5));
	buf_free(&t.seen);
}

static void test_terminal(void **state)
{
	assert_typed("horse battery\n", "horse battery");
	assert_typed("horse\r", "horse");
	assert_typed("horsey\x7f\n", "horse");
	assert_typed("wrong\x15horse\n", "horse");
	assert_typed("horse\xc3\xa4\x7f\n", "horse");
	assert_typed("\x7fhorse\x04\n", "horse");
}

static void test_terminal_interrupted(void **state)
{
	struct terminal t;
	int status = 0;

	terminal_start(&t, "");
	expect(&t, "secret? ");
	type(&t, "hor\x03");
	status = terminal_end(&t);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 3);
	buf_free(&t.seen);
	terminal_start(&t, "");
	expect(&t, "secret? ");
	type(&t, "\x04");
	status = terminal_end(&t);
	assert_int_equal(WEXITSTATUS(status), 2);
	buf_free(&t.seen);
}

/* A signal ends the process, but not before echo is on again. */
static void test_terminal_signal(void **state)
{
	struct terminal t;
	struct termios settings;
	int slave = -1;
	int status = 0;

	terminal_start(&t, "");
	slave = open(ptsname(t.master), O_RDWR | O_NOCTTY);
	expect(&t, "secret? ");
	assert_int_equal(tcgetattr(slave, &settings), 0);
	assert_false(settings.c_lflag & ECHO);
	kill(t.pid, SIGTERM);
	assert_int_equal(waitpid(t.pid, &status, 0), t.pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
	assert_int_equal(tcgetattr(slave, &settings), 0);
	assert_true(settings.c_lflag & ECHO);
	assert_true(settings.c_lflag & ICANON);
	close(slave);
	close(t.master);
	buf_free(&t.seen);
}

/*
 * After a stop it asks again from the start. (This process group is orphaned, so
 * the kernel passes the stop over; what virtmux does is the same.)
 */
static void test_terminal_stopped(void **state)
{
	struct terminal t;
	int status = 0;

	terminal_start(&t, "horse");
	expect(&t, "secret? ");
	type(&t, "wrong");
	kill(t.pid, SIGTSTP);
	buf_reset(&t.seen);
	expect(&t, "secret? ");
	type(&t, "horse\n");
	status = terminal_end(&t);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	buf_free(&t.seen);
}

static void test_no_terminal(void **state)
{
	pid_t pid = fork();
	int status = 0;

	assert_true(pid >= 0);
	if (pid == 0) {
		autoerror err = {0};
		struct secret *s = secret_new();

		setsid();
		_exit(prompt_has_terminal() ||
		      prompt_terminal(s, "p", &err) == 0 ||
		      err.code != ERROR_KEY);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_line_refused),
		cmocka_unit_test(test_askpass),
		cmocka_unit_test(test_askpass_signals),
		cmocka_unit_test(test_terminal),
		cmocka_unit_test(test_terminal_interrupted),
		cmocka_unit_test(test_terminal_signal),
		cmocka_unit_test(test_terminal_stopped),
		cmocka_unit_test(test_no_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
