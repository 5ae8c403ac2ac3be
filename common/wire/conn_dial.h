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

#define CONN_DIAL_ADDRESSES 16 /* of a name, tried at most */
#define CONN_DIAL_TEXT      64 /* "[2001:db8::1]:16515" */

enum conn_dial_end {
	CONN_DIAL_UNTRIED, /* another one was faster */
	CONN_DIAL_REACHED, /* the TCP connection stands: the one that is used */
	CONN_DIAL_FAILED,
};

/* An address of the host, and what became of it. */
struct conn_dial_address {
	char text[CONN_DIAL_TEXT];
	enum conn_dial_end end;
	int errnum;  /* of a failure */
	uint64_t us; /* from the attempt to its end */
};

/* What a dial met, in the order of its attempts. */
struct conn_dial_story {
	bool resolved; /* the name has addresses */
	unsigned count;
	struct conn_dial_address addresses[CONN_DIAL_ADDRESSES];
};

struct conn_dial_options {
	const char *host;        /* name or address, without brackets */
	const char *port;        /* decimal or service name */
	const char *unix_path;   /* instead of host and port: clear text */
	const char *server_name; /* expected in the certificate; NULL: host */
	struct tls_context *tls;
	uint64_t timeout_ms; /* for everything; 0: the limits' defaults */
	uint64_t race_ms;    /* for TCP once the name is resolved, where that is
			     shorter; 0: it is not */
	struct conn_dial_story *story;    /* filled until the first callback, or
					  NULL */
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
