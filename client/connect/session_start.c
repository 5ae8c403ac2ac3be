/*
 * Opening a session: the process of its own, the turn among those who open it at the
 * same moment, the passphrase asked in the foreground, and the step into the
 * background (session.h).
 *
 * What always holds: who holds the lock is the one who opens the session, and lets it
 * go when it serves or never will; the session's process is a program of its own
 * ("virtmux session open"), so nothing of the caller's memory, loop or threads is in
 * it; it reports exactly once.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/secret.h"
#include "client/connect/channel.h"
#include "client/connect/deadline.h"
#include "client/connect/key.h"
#include "client/connect/local.h"
#include "client/connect/profile.h"
#include "client/connect/session_private.h"

#define FD_LAST       1024 /* inherited descriptors are closed up to it */
#define ARGUMENTS_MAX 18
#define NUMBER_SIZE   24
#define LEFT_LEAST_MS 10u /* of a --timeout */
#define TURN_LOOKS    20  /* for another one to be done, before it is told of */
#define TURN_LOOK_US  50000 /* between two of them */

/*
 * What the session's process says: one of these; behind the first two the ns that a
 * person was asked, behind the last two code and words.
 */
#define REPORT_OPENED     'n'
#define REPORT_OPEN       'o'
#define REPORT_FAILED     'e'
#define REPORT_IMPOSSIBLE 'l'

extern char **environ;

/* -- the turn -------------------------------------------------------------- */

/* What opens a session, in its own process. */
struct opening {
	const struct session_options *options;
	char *path; /* of the socket */
	int lock;
	int report; /* -1: it was made, or is not wanted */
	enum session_opened how;
};

/* Whether a person is to give the passphrase. */
static bool asks_person(const struct key_sources *sources)
{
	return sources->passphrase_fd < 0 && !sources->passphrase_file &&
	       !sources->opened && sources->key_fd == 0 && !sources->given &&
	       !sources->batch;
}

/* Another version serves, or what left no word, or one to what was the host before. */
static int make_way(const struct opening *o, struct error *err)
{
	const struct session_place place = {
		.host = o->options->profile->name,
		.path = o->path,
	};
	autoerror why = {0};

	log_info(o->options->log,
		 "the session to host '%s' is not of version " VIRTMUX_VERSION
		 ", or of its configuration as it is now: it serves no new "
		 "commands from now on",
		 place.host);
	if (session_ask_lock(&place, &why) == 0 || why.code == ERROR_NOT_FOUND)
		return 0;
	error_prefix(&why, "what listens on %s does not give way: end it",
		     o->path);
	return error_move(err, &why);
}

/* 0: nobody serves, and it is for us to. 1: a session serves. */
static int look(struct opening *o, struct error *err)
{
	autoclose int fd = -1;
	int found = session_find(&fd, o->path, o->options->profile,
				 (uint64_t)o->options->profile->connect_timeout,
				 err);

	if (found < 0)
		return -1;
	if (found == SESSION_SERVES)
		return 1;
	if (found != SESSION_NONE && make_way(o, err) < 0)
		return -1;
	return session_turn_tell_owner(o->lock, o->options->profile, err);
}

/*
 * Waits until nobody else opens the session. Who does may stand in the background, or
 * be stopped, and wait for a passphrase that nobody gives: a person is told of him.
 */
static int await_turn(const struct opening *o, struct error *err)
{
	const struct deadline *d = o->options->deadline;
	bool bounded = deadline_left_ms(d) != DEADLINE_NEVER;
	int how = bounded ? LOCK_EX | LOCK_NB : LOCK_EX;

	for (int i = 0; i < TURN_LOOKS && !deadline_is_over(d); i++) {
		if (flock(o->lock, LOCK_EX | LOCK_NB) == 0)
			return 0;
		usleep(TURN_LOOK_US);
	}
	if (isatty(STDERR_FILENO) == 1)
		log_warning(o->options->log,
			    "waiting for process %ld, which opens the session "
			    "to host '%s': perhaps it waits for the passphrase "
			    "(fg brings back what stands in the background, "
			    "Ctrl-C gives up)",
			    session_turn_owner(o->lock),
			    o->options->profile->name);
	while (flock(o->lock, how) < 0) {
		if (errno == EWOULDBLOCK && deadline_is_over(d)) {
			deadline_late(d, err);
			return error_prefix(err,
					    "process %ld still opens the "
					    "session to host '%s'",
					    session_turn_owner(o->lock),
					    o->options->profile->name);
		}
		if (errno == EWOULDBLOCK)
			usleep(TURN_LOOK_US);
		else if (errno != EINTR)
			return error_set_errno(err, ERROR_SYSTEM, errno,
					       "cannot lock the file beside %s",
					       o->path);
	}
	return 0;
}

