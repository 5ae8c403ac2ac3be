/*
 * Who is let in to the page: the one-time token, the cookie for which it is
 * exchanged, and the checks that keep pages of others from using that cookie. It
 * judges each request before anything else looks at it.
 *
 * What always holds: token and cookie are 256 random bits each and compared in
 * constant time; the token opens once; nothing is let in on a guess. That the peer
 * is our own user was checked before (client/connect/local.h). One thread.
 */
#ifndef VIRTMUX_CLIENT_WEB_GATE_H
#define VIRTMUX_CLIENT_WEB_GATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

struct gate;

#define GATE_PARAMETER "token" /* of the first request's query */

/* What decides, of a request; each may be NULL where it is not there. */
struct gate_request {
	const char *method;
	const char *path;
	const char *host;
	const char *origin;
	const char *fetch_site; /* Sec-Fetch-Site */
	const char *cookie;
	const char *token;
	bool upgrade; /* a WebSocket is asked for */
};

enum gate_verdict {
	GATE_IN,
	GATE_ENTER,    /* by the token, which is used up now: set the cookie */
	GATE_STRANGER, /* neither token nor cookie */
	GATE_USED,     /* the token was used before */
	GATE_WRONG_HOST, /* a name that is not this page's (DNS rebinding) */
	GATE_FOREIGN,    /* a page from elsewhere asks */
};

/* PORT: of 127.0.0.1; 0: a Unix socket. ERROR_SYSTEM, ERROR_NO_MEMORY. */
int gate_new(struct gate **gate, unsigned port, struct error *err);
void gate_free(struct gate *gate); /* NULL-safe */

DEFINE_CLEANUP(gate, gate_free);

/* The token, in hexadecimal digits; borrowed. */
const char *gate_token(const struct gate *gate);

enum gate_verdict gate_judge(struct gate *gate,
			     const struct gate_request *request);

/* The value of Set-Cookie, appended. */
int gate_cookie(const struct gate *gate, struct buf *out);

/* Why, for a person, and what to do; NULL where it is let in. */
const char *gate_words(enum gate_verdict verdict);

/*
 * The headers of every answer, name and value in turn, NULL-terminated: nothing is
 * kept, framed, sniffed, told to others or loaded from elsewhere.
 */
extern const char *const gate_headers[];

#endif
