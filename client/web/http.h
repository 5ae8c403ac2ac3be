/*
 * The page's HTTP/1.1 server: requests as they come on connections that were
 * accepted elsewhere, answers now or later, and the step to WebSocket. Its parsing
 * is libmicrohttpd's, driven by the loop; nobody else knows that library.
 *
 * What always holds: each request is answered exactly once, with the gate's headers;
 * no callback comes from inside a verb; what is larger than limits.h allows is
 * refused here. Loop thread only.
 */
#ifndef VIRTMUX_CLIENT_WEB_HTTP_H
#define VIRTMUX_CLIENT_WEB_HTTP_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"

struct http;
struct http_request;

struct http_events {
	/*
	 * A request is complete: http_answer() or http_upgrade() it, now or later.
	 * Its strings live until then.
	 */
	void (*on_request)(void *context, struct http_request *request);
};

/* All is borrowed until http_close(). ERROR_UNSUPPORTED, ERROR_NO_MEMORY. */
int http_new(struct http **http, uv_loop_t *uv,
	     const struct http_events *events, void *context, struct log *log,
	     struct error *err);

/*
 * Ends all connections, those of WebSockets too (http_socket_end() must have been
 * called for each), and answers what is unanswered; memory goes in callbacks of the
 * loop. NULL-safe.
 */
void http_close(struct http *http);

/* Serves FD, a connected stream socket, which is taken. */
void http_add(struct http *http, int fd);

/* -- a request ------------------------------------------------------------- */

const char *http_method(const struct http_request *request);
/* As it came, escaped, without its query. */
const char *http_path(const struct http_request *request);
/* NULL where it is not there. NAME in any case; a query's as it came, escaped. */
const char *http_header(const struct http_request *request, const char *name);
const char *http_query(const struct http_request *request, const char *name);

/* What is answered; zero, and set what is wanted. */
struct http_answer {
	unsigned status;
	const char *type; /* content-type, or NULL */
	const char *name; /* a further header, or NULL */
	const char *value;
	const void *data; /* copied … */
	size_t len;       /* bytes */
	struct buf *body; /* … or taken, where it is not NULL */
};

void http_answer(struct http_request *request,
		 const struct http_answer *answer);

/* -- WebSocket ------------------------------------------------------------- */

struct http_socket; /* what libmicrohttpd knows of an upgraded connection */

/*
 * It is a WebSocket now: FD is to be read and written, not closed; EXTRA (N bytes)
 * came on it already. Follow it with http_socket_end() once.
 */
typedef void http_upgraded_fn(void *context, struct http_socket *socket, int fd,
			      const void *extra, size_t n);

/* Whether REQUEST asks for a WebSocket, RFC 6455 4.2.1. */
bool http_wants_socket(const struct http_request *request);

/*
 * Answers 101; then DONE is called, or DROPPED where the connection has gone first
 * or memory ran out. Exactly one of them, from the loop.
 */
void http_upgrade(struct http_request *request, http_upgraded_fn *done,
		  void (*dropped)(void *context), void *context);

/* Closes the connection; SOCKET is dead. */
void http_socket_end(struct http_socket *socket);

#endif
