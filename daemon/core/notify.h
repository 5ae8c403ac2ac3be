/*
 * The service manager's two environment variables, without libsystemd:
 * NOTIFY_SOCKET (sd_notify(3)) and LISTEN_FDS (sd_listen_fds(3)). Called by the
 * service and the listener. What always holds: without the variables each call
 * does nothing; a manager that does not read never blocks us. Loop thread only.
 */
#ifndef VIRTMUX_DAEMON_CORE_NOTIFY_H
#define VIRTMUX_DAEMON_CORE_NOTIFY_H

#include "base/log.h"

/* Sends lines such as "READY=1\nSTATUS=…" to the manager. LOG may be NULL. */
void notify_send(struct log *log, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * The number of sockets that the manager has handed over (0 for none): they are
 * NOTIFY_FIRST_FD and those behind it, made close-on-exec. Clears the variables,
 * so that no child takes them for its own; hence once a process.
 */
#define NOTIFY_FIRST_FD 3
int notify_take_sockets(void);

#endif
