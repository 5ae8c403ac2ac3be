/*
 * Whole files and descriptors. Called by configuration, certificates, keys,
 * journals and the client. What always holds: no descriptor leaks to a child
 * (O_CLOEXEC), a failed read leaves the caller's buffer as it was, and a failed
 * write leaves no temporary file.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_CHUNK (16 * 1024) /* bytes, where the size is not known */

static int open_to_read(const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		error_set_errno(
			err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_SYSTEM,
			errno, "cannot open %s", path);
	return fd;
}

/*
 * A known size is reserved at once, and one byte more to see the end: so no
 * realloc(3) scatters copies of a private key.
 */
static size_t first_chunk(int fd, size_t limit)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size <= 0)
		return READ_CHUNK;
	return (uintmax_t)st.st_size < limit ? (size_t)st.st_size + 1
					     : READ_CHUNK;
}

/* Above LIMIT one byte at most is read, which tells that there is more. */
static int read_rest(int fd, const char *name, size_t limit, struct buf *out,
		     struct error *err)
{
	size_t chunk = first_chunk(fd, limit);
	size_t got = 0, room;
	ssize_t n;

	if (buf_reserve(out, chunk) < 0)
		return error_set_no_memory(err);
	do {
		room = out->cap - out->head - out->len;
		if (room == 0 && buf_reserve(out, READ_CHUNK) < 0)
			return error_set_no_memory(err);
		room = out->cap - out->head - out->len;
		if (room > limit - got)
			room = limit - got + 1;
		n = read(fd, buf_end(out), room);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set_errno(err, ERROR_SYSTEM, errno,
					       "cannot read %s", name);
		buf_added(out, (size_t)n);
		got += (size_t)n;
		if (got > limit)
			return error_set(err, ERROR_TOO_LARGE,
					 "%s is larger than %zu bytes", name,
					 limit);
	} while (n != 0);
	return 0;
}

int file_read_fd(int fd, const char *name, size_t limit, struct buf *out,
		 struct error *err)
{
	size_t before = out->len;

	if (read_rest(fd, name, limit, out, err) < 0) {
		out->len = before;
		return -1;
	}
	return 0;
}

int file_read(const char *path, size_t limit, struct buf *out,
	      struct error *err)
{
	autoclose int fd = open_to_read(path, err);

	return fd < 0 ? -1 : file_read_fd(fd, path, limit, out, err);
}

static bool is_trusted(uid_t owner)
{
	return owner == geteuid() || owner == 0;
}

