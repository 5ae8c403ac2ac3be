/*
 * libvirtmux-client: reach the hosts of virtmux from a program of one's own. It connects
 * through the user's session where one serves, or directly by TLS; then it calls
 * methods, opens consoles, moves the content of volumes and follows events, all over
 * that one connection. doc/LIBRARY.md has whole programs, doc/METHODS.md the methods.
 *
 * What always holds:
 *
 * - A connection, and all that was made from it, is used by one thread at a time. Two
 *   connections share nothing. virtmux_interrupt() alone may come from anywhere.
 * - Callbacks come only while a function runs that is marked "runs the loop". From
 *   within a callback such a function fails with VIRTMUX_ERROR_STATE; all others may be
 *   called, also those that free or close.
 * - The library handles no signal, has no terminal, writes to no standard stream, never
 *   ends the process and forks none. It starts no session: `virtmux session open` does.
 * - Text is UTF-8 and ends with a NUL. What a function returns as char * through a
 *   pointer belongs to the caller, who gives it to virtmux_free(); const char * belongs
 *   to the object that was asked.
 * - A function that can fail takes a virtmux_error ** at its end, which may be NULL. On
 *   failure, and only then, *ERROR is set, to be freed by virtmux_error_free().
 *
 * Link with `pkg-config --cflags --libs virtmux-client`.
 */
#ifndef VIRTMUX_CLIENT_H
#define VIRTMUX_CLIENT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __GNUC__
#define VIRTMUX_API __attribute__((__visibility__("default")))
#else
#define VIRTMUX_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct virtmux_error virtmux_error;
typedef struct virtmux_options virtmux_options;
typedef struct virtmux_connection virtmux_connection;
typedef struct virtmux_request virtmux_request;
typedef struct virtmux_stream virtmux_stream;
typedef struct virtmux_events virtmux_events;

/* The version of the library that runs: "0.1.0". */
VIRTMUX_API const char *virtmux_version(void);

/* Frees text that the library gave. NULL-safe. */
VIRTMUX_API void virtmux_free(void *text);

/* -- errors ---------------------------------------------------------------- */

/* virtmux_error_number(): the numbers of JSON-RPC. More may come. */
enum virtmux_error_number {
	VIRTMUX_ERROR_NONE = 0,
	VIRTMUX_ERROR_PARSE = -32700,
	VIRTMUX_ERROR_INVALID_REQUEST = -32600,
	VIRTMUX_ERROR_UNKNOWN_METHOD = -32601,
	VIRTMUX_ERROR_INVALID_PARAMS = -32602,
	VIRTMUX_ERROR_INTERNAL = -32603,
	VIRTMUX_ERROR_FAILED = -32000,
	VIRTMUX_ERROR_NOT_FOUND = -32001,
	VIRTMUX_ERROR_DENIED = -32002,
	VIRTMUX_ERROR_EXISTS = -32003,
	VIRTMUX_ERROR_STATE = -32004,
	VIRTMUX_ERROR_UNSUPPORTED = -32005,
	VIRTMUX_ERROR_UNAVAILABLE = -32006,
	VIRTMUX_ERROR_BUSY = -32007,
	VIRTMUX_ERROR_TOO_LARGE = -32008,
	VIRTMUX_ERROR_TIMED_OUT = -32009,
	VIRTMUX_ERROR_UNKNOWN_OUTCOME = -32010,
	VIRTMUX_ERROR_DRAINING = -32011,
	VIRTMUX_ERROR_NO_MEMORY = -32012,
	VIRTMUX_ERROR_SYSTEM = -32013,
	VIRTMUX_ERROR_USAGE = -32014,
	VIRTMUX_ERROR_CONFIG = -32015,
	VIRTMUX_ERROR_CONNECT = -32016,
	VIRTMUX_ERROR_TLS = -32017,
	VIRTMUX_ERROR_KEY = -32018,
	VIRTMUX_ERROR_DISCONNECTED = -32019,
	VIRTMUX_ERROR_PARTIAL = -32020,
	VIRTMUX_ERROR_INTERRUPTED = -32021
};

