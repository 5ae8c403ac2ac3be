/*
 * The room's face to daemon/core: the service that answers requests, and its
 * view of one authenticated connection. core makes one struct rpc, registers the
 * handlers, and hands over each request stream; rpc finds the method, checks the
 * rights, decodes, waits for a turn, audits and calls the handler.
 *
 * What always holds: rpc names no handler; no handler is called from within
 * another one's answer. Loop thread only.
 */
#ifndef VIRTMUX_DAEMON_RPC_RPC_H
#define VIRTMUX_DAEMON_RPC_RPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "api/method.h"
#include "base/error.h"
#include "base/log.h"
#include "daemon/rpc/access.h"
#include "daemon/rpc/audit.h"
#include "daemon/rpc/call.h"
#include "daemon/rpc/idempotency.h"
#include "daemon/rpc/journal.h"
#include "daemon/rpc/limits.h"
#include "wire/h2.h"

struct rpc;
struct rpc_peer;

/* PARAMS is the struct ID_params of the method. */
typedef void rpc_handler_fn(struct call *call, const void *params);

/*
 * A retry of a call whose outcome is not known: fails CALL with ERR, which it takes,
 * and adds to its words what the host shows now.
 */
typedef void rpc_unknown_fn(struct call *call, const void *params,
			    struct error *err);

struct rpc_limits {
	size_t body;      /* bytes of a request body */
	unsigned depth;   /* of JSON, at most JSON_DEPTH_MAX */
	unsigned calls;   /* of one identity that run at once */
	unsigned waiting; /* of one identity that wait for their turn */
	size_t held;      /* bytes of all bodies of one identity */
	unsigned jobs;    /* calls of LONG methods of one identity at once */
	struct idem_limits keys;
};

extern const struct rpc_limits rpc_limits_default;

/* All borrowed as long as the service lives, but ACCESS: it is referenced. */
struct rpc_config {
	uv_loop_t *uv;
	struct log *log;
	struct audit *audit;
	struct access *access;
	struct journal *journal; /* loaded by rpc_new(); NULL: keys in memory */
	rpc_handler_fn *const *handlers; /* METHODS of them, by method id */
	rpc_unknown_fn *unknown;         /* NULL: ERR as it is */
	void *context;                   /* call_context() */
	struct rpc_limits limits;
};

int rpc_new(struct rpc **rpc, const struct rpc_config *config,
	    struct error *err);

/*
 * Closes its handles: run the loop until it ends, then free. All connections
 * have ended and all calls are answered before.
 */
void rpc_close(struct rpc *rpc);
void rpc_free(struct rpc *rpc); /* NULL-safe */

/* The daemon is about to end: calls that only wait for a job fail now. */
void rpc_drain(struct rpc *rpc);

void rpc_set_limits(struct rpc *rpc, const struct rpc_limits *limits);

/* The rights of connections to come; for present ones rpc_peer_renew(). */
void rpc_set_access(struct rpc *rpc, struct access *access);

/* Calls and streams that are not answered yet, orphans included. */
size_t rpc_open_calls(const struct rpc *rpc);

/* -- connections ---------------------------------------------------------- */

/* Strings are copied. */
struct rpc_origin {
	const char *identity;
	const char *serial;      /* of the certificate, hexadecimal */
	const char *fingerprint; /* SHA-256, hexadecimal */
	const char *address;
	const char *tls;   /* what was agreed on */
	int64_t not_after; /* seconds since 1970 */
};

int rpc_peer_new(struct rpc_peer **peer, struct rpc *rpc,
		 const struct rpc_origin *origin, struct error *err);

/* After the last of its streams is closed. Its calls may go on. NULL-safe. */
void rpc_peer_free(struct rpc_peer *peer);

/* Whether its identity has any rights; without, each request gets a 403. */
bool rpc_peer_permitted(const struct rpc_peer *peer);

/* Who it is, borrowed until its rights change or it ends. */
const struct caller *rpc_peer_caller(const struct rpc_peer *peer);
/* Its calls, consoles and transfers at this moment. */
size_t rpc_peer_streams(const struct rpc_peer *peer);

/* Connections of the same identity, this one included. */
unsigned rpc_peer_siblings(const struct rpc_peer *peer);

/*
 * Gives it the rights of the present set: what runs is finished under the old
 * ones, what waits is checked anew, streams that they no longer cover are ended.
 * *ENDED grows by the number of these. False where no rights are left, or no
 * memory: core ends the connection.
 */
bool rpc_peer_renew(struct rpc_peer *peer, unsigned *ended);

/* A request stream of the connection, with its header list complete. */
void rpc_peer_request(struct rpc_peer *peer, struct h2_stream *stream);

#endif
