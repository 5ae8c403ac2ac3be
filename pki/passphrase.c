/*
 * Sources of passphrases. Called by the commands and authority. What always
 * holds: echo is on again and the signal handlers are the old ones before
 * passphrase_ask() returns, whatever happened.
 */
#include "pki/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <termios.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "pki/limits.h"

#define QUESTION_SIZE 160

static const int ending_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

#define ENDING_SIGNALS array_size(ending_signals)

/* Its whole effect is that pselect() returns with EINTR. */
static void on_signal(int number)
{
}

static int add_byte(struct secret *answer, char byte, const char *name,
		    struct error *err)
{
	if (byte == '\0')
		return error_set(err, ERROR_KEY,
				 "the passphrase from %s has a NUL byte", name);
	if (answer->len >= SECRET_MAX - 1)
		return error_set(err, ERROR_KEY,
				 "the passphrase from %s is longer than %d "
				 "bytes",
				 name, SECRET_MAX - 1);
	answer->text[answer->len++] = byte;
	return 0;
}

/* A line that came from Windows, or from a terminal, ends in a return. */
static void cut_return(struct secret *answer)
{
	if (answer->len > 0 && answer->text[answer->len - 1] == '\r')
		answer->text[--answer->len] = '\0';
}

/* Byte by byte: what follows the line may be the next passphrase. */
static int read_line(int fd, const char *name, struct secret *answer,
		     struct error *err)
{
	char byte = '\0';
	ssize_t n;
	int result = 0;

	while (result == 0) {
		n = read(fd, &byte, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			result = error_set_errno(err, ERROR_KEY, errno,
						 "cannot read a passphrase "
						 "from %s",
						 name);
		if (n <= 0 || byte == '\n')
			break;
		result = add_byte(answer, byte, name, err);
	}
	secret_wipe(&byte, sizeof(byte));
	cut_return(answer);
	return result;
}

static int read_file(const char *path, struct secret *answer, struct error *err)
{
	autobuf text = {0};
	int result = file_read_private(path, SECRET_MAX + 2, &text, err);

	for (size_t i = 0; result == 0 && i < text.len; i++) {
		if (buf_bytes(&text)[i] == '\n')
			break;
		result = add_byte(answer, (char)buf_bytes(&text)[i], path, err);
	}
	if (text.data)
		secret_wipe(text.data, text.cap);
	cut_return(answer);
	return result;
}

/* Waits until FD can be read; -1 with errno EINTR after an ending signal. */
static int wait_readable(int fd, const sigset_t *mask)
{
	fd_set readable;

	FD_ZERO(&readable);
	FD_SET(fd, &readable);
	return pselect(fd + 1, &readable, NULL, NULL, NULL, mask) < 0 ? -1 : 0;
}

static int read_answer(int fd, const sigset_t *mask, struct secret *answer,
		       struct error *err)
{
	bool interrupted = wait_readable(fd, mask) < 0 && errno == EINTR;

	if (!interrupted)
		return read_line(fd, "the terminal", answer, err);
	return error_set(err, ERROR_INTERRUPTED,
			 "interrupted: nothing was issued");
}

struct signals {
	struct sigaction actions[ENDING_SIGNALS];
	sigset_t mask;
};

/* Ending signals are held back, but for the wait; SIGTSTP altogether. */
static void hold_signals(struct signals *old)
{
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t held;

	sigemptyset(&action.sa_mask);
	sigemptyset(&held);
	sigaddset(&held, SIGTSTP);
	for (size_t i = 0; i < ENDING_SIGNALS; i++)
		sigaddset(&held, ending_signals[i]);
	sigprocmask(SIG_BLOCK, &held, &old->mask);
	for (size_t i = 0; i < ENDING_SIGNALS; i++)
		sigaction(ending_signals[i], &action, &old->actions[i]);
}

static void release_signals(const struct signals *old)
{
	for (size_t i = 0; i < ENDING_SIGNALS; i++)
		sigaction(ending_signals[i], &old->actions[i], NULL);
	sigprocmask(SIG_SETMASK, &old->mask, NULL);
}

static void mask_while_waiting(const struct signals *old, sigset_t *mask)
{
	*mask = old->mask;
	sigaddset(mask, SIGTSTP);
	for (size_t i = 0; i < ENDING_SIGNALS; i++)
		sigdelset(mask, ending_signals[i]);
}

int passphrase_ask(int fd, const char *prompt, struct secret *answer,
		   struct error *err)
{
	struct termios shown, hidden;
	struct signals signals;
	sigset_t mask;
	int result;

