/*
 * Finding the session of a host: who listens on its socket, and what the file beside
 * it, NAME.lock, tells of it (session_private.h). On the way of every command: a few
 * system calls, no question that a session would have to answer.
 *
 * What always holds: a socket is spoken to only where the kernel says that a process
 * of our own user listens; the file's words are trusted, since its folder is ours.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "client/connect/channel.h"
#include "client/connect/local.h"
#include "client/connect/profile.h"
#include "client/connect/session_private.h"

#define LOCK_SUFFIX  ".lock"
#define VERSION_SIZE 64
#define LOOKS_MAX    3
#define OWNER_MAX    128 /* bytes of a line that tells who serves */
#define FORM_SERVES  "serves "
#define FORM_FAILED  "failed "

char *session_aside_path(const char *socket, pid_t pid)
{
	size_t n = strlen(socket);
	autobuf text = {0};

	if (n > strlen(SESSION_SUFFIX))
		n -= strlen(SESSION_SUFFIX);
	buf_appendf(&text, "%.*s.%ld" SESSION_ASIDE_SUFFIX, (int)n, socket,
		    (long)pid);
	return buf_steal_str(&text);
}

/* -- the file beside the socket -------------------------------------------- */

static char *lock_path(const char *socket)
{
	autobuf text = {0};

	buf_appendf(&text, "%s" LOCK_SUFFIX, socket);
	return buf_steal_str(&text);
}

int session_turn_open(int *fd, const char *socket, struct error *err)
{
	autofree char *path = lock_path(socket);

	if (!path)
		return error_set_no_memory(err);
	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		   S_IRUSR | S_IWUSR);
	if (*fd < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot open %s", path);
	return 0;
}

static int write_line(int fd, const struct buf *line, struct error *err)
{
	if (!buf_ok(line))
		return error_set_no_memory(err);
	if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot write the session's lock file");
	return file_write_all(fd, buf_bytes(line), line->len, err);
}

/* FNV-1a (RFC 9923) of TEXT with its NUL; NULL is another text than "". */
static uint64_t add_text(uint64_t hash, const char *text)
{
	const char *at = text ? text : "\x01";

	do
		hash = (hash ^ (unsigned char)*at) * 0x100000001b3u;
	while (*at++);
	return hash;
}

void session_mark(const struct profile *p, char mark[SESSION_MARK_SIZE])
{
	const char *const texts[] = {p->address, p->server_name, p->ca,
				     p->crl,     p->certificate, p->key,
				     p->via};
	uint64_t hash = 0xcbf29ce484222325u ^ (uint64_t)p->tls_min;

	for (size_t i = 0; i < array_size(texts); i++)
		hash = add_text(hash, texts[i]);
	snprintf(mark, SESSION_MARK_SIZE, "%016" PRIx64, hash);
}

int session_turn_tell_owner(int fd, const struct profile *profile,
			    struct error *err)
{
	char mark[SESSION_MARK_SIZE];
	autobuf line = {0};

	session_mark(profile, mark);
	buf_appendf(&line, FORM_SERVES "%ld " VIRTMUX_VERSION " %s\n",
		    (long)getpid(), mark);
	return write_line(fd, &line, err);
}

long session_turn_owner(int fd)
{
	char text[OWNER_MAX];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	long pid = 0;

	if (n < 0)
		return 0;
	text[n] = '\0';
	return sscanf(text, FORM_SERVES "%ld", &pid) == 1 ? pid : 0;
}

int session_turn_tell_failure(int fd, uint64_t now, bool asked,
			      const struct error *why)
{
	autobuf line = {0};

	buf_appendf(&line, FORM_FAILED "%" PRIu64 " %d %d %s\n", now, asked,
		    (int)why->code, error_words(why));
	return write_line(fd, &line, NULL);
}

bool session_turn_failed_since(int fd, uint64_t then, bool asks,
			       struct error *err)
{
	autobuf text = {0};
	autofree char *line = NULL;
	uint64_t when = 0;
	int asked = 0;
	int code = 0;
	int words = 0;

	if (lseek(fd, 0, SEEK_SET) < 0 ||
	    file_read_fd(fd, "the lock file", SESSION_WORDS_MAX, &text, NULL) <
		    0)
		return false;
	line = buf_steal_str(&text);
	if (!line ||
	    sscanf(line, FORM_FAILED "%" SCNu64 " %d %d %n", &when, &asked,
		   &code, &words) < 3 ||
	    words == 0 || when < then)
		return false;
	/* What a person has answered is no answer for one with a file. */
	if (code != ERROR_CONNECT && code != ERROR_TLS &&
	    !(code == ERROR_KEY && asked && asks))
		return false;
	line[strcspn(line, "\n")] = '\0';
	error_set(err, (enum error_code)code, "%s", line + words);
	return true;
}

/* *PID is 0 where the file does not tell. */
static void read_owner(const char *socket, long *pid,
		       char version[VERSION_SIZE], char mark[SESSION_MARK_SIZE])
{
	autofree char *path = lock_path(socket);
	autoclose int fd =
		path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
	char text[OWNER_MAX];
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;

	*pid = 0;
	if (n < 0)
		return;
	text[n] = '\0';
	if (sscanf(text, FORM_SERVES "%ld %63s %16s", pid, version, mark) < 2)
		*pid = 0;
}

/* -- who serves ------------------------------------------------------------ */

static int judge(const char *version, const char *mark,
		 const struct profile *profile)
{
	char wanted[SESSION_MARK_SIZE];

	if (strcmp(version, VIRTMUX_VERSION) != 0)
		return SESSION_OTHER;
	if (!profile)
		return SESSION_SERVES;
	session_mark(profile, wanted);
	return strcmp(mark, wanted) == 0 ? SESSION_SERVES : SESSION_CHANGED;
}

/* As session_find(); *SERVER is the process that listens where it is not the owner. */
static int look(int *fd, const char *path, const struct profile *profile,
		uint64_t timeout_ms, pid_t *server, struct error *err)
{
	char version[VERSION_SIZE] = "";
	char mark[SESSION_MARK_SIZE] = "";
	autoclose int found = -1;
	autoerror why = {0};
	pid_t listener = 0;
	long owner = 0;

	if (local_connect(&found, path, timeout_ms, &listener, &why) < 0)
		return why.code == ERROR_NOT_FOUND ? SESSION_NONE
						   : error_move(err, &why);
	read_owner(path, &owner, version, mark);
	if (owner && listener && owner != listener) {
		*server = listener;
		return SESSION_NONE;
	}
	*fd = steal_fd(&found);
	return owner ? judge(version, mark, profile) : SESSION_OTHER;
}

int session_find(int *fd, const char *path, const struct profile *profile,
		 uint64_t timeout_ms, struct error *err)
{
	pid_t server = 0;

	if (channel_session_check(path, err) < 0)
		return -1;
	/* One may give way to another between our connection and the file. */
	for (int i = 0; i < LOOKS_MAX; i++) {
		int found;

		server = 0;
		found = look(fd, path, profile, timeout_ms, &server, err);
		if (server == 0)
			return found;
	}
	return error_set(err, ERROR_DENIED,
			 "process %ld listens on %s and is no session of "
			 "virtmux: end it, and remove the file",
			 (long)server, path);
}

bool session_serves(const struct profile *profile)
{
	autofree char *path = NULL;
	autoclose int fd = -1;

	return channel_session_path(&path, profile, NULL) == 0 &&
	       session_find(&fd, path, profile,
			    (uint64_t)profile->connect_timeout,
			    NULL) == SESSION_SERVES;
}
