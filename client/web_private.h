/*
 * What the files of the verb `web` share: the page's server on one loop, the hosts
 * with a channel each, and the consoles. Nobody else includes it.
 *
 * What always holds: everything runs on one loop, in callbacks that never block; a
 * host's state is what the page shows; what a console holds of either side is bounded
 * by WEB_UNTAKEN and WEB_AHEAD.
 */
#ifndef VIRTMUX_CLIENT_WEB_PRIVATE_H
#define VIRTMUX_CLIENT_WEB_PRIVATE_H

#include <uv.h>

#include "base/list.h"
#include "client/connect/channel.h"
#include "client/many_private.h"
#include "client/web/assets.h"
#include "client/web/gate.h"
#include "client/web/http.h"

#define WEB_RETRY_MS      1000u         /* before a host is tried again … */
#define WEB_RETRY_MOST_MS 15000u        /* … growing to this */
#define WEB_LOOK_MS       1000u         /* before a session is asked again */
#define WEB_STATUS_BYTES  (64u * 1024)  /* of what a session says of itself */
#define WEB_OPENER_BYTES  (16u * 1024)  /* kept of what an opener says */
#define WEB_CONSOLES      64u           /* at once */
#define WEB_AHEAD         (64u * 1024)  /* bytes of a page not sent yet */
#define WEB_UNTAKEN       (512u * 1024) /* bytes the page has not yet taken */
#define WEB_CHUNK         (32u * 1024)  /* bytes of one message to the page */
#define WEB_REFUSAL_BYTES (64u * 1024)  /* of a host's no */
#define WEB_PICTURE_BYTES (32u * 1024 * 1024) /* one screenshot */

struct web;
struct web_host;

/* -- hosts (web_host.c) ---------------------------------------------------- */

enum web_host_state {
	WEB_HOST_OPENING, /* a session is being opened, or attached to */
	WEB_HOST_OPEN,
	WEB_HOST_AWAY, /* why tells the reason; it is tried again, by us or, where
			  there is a channel, by its session */
};

struct web_host {
	struct web *web;
	const char *name;                /* borrowed from web->many */
	struct profile *profile;         /* owned */
	const struct secret *passphrase; /* of a token; borrowed, or NULL */
	const struct key_opened *opened; /* borrowed, or NULL */
	bool locked; /* its key was not opened: only a session opened elsewhere */
	enum web_host_state state;
	struct error why;
	struct channel *channel; /* NULL while there is none */
	uint64_t pause_ms;       /* before the next attempt */
	uv_timer_t retry; /* or, with a channel, the next look at its session */
	struct buf about; /* what the session says of itself, so far */

	/* the process "virtmux session open", while it runs */
	uv_process_t opener;
	uv_pipe_t words;    /* its standard error */
	uv_pipe_t key;      /* the key, or its passphrase */
	uv_write_t writing; /* of that */
	struct buf said;
	unsigned open; /* of the three handles */
	int64_t status;
};

/* Begins to reach it, and goes on until web_host_end(). */
void web_host_begin(struct web_host *host);
void web_host_end(struct web_host *host);
/* The memory, when the loop has ended. */
void web_host_clear(struct web_host *host);

const char *web_host_state_name(const struct web_host *host);

/* -- requests (web_api.c) -------------------------------------------------- */

/* Answers a request that the gate has let in. */
void web_serve_request(struct web *web, struct http_request *request);

/* The server ends: what hosts still answer goes nowhere. */
void web_forget_requests(struct web *web);

/* Answers with an error as JSON, by its code's HTTP status. */
void web_answer_error(struct http_request *request, const struct error *why);

/* -- consoles (web_console.c) ---------------------------------------------- */

/* REQUEST becomes a console: the stream PATH of HOST. */
void web_console_open(struct web_host *host, struct http_request *request,
		      const char *path);
/* Ends all. */
void web_console_end_all(struct web *web);

/* -- the page's server (web_serve.c) --------------------------------------- */

struct web {
	struct command_call *call;
	struct log *log;
	struct many many; /* names, keys */
	struct web_host *hosts;
	size_t count;
	uv_loop_t uv;

	struct conn_loop *conn_loop;
	uv_signal_t signals[3];
	uv_poll_t poll; /* of the listener */
	uv_process_t browser;
	int listener;       /* -1: closed */
	const char *socket; /* borrowed; NULL: a port */
	unsigned port;
	struct assets *assets;
	struct gate *gate;
	struct http *http;
	struct list waits; /* requests that wait for a host */
	struct list consoles;
	size_t consoles_count;
	bool ending;
};

/* Looks for the page's files and reads them. ERROR_NOT_FOUND with the cure. */
int web_load_page(struct web *web, struct error *err);

/* Listens, serves until a signal, and ends all. ERROR_INTERRUPTED never. */
int web_run(struct web *web, struct error *err);

#endif