/* Any thread; ERROR must not be NULL. */
VIRTMUX_API int virtmux_error_number(const virtmux_error *error);
/* "not-found"; the names do not change. */
VIRTMUX_API const char *virtmux_error_name(const virtmux_error *error);
/* For a person: what failed, on what, and the cure. */
VIRTMUX_API const char *virtmux_error_words(const virtmux_error *error);
/* With which the command ends on it: 1 to 9 or 130, see virtmux(1). */
VIRTMUX_API int virtmux_error_exit_status(const virtmux_error *error);
/* 1 where the same may succeed later without any change to it, else 0. */
VIRTMUX_API int virtmux_error_may_retry(const virtmux_error *error);
VIRTMUX_API void virtmux_error_free(virtmux_error *error); /* NULL-safe */

/* -- how to connect -------------------------------------------------------- */

/*
 * Options grow by further functions. Each setter copies what it is given; -1 is
 * returned without memory, else 0. NULL takes a setting back.
 */
VIRTMUX_API virtmux_options *
virtmux_options_new(void); /* NULL without memory */
VIRTMUX_API void virtmux_options_free(virtmux_options *options); /* NULL-safe */

/* The configuration to read, instead of $VIRTMUX_CONFIG or ~/.config/virtmux/config. */
VIRTMUX_API int virtmux_options_set_config(virtmux_options *options,
					   const char *path);

/*
 * Instead of what the configuration says of the host; paths of PEM files, "~/" is the
 * home, and "pkcs11:…" for a key on a card. A connection with one of these that differs
 * from the configuration is always direct.
 */
VIRTMUX_API int virtmux_options_set_address(virtmux_options *options,
					    const char *address);
VIRTMUX_API int virtmux_options_set_ca(virtmux_options *options,
				       const char *path);
VIRTMUX_API int virtmux_options_set_certificate(virtmux_options *options,
						const char *path);
VIRTMUX_API int virtmux_options_set_key(virtmux_options *options,
					const char *path);

enum virtmux_route {
	VIRTMUX_ROUTE_ANY =
		0, /* the user's session where it serves, else direct */
	VIRTMUX_ROUTE_DIRECT = 1, /* TLS to the host */
	VIRTMUX_ROUTE_SESSION = 2 /* the session or nothing */
};

VIRTMUX_API int virtmux_options_set_route(virtmux_options *options,
					  enum virtmux_route route);

/*
 * Milliseconds for each call; 0: `timeout` of the configuration. `connect-timeout` holds
 * while it connects; a stream has no time of its own.
 */
VIRTMUX_API int virtmux_options_set_timeout(virtmux_options *options,
					    unsigned ms);

/*
 * Asks for the passphrase of the private key, or a card's PIN. WHAT is "passphrase" or
 * "PIN", NAME the file or token; AGAIN is 1 where the answer before was wrong, else 0.
 * Writes the answer with its NUL to TO, which has SIZE bytes, and returns 0; -1: there is
 * none. TO is memory that is locked, not dumped and wiped. Called while it connects.
 */
typedef int virtmux_passphrase_fn(void *context, const char *what,
				  const char *name, int again, char *to,
				  size_t size);

/*
 * Without it nobody is asked, and a key that has a passphrase is an error of the number
 * VIRTMUX_ERROR_KEY. The unlocked key is kept in memory as long as the connection.
 */
VIRTMUX_API int virtmux_options_set_passphrase(virtmux_options *options,
					       virtmux_passphrase_fn *ask,
					       void *context);

/* Lines for a developer go to FD, which is borrowed; -1: none, as at first. */
VIRTMUX_API int virtmux_options_set_log(virtmux_options *options, int fd,
					int debug);

/* -- the connection -------------------------------------------------------- */

