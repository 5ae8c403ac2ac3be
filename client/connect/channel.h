/*
 * The connected channel to one host, as a verb of the command sees it: through
 * the user's session socket where one listens, else directly by TLS. Verbs call
 * and get synchronously; consoles and the session use its loop and connection.
 *
 * What always holds: a channel that channel_open() gave is connected (the host's
 * first frame has come); no function that runs the loop (those marked "runs the
 * loop") may be called from a callback of that loop; what outlives a call is
 * freed by channel_free(). One thread.
 */
#ifndef VIRTMUX_CLIENT_CHANNEL_H
#define VIRTMUX_CLIENT_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "api/method.h"
#include "base/error.h"
#include "base/log.h"
#include "wire/conn.h"
#include "wire/conn_dial.h"
#include "wire/h2.h"

struct json_object;
struct key_sources;     /* client/connect/key.h */
struct profile;         /* client/connect/profile.h */
struct session_options; /* client/connect/session.h */
struct tls_context;

struct channel;
struct deadline; /* client/connect/deadline.h */

enum channel_route {
	CHANNEL_ROUTE_ANY,     /* the session where it listens, else direct */
	CHANNEL_ROUTE_DIRECT,  /* --no-session: TLS to the host */
	CHANNEL_ROUTE_SESSION, /* the session or nothing */
};

/* What reaching a host has shown, well or not; for doctor. */
struct channel_story {
	struct conn_dial_story dial;
	bool secured; /* TLS was begun: */
	struct tls_report tls;
};

/* A host that is away, as its session knows it. */
struct channel_held {
	uint64_t since_ns; /* it is; clock_monotonic_ns() */
	uint64_t
		next_ns; /* when it is tried again; not later: it is being tried */
	char *words;     /* why it is not reached */
};

/* All is borrowed until channel_free(). */
struct channel_options {
	const struct profile *profile;
	const struct key_sources *sources; /* of the passphrase; only DIRECT */
	struct tls_context *tls; /* instead of profile's files, or NULL */
	bool keep_key; /* unlocked, for channel_tls(), another channel and
			channel_reopen() */
	enum channel_route route;
	bool no_signals; /* leaves the process's alone: channel_interrupt() */
	const char *socket; /* of CHANNEL_ROUTE_SESSION; NULL: the profile's */
	/* Opens a session where none serves and one is wanted; NULL: does not. */
	const struct session_options *session;
	uint64_t call_ms; /* for each call, each get or put to progress; 0: the
			     profile's timeout */
	/* Of all that is done, instead of call_ms; may be NULL. Once it is over, what
	 * runs the loop ends, now and at all times, by ERROR_TIMED_OUT. */
	struct deadline *deadline;
	uint64_t retry_ms; /* for which a call whose connection was cut is asked
			      again; 0: the profile's reconnect */
	/* Once a call whose connection was cut waits for the host to come back,
	 * for MS at most. From the loop; or NULL. */
	void (*on_away)(void *context, uint64_t ms);
	/*
	 * A request is held by the session, since its host is away: each second once it
	 * has been for one; HELD is NULL when it goes on, or ends. Only of what is waited
	 * for, and of a channel's first stream. From the loop; or NULL.
	 */
	void (*on_held)(void *context, const struct channel_held *held);
	void *away_context;          /* of both */
	struct log *log;             /* may be NULL */
	struct channel_story *story; /* filled by channel_open(), or NULL */
};

/*
 * Connects; runs the loop. By CHANNEL_ROUTE_ANY to the session that serves, or that is
 * opened for it; where none can be had for a reason of this machine, LOG is warned and
 * the host is reached directly. Errors of both ways are the same: ERROR_CONNECT,
 * ERROR_TLS, ERROR_KEY, ERROR_CONFIG (profile incomplete), ERROR_INTERRUPTED; the words
 * name the profile.
 */
int channel_open(struct channel **channel,
		 const struct channel_options *options, struct error *err);

/*
 * Ends the connection properly, waiting at most for what the kernel takes at
 * once; runs the loop. Streams still open get their on_closed. NULL-safe.
 */
void channel_free(struct channel *channel);

DEFINE_CLEANUP(channel, channel_free);

/* -- on a loop that is others', too ---------------------------------------- */

/* From the loop. */
struct channel_events {
	void (*on_open)(void *context);
	/* Once, and last; WHY is set. channel_detach() may follow at once. */
	void (*on_closed)(void *context, const struct error *why);
};

/*
 * Connects to the session of PROFILE's host, which serves on its socket, and tells
 * EVENTS; nothing here runs the loop. Of the verbs below only the asynchronous ones
 * may be used. All is borrowed until channel_detach(). ERROR_CONNECT, ERROR_DENIED.
 */
