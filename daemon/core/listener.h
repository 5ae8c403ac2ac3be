/*
 * The sockets that the daemon listens on: its own by address, or those that the
 * service manager hands over. Accepted connections go to peers.
 *
 * What always holds: a failing accept() neither spins nor ends the daemon; when
 * descriptors run out, connections are closed at once instead of left waiting.
 * Loop thread only.
 */
#ifndef VIRTMUX_DAEMON_CORE_LISTENER_H
#define VIRTMUX_DAEMON_CORE_LISTENER_H

#include <uv.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "daemon/core/peer.h"

struct listener;

/*
 * Listens on ADDRESSES (NULL-terminated), or, where HANDED_OVER is not 0, on so
 * many descriptors from NOTIFY_FIRST_FD on; accepts nothing yet. LOG is borrowed.
 * An address of a family that the system does not have is left out with a
 * warning, as long as another one works. On failure *LISTENER is set too, to be
 * closed and freed, unless memory ran out.
 */
int listener_new(struct listener **listener, uv_loop_t *uv,
		 char *const *addresses, int handed_over, struct log *log,
		 struct error *err);

/* Accepts from now on, for PEERS, which are borrowed. */
void listener_start(struct listener *listener, struct peers *peers);

/* "[::]:16515, 0.0.0.0:16515", with the ports that the system chose. */
int listener_describe(const struct listener *listener, struct buf *out);

/* Stops and closes: run the loop until it ends, then free. May come twice. */
void listener_close(struct listener *listener);
void listener_free(struct listener *listener); /* NULL-safe */

#endif