/*
 * Connects to HOST, a name of the configuration or an address; NULL: $VIRTMUX_HOST or
 * the default host. OPTIONS may be NULL and may be freed afterwards. Blocks, for
 * connect-timeout at most.
 * VIRTMUX_ERROR_CONFIG, _CONNECT, _TLS, _KEY, _INTERRUPTED.
 */
VIRTMUX_API virtmux_connection *virtmux_connect(const char *host,
						const virtmux_options *options,
						virtmux_error **error);

/*
 * Connects once more by the same route, after the connection has ended; runs the loop.
 * Streams and requests have ended with it; events go on behind their last one. The key
 * is not asked for again. 0 or -1, as virtmux_connect(); it may be called again.
 */
VIRTMUX_API int virtmux_reconnect(virtmux_connection *connection,
				  virtmux_error **error);

/* Once, from the loop: it stands (ERROR is NULL), or does not. */
typedef void virtmux_connected_fn(void *context, const virtmux_error *error);

/*
 * Begin the same and do not wait for the host; a passphrase is waited for. Until
 * ON_CONNECTED only the loop may be run, and virtmux_close() called. A failure is told
 * by what runs the loop, too; the connection is still to be closed, or begun again.
 */
VIRTMUX_API virtmux_connection *
virtmux_connect_start(const char *host, const virtmux_options *options,
		      virtmux_connected_fn *on_connected, void *context,
		      virtmux_error **error);
VIRTMUX_API int virtmux_reconnect_start(virtmux_connection *connection,
					virtmux_connected_fn *on_connected,
					void *context, virtmux_error **error);

/*
 * Ends it and frees all that belongs to it: requests, streams and events, of which no
 * callback comes any more. From a callback it takes place when that has returned, and
 * what runs the loop fails with VIRTMUX_ERROR_INTERRUPTED: the connection has gone then.
 * It waits for nothing but the look-up of a name that is under way. NULL-safe.
 */
VIRTMUX_API void virtmux_close(virtmux_connection *connection);

/* The host's name in the configuration, or the address that was given instead. */
VIRTMUX_API const char *virtmux_host(const virtmux_connection *connection);
/* Whether it goes through the user's session: 1, else 0. */
VIRTMUX_API int virtmux_is_session(const virtmux_connection *connection);
/* Whether it stands: 1, else 0; virtmux_dispatch() tells why not. */
VIRTMUX_API int virtmux_is_open(const virtmux_connection *connection);

/* -- its loop -------------------------------------------------------------- */

/*
 * Runs the loop until virtmux_stop(): 0. -1: the connection has ended, with the reason,
 * or virtmux_interrupt() was called.
 */
VIRTMUX_API int virtmux_run(virtmux_connection *connection,
			    virtmux_error **error);

/* From a callback: virtmux_run() and virtmux_poll() return. */
VIRTMUX_API void virtmux_stop(virtmux_connection *connection);

/*
 * Waits for something to happen, at most TIMEOUT_MS milliseconds (-1: without end), and
 * does what is due; runs the loop. 0, or -1 as virtmux_run().
 */
VIRTMUX_API int virtmux_poll(virtmux_connection *connection, int timeout_ms,
			     virtmux_error **error);

/*
 * In a loop of the program's own (poll, epoll, GLib, libuv, sd-event): before it sleeps,
 * let it watch this descriptor for input (it is the same as long as the connection) and
 * wait at most so many milliseconds (-1: without end); when either happens, dispatch.
 */
VIRTMUX_API int virtmux_fd(const virtmux_connection *connection);
VIRTMUX_API int virtmux_timeout_ms(const virtmux_connection *connection);

/* Does what is due and does not wait; runs the loop. 0, or -1 as virtmux_run(). */
VIRTMUX_API int virtmux_dispatch(virtmux_connection *connection,
				 virtmux_error **error);

