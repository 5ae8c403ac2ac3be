/*
 * Connections: a transport's bytes through TLS (or none) into HTTP/2 and back,
 * on a libuv loop. Made by the daemon's listener and by the client's dialer;
 * owns the socket, the TLS state and the HTTP/2 engine of one connection.
 *
 * What always holds: each callback comes from the loop, never from inside a
 * verb; on_closed comes exactly once and last; output is gathered during a loop
 * turn and written before the loop sleeps. Loop thread only.
 */
#ifndef VIRTMUX_WIRE_CONN_H
#define VIRTMUX_WIRE_CONN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

#include "base/error.h"
#include "base/log.h"
#include "wire/h2.h"
#include "wire/tls.h"
#include "wire/tls_look.h"

struct conn_loop; /* what the connections of one uv_loop_t share */
struct conn;

struct conn_limits {
	struct h2_limits h2;
	uint64_t grace_ms;   /* accept or connect to first SETTINGS */
	uint64_t silence_ms; /* then a PING is sent */
	uint64_t pong_ms;    /* then the peer counts as dead */
};

extern const struct conn_limits conn_limits_default;

/* UV and LOG are borrowed. LIMITS apply to connections made later. */
int conn_loop_new(struct conn_loop **loop, uv_loop_t *uv,
		  const struct conn_limits *limits, struct log *log,
		  struct error *err);
void conn_loop_set_limits(struct conn_loop *loop,
			  const struct conn_limits *limits);
uv_loop_t *conn_loop_uv(struct conn_loop *loop);
/*
 * Begins to close all connections and the loop's own handles; run the loop
 * until it ends, then free.
 */
void conn_loop_close(struct conn_loop *loop);
void conn_loop_free(struct conn_loop *loop); /* NULL-safe */

/* Any may be NULL. CONTEXT is conn_context(). */
struct conn_events {
	/* TLS done and the peer's first SETTINGS received: requests may go. */
	void (*on_open)(void *context, struct conn *conn);
	/* Host: a request without handler; set one, or answer it. */
	void (*on_request)(void *context, struct conn *conn,
			   struct h2_stream *s);
	/* Client: a 1xx response to a request (h2_stream_informed()). */
	void (*on_informed)(void *context, struct conn *conn,
			    struct h2_stream *s);
	/* The peer drains: no new requests on this connection. */
	void (*on_drain)(void *context, struct conn *conn);
	/* The end; WHY has code ERROR_NONE after a proper one. conn is freed
	 * when this returns. */
	void (*on_closed)(void *context, struct conn *conn,
			  const struct error *why);
};

/* What a connection is made of. Strings are copied, the rest borrowed. */
struct conn_options {
	enum h2_role role;
	struct tls_context *tls; /* referenced; NULL: clear text */
	const char *server_name; /* client with TLS */
	const char *peer;        /* "192.0.2.1:16515", for messages */
	const struct conn_events *events;
	void *context;
};

/*
 * A connection over FD, a connected stream socket, which is taken (also on
 * failure). It is closed by conn_close() or by the peer.
 */
int conn_new(struct conn **conn, struct conn_loop *loop, int fd,
	     const struct conn_options *options, struct error *err);

/*
 * A byte transport that is no socket (a stream of another connection). All are
 * called on the loop's thread. recv and send: bytes moved, 0 at the end (recv),
 * or -errno (-EAGAIN: tell readiness later by conn_transport_ready()).
 */
struct conn_transport {
	ssize_t (*recv)(void *context, uint8_t *to, size_t room);
	ssize_t (*send)(void *context, const uint8_t *from, size_t n);
	void (*want)(void *context, bool readable, bool writable);
	void (*finish)(void *context); /* nothing more will be sent */
	/* Asynchronous; conn_transport_closed() follows from the loop. */
	void (*close)(void *context);
};

int conn_new_over(struct conn **conn, struct conn_loop *loop,
		  const struct conn_transport *transport, void *transport_ctx,
		  const struct conn_options *options, struct error *err);
void conn_transport_ready(struct conn *conn, bool readable, bool writable);
void conn_transport_closed(struct conn *conn);

/* GOAWAY, then the end when all streams are over or DEADLINE_MS has passed. */
void conn_drain(struct conn *conn, uint64_t deadline_ms);

/*
 * The end now: what is queued is sent as far as the kernel takes it at once,
 * streams are closed, on_closed follows from the loop with WHY (copied; NULL:
 * a proper end). An open peer is told WHY, code and words, by a GOAWAY. Further
 * calls do nothing.
 */
void conn_close(struct conn *conn, const struct error *why);

/* The same without a word to the peer, and without waiting for him to hear it. */
void conn_abort(struct conn *conn, const struct error *why);

/*
 * Judges the peer's certificate anew, by a context that a reload made: see
 * tls_judge(). The connection is left as it is.
 */
int conn_judge(const struct conn *conn, struct tls_context *by,
	       struct error *err);

struct h2 *conn_h2(struct conn *conn);
void *conn_context(const struct conn *conn);
void conn_set_context(struct conn *conn, void *context);
const char *conn_peer_address(const struct conn *conn);
/* The peer's certificate; NULL in clear text or before the handshake. */
const struct tls_peer *conn_tls_peer(const struct conn *conn);
bool conn_is_open(const struct conn *conn); /* between on_open and the end */
/* Why the connection ended, inside on_closed of its streams. */
const struct error *conn_why(const struct conn *conn);
/* What TLS has shown so far (tls_look.h); false in clear text. */
bool conn_look_tls(const struct conn *conn, struct tls_report *report);
void conn_describe_tls(const struct conn *conn, char *text, size_t size);

#endif
