/*
 * Who is at the other end of a local connection, by the kernel's word. Called by
 * the client for each connection that it accepts on a socket of this machine, and
 * the only place that knows how each system tells. No state; any thread.
 */
#ifndef VIRTMUX_BASE_PEER_H
#define VIRTMUX_BASE_PEER_H

#include <sys/types.h>

#include "base/error.h"

/*
 * The user who connected FD, a connected Unix socket (SO_PEERCRED, getpeereid):
 * effective uid at the time of connect(2). ERROR_SYSTEM.
 */
int peer_user(int fd, uid_t *uid, struct error *err);

/*
 * The same, and its process, as of connect(2) or, seen by who connects, listen(2).
 * *PID is 0 where the system does not tell, or it is in another PID namespace.
 */
int peer_process(int fd, uid_t *uid, pid_t *pid, struct error *err);

/*
 * The user who owns the other end of FD, a TCP connection over IPv4 within this
 * machine. ERROR_NOT_FOUND where it has gone or is not of this machine,
 * ERROR_UNSUPPORTED where the system does not tell, ERROR_SYSTEM.
 */
int peer_user_tcp(int fd, uid_t *uid, struct error *err);

#endif
