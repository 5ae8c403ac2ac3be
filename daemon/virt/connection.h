/*
 * The one connection to libvirt: opened by a supervising thread, never by a
 * caller; opened again whenever it breaks. Workers borrow it by reference.
 *
 * Lock: connection->lock guards all of it; no libvirt call that may block is
 * made while it is held. Threads: get and lost by any; new, stop and free by
 * the owner of struct virt.
 */
#ifndef VIRTMUX_VIRT_CONNECTION_H
#define VIRTMUX_VIRT_CONNECTION_H

#include <libvirt/libvirt.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/log.h"

struct connection;
struct crew;
struct watch;

/*
 * Starts the supervising thread in CREW. LOG is borrowed until stop, WATCH
 * until free: it learns of each connection.
 */
int connection_new(struct connection **out, const char *uri, unsigned retry_ms,
		   struct watch *watch, struct crew *crew, struct log *log,
		   struct error *err);

/* After the thread has ended. NULL-safe. */
void connection_free(struct connection *connection);

/* Of connection_epoch(), with its NUL. */
#define CONNECTION_EPOCH_SIZE 9

/*
 * A word that no other connection has, of this process or of another: libvirt counts
 * domains from 1 when it is started anew. Of the present or else the last connection.
 */
void connection_epoch(struct connection *connection,
		      char epoch[CONNECTION_EPOCH_SIZE]);

/*
 * A reference to the connection, for virConnectClose(); NULL with
 * ERROR_UNAVAILABLE. Waits only while the very first attempt goes on. *REMOTE:
 * whether its calls cross to another process.
 */
virConnectPtr connection_get(struct connection *connection, bool *remote,
			     struct error *err);

/* A call on CONN found it dead: it will be rebuilt. */
void connection_lost(struct connection *connection, virConnectPtr conn);

/* As given to connection_new(); never changes. */
const char *connection_uri(const struct connection *connection);

bool connection_is_up(struct connection *connection);

/* ERROR_UNAVAILABLE with the words that connection_get() uses. Returns -1. */
int connection_unavailable(struct connection *connection, struct error *err);

/* Closes it and ends the thread; get() fails from now on. */
void connection_stop(struct connection *connection);

#endif
