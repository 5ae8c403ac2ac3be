/*
 * The body of struct service, for service.c, reload.c and drain.c alone.
 */
#ifndef VIRTMUX_DAEMON_CORE_SERVICE_PRIVATE_H
#define VIRTMUX_DAEMON_CORE_SERVICE_PRIVATE_H

#include <uv.h>

#include "daemon/core/listener.h"
#include "daemon/core/peer.h"
#include "daemon/core/service.h"
#include "daemon/core/trust.h"
#include "daemon/ops/ops.h"
#include "daemon/rpc/rpc.h"
#include "wire/conn.h"

enum service_state {
	SERVICE_STARTING,
	SERVICE_SERVING,
	SERVICE_DRAINING, /* no new connections; calls and streams end */
	SERVICE_CLOSING,  /* handles are being closed */
	SERVICE_ABORTED,  /* a second signal */
	SERVICE_STATES,
};

struct service {
	struct service_options options;
	struct config *config; /* owned */
	struct log *log;
	enum service_state state;
	uv_loop_t uv;
	uv_signal_t signals[3]; /* TERM, INT, HUP */
	uv_timer_t drain;       /* active while draining: is all over? */
	uint64_t drain_until;   /* clock_monotonic_ns() */
	bool cut;               /* the time-out was over */
	bool ops_closed;
	struct conn_loop *conns;
	struct audit *audit;
	struct journal *journal;
	struct ops *ops;
	struct rpc *rpc;
	struct peers *peers;
	struct listener *listener;
	struct trust trust;
};

/* All files that the configuration names, read before any of them is used. */
struct service_files {
	struct tls_context *tls;
	struct access *access;
};

int service_files_read(struct service_files *files, const struct config *config,
		       struct error *err);
void service_files_clear(struct service_files *files);

void service_set_state(struct service *s, enum service_state state);
/* Taking down begins; the loop then ends by itself. */
void service_close(struct service *s);
/* Only libvirt is let go; no connection is left. */
void service_close_ops(struct service *s);

/*
 * reload.c: what SIGHUP and host.reload do; the log tells how it went. RESTART (may
 * be NULL) gets the names of options that wait for a restart. -1: nothing changed.
 */
int service_reload(struct service *s, struct buf *restart, struct error *err);
void service_warn_of_keylog(struct log *log, const struct config *config);
void service_set_log_level(struct service *s, const struct config *config);
void service_peers_limits(const struct config *config,
			  struct peers_limits *limits);

/* revocation.c: what the methods of ops need of core. */
struct ops_core service_for_ops(struct service *s);

/* drain.c: what SIGTERM and SIGINT do. */
void service_drain(struct service *s);
/* The same in the next turn of the loop, for host.drain. CONTEXT: the service. */
int service_drain_soon(void *context, struct ops_drained *left,
		       struct error *err);

#endif
