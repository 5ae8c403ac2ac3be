/*
 * Raw mode, its signals and its guard (terminal.h). The guard is told by one byte
 * when the terminal becomes raw and when it is restored; at the end of the pipe
 * it restores a terminal that is raw still, and still as we have set it.
 */
#include "client/consoles/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/file.h"

#define SIGNALS   3
#define FD_LAST   256 /* the guard closes what it may have inherited up to it */
#define NOTE_RAW  'r'
#define NOTE_BACK 'b'

struct terminal {
	int fd;
	struct termios before, raw;
	bool wanted; /* raw mode is wanted */
	bool is_raw; /* and is set */
	pid_t guard;
	int notes;               /* to the guard */
	const char *take, *give; /* written with the modes; "" */
	uv_signal_t signals[SIGNALS];
	unsigned handles; /* of the loop, open ones */
	bool freed;
};

/* -- the guard ------------------------------------------------------------- */

static bool looks_same(const struct termios *a, const struct termios *b)
{
	return a->c_iflag == b->c_iflag && a->c_oflag == b->c_oflag &&
	       a->c_lflag == b->c_lflag;
}

/* A terminal that has gone, or blocks, is no reason to fail. */
static void put(const struct terminal *t, const char *text)
{
	size_t n = strlen(text);

	while (n > 0) {
		ssize_t put = write(t->fd, text, n);

		if (put < 0 && errno != EINTR)
			return;
		if (put > 0) {
			text += put;
			n -= (size_t)put;
		}
	}
}

/* A shell may have set what it wants: that is then left alone. */
static void restore_if_raw(const struct terminal *t)
{
	struct termios now;

	if (tcgetattr(t->fd, &now) == 0 && looks_same(&now, &t->raw)) {
		put(t, t->give);
		tcflush(t->fd, TCIFLUSH);
		tcsetattr(t->fd, TCSANOW, &t->before);
	}
}

/* The guard's whole life; only what is safe after fork(). */
static void guard(const struct terminal *t, int notes)
{
	sigset_t all;
	bool raw = false;
	char note = 0;
	ssize_t n;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setsid(); /* a hang-up of the terminal is not for us */
	for (int fd = 0; fd < FD_LAST; fd++)
		if (fd != t->fd && fd != notes)
			close(fd);
	for (;;) {
		n = read(notes, &note, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		raw = note == NOTE_RAW;
	}
	if (raw)
		restore_if_raw(t);
	_exit(0);
}

static int start_guard(struct terminal *t, struct error *err)
{
	int ends[2];

	if (pipe(ends) < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot make a pipe");
	file_set_cloexec(ends[0], true);
	file_set_cloexec(ends[1], true);
	t->guard = fork();
	if (t->guard == 0) {
		close(ends[1]);
		guard(t, ends[0]);
	}
	close(ends[0]);
	t->notes = ends[1];
	if (t->guard < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot start a process");
	return 0;
}

/* Where the guard has gone, nothing but its service is missing. */
static void note(const struct terminal *t, char what)
{
	while (write(t->notes, &what, 1) < 0 && errno == EINTR)
		continue;
}

static void end_guard(struct terminal *t)
{
	int status;

	if (t->notes >= 0)
		close(t->notes);
	t->notes = -1;
	while (t->guard > 0 && waitpid(t->guard, &status, 0) < 0 &&
	       errno == EINTR)
		continue;
}

/* -- modes ----------------------------------------------------------------- */

/* A background process that sets modes would be stopped (SIGTTOU). */
static bool in_foreground(const struct terminal *t)
{
	pid_t group = tcgetpgrp(t->fd);

	return group < 0 || group == getpgrp();
}

int terminal_raw(struct terminal *t, struct error *err)
{
	t->wanted = true;
	if (!in_foreground(t))
		return 0;
	note(t, NOTE_RAW);
	t->is_raw = true;
	if (tcsetattr(t->fd, TCSANOW, &t->raw) < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot set the terminal to raw mode");
	put(t, t->take);
	return 0;
}

static void put_back(struct terminal *t)
{
	if (!t->is_raw)
		return;
	put(t, t->give);
	/* Keys that were meant for the guest are nothing for the shell. */
	tcflush(t->fd, TCIFLUSH);
	tcsetattr(t->fd, TCSANOW, &t->before);
	t->is_raw = false;
	note(t, NOTE_BACK);
}

void terminal_restore(struct terminal *t)
{
	t->wanted = false;
	put_back(t);
}

/* -- signals --------------------------------------------------------------- */

static void stop_here(struct terminal *t)
{
	put_back(t);
	raise(SIGSTOP);
	/* Somebody has continued us. */
	if (t->wanted)
		terminal_raw(t, NULL);
}

static void quit_here(struct terminal *t, int number)
{
	put_back(t);
	signal(number, SIG_DFL);
	raise(number);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct terminal *t = handle->data;

	if (number == SIGTSTP)
		stop_here(t);
	else if (number == SIGQUIT)
		quit_here(t, number);
	else if (t->wanted)
		terminal_raw(t, NULL); /* the shell has set its own modes */
}

int terminal_watch(struct terminal *t, uv_loop_t *uv, struct error *err)
{
	static const int numbers[SIGNALS] = {SIGTSTP, SIGCONT, SIGQUIT};

	for (size_t i = 0; i < SIGNALS; i++) {
		int rc = uv_signal_init(uv, &t->signals[i]);

		if (rc == 0) {
			t->signals[i].data = t;
			t->handles++;
			rc = uv_signal_start(&t->signals[i], on_signal,
					     numbers[i]);
			uv_unref((uv_handle_t *)&t->signals[i]);
		}
		if (rc < 0)
			return error_set(err, ERROR_SYSTEM,
					 "cannot watch for signals: %s",
					 uv_strerror(rc));
	}
	return 0;
}

/* -- begin and end --------------------------------------------------------- */

int terminal_new(struct terminal **terminal, int fd, struct error *err)
{
	return terminal_new_screen(terminal, fd, "", "", err);
}

int terminal_new_screen(struct terminal **terminal, int fd, const char *take,
			const char *give, struct error *err)
{
	struct terminal *t = calloc(1, sizeof(*t));

	if (!t)
		return error_set_no_memory(err);
	t->fd = fd;
	t->notes = -1;
	t->take = take;
	t->give = give;
	if (tcgetattr(fd, &t->before) < 0) {
		error_set_errno(err, ERROR_SYSTEM, errno,
				"cannot read the terminal's modes");
		free(t);
		return -1;
	}
	t->raw = t->before;
	cfmakeraw(&t->raw);
	if (start_guard(t, err) < 0) {
		end_guard(t);
		free(t);
		return -1;
	}
	*terminal = t;
	return 0;
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct terminal *t = handle->data;

	if (--t->handles == 0)
		free(t);
}

void terminal_free(struct terminal *t)
{
	if (!t || t->freed)
		return;
	t->freed = true;
	terminal_restore(t);
	end_guard(t);
	if (t->handles == 0) {
		free(t);
		return;
	}
	for (size_t i = 0; i < SIGNALS; i++)
		if (t->signals[i].data)
			uv_close((uv_handle_t *)&t->signals[i],
				 on_handle_closed);
}
