/*
 * What the conn*.c files share: the loop's and a connection's body. Included by
 * them alone.
 */
#ifndef VIRTMUX_WIRE_CONN_PRIVATE_H
#define VIRTMUX_WIRE_CONN_PRIVATE_H

#include "base/list.h"
#include "wire/conn.h"
#include "wire/limits.h"

struct conn_loop {
	uv_loop_t *uv;
	struct log *log;
	struct conn_limits limits;
	struct block_pool blocks;
	struct list conns;
	struct list dirty; /* to be flushed before the loop sleeps */
	struct list later; /* had their share of this turn; dirty in the next */
	uv_prepare_t prepare;
	uv_idle_t again; /* runs while dirty connections are left over */
	uv_timer_t tick;
	unsigned handles; /* of the loop's own that are not closed yet */
	unsigned count;   /* connections */
	bool closing;
	uint8_t input[WIRE_BLOCK_SIZE];         /* cipher bytes just received */
	uint8_t read_plain[WIRE_RECORD_PLAIN];  /* DATA events point into it */
	uint8_t write_plain[WIRE_RECORD_PLAIN]; /* one record being made */
};

enum conn_state {
	CONN_SECURING, /* TLS handshake */
	CONN_GREETING, /* HTTP/2 runs, the peer's SETTINGS are awaited */
	CONN_OPEN,
	CONN_DRAINING,  /* GOAWAY sent or received; streams run out */
	CONN_CLOSING,   /* conn_close() was called; to be carried out */
	CONN_LINGERING, /* all is said; what the peer sends is thrown away */
	CONN_CLOSED,    /* the transport is being closed */
};

struct conn_socket {
	uv_poll_t poll;
	int fd;
	int events; /* polled now */
};

struct conn {
	struct list node;  /* loop->conns */
	struct list dirty; /* loop->dirty or loop->later */
	struct conn_loop *loop;
	enum conn_state state;
	enum h2_role role;
	struct tls *tls; /* NULL: clear text */
	struct h2 *h2;
	struct block *out; /* waits for the transport; NULL when idle */
	const struct conn_transport *transport;
	void *transport_context;
	struct conn_socket socket; /* where the transport is a socket */
	const struct conn_events *events;
	void *context;
	char *peer;
	uint64_t heard_ns;    /* last bytes received */
	uint64_t deadline_ns; /* of the grace, drain or linger; 0: none */
	bool local;           /* a Unix socket, in clear text */
	bool blocked;         /* the transport takes no more now */
	bool opened;          /* on_open was called */
	bool last_named;      /* the drain's second GOAWAY was sent */
	bool told;            /* the peer gets to know `why` */
	bool abrupt;          /* conn_abort(): nothing is said */
	struct error why;
};

/* conn.c */
void conn_set_state(struct conn *c, enum conn_state state);
void conn_fail(struct conn *c, struct error *why); /* takes the words */
void conn_mark_dirty(struct conn *c);
void conn_mark_later(struct conn *c); /* in its turn alone */
void conn_turn(struct conn *c);       /* a dirty connection's turn */
void conn_on_readable(struct conn *c);
void conn_on_writable(struct conn *c);
void conn_on_tick(struct conn *c, uint64_t now);

/* conn_loop.c */
void conn_loop_maybe_end(struct conn_loop *loop);
/* A loop without active handles would not run the turn. */
void conn_loop_wake(struct conn_loop *loop);

/* conn_output.c: takes a block for TLS to write into; gives it back if empty. */
int conn_hold_block(struct conn *c, struct error *err);
void conn_release_block(struct conn *c);
/* Sends what HTTP/2 has; c->blocked tells that the transport is full. */
int conn_flush(struct conn *c, struct error *err);
/* Sends what still fits, and close_notify. Whether all of it went. */
bool conn_say_goodbye(struct conn *c);

/* conn_socket.c */
extern const struct conn_transport conn_socket_transport;
int conn_socket_init(struct conn *c, int fd, struct error *err);

#endif