/*
 * As look(), once nobody else opens the session. Who waited gets what the one before
 * got: it is not asked again, and does not try again what has just failed.
 */
static int take_turn(struct opening *o, struct error *err)
{
	uint64_t begun = clock_monotonic_ns();
	bool waited = flock(o->lock, LOCK_EX | LOCK_NB) < 0;

	if (waited && await_turn(o, err) < 0)
		return -1;
	if (waited &&
	    session_turn_failed_since(o->lock, begun,
				      asks_person(o->options->sources), err)) {
		o->how = SESSION_FAILED;
		return -1;
	}
	return look(o, err);
}

/* -- the session's process ------------------------------------------------- */

/* WHY is NULL where it is open. */
static void report(struct opening *o, const struct error *why)
{
	static const char kinds[] = {
		[SESSION_OPENED] = REPORT_OPENED,
		[SESSION_OPEN] = REPORT_OPEN,
		[SESSION_FAILED] = REPORT_FAILED,
		[SESSION_IMPOSSIBLE] = REPORT_IMPOSSIBLE,
	};
	const struct deadline *d = o->options->deadline;
	uint64_t asked = d ? d->asked : 0;
	autobuf text = {0};

	if (o->report < 0)
		return;
	buf_append_char(&text, kinds[o->how]);
	if (why)
		buf_appendf(&text, "%d %s", (int)why->code, error_words(why));
	else
		buf_appendf(&text, "%" PRIu64, asked);
	file_write_all(o->report, buf_bytes(&text), text.len, NULL);
	close(steal_fd(&o->report));
}

/* So that no pipe or lock of who started us stays open with us. */
static void close_inherited(const struct opening *o)
{
	for (int fd = STDERR_FILENO + 1; fd < FD_LAST; fd++)
		if (fd != o->report && fd != o->options->sources->key_fd &&
		    fd != o->options->sources->passphrase_fd)
			close(fd);
}