/*
 * What runs the loop now, or waits in it next, fails with VIRTMUX_ERROR_INTERRUPTED. From
 * any thread and from a signal handler, but not beside virtmux_close().
 */
VIRTMUX_API void virtmux_interrupt(virtmux_connection *connection);

/* -- calls ----------------------------------------------------------------- */

/*
 * Calls METHOD ("domain.list") with PARAMS, the text of a JSON object (NULL: none), and
 * waits for its answer; runs the loop. *RESULT (which may be NULL) is its JSON text, to
 * virtmux_free(). 0 or -1.
 *
 * A method that makes a job is waited for until the job's end, however long. A call whose
 * connection is cut is asked again on a new one, for as long as `reconnect` of the
 * configuration says; what changes something has an idempotency key, and takes place once.
 * VIRTMUX_ERROR_UNKNOWN_OUTCOME: whether it did is not known. Other errors are the host's,
 * _TIMED_OUT, _DISCONNECTED, _INTERRUPTED.
 */
VIRTMUX_API int virtmux_call(virtmux_connection *connection, const char *method,
			     const char *params, char **result,
			     virtmux_error **error);

/* Exactly one of RESULT and ERROR is not NULL; both are valid until it returns. */
typedef void virtmux_result_fn(void *context, const char *result,
			       const virtmux_error *error);

/*
 * Begins the same and does not wait: DONE comes once, from the loop; then the request is
 * dead. It asks nobody again after a cut, and a job must have ended within the timeout.
 * NULL on failure.
 */
VIRTMUX_API virtmux_request *
virtmux_call_start(virtmux_connection *connection, const char *method,
		   const char *params, virtmux_result_fn *done, void *context,
		   virtmux_error **error);

/* Gives up: DONE is not called. The host may have done it all the same. NULL-safe. */
VIRTMUX_API void virtmux_call_cancel(virtmux_request *request);

/* -- streams --------------------------------------------------------------- */

/*
 * A stream of bytes. What comes is held until it is read: at most a window, of 64 KiB at
 * first and 4 MiB in the end, then the other side waits. What is written is taken up to
 * VIRTMUX_STREAM_BUFFER bytes; then the writer waits. Opening does not wait for the host:
 * whether it refuses, the first read, write or wait tells.
 */
#define VIRTMUX_STREAM_BUFFER 262144

enum virtmux_console {
	VIRTMUX_CONSOLE_SERIAL = 0,
	VIRTMUX_CONSOLE_GRAPHICS = 1
};

/* Line or display NUMBER of a running domain (name or UUID); both ways. */
VIRTMUX_API virtmux_stream *virtmux_console_open(virtmux_connection *connection,
						 const char *domain,
						 enum virtmux_console kind,
						 unsigned number,
						 virtmux_error **error);

#define VIRTMUX_TO_THE_END UINT64_MAX

/* The volume's bytes from OFFSET on, LENGTH of them or VIRTMUX_TO_THE_END. */
VIRTMUX_API virtmux_stream *
virtmux_volume_read(virtmux_connection *connection, const char *pool,
		    const char *volume, uint64_t offset, uint64_t length,
		    virtmux_error **error);

/*
 * Writes LENGTH bytes into the volume from OFFSET on. They are there when, after
 * virtmux_stream_finish(), the host's answer was read to its end: a JSON object with
 * `length` and `sha256`.
 */
VIRTMUX_API virtmux_stream *
virtmux_volume_write(virtmux_connection *connection, const char *pool,
		     const char *volume, uint64_t offset, uint64_t length,
		     virtmux_error **error);

/* GETs a resource of doc/PROTOCOL.md, such as "/domains/web1/screenshot". */
VIRTMUX_API virtmux_stream *virtmux_get(virtmux_connection *connection,
					const char *path,
					virtmux_error **error);

/* TEXT percent-encoded for one segment of such a path, to virtmux_free(). */
VIRTMUX_API char *virtmux_escape(const char *text);

