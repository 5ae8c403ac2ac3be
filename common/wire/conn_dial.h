/*
 * Reaching a host: name resolution, every address in turn (RFC 8305), TCP, TLS
 * and the host's first frame; or a Unix socket in clear text. Used by the
 * client only. The words of a failure tell step, address, what both sides said
 * and the cure. Loop thread only.
 */
#ifndef VIRTMUX_WIRE_CONN_DIAL_H
#define VIRTMUX_WIRE_CONN_DIAL_H

#include "wire/conn.h"

struct conn_dial;

struct conn_dial_options {
	const char *host;        /* name or address, without brackets */
	const char *port;        /* decimal or service name */
	const char *unix_path;   /* instead of host and port: clear text */
	const char *server_name; /* expected in the certificate; NULL: host */
	struct tls_context *tls;
	uint64_t timeout_ms; /* for everything; 0: the limits' defaults */
	const struct conn_events *events; /* on_open means: connected */
	void *context;
};

/*
 * Begins; strings are copied. Then, from the loop, either events->on_open or
 * events->on_closed with WHY comes first. In on_closed conn is NULL where no
 * address could be reached. *DIAL is dead after the first callback.
 */
int conn_dial(struct conn_loop *loop, const struct conn_dial_options *options,
	      struct conn_dial **dial, struct error *err);

/* Gives up; no callback follows. Not after a callback came. */
void conn_dial_cancel(struct conn_dial *dial);

/* Splits "host", "host:port", "[v6]:port" or "v6"; both to free(). */
int conn_split_address(const char *text, const char *default_port, char **host,
		       char **port, struct error *err);

#endif