/* Away from the terminal and its signals; who started us may go on. */
static int into_background(struct error *err)
{
	int null = open("/dev/null", O_RDWR);

	if (setsid() < 0 || null < 0 || chdir("/") < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot go into the background");
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	if (null > STDERR_FILENO)
		close(null);
	return 0;
}

static int on_serving(void *context, struct error *err)
{
	struct opening *o = context;

	if (o->report >= 0 && into_background(err) < 0)
		return -1;
	o->how = SESSION_OPENED;
	report(o, NULL);
	deadline_lift(o->options->deadline);
	close(steal_fd(&o->lock));
	return 0;
}

static int open_and_serve(struct opening *o, struct error *err)
{
	autofree char *folder = NULL;
	int rc;

	o->how = SESSION_IMPOSSIBLE;
	if (local_folder(&folder, err) < 0 ||
	    channel_session_path(&o->path, o->options->profile, err) < 0 ||
	    session_turn_open(&o->lock, o->path, err) < 0)
		return -1;
	rc = take_turn(o, err);
	if (rc < 0)
		return -1;
	o->how = rc ? SESSION_OPEN : SESSION_FAILED;
	if (rc == 0)
		rc = session_serve(o->options, o->path, on_serving, o, err);
	if (rc < 0 && o->how == SESSION_FAILED)
		session_turn_tell_failure(o->lock, clock_monotonic_ns(),
					  asks_person(o->options->sources),
					  err);
	return rc;
}

int session_run(const struct session_options *options, int to,
		struct error *err)
{
	struct opening o = {.options = options, .lock = -1, .report = to};
	autoerror why = {0};
	bool told;
	int rc;

	if (to >= 0) {
		close_inherited(&o);
		if (file_set_cloexec(to, true) < 0)
			return error_set(err, ERROR_USAGE,
					 "descriptor %d is not open", to);
	}
	rc = open_and_serve(&o, &why);
	told = to >= 0;
	report(&o, rc < 0 ? &why : NULL);
	if (o.lock >= 0)
		close(o.lock);
	free(o.path);
	return rc < 0 && !told ? error_move(err, &why) : 0;
}

/* -- who starts it --------------------------------------------------------- */

/* ASKED: ns in which a person was asked. */
static enum session_opened read_report(int from, uint64_t *asked,
				       struct error *err)
{
	autobuf text = {0};
	autofree char *line = NULL;
	char *words = NULL;
	unsigned long code;

	if (file_read_fd(from, "the session's report", SESSION_WORDS_MAX, &text,
			 err) < 0)
		return SESSION_FAILED;
	line = buf_steal_str(&text);
	if (!line) {
		error_set_no_memory(err);
		return SESSION_FAILED;
	}
	if (line[0] == REPORT_OPENED || line[0] == REPORT_OPEN) {
		*asked = strtoull(line + 1, NULL, 10);
		return line[0] == REPORT_OPENED ? SESSION_OPENED : SESSION_OPEN;
	}
	if (line[0] != REPORT_FAILED && line[0] != REPORT_IMPOSSIBLE) {
		error_set(err, ERROR_FAILED,
			  "the session's process ended before it served");
		return SESSION_FAILED;
	}
	code = strtoul(line + 1, &words, 10);
	error_set(err, (enum error_code)code, "%s", *words ? words + 1 : "");
	return line[0] == REPORT_FAILED ? SESSION_FAILED : SESSION_IMPOSSIBLE;
}

/*
 * Ctrl-C is for the process that asks, which may have the terminal in its hands; it
 * comes to us, too, when that one has restored it.
 */
static enum session_opened await(pid_t child, int from, uint64_t *asked,
				 struct error *err)
{
	enum session_opened how;
	sigset_t keys, before;
	int status = 0;

	sigemptyset(&keys);
	sigaddset(&keys, SIGINT);
	sigaddset(&keys, SIGQUIT);
	pthread_sigmask(SIG_BLOCK, &keys, &before);
	how = read_report(from, asked, err);
	if (how != SESSION_OPENED) {
		while (waitpid(child, &status, 0) < 0 && errno == EINTR)
			continue;
		if (WIFSIGNALED(status) && WTERMSIG(status) == SIGINT) {
			error_clear(err);
			error_set(err, ERROR_INTERRUPTED, "interrupted");
		}
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return how;
}

/* A pipe from which what was unlocked or asked before is read; it has room. */
static int pass_on(int *fd, const void *data, size_t len, struct error *err)
{
	int ends[2];
	int rc;

	if (pipe(ends) < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot make a pipe");
	file_set_cloexec(ends[0], true);
	file_set_cloexec(ends[1], true);
	rc = file_write_all(ends[1], data, len, err);
	close(ends[1]);
	if (rc < 0)
		close(ends[0]);
	else
		*fd = ends[0];
	return rc;
}

static int pass_secrets(int *fd, const struct key_sources *sources,
			struct error *err)
{
	if (sources->opened)
		return pass_on(fd, sources->opened->der, sources->opened->len,
			       err);
	if (sources->given)
		return pass_on(fd, sources->given->text, sources->given->len,
			       err);
	return 0;
}

/* ROOM has ARGUMENTS_MAX. KEY_FD: of the key, or of its passphrase; "": neither. */
static void fill_arguments(const char **room, const struct session_options *o,
			   const char *key_fd, const char *timeout,
			   const char *report_fd)
{
	const struct key_sources *sources = o->sources;
	size_t n = 0;

	room[n++] = "virtmux";
	room[n++] = "session";
	room[n++] = "open";
	if (o->config) {
		room[n++] = "--config";
		room[n++] = o->config;
	}
	if (key_fd[0]) {
		room[n++] = sources->opened || sources->key_fd > 0
				    ? "--key-fd"
				    : "--passphrase-fd";
		room[n++] = key_fd;
	} else if (sources->passphrase_file) {
		room[n++] = "--passphrase-file";
		room[n++] = sources->passphrase_file;
	}
	if (sources->batch)
		room[n++] = "--batch";
	if (timeout[0]) {
		room[n++] = "--timeout";
		room[n++] = timeout;
	}
	if (log_enabled(o->log, LOG_LEVEL_INFO))
		room[n++] = log_enabled(o->log, LOG_LEVEL_DEBUG) ? "-vv" : "-v";
	room[n++] = "--report-fd";
	room[n++] = report_fd;
	room[n++] = "--";
	room[n++] = o->profile->name;
	room[n] = NULL;
}

/* Starts the program with the two descriptors left open in it; -1: none. */
static int spawn(pid_t *child, const struct session_options *options, int key,
		 int to, struct error *err)
{
	const char *arguments[ARGUMENTS_MAX + 1];
	char own[PATH_MAX];
	size_t size = sizeof(own);
	const char *program = options->program ? options->program : own;
	char key_text[NUMBER_SIZE] = "";
	char report_text[NUMBER_SIZE];
	char timeout[NUMBER_SIZE] = "";
	uint64_t left = deadline_left_ms(options->deadline);
	posix_spawn_file_actions_t actions;
	int rc;

	if (!options->program && uv_exepath(own, &size) < 0)
		return error_set(err, ERROR_SYSTEM,
				 "this program does not know its own path");
	if (key >= 0)
		snprintf(key_text, sizeof(key_text), "%d", key);
	snprintf(report_text, sizeof(report_text), "%d", to);
	if (left != DEADLINE_NEVER)
		snprintf(timeout, sizeof(timeout), "%" PRIu64 "ms",
			 left > LEFT_LEAST_MS ? left : LEFT_LEAST_MS);
	fill_arguments(arguments, options, key_text, timeout, report_text);
	rc = posix_spawn_file_actions_init(&actions);
	if (rc)
		return error_set_errno(err, ERROR_SYSTEM, rc, "no memory");
	/* A descriptor onto itself: the new program keeps it. */
	rc = posix_spawn_file_actions_adddup2(&actions, to, to);
	if (rc == 0 && key >= 0)
		rc = posix_spawn_file_actions_adddup2(&actions, key, key);
	if (rc == 0)
		rc = posix_spawnp(child, program, &actions, NULL,
				  (char *const *)arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (rc)
		return error_set_errno(err, ERROR_SYSTEM, rc, "cannot run %s",
				       program);
	return 0;
}

static enum session_opened start(const struct session_options *options, int key,
				 struct error *err)
{
	enum session_opened how = SESSION_IMPOSSIBLE;
	uint64_t begun = clock_monotonic_ns();
	uint64_t asked = 0, took;
	int ends[2];
	pid_t child;

	if (pipe(ends) < 0) {
		error_set_errno(err, ERROR_SYSTEM, errno, "cannot make a pipe");
		return how;
	}
	file_set_cloexec(ends[0], true);
	file_set_cloexec(ends[1], true);
	if (spawn(&child, options, key, ends[1], err) == 0) {
		close(steal_fd(&ends[1]));
		/* Its process has the same end, and knows when a person is asked. */
		deadline_hold(options->deadline);
		how = await(child, ends[0], &asked, err);
		took = clock_monotonic_ns() - begun;
		deadline_go_on(options->deadline,
			       took > asked ? took - asked : 0);
	}
	close(ends[0]);
	if (ends[1] >= 0)
		close(ends[1]);
	return how;
}

int session_open(const struct session_options *options,
		 enum session_opened *how, struct error *err)
{
	int key = options->sources->passphrase_fd;
	autoclose int given = -1;
	autoerror why = {0};

	*how = SESSION_IMPOSSIBLE;
	if (pass_secrets(&given, options->sources, err) < 0)
		return -1;
	if (options->sources->key_fd > 0)
		key = options->sources->key_fd;
	if (given >= 0)
		key = given;
	*how = start(options, key, &why);
	if (*how <= SESSION_OPEN)
		return 0;
	return error_move(err, &why);
}
