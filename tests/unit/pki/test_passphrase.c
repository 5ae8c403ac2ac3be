/*
 * Passphrases from descriptors, files and a terminal, which here is a
 * pseudo-terminal with the test at its other end.
 */
#include "pki/passphrase.h"

#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>

#include "pki/fixture.h"

static struct passphrase_source from_fd(int fd)
{
	return (struct passphrase_source){
		.of = "the key",
		.option = "--passphrase",
		.fd = fd,
	};
}

/* A descriptor from which TEXT of LEN bytes can be read, then the end. */
static int pipe_of(const char *text, size_t len)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], text, len), len);
	close(ends[1]);
	return ends[0];
}

static void test_lines_of_one_descriptor(void **state)
{
	autoclose int fd = pipe_of("first\nsecond\r\nthird", 19);
	struct passphrase_source source = from_fd(fd);
	autoptr(secret) first = passphrase_get(&source, 0, NULL);
	autoptr(secret) second = passphrase_get_new(&source, NULL);
	autoptr(secret) third = passphrase_get(&source, 0, NULL);

	assert_string_equal(first->text, "first");
	assert_int_equal(first->len, 5);
	assert_string_equal(second->text, "second");
	assert_string_equal(third->text, "third");
	assert_false(passphrase_is_asked(&source));
}

static void assert_refused(const char *text, size_t len, bool new)
{
	autoclose int fd = pipe_of(text, len);
	struct passphrase_source source = from_fd(fd);
	autoerror err = {0};

	assert_null(new ? passphrase_get_new(&source, &err)
			: passphrase_get(&source, 0, &err));
	assert_int_equal(err.code, ERROR_KEY);
}

static void test_refused(void **state)
{
	char longer[SECRET_MAX + 1];

	memset(longer, 'x', sizeof(longer));
	assert_refused("", 0, false);
	assert_refused("\nx", 2, false);
	assert_refused("a\0b\n", 4, false);
	assert_refused(longer, SECRET_MAX, false);
	assert_refused("abc\n", 4, true);
	autoclose int fd = pipe_of(longer, SECRET_MAX - 1);
	struct passphrase_source source = from_fd(fd);
	autoptr(secret) longest = passphrase_get(&source, 0, NULL);

	assert_int_equal(longest->len, SECRET_MAX - 1);
}

static void test_bad_descriptor(void **state)
{
	struct passphrase_source source = from_fd(1023);
	autoerror err = {0};

	assert_null(passphrase_get(&source, 0, &err));
	assert_int_equal(err.code, ERROR_KEY);
}

static void test_file(void **state)
{
	struct fixture *f = *state;
	struct passphrase_source source = from_fd(-1);
	autoerror err = {0};
	char path[96];

	snprintf(path, sizeof(path), "%s/pass", f->dir);
	source.file = path;
	fixture_write(path, "my phrase\nrest\n", 0600);
	autoptr(secret) secret = passphrase_get(&source, 0, NULL);

	assert_string_equal(secret->text, "my phrase");
	fixture_write(path, "my phrase\n", 0644);
	assert_null(passphrase_get(&source, 0, &err));
	assert_int_equal(err.code, ERROR_KEY);
	assert_non_null(strstr(err.words, "chmod 600"));
	source.file = "/nonexistent/x";
	assert_null(passphrase_get(&source, 0, &err));
	assert_int_equal(err.code, ERROR_NOT_FOUND);
}

static void test_batch(void **state)
{
	struct passphrase_source source = from_fd(-1);
	autoerror err = {0};

	assert_true(passphrase_is_asked(&source));
	source.batch = true;
	assert_false(passphrase_is_asked(&source));
	assert_null(passphrase_get(&source, 0, &err));
	assert_int_equal(err.code, ERROR_USAGE);
	assert_non_null(strstr(err.words, "--passphrase-fd"));
}

static void test_no_terminal(void **state)
{
	autoclose int fd = pipe_of("x\n", 2);
	autoptr(secret) answer = secret_new();
	autoerror err = {0};

	assert_int_equal(passphrase_ask(fd, "? ", answer, &err), -1);
	assert_int_equal(err.code, ERROR_USAGE);
}

static bool echo_is_on(int fd)
{
	struct termios mode;

	assert_int_equal(tcgetattr(fd, &mode), 0);
	return mode.c_lflag & ECHO;
}

/* Reads the prompt, which is written when echo is off already. */
static void await_prompt(int fd)
{
	char byte = 0;

	while (byte != '?')
		assert_int_equal(read(fd, &byte, 1), 1);
}

static void test_asks(void **state)
{
	int host, tty;
	pid_t typist;
	autoptr(secret) answer = secret_new();

	assert_int_equal(openpty(&host, &tty, NULL, NULL, NULL), 0);
	typist = fork();
	if (typist == 0) {
		char seen[64] = "";

		await_prompt(host);
		if (echo_is_on(tty) || write(host, "hush hush\n", 10) != 10)
			_exit(1);
		/* What comes back is the line end alone. */
		_exit(read(host, seen, sizeof(seen)) > 0 &&
				      !strstr(seen, "hush")
			      ? 0
			      : 2);
	}
	assert_int_equal(passphrase_ask(tty, "?", answer, NULL), 0);
	assert_string_equal(answer->text, "hush hush");
	assert_true(echo_is_on(tty));
	int status = -1;

	assert_int_equal(waitpid(typist, &status, 0), typist);
	assert_int_equal(status, 0);
	close(host);
	close(tty);
}

/* The asker's end, which a signal shall interrupt. */
static int ask_and_report(int tty)
{
	struct sigaction before = {.sa_handler = SIG_IGN}, after;
	struct secret *answer = secret_new();
	autoerror err = {0};

	sigaction(SIGHUP, &before, NULL);
	if (passphrase_ask(tty, "?", answer, &err) == 0 ||
	    err.code != ERROR_INTERRUPTED)
		return 1;
	sigaction(SIGHUP, NULL, &after);
	secret_free(answer);
	return after.sa_handler == SIG_IGN ? 0 : 2;
}

static void test_signal_restores_terminal(void **state)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

	for (size_t i = 0; i < array_size(numbers); i++) {
		int host, tty, status = -1;
		pid_t asker;

		assert_int_equal(openpty(&host, &tty, NULL, NULL, NULL), 0);
		asker = fork();
		if (asker == 0)
			_exit(ask_and_report(tty));
		await_prompt(host);
		assert_false(echo_is_on(tty));
		assert_int_equal(kill(asker, numbers[i]), 0);
		assert_int_equal(waitpid(asker, &status, 0), asker);
		assert_int_equal(status, 0);
		assert_true(echo_is_on(tty));
		close(host);
		close(tty);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_of_one_descriptor),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_bad_descriptor),
		fixture_test(test_file),
		cmocka_unit_test(test_batch),
		cmocka_unit_test(test_no_terminal),
		cmocka_unit_test(test_asks),
		cmocka_unit_test(test_signal_restores_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
