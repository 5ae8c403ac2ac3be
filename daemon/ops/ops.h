/*
 * The room's face to daemon/core: what all handlers share. core makes one struct
 * ops, gives it to rpc as the context of its calls, and registers the handlers
 * op_ID() of daemon/rpc/handler.h (those that are not rpc's own).
 *
 * What always holds: ops owns the one struct virt and is alone in calling it;
 * every handler answers its call, at once or when virt has replied. Loop thread
 * only.
 */
#ifndef VIRTMUX_OPS_OPS_H
#define VIRTMUX_OPS_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "daemon/virt/virt.h"

struct call;
struct ops;

/* When the host's certificate and list end; seconds since 1970, 0: there is none. */
struct ops_trust {
	int64_t certificate;
	int64_t crl;
};

struct ops_crl {
	char issuer[256];
	char number[64];
	int64_t this_update;
	int64_t next_update;
	size_t revoked;
};

/* Connections now: of users with rights, and of others. */
struct ops_connections {
	unsigned members;
	unsigned strangers;
};

/* What is under way when the daemon begins to end. */
struct ops_drained {
	size_t connections;
	size_t calls;
};

struct caller;

/* A connection; CALLER is borrowed. */
typedef void ops_session_fn(void *context, uint64_t id,
			    const struct caller *caller, size_t streams);

/* What only daemon/core can do: 0, or -1 with words for the administrator. */
struct ops_core {
	void *context;
	/* RESTART gets the names of options that wait for a restart. */
	int (*reload)(void *context, struct buf *restart, struct error *err);
	int (*push_crl)(void *context, const char *pem, size_t len,
			struct ops_crl *crl, struct error *err);
	void (*trust)(void *context, struct ops_trust *trust);
	void (*connections)(void *context, struct ops_connections *now);
	/* Begins the end in the next turn of the loop. ERROR_DRAINING. */
	int (*drain)(void *context, struct ops_drained *left,
		     struct error *err);
	/* Each connection with rights, the oldest first. */
	void (*sessions)(void *context, ops_session_fn *each,
			 void *each_context);
	/* Ends one in the next turn of the loop; false: there is none. */
	bool (*end_session)(void *context, uint64_t id);
};

struct ops_config {
	uv_loop_t *uv;             /* borrowed */
	struct log *log;           /* borrowed */
	struct ops_core core;      /* copied */
	struct virt_config virt;   /* copied */
	const char *record_folder; /* copied; of recordings */
};

/*
 * Starts virt, which connects by itself: see virt_new(). ERROR_CONFIG,
 * ERROR_NO_MEMORY, ERROR_SYSTEM.
 */
int ops_new(struct ops **ops, const struct ops_config *config,
	    struct error *err);

/*
 * First step of the end: calls that need libvirt fail from now on with
 * ERROR_DRAINING, also those that have not begun; what runs goes on and is
 * answered. May be called twice.
 */
void ops_drain(struct ops *ops);

/* Ends the streams of events, which would go on for ever; no new ones begin. */
void ops_end_events(struct ops *ops);

/* Calls that still wait for libvirt. */
size_t ops_pending(struct ops *ops);

/* Whether libvirt is connected at this moment. */
bool ops_connected(struct ops *ops);

/*
 * Drains, waits for libvirt at most VIRT_FREE_WAIT_MS, answers every call that
 * is left, and closes the loop's handle: run the loop until it ends, then free.
 * The connections are closed before, struct rpc after it. Once.
 */
void ops_close(struct ops *ops);
void ops_free(struct ops *ops); /* NULL-safe */

/* For rpc_config.unknown: the outcome of an earlier call of that key is not known. */
void ops_unknown(struct call *call, const void *params, struct error *err);

DEFINE_CLEANUP(ops, ops_free);

#endif
