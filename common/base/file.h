/*
 * Safe files: whole reads with a limit, atomic writes, and the rules for files
 * that hold secrets. Paths are the caller's; errors name them. Blocking; any
 * thread.
 */
#ifndef VIRTMUX_BASE_FILE_H
#define VIRTMUX_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"

/*
 * Appends the whole file to OUT, which a failure leaves as it was.
 * ERROR_NOT_FOUND where there is none, ERROR_TOO_LARGE above LIMIT bytes, else
 * ERROR_SYSTEM or ERROR_NO_MEMORY. "-" is no special name.
 */
int file_read(const char *path, size_t limit, struct buf *out,
	      struct error *err);

/* The same from an open descriptor, which stays open; NAME is for errors. */
int file_read_fd(int fd, const char *name, size_t limit, struct buf *out,
		 struct error *err);

/*
 * Reads a file that holds a secret (at most LIMIT bytes): refused with
 * ERROR_KEY and the command that repairs it, where group or others have any
 * access, where its owner is neither we nor root, or where it is a symbolic
 * link that is, or whose target is, owned by somebody else. The file is judged
 * on the open descriptor.
 */
int file_read_private(const char *path, size_t limit, struct buf *out,
		      struct error *err);

/*
 * Replaces PATH: a new file of exactly MODE in the same folder, fsync, rename,
 * fsync of the folder. At any moment PATH is whole, old or new. A symbolic link
 * is replaced itself. ERROR_SYSTEM.
 */
int file_write_atomic(const char *path, const void *data, size_t len,
		      mode_t mode, struct error *err);

/*
 * Creates PATH, which must not exist (ERROR_EXISTS); else as above, by link(2).
 */
int file_write_new(const char *path, const void *data, size_t len, mode_t mode,
		   struct error *err);

/*
 * mkdir -p with MODE (less the umask) for what is made; an existing folder is
 * left as it is. ERROR_SYSTEM.
 */
int file_make_dirs(const char *path, mode_t mode, struct error *err);

/*
 * Writes all of it to FD, over EINTR, short writes and O_NONBLOCK (it waits).
 * ERROR_SYSTEM.
 */
int file_write_all(int fd, const void *data, size_t len, struct error *err);

/* O_NONBLOCK and FD_CLOEXEC on or off; 0 or -1 with errno. */
int file_set_nonblock(int fd, bool on);
int file_set_cloexec(int fd, bool on);

/* The folder that PATH lies in ("." where it names none), to free(). */
char *file_folder(const char *path);

/* "DIR/NAME", to free(); NULL without memory. */
char *file_join(const char *dir, const char *name);

/*
 * The path with a leading "~/" replaced by $HOME (where that is set), to
 * free(); NULL without memory.
 */
char *file_expand_home(const char *path);

#endif