static int check_private(int fd, const char *path, struct error *err)
{
	struct stat st, link;

	if (fstat(fd, &st) < 0 || lstat(path, &link) < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot examine %s", path);
	if (S_ISLNK(link.st_mode) &&
	    (!is_trusted(link.st_uid) || !is_trusted(st.st_uid)))
		return error_set(err, ERROR_KEY,
				 "%s is a symbolic link of uid %ju to a file "
				 "of uid %ju; only your own or root's are "
				 "trusted. Remove it (rm %s) and put a file of "
				 "your own there",
				 path, (uintmax_t)link.st_uid,
				 (uintmax_t)st.st_uid, path);
	if (!is_trusted(st.st_uid))
		return error_set(err, ERROR_KEY,
				 "%s belongs to uid %ju, not to you (uid %ju) "
				 "or root. If you trust its content: chown %ju "
				 "%s",
				 path, (uintmax_t)st.st_uid,
				 (uintmax_t)geteuid(), (uintmax_t)geteuid(),
				 path);
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return error_set(err, ERROR_KEY,
				 "%s is open to others (mode %04o), but holds "
				 "a secret. Close it: chmod 600 %s",
				 path, (unsigned)st.st_mode & 07777, path);
	return 0;
}

int file_read_private(const char *path, size_t limit, struct buf *out,
		      struct error *err)
{
	autoclose int fd = open_to_read(path, err);

	if (fd < 0 || check_private(fd, path, err) < 0)
		return -1;
	return file_read_fd(fd, path, limit, out, err);
}

char *file_folder(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strdup(".");
	return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

static int sync_folder(const char *path, struct error *err)
{
	autofree char *folder = file_folder(path);
	autoclose int fd = -1;

	if (!folder)
		return error_set_no_memory(err);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* EINVAL: a file system without it, which then needs none. */
	if (fd < 0 || (fsync(fd) < 0 && errno != EINVAL))
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot sync the folder %s", folder);
	return 0;
}

static int fill(int fd, const char *path, const void *data, size_t len,
		mode_t mode, struct error *err)
{
	if (file_write_all(fd, data, len, err) < 0)
		return error_prefix(err, "cannot write %s", path);
	if (fchmod(fd, mode) < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot set the mode of %s", path);
	if (fsync(fd) < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot write %s", path);
	return 0;
}

/* A filled file beside PATH: its name to free(), or NULL. */
static char *write_temporary(const char *path, const void *data, size_t len,
			     mode_t mode, struct error *err)
{
	static const char suffix[] = ".XXXXXX";
	autofree char *name = malloc(strlen(path) + sizeof(suffix));
	autoclose int fd = -1;

	if (!name) {
		error_set_no_memory(err);
		return NULL;
	}
	strcpy(stpcpy(name, path), suffix);
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0) {
		error_set_errno(err, ERROR_SYSTEM, errno, "cannot create %s",
				path);
		return NULL;
	}
	if (fill(fd, path, data, len, mode, err) < 0) {
		unlink(name);
		return NULL;
	}
	return steal(&name);
}

int file_write_atomic(const char *path, const void *data, size_t len,
		      mode_t mode, struct error *err)
{
	autofree char *temporary = write_temporary(path, data, len, mode, err);

	if (!temporary)
		return -1;
	if (rename(temporary, path) < 0) {
		error_set_errno(err, ERROR_SYSTEM, errno, "cannot replace %s",
				path);
		unlink(temporary);
		return -1;
	}
	return sync_folder(path, err);
}

int file_write_new(const char *path, const void *data, size_t len, mode_t mode,
		   struct error *err)
{
	autofree char *temporary = write_temporary(path, data, len, mode, err);
	int linked, errnum;

	if (!temporary)
		return -1;
	/* Unlike rename(2), link(2) never replaces what is there. */
	linked = link(temporary, path);
	errnum = errno;
	unlink(temporary);
	if (linked < 0 && errnum == EEXIST)
		return error_set(err, ERROR_EXISTS, "%s exists already", path);
	if (linked < 0)
		return error_set_errno(err, ERROR_SYSTEM, errnum,
				       "cannot create %s", path);
	return sync_folder(path, err);
}

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int file_make_dirs(const char *path, mode_t mode, struct error *err)
{
	autofree char *part = strdup(path);
	char *end = part;

	if (!part)
		return error_set_no_memory(err);
	while (*end) {
		char saved;
		int errnum;

		end += strspn(end, "/");
		end += strcspn(end, "/");
		saved = *end;
		*end = '\0';
		errnum = mkdir(part, mode) < 0 ? errno : 0;
		if (errnum && !is_folder(part))
			return error_set_errno(err, ERROR_SYSTEM, errnum,
					       "cannot make the folder %s",
					       part);
		*end = saved;
	}
	return 0;
}

/* A terminal may be shared with a program that made it non-blocking. */
static void wait_writable(int fd)
{
	struct pollfd pfd = {.fd = fd, .events = POLLOUT};

	(void)poll(&pfd, 1, -1);
}

int file_write_all(int fd, const void *data, size_t len, struct error *err)
{
	const char *rest = data;

	while (len > 0) {
		ssize_t n = write(fd, rest, len);

		if (n >= 0) {
			rest += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			wait_writable(fd);
		} else if (errno != EINTR) {
			return error_set_errno(err, ERROR_SYSTEM, errno,
					       "write failed");
		}
	}
	return 0;
}

static int set_flag(int fd, int get, int set, int flag, bool on)
{
	int flags = fcntl(fd, get);

	if (flags < 0)
		return -1;
	return fcntl(fd, set, on ? flags | flag : flags & ~flag) < 0 ? -1 : 0;
}

int file_set_nonblock(int fd, bool on)
{
	return set_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK, on);
}

int file_set_cloexec(int fd, bool on)
{
	return set_flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC, on);
}

char *file_join(const char *dir, const char *name)
{
	size_t n = strlen(dir);
	const char *slash = n > 0 && dir[n - 1] != '/' ? "/" : "";
	autobuf path = {0};

	buf_append(&path, dir, n);
	buf_append_str(&path, slash);
	buf_append_str(&path, name);
	return buf_steal_str(&path);
}

char *file_expand_home(const char *path)
{
	const char *home = getenv("HOME");

	if (strncmp(path, "~/", 2) != 0 || !home || !*home)
		return strdup(path);
	return file_join(home, path + 2);
}