	if (fd >= FD_SETSIZE || tcgetattr(fd, &shown) < 0)
		return error_set(err, ERROR_USAGE,
				 "there is no terminal to ask at");
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	hidden.c_lflag |= ICANON | ISIG;
	hold_signals(&signals);
	mask_while_waiting(&signals, &mask);
	result = tcsetattr(fd, TCSAFLUSH, &hidden) < 0
			 ? error_set_errno(err, ERROR_SYSTEM, errno,
					   "cannot hide what is typed")
			 : file_write_all(fd, prompt, strlen(prompt), err);
	if (result == 0)
		result = read_answer(fd, &mask, answer, err);
	(void)tcsetattr(fd, TCSAFLUSH, &shown);
	(void)file_write_all(fd, "\n", 1, NULL);
	release_signals(&signals);
	return result;
}

static struct secret *new_secret(struct error *err)
{
	struct secret *secret = secret_new();

	if (!secret)
		error_set_no_memory(err);
	return secret;
}

static struct secret *ask(const struct passphrase_source *source,
			  const char *prompt, struct error *err)
{
	autoptr(secret) answer = new_secret(err);
	autoclose int fd = -1;

	if (!answer)
		return NULL;
	if (!source->batch)
		fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		error_set(
			err, ERROR_USAGE,
			"the passphrase of %s is needed, but %s. Give it with "
			"%s-fd N or %s-file FILE",
			source->of,
			source->batch ? "--batch forbids to ask"
				      : "there is no terminal to ask at",
			source->option, source->option);
		return NULL;
	}
	return passphrase_ask(fd, prompt, answer, err) < 0 ? NULL
							   : steal(&answer);
}

bool passphrase_is_asked(const struct passphrase_source *source)
{
	return source->fd < 0 && !source->file && !source->batch;
}

/* From the descriptor or the file. */
static struct secret *take(const struct passphrase_source *source,
			   struct error *err)
{
	autoptr(secret) answer = new_secret(err);
	char name[32];
	int result;

	if (!answer)
		return NULL;
	snprintf(name, sizeof(name), "descriptor %d", source->fd);
	result = source->fd >= 0 ? read_line(source->fd, name, answer, err)
				 : read_file(source->file, answer, err);
	if (result == 0 && answer->len == 0)
		result = error_set(err, ERROR_KEY,
				   "%s gave an empty passphrase for %s",
				   source->fd >= 0 ? name : source->file,
				   source->of);
	return result < 0 ? NULL : steal(&answer);
}

struct secret *passphrase_get(const struct passphrase_source *source,
			      unsigned attempt, struct error *err)
{
	char question[QUESTION_SIZE];

	if (source->fd >= 0 || source->file)
		return take(source, err);
	snprintf(question, sizeof(question),
		 "%sPassphrase of %s: ", attempt ? "That is not it. " : "",
		 source->of);
	return ask(source, question, err);
}

static int check_new(const struct secret *secret, const char *of,
		     struct error *err)
{
	if (secret->len >= PASSPHRASE_MIN)
		return 0;
	return error_set(err, ERROR_KEY,
			 "the passphrase of %s is too short: at least %d bytes",
			 of, PASSPHRASE_MIN);
}

/* One question and its repetition. ERROR_KEY: another try makes sense. */
static struct secret *ask_twice(const struct passphrase_source *source,
				const char *before, struct error *err)
{
	char question[QUESTION_SIZE];
	autoptr(secret) first = NULL;
	autoptr(secret) second = NULL;

	snprintf(question, sizeof(question), "%sNew passphrase of %s: ", before,
		 source->of);
	first = ask(source, question, err);
	if (!first)
		return NULL;
	if (first->len < PASSPHRASE_MIN) {
		check_new(first, source->of, err);
		return NULL;
	}
	second = ask(source, "The same again: ", err);
	if (!second)
		return NULL;
	if (first->len == second->len &&
	    memcmp(first->text, second->text, first->len) == 0)
		return steal(&first);
	error_set(err, ERROR_KEY, "the two passphrases differ");
	return NULL;
}

struct secret *passphrase_get_new(const struct passphrase_source *source,
				  struct error *err)
{
	autoerror failure = {0};
	const char *before = "";

	if (!passphrase_is_asked(source)) {
		struct secret *secret = passphrase_get(source, 0, err);

		if (secret && check_new(secret, source->of, err) < 0) {
			secret_free(secret);
			return NULL;
		}
		return secret;
	}
	for (int i = 0; i < PASSPHRASE_TRIES; i++) {
		autoptr(secret) secret = ask_twice(source, before, &failure);

		if (secret)
			return steal(&secret);
		if (failure.code != ERROR_KEY)
			break;
		before = "Too short, or the two differed. ";
	}
	error_move(err, &failure);
	return NULL;
}
