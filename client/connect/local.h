/*
 * Sockets of this machine that only its user may use: the private folder, Unix
 * listeners, a loopback port, and the check of who connects. Used by view and by
 * the session.
 *
 * What always holds: a socket file has mode 0600 before anybody can connect to
 * it; a connection is handed on only where the kernel says that our own user made
 * it. No state; one thread.
 */
#ifndef VIRTMUX_CLIENT_LOCAL_H
#define VIRTMUX_CLIENT_LOCAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/log.h"

/*
 * "$XDG_RUNTIME_DIR/virtmux" or what channel_session_path() uses instead, made
 * with mode 0700 and checked to be ours; to free(). ERROR_DENIED, ERROR_SYSTEM.
 */
int local_folder(char **folder, struct error *err);

/* A new folder of ours alone, for one process; to free() and to rmdir(2). */
int local_temporary(char **folder, struct error *err);

/* Whether PATH is short enough for a socket's address. */
bool local_fits(const char *path);

/*
 * Listens on a new socket file PATH (non-blocking, close-on-exec). What is there
 * already is an error (ERROR_EXISTS), unless it is a socket of ours on which
 * nobody listens: that is replaced.
 */
int local_listen(int *fd, const char *path, int backlog, struct error *err);

/*
 * Listens on *PORT of 127.0.0.1; 0: any, which is told then. ERROR_EXISTS where
 * the port is in use.
 */
int local_listen_port(int *fd, unsigned *port, int backlog, struct error *err);

/* Whether somebody listens on the socket file PATH and lets us in. */
bool local_answers(const char *path);

/*
 * Connects to the socket file PATH, behind which our own user must be; *SERVER is the
 * process that listens, 0 where the system does not tell. ERROR_NOT_FOUND: nobody
 * listens. ERROR_DENIED: another user does. ERROR_TIMED_OUT: it takes nobody for
 * TIMEOUT_MS, since too many wait.
 */
int local_connect(int *fd, const char *path, uint64_t timeout_ms, pid_t *server,
		  struct error *err);

/*
 * Takes a connection of our own user from LISTENER (either kind); others are
 * closed and LOG is told. False: none is waiting.
 */
bool local_accept(int listener, struct log *log, int *fd);

/*
 * TEXT without its percent escapes (RFC 3986 2.1), to free(): the reverse of
 * channel_escape(). What is no escape stays. NULL without memory.
 */
char *local_unescape(const char *text);

#endif
