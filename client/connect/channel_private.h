/*
 * What the files of the channel share: the channel itself and the exchange, one
 * request with its response, of which calls, gets and puts are made. Nobody else
 * includes it.
 *
 * What always holds: an exchange that was begun ends exactly once, by its finish
 * function from the loop, which frees it; all of them end before their channel.
 */
#ifndef VIRTMUX_CLIENT_CHANNEL_PRIVATE_H
#define VIRTMUX_CLIENT_CHANNEL_PRIVATE_H

#include "base/list.h"
#include "client/connect/channel.h"

#define CHANNEL_SIGNALS       3
#define CHANNEL_SESSION_TRIES 4           /* where it ends when it is greeted */
#define CHANNEL_ERROR_MAX     (64 * 1024) /* bytes of an error's body */
#define CHANNEL_PATH_MAX      8192        /* bytes of a request's path */

/*
 * For how long a call that was cut is asked again at most, whatever `reconnect` says: a
 * host remembers keys for an hour. Between two attempts, growing; a new connection's
 * TCP; before somebody is told that he waits. Milliseconds.
 */
#define CHANNEL_RETRY_LONGEST_MS (30 * 60000ull)
#define CHANNEL_RETRY_WAIT_MS    100
#define CHANNEL_RETRY_MOST_MS    1000
#define CHANNEL_RETRY_RACE_MS    2000
#define CHANNEL_NOTICE_MS        1000

/* For the session's answer that what it holds was never sent. Milliseconds. */
#define CHANNEL_WITHDRAW_MS 1000

enum channel_state {
	CHANNEL_NEW,
	CHANNEL_CONNECTING,
	CHANNEL_OPEN,
	CHANNEL_ENDED, /* `why` tells the reason */
};

struct channel {
	struct channel_options options;
	enum channel_state state;
	bool session;
	bool streamed;   /* it has had a console, tunnel or events */
	bool restreamed; /* more than once: who has them says what happens */
	bool waits;      /* channel_wait() runs */
	bool holds;      /* the session holds a request: */
	bool told;       /* and on_held was told */
	bool withdraws;  /* channel_withdraw() runs */
	struct channel_held held;
	struct h2_stream *withdrawal; /* under way, or NULL */
	bool drained;    /* the other side serves nothing new on it */
	bool stopping;   /* channel_stop() was called */
	int interrupted; /* number of a signal that came, or 0 */
	bool late;       /* the deadline is over */
	uint64_t call_ms;
	uv_loop_t own_uv; /* where it has one */
	uv_loop_t *uv;
	uv_signal_t signals[CHANNEL_SIGNALS];
	uv_async_t wake;      /* with no_signals, instead of them */
	uv_timer_t timer;     /* runs to the nearest deadline of an exchange */
	uv_timer_t notice;    /* to on_away */
	uv_timer_t tell;      /* to on_held, and the end of a withdrawal */
	uv_timer_t bound;     /* runs to the options' deadline */
	struct asking *asked; /* that it is about; channel_call.c */
	bool again;           /* it is channel_reopen() that connects */
	struct list exchanges;
	struct tls_context *tls;
	struct conn_loop *conn_loop;
	struct conn *conn;
	struct error why;

	struct conn_dial *dial;         /* while it runs */
	struct conn_dial_story reached; /* by it, where the options have none */

	/* only of channel_attach() */
	const struct channel_events *events;
	void *context;
	bool detached;
};

/*
 * Runs the loop until *DONE. ERROR_INTERRUPTED, or ERROR_INTERNAL where nothing
 * is left that could make it true. After the first, what the session held is *DONE: its
 * exchange has ended, and nothing was done.
 */
int channel_wait(struct channel *channel, const bool *done, struct error *err);

/* Whether the options' deadline bounds it, and each exchange needs none of its own. */
bool channel_is_bounded(const struct channel *channel);

/* Whether nothing is waited for any more: a signal, or the deadline. */
bool channel_gave_up(const struct channel *channel);

/* -- what the session holds: channel_held.c -------------------------------- */

/* Of struct conn_events. */
void channel_on_informed(void *context, struct conn *conn, struct h2_stream *s);

/* Nobody waits any more, or the connection has ended: who was told hears it. */
void channel_end_held(struct channel *channel);

/*
 * Asks the session to give back what it holds; its answers end those exchanges. False
 * where it holds nothing. Does not wait.
 */
bool channel_begin_withdrawal(struct channel *channel);

/* Does it, and runs the loop until *DONE, or no answer comes. */
void channel_withdraw(struct channel *channel, const bool *done);

/*
 * Puts the host's name before what the wire says of a failure to connect. WHY is
 * moved. Returns -1.
 */
int channel_explain(struct error *why, const struct profile *profile,
		    struct error *err);

/* -- exchanges ------------------------------------------------------------- */

struct exchange;

/* Takes the outcome (exchange_outcome()), then exchange_clear()s and frees. */
typedef void exchange_finish_fn(struct exchange *x);

/* What stands before `link` is set by the caller of exchange_begin(). */
struct exchange {
	exchange_finish_fn *finish;
	channel_sink_fn *sink; /* NULL: the body is gathered */
	void *sink_context;
	const char *what; /* "domain.start", for messages; static or owned */
	void (*on_response)(void *context, struct h2_stream *s); /* or NULL */
	void *response_context;
	bool mutates;      /* an end without answer is an unknown outcome */
	size_t body_limit; /* bytes gathered at most */
	struct list link;
	struct channel *channel;
	struct h2_stream *stream;
	uint64_t deadline; /* clock_monotonic_ns(); UINT64_MAX: the channel's */
	struct buf body;
	unsigned status;  /* of the response, 0 before it */
	char *type;       /* content-type, or NULL */
	bool ended;       /* the response is complete */
	bool refused;     /* by REFUSED_STREAM */
	bool withdrawn;   /* the session was asked to give it back */
	struct error why; /* ours: time-out, the sink's, a limit */
};

/* What is asked: "POST", "/rpc", further headers, a body in one of two ways. */
struct exchange_request {
	const char *method;
	const char *path;
	const struct h2_header *headers;
	size_t headers_count;
	struct buf *body; /* taken */
	const struct h2_source *source;
	void *source_context;
	enum h2_urgency urgency;
};

/* It has made progress: its deadline is moved. */
void exchange_touch(struct exchange *x);

/* X is zeroed but for what its caller sets. On failure finish is not called. */
int exchange_begin(struct exchange *x, struct channel *channel,
		   const struct exchange_request *request, struct error *err);

/* Ends it: WHY (moved; may be NULL) becomes its outcome; finish follows. */
void exchange_abort(struct exchange *x, struct error *why);

/*
 * In finish: whether it was sent, perhaps, and its answer cannot come any more since
 * the connection was cut; then another one may be asked.
 */
bool exchange_was_cut(const struct exchange *x);

/* In finish: whether its stream was refused (RFC 9113 8.7): nothing was done. */
bool exchange_was_refused(const struct exchange *x);

/* In finish: 0 where a response with status 200 is complete, else its error. */
int exchange_outcome(struct exchange *x, struct error *err);

/* The members that it owns, not X. */
void exchange_clear(struct exchange *x);

#endif