int channel_attach(struct channel **channel, struct conn_loop *loop,
		   const struct profile *profile, struct log *log,
		   const struct channel_events *events, void *context,
		   struct error *err);

/*
 * Ends it, instead of channel_free(); no event follows, and what it holds goes in
 * callbacks of the loop. NULL-safe.
 */
void channel_detach(struct channel *channel);

bool channel_is_session(const struct channel *channel);
const struct profile *channel_profile(const struct channel *channel);

/* The names are of the connection that is in use; borrowed from CHANNEL. */
uv_loop_t *channel_loop(struct channel *channel);
struct conn_loop *channel_conn_loop(struct channel *channel);
struct conn *channel_conn(struct channel *channel); /* NULL once it ended */

/* -- synchronous ----------------------------------------------------------- */

/*
 * Calls METHOD (common/api's table) with PARAMS (the text of a JSON object;
 * NULL: none) and waits for its answer; runs the loop. *RESULT (may be NULL) is
 * json_object_put() by the caller; it is NULL for JSON null. A mutation carries
 * an idempotency-key of its own.
 *
 * Errors: the host's, with its code and words; ERROR_TIMED_OUT,
 * ERROR_INTERRUPTED (a signal), ERROR_DISCONNECTED; for a mutation that was
 * sent and not answered ERROR_UNKNOWN_OUTCOME instead of the first and third. What the
 * session held was not sent: then ERROR_CONNECT instead of the first.
 *
 * A call whose connection is cut connects once more, which may ask for the
 * passphrase, and asks again (a mutation with the same key: the host then gives the
 * first outcome, or says that it is not known), for retry_ms at most, and no longer
 * than a call_ms that was given. A session whose host is away holds it meanwhile. Where
 * other exchanges of the channel are under way it does not.
 */
int channel_call(struct channel *channel, const char *method,
		 const char *params, struct json_object **result,
		 struct error *err);

/*
 * Calls a LONG method and does not wait for its end: *JOB is the id of the job that
 * the host makes of it, to free(); where it made none, *JOB is NULL and *RESULT as
 * for channel_call().
 */
int channel_call_job(struct channel *channel, const char *method,
		     const char *params, char **job,
		     struct json_object **result, struct error *err);

/*
 * channel_call() with a struct ID_params (NULL: none) and a result_of_ID, which is to
 * be result_free()d (NULL: not wanted).
 */
int channel_call_typed(struct channel *channel, enum method_id method,
		       const void *params, void *result, struct error *err);

/* Takes LEN bytes of a body, in order. -1 (ERR filled) ends the transfer. */
typedef int channel_sink_fn(void *context, const uint8_t *data, size_t len,
			    struct error *err);

/*
 * GETs PATH ("/domains/NAME/screenshot?screen=0", escaped: channel_escape())
 * and gives the body of a 200 to SINK; runs the loop. *TYPE (may be NULL) is
 * the content-type, to free(). Errors as for channel_call(); another status is
 * the error that its body tells.
 */
int channel_get(struct channel *channel, const char *path,
		channel_sink_fn *sink, void *context, char **type,
		struct error *err);

/*
 * PUTs what SOURCE gives to PATH; runs the loop. *RESULT as for channel_call().
 */
int channel_put(struct channel *channel, const char *path,
		const struct h2_source *source, void *context,
		struct json_object **result, struct error *err);

/* A request for a resource with all that can be said about it. */
struct channel_transfer {
	const char *method; /* "GET", "PUT" */
	const char *path;
	const struct h2_header *headers; /* further ones */
	size_t headers_count;
	const struct h2_source *source; /* of the request's body, or NULL */
	void *source_context;
	channel_sink_fn *sink; /* of a 200's or 206's body; NULL: *RESULT */
	void *sink_context;
	/* The response's headers have come; with SINK_CONTEXT; or NULL. */
	void (*on_response)(void *context, struct h2_stream *s);
};

/*
 * Does it; runs the loop. *RESULT (may be NULL) as for channel_call(), where there
 * is no sink. It may last as long as bytes move, in either direction.
 */
int channel_transfer(struct channel *channel,
		     const struct channel_transfer *request,
		     struct json_object **result, struct error *err);

/* Whether the options' deadline has ended what ran the loop. */
bool channel_is_late(const struct channel *channel);

/* The TLS context with the unlocked key (keep_key); borrowed, or NULL. */
struct tls_context *channel_tls(const struct channel *channel);

/* The trailer in which the host says why it ended a console. */
#define CONSOLE_END "virtmux-end"

/* -- asynchronous ---------------------------------------------------------- */

struct channel_call; /* one call under way */

/*
 * Called once from the loop with the RESULT (borrowed) or WHY (else NULL). The
 * struct channel_call is dead when this returns.
 */
