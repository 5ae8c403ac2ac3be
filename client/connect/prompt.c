/*
 * Asks for a secret at the terminal or through askpass (prompt.h). While echo is
 * off, signals that end or stop the process are blocked and looked for between
 * reads, so that the terminal is always restored first without a handler and
 * hence without any state outside this stack frame.
 */
#include "client/connect/prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/utf8.h"

extern char **environ;

#define TERMINAL       "/dev/tty"
#define SIGNAL_LOOK_US 100000 /* between two looks for pending signals */
#define KEY_CTRL(c)    ((c)&0x1f)
#define KEY_DELETE     0x7f
#define KEY_BACKSPACE  0x08

/* A terminal whose echo is off. */
struct tty {
	int fd;
	struct termios before;
	sigset_t watched;
	sigset_t mask_before;
	const char *prompt;
};

static bool append(struct secret *s, char c)
{
	if (s->len + 1 >= sizeof(s->text) || c == '\0')
		return false;
	s->text[s->len++] = c;
	s->text[s->len] = '\0';
	return true;
}

static void erase(struct secret *s)
{
	secret_wipe(s->text, sizeof(s->text));
	s->len = 0;
}

/* Takes the last character away, which may be several bytes of UTF-8. */
static void erase_last(struct secret *s)
{
	while (s->len > 0 &&
	       ((unsigned char)s->text[s->len - 1] & 0xc0) == 0x80)
		s->text[--s->len] = '\0';
	if (s->len > 0)
		s->text[--s->len] = '\0';
}

int prompt_read_line(struct secret *answer, int fd, const char *name,
		     struct error *err)
{
	char c = 0;