#define VIRTMUX_AGAIN (-2)

/*
 * Bytes that are there: 1 to SIZE of them. 0: the end. VIRTMUX_AGAIN: nothing now. -1: it
 * was refused, or broke; the same again, if asked again.
 */
VIRTMUX_API ssize_t virtmux_stream_read(virtmux_stream *stream, void *to,
					size_t size, virtmux_error **error);

/* Bytes that were taken: 1 to SIZE, or VIRTMUX_AGAIN, or -1 as above. */
VIRTMUX_API ssize_t virtmux_stream_write(virtmux_stream *stream,
					 const void *from, size_t size,
					 virtmux_error **error);

/* Nothing more will be written: the other side hears the end behind the last byte. */
VIRTMUX_API void virtmux_stream_finish(virtmux_stream *stream);

/* Frees it; where it is not over, it is reset both ways. NULL-safe. */
VIRTMUX_API void virtmux_stream_free(virtmux_stream *stream);

enum virtmux_ready {
	VIRTMUX_READABLE =
		1, /* reading will not say VIRTMUX_AGAIN: also at the end */
	VIRTMUX_WRITABLE = 2, /* nor will writing */
	VIRTMUX_OPENED = 4    /* the host has answered */
};

/*
 * Waits until one of WANTED (of enum virtmux_ready) holds; runs the loop. Those that do; 0
 * after TIMEOUT_MS milliseconds (-1: without end); -1 where it was interrupted. Whether
 * the stream has failed, reading or writing tells.
 */
VIRTMUX_API int virtmux_stream_wait(virtmux_stream *stream, unsigned wanted,
				    int timeout_ms, virtmux_error **error);

/*
 * READY (of enum virtmux_ready) has become true since the last time. Whoever stops before
 * VIRTMUX_AGAIN is not called for what was there already.
 */
typedef void virtmux_ready_fn(void *context, virtmux_stream *stream,
			      unsigned ready);

VIRTMUX_API void virtmux_stream_on_ready(virtmux_stream *stream,
					 virtmux_ready_fn *on_ready,
					 void *context);

/*
 * A field of the host's answer ("virtmux-console", "content-length"), NULL before it has
 * come or where it has none.
 */
VIRTMUX_API const char *virtmux_stream_header(const virtmux_stream *stream,
					      const char *name);

/* At the end of a console: why, where the host told more than that; else NULL. */
VIRTMUX_API const char *virtmux_stream_end_words(const virtmux_stream *stream);

/* -- events ---------------------------------------------------------------- */

/*
 * EVENT is the JSON text of one line of GET /events (doc/PROTOCOL.md), AFTER the word with
 * which a later virtmux_events_start() goes on behind it. The first is of the type `begin`;
 * `missed` stands in the place of events that are not known any more.
 */
typedef void virtmux_event_fn(void *context, const char *event,
			      const char *after);

/*
 * Once, and last, but not after virtmux_events_stop() or virtmux_close(): the host refused
 * it, has taken the right away, or (ERROR is NULL) all was told that "follow":false asks
 * for. EVENTS is still to be stopped, and may be here. A connection's end is not one.
 */
typedef void virtmux_events_end_fn(void *context, const virtmux_error *error);

/*
 * Follows the host's events. PARAMS, the text of a JSON object, are those of the method
 * event.follow: `domain`, `type`, `after`, `follow`; NULL: all events from now on. It
 * outlives cuts: after virtmux_reconnect() it goes on behind the last event. ON_END may be
 * NULL. NULL on failure.
 */
VIRTMUX_API virtmux_events *
virtmux_events_start(virtmux_connection *connection, const char *params,
		     virtmux_event_fn *on_event, virtmux_events_end_fn *on_end,
		     void *context, virtmux_error **error);

/* Ends and frees it. NULL-safe. */
VIRTMUX_API void virtmux_events_stop(virtmux_events *events);

#ifdef __cplusplus
}
#endif

#endif
