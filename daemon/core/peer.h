/*
 * The connections of the daemon, from accept() to their end: who may wait for
 * how long without having shown who he is, who gets in, who is put out. The
 * listener hands sockets over; requests go on to rpc.
 *
 * What always holds: a connection without rights counts among the strangers,
 * whose number is limited in all and for each source; the oldest makes room for
 * the newest, never the reverse. Loop thread only.
 */
#ifndef VIRTMUX_DAEMON_CORE_PEER_H
#define VIRTMUX_DAEMON_CORE_PEER_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "daemon/core/address.h"
#include "daemon/rpc/rpc.h"
#include "wire/conn.h"

struct peers;

struct peers_limits {
	unsigned all;
	unsigned strangers;
	unsigned strangers_source; /* of one address or IPv6 /64 */
	unsigned identity;         /* connections of one identity */
};

/* All borrowed as long as the peers live, but TLS: it is referenced. */
struct peers_config {
	struct conn_loop *conns;
	struct rpc *rpc;
	struct log *log;
	struct tls_context *tls;
	struct peers_limits limits;
};

int peers_new(struct peers **peers, const struct peers_config *config,
	      struct error *err);
/* Closes its handle: run the loop until it ends, then free. Once. */
void peers_close(struct peers *peers);
void peers_free(struct peers *peers); /* all have ended; NULL-safe */

/*
 * For connections to come. The certificates of present ones are judged by it anew, a
 * few in each turn of the loop, and whoever would not get in today is put out.
 */
void peers_set_tls(struct peers *peers, struct tls_context *tls);
void peers_set_limits(struct peers *peers, const struct peers_limits *limits);

/* A connected, non-blocking socket, which is taken. */
void peers_accept(struct peers *peers, int fd, const struct address *from);

/* What a change of rights has ended. */
struct peers_ended {
	unsigned connections;
	unsigned streams;
};

/*
 * The rights have changed: connections of identities without any are ended, of the
 * others the streams that are no longer covered.
 */
struct peers_ended peers_renew(struct peers *peers);

/* Each member, the oldest first; not from within VISIT. CALLER is borrowed. */
typedef void peers_visit_fn(void *context, uint64_t id,
			    const struct caller *caller, size_t streams);
void peers_visit(const struct peers *peers, peers_visit_fn *visit,
		 void *context);

/*
 * Sends the member of that number away in the next turn of the loop; its calls have
 * CORE_DISMISS_MS to end, so that whoever dismisses himself gets his answer. False
 * where there is none.
 */
bool peers_dismiss(struct peers *peers, uint64_t id);

/* GOAWAY to all; those that have not ended in DEADLINE_MS are cut. */
void peers_drain(struct peers *peers, uint64_t deadline_ms);

/* Connections, also those that are ending. */
unsigned peers_count(const struct peers *peers);
/* Of users with rights. */
unsigned peers_members(const struct peers *peers);

#endif