	erase(answer);
	for (;;) {
		ssize_t n = read(fd, &c, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set_errno(err, ERROR_KEY, errno,
					       "cannot read the passphrase "
					       "from %s",
					       name);
		if (n == 0 || c == '\n')
			break;
		if (!append(answer, c)) {
			secret_wipe(&c, 1);
			return error_set(err, ERROR_KEY,
					 "what stands in %s is no passphrase: "
					 "it has a NUL or more than %d bytes",
					 name, SECRET_MAX - 1);
		}
	}
	secret_wipe(&c, 1);
	if (answer->len > 0 && answer->text[answer->len - 1] == '\r')
		answer->text[--answer->len] = '\0';
	return 0;
}

/* -- askpass --------------------------------------------------------------- */

static int wait_for(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

static int spawn(pid_t *pid, const char *program, const char *prompt,
		 int output)
{
	char *const argv[] = {(char *)program, (char *)prompt, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t ignored; /* by us, and not to be by others */
	int rc = 0;

	sigemptyset(&ignored);
	sigaddset(&ignored, SIGPIPE);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigdefault(&attributes, &ignored);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	rc = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	if (!rc)
		rc = posix_spawnp(pid, program, &actions, &attributes, argv,
				  environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

int prompt_askpass(struct secret *answer, const char *program,
		   const char *prompt, struct error *err)
{
	int ends[2];
	autoclose int from = -1;
	autoclose int to = -1;
	autoerror why = {0};
	pid_t pid = -1;
	int rc = 0;

	if (pipe(ends) < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno, "pipe");
	from = ends[0];
	to = ends[1];
	file_set_cloexec(from, true);
	file_set_cloexec(to, true);
	rc = spawn(&pid, program, prompt, to);
	if (rc)
		return error_set_errno(err, ERROR_KEY, rc,
				       "cannot run the askpass program %s",
				       program);
	close(steal_fd(&to));
	rc = prompt_read_line(answer, from, program, &why);
	close(steal_fd(&from));
	if (wait_for(pid) != 0) {
		erase(answer);
		return error_set(err, ERROR_KEY,
				 "the askpass program %s gave no passphrase",
				 program);
	}
	return rc < 0 ? error_move(err, &why) : 0;
}

/* -- terminal -------------------------------------------------------------- */

bool prompt_has_terminal(void)
{
	autoclose int fd = open(TERMINAL, O_RDWR | O_NOCTTY | O_CLOEXEC);

	return fd >= 0;
}

static void say(const struct tty *t, const char *text)
{
	file_write_all(t->fd, text, strlen(text), NULL);
}

/*
 * Echo off, byte by byte; the keys that send signals come as bytes. TCSAFLUSH
 * would drop what was typed before the prompt stood, which a script on a pty
 * does, so that stays.
 */
static int echo_off(struct tty *t)
{
	struct termios raw;

	sigprocmask(SIG_BLOCK, &t->watched, &t->mask_before);
	if (tcgetattr(t->fd, &t->before) < 0)
		return -1;
	raw = t->before;
	raw.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL | ICANON |
				   ISIG | IEXTEN);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(t->fd, TCSADRAIN, &raw) < 0)
		return -1;
	say(t, t->prompt);
	return 0;
}

static void echo_on(struct tty *t)
{
	say(t, "\n");
	tcsetattr(t->fd, TCSADRAIN, &t->before);
	sigprocmask(SIG_SETMASK, &t->mask_before, NULL);
}

static bool signal_pending(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT,
				      SIGTSTP};
	sigset_t pending;

	if (sigpending(&pending) < 0)
		return false;
	for (size_t i = 0; i < array_size(signals); i++)
		if (sigismember(&pending, signals[i]) == 1)
			return true;
	return false;
}

/*
 * Lets pending signals have their effect with the terminal restored. Where the
 * process lives on (stopped and continued, or it ignores them) it asks again.
 */
static int take_signals(struct tty *t, struct secret *answer)
{
	erase(answer);
	echo_on(t);
	tcflush(t->fd, TCIFLUSH);
	return echo_off(t);
}

enum typed { TYPED_MORE, TYPED_LINE, TYPED_END, TYPED_INTERRUPT, TYPED_LONG };

static enum typed take_key(struct secret *answer, char c)
{
	switch (c) {
	case '\n':
	case '\r':
		return TYPED_LINE;
	case KEY_CTRL('C'):
		return TYPED_INTERRUPT;
	case KEY_CTRL('D'):
		return answer->len ? TYPED_MORE : TYPED_END;
	case KEY_CTRL('Z'):
		raise(SIGTSTP);
		return TYPED_MORE;
	case KEY_CTRL('\\'):
		raise(SIGQUIT);
		return TYPED_MORE;
	case KEY_CTRL('U'):
		erase(answer);
		return TYPED_MORE;
	case KEY_DELETE:
	case KEY_BACKSPACE:
		erase_last(answer);
		return TYPED_MORE;
	default:
		return append(answer, c) ? TYPED_MORE : TYPED_LONG;
	}
}

/* One key, or none within SIGNAL_LOOK_US. select(): macOS polls no terminal. */
static int read_key(int fd, char *c)
{
	struct timeval wait = {.tv_usec = SIGNAL_LOOK_US};
	fd_set set;
	ssize_t n = 0;

	FD_ZERO(&set);
	FD_SET(fd, &set);
	if (select(fd + 1, &set, NULL, NULL, &wait) <= 0)
		return 0;
	n = read(fd, c, 1);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	return n == 1 ? 1 : -1;
}

static enum typed read_answer(struct tty *t, struct secret *answer)
{
	enum typed typed = TYPED_MORE;
	char c = 0;

	while (typed == TYPED_MORE) {
		int n = read_key(t->fd, &c);

		if (n < 0)
			return TYPED_END;
		if (n > 0)
			typed = take_key(answer, c);
		if (signal_pending() && take_signals(t, answer) < 0)
			return TYPED_END;
	}
	secret_wipe(&c, 1);
	return typed;
}

int prompt_terminal(struct secret *answer, const char *prompt,
		    struct error *err)
{
	autoclose int fd = open(TERMINAL, O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct tty t = {.fd = fd, .prompt = prompt};
	enum typed typed = TYPED_END;

	if (fd < 0 || fd >= FD_SETSIZE)
		return error_set(err, ERROR_KEY,
				 "there is no terminal to ask at");
	erase(answer);
	sigemptyset(&t.watched);
	sigaddset(&t.watched, SIGINT);
	sigaddset(&t.watched, SIGTERM);
	sigaddset(&t.watched, SIGHUP);
	sigaddset(&t.watched, SIGQUIT);
	sigaddset(&t.watched, SIGTSTP);
	if (echo_off(&t) == 0)
		typed = read_answer(&t, answer);
	echo_on(&t);
	if (typed == TYPED_LINE)
		return 0;
	erase(answer);
	if (typed == TYPED_INTERRUPT)
		return error_set(err, ERROR_INTERRUPTED, "interrupted");
	if (typed == TYPED_LONG)
		return error_set(err, ERROR_KEY,
				 "a passphrase has at most %d bytes",
				 SECRET_MAX - 1);
	return error_set(err, ERROR_KEY, "no passphrase was given");
}
