/*
 * Opening a session: the process of its own, the lock, the passphrase asked in
 * the foreground, and the step into the background (session.h).
 *
 * What always holds: who holds the lock is the one session of that host and user,
 * or is about to be; the child reports exactly once, and never returns.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "client/connect/channel.h"
#include "client/connect/key.h"
#include "client/connect/local.h"
#include "client/connect/profile.h"
#include "client/connect/session_private.h"

#define LOCK_SUFFIX  ".lock"
#define LOCK_LOOK_US 50000 /* between two looks, while another one opens */
#define FD_LAST      1024  /* inherited descriptors are closed up to it */
#define REPORT_MAX   (64 * 1024) /* bytes */

/* What the child says: one of these, and for an error its code and words. */
#define REPORT_NEW   'n'
#define REPORT_OLD   'o'
#define REPORT_ERROR 'e'

/* -- the lock -------------------------------------------------------------- */

static int open_lock(int *fd, const char *socket, struct error *err)
{
	autobuf text = {0};
	autofree char *path = NULL;

	buf_appendf(&text, "%s" LOCK_SUFFIX, socket);
	path = buf_steal_str(&text);
	if (!path)
		return error_set_no_memory(err);
	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		   S_IRUSR | S_IWUSR);
	if (*fd < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot open %s", path);
	return 0;
}

/*
 * 0 with the lock: nobody serves. 1: a session serves there. While another
 * process has the lock and does not serve yet, its user is being asked.
 */
static int take_turn(int lock, const char *socket, struct error *err)
{
	for (;;) {
		if (local_answers(socket))
			return 1;
		if (flock(lock, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_set_errno(err, ERROR_SYSTEM, errno,
					       "cannot lock %s", socket);
		usleep(LOCK_LOOK_US);
	}
}

/* -- serving --------------------------------------------------------------- */

static int stay(void *context, struct error *err)
{
	*(bool *)context = true;
	return 0;
}

/* Serves where nobody does: on_serving comes when the socket is there. */
static int serve(const struct session_options *options, bool *fresh,
		 int (*on_serving)(void *context, struct error *err),
		 void *context, struct error *err)
{
	autofree char *folder = NULL;
	autofree char *path = NULL;
	autoclose int lock = -1;
	int rc;

	if (local_folder(&folder, err) < 0 ||
	    channel_session_path(&path, options->profile, err) < 0 ||
	    channel_session_check(path, err) < 0 ||
	    open_lock(&lock, path, err) < 0)
		return -1;
	rc = take_turn(lock, path, err);
	*fresh = rc == 0;
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	return session_serve(options, path, on_serving, context, err);
}

/* -- the child ------------------------------------------------------------- */

struct child {
	const struct session_options *options;
	int report; /* -1: it was made */
};

/* So that no pipe or lock of the caller's stays open with us. */
static void close_inherited(const struct child *child)
{
	for (int fd = STDERR_FILENO + 1; fd < FD_LAST; fd++)
		if (fd != child->report &&
		    fd != child->options->sources->passphrase_fd)
			close(fd);
}

static int report(struct child *child, char kind, const struct error *why)
{
	autobuf text = {0};
	int rc;

	buf_append_char(&text, kind);
	if (why)
		buf_appendf(&text, "%d %s", (int)why->code, error_words(why));
	rc = file_write_all(child->report, buf_bytes(&text), text.len, NULL);
	close(steal_fd(&child->report));
	return rc;
}

/* Away from the terminal and its signals; who started us may go on. */
static int into_background(void *context, struct error *err)
{
	struct child *child = context;
	int null = open("/dev/null", O_RDWR);

	if (setsid() < 0 || null < 0 || chdir("/") < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot go into the background");
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	if (null > STDERR_FILENO)
		close(null);
	if (report(child, REPORT_NEW, NULL) < 0)
		return error_set(err, ERROR_INTERRUPTED, "nobody waits for us");
	return 0;
}

static void run_child(const struct session_options *options, int to)
{
	struct child child = {.options = options, .report = to};
	autoerror why = {0};
	bool fresh = false;
	int rc;

	close_inherited(&child);
	rc = serve(options, &fresh, into_background, &child, &why);
	if (child.report >= 0) {
		if (rc < 0)
			report(&child, REPORT_ERROR, &why);
		else
			report(&child, REPORT_OLD, NULL);
	}
	error_clear(&why);
	_exit(rc < 0);
}

/* -- the parent ------------------------------------------------------------ */

static int read_report(int from, bool *fresh, struct error *err)
{
	autobuf text = {0};
	autofree char *line = NULL;
	char *words = NULL;
	unsigned long code;

	if (file_read_fd(from, "the session's report", REPORT_MAX, &text, err) <
	    0)
		return -1;
	line = buf_steal_str(&text);
	if (!line)
		return error_set_no_memory(err);
	*fresh = line[0] == REPORT_NEW;
	if (line[0] == REPORT_NEW || line[0] == REPORT_OLD)
		return 0;
	if (line[0] != REPORT_ERROR)
		return error_set(err, ERROR_FAILED,
				 "the session's process ended before it "
				 "served");
	code = strtoul(line + 1, &words, 10);
	return error_set(err, (enum error_code)code, "%s",
			 *words ? words + 1 : "");
}

/*
 * Ctrl-C is for the child, which may have the terminal in its hands; it comes to
 * us, too, when the child has restored it.
 */
static int await_child(pid_t child, int from, bool *fresh, struct error *err)
{
	sigset_t keys, before;
	int rc;

	sigemptyset(&keys);
	sigaddset(&keys, SIGINT);
	sigaddset(&keys, SIGQUIT);
	sigprocmask(SIG_BLOCK, &keys, &before);
	rc = read_report(from, fresh, err);
	if (rc < 0 || !*fresh)
		while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
			continue;
	sigprocmask(SIG_SETMASK, &before, NULL);
	return rc;
}

int session_open(const struct session_options *options, bool *fresh,
		 struct error *err)
{
	bool served = false;
	int ends[2];
	pid_t child;
	int rc;

	*fresh = false;
	if (options->foreground)
		return serve(options, fresh, stay, &served, err);
	if (pipe(ends) < 0 || file_set_cloexec(ends[0], true) < 0 ||
	    file_set_cloexec(ends[1], true) < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot make a pipe");
	child = fork();
	if (child == 0)
		run_child(options, ends[1]);
	close(ends[1]);
	if (child < 0)
		rc = error_set_errno(err, ERROR_SYSTEM, errno,
				     "cannot start a process");
	else
		rc = await_child(child, ends[0], fresh, err);
	close(ends[0]);
	return rc;
}