typedef void channel_done_fn(void *context, struct json_object *result,
			     const struct error *why);

/* Begins a call as channel_call() does; *CALL may be NULL. */
int channel_call_start(struct channel *channel, const char *method,
		       const char *params, channel_done_fn *done, void *context,
		       struct channel_call **call, struct error *err);

/* Gives up; DONE is not called. A mutation may have taken place. */
void channel_call_cancel(struct channel_call *call);

/*
 * Opens a console or tunnel: CONNECT with ":protocol: virtmux" to PATH
 * (escaped). The response's status tells whether it stands: 200; else the body
 * is an error for channel_read_error(). Sources, handlers and errors as for
 * h2_request().
 */
int channel_connect(struct channel *channel, const char *path,
		    const struct h2_source *source, void *source_context,
		    const struct h2_handler *handler, void *context,
		    struct h2_stream **stream, struct error *err);

/*
 * GETs PATH (escaped) for as long as it goes on: without a deadline, to HANDLER.
 * The status as for channel_connect(), errors as for h2_request().
 */
int channel_follow(struct channel *channel, const char *path,
		   const struct h2_handler *handler, void *context,
		   struct h2_stream **stream, struct error *err);

/*
 * The same of the session that serves CHANNEL, for itself: what it is and does, at
 * "/status" (session_status.c).
 */
int channel_follow_session(struct channel *channel, const char *path,
			   const struct h2_handler *handler, void *context,
			   struct h2_stream **stream, struct error *err);

/*
 * What a response that is not 2xx says: its BODY (JSON error object, or any
 * text) as an error. Returns -1.
 */
int channel_read_error(unsigned status, const void *body, size_t len,
		       struct error *err);

/*
 * Runs the loop until channel_stop(): 0. Else -1 with the reason: the
 * connection's end (its words), or ERROR_INTERRUPTED after SIGINT, SIGTERM or
 * SIGHUP. It may be run again after ERROR_INTERRUPTED.
 */
int channel_run(struct channel *channel, struct error *err);
/* From a callback of the loop; ends channel_pause() and channel_reopen() as well. */
void channel_stop(struct channel *channel);

/*
 * Ends what runs the loop now, or runs it next, by ERROR_INTERRUPTED; for a channel with
 * no_signals. From any thread or signal handler.
 */
void channel_interrupt(struct channel *channel);

/*
 * For who runs channel_loop() himself: 0 while it is connected, else -1 with the
 * reason, as of channel_run(). What channel_interrupt() said is told once.
 */
int channel_check(struct channel *channel, struct error *err);

/*
 * Runs the loop for MS milliseconds, while no exchange is under way (streams may
 * be). ERROR_INTERRUPTED after a signal.
 */
int channel_pause(struct channel *channel, uint64_t ms, struct error *err);

/*
 * Connects once more, by the same route, after the connection has ended or is of no
 * use any more; runs the loop, and may ask for the passphrase (not where keep_key has
 * kept the key). Errors as for channel_open(), ERROR_INTERRUPTED also after
 * channel_stop(); the channel then has no connection, and it may be called again.
 */
int channel_reopen(struct channel *channel, struct error *err);

/*
 * The beginnings of channel_open() and channel_reopen(), which do not wait for host or
 * session; a passphrase is waited for. No session is opened. Whoever runs the loop then
 * asks for progress after each turn of it, until that is not 1: 0 it is connected, -1.
 */
int channel_begin(struct channel **channel,
		  const struct channel_options *options, struct error *err);
int channel_begin_again(struct channel *channel, struct error *err);
int channel_progress(struct channel *channel, struct error *err);

/* Whether channel_reopen() would need the key, and perhaps ask for its passphrase. */
bool channel_may_ask(const struct channel *channel);

/* -- small helps ----------------------------------------------------------- */

/* TEXT percent-escaped for one path segment or query value; to free(). */
char *channel_escape(const char *text);

/*
 * Where PROFILE's session listens: "$XDG_RUNTIME_DIR/virtmux/NAME.sock" (or,
 * without that variable, in a folder of the user's under /tmp). To free(). NAME
 * is escaped so that it is one path component. ERROR_SYSTEM where the path is
 * too long for a socket. The folder is not made.
 */
int channel_session_path(char **path, const struct profile *profile,
			 struct error *err);

/*
 * Whether commands to PROFILE's host are to share a session: not where it says no, was
 * changed on the command line, or SSLKEYLOGFILE asks for the secrets of a connection.
 */
bool channel_wants_session(const struct profile *profile);

/*
 * Whether the folder of PATH and PATH itself, where they exist, are ours alone
 * (owner, 0700): otherwise ERROR_DENIED and the words tell the cure.
 */
int channel_session_check(const char *path, struct error *err);

#endif
