/*
 * One invocation of a method: a JSON-RPC call, or a request for a resource or a
 * stream. rpc makes it after it has found the method, checked the rights and
 * decoded the parameters; a handler of daemon/ops gets it and answers it.
 *
 * What always holds: a call is answered exactly once, by one call_return(),
 * call_fail(), call_respond() or (after call_take_stream()) call_finish(), at
 * once or later, and is dead when that verb returns. If the peer has gone
 * meanwhile the answer goes nowhere without harm; it is audited, and remembered
 * for a retry, all the same. Loop thread only.
 */
#ifndef VIRTMUX_DAEMON_RPC_CALL_H
#define VIRTMUX_DAEMON_RPC_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/method.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "wire/h2.h"

struct call;

/*
 * A handler is `void op_ID(struct call *call, const struct ID_params *params)`;
 * all prototypes stand in daemon/rpc/handler.h, from the method table. PARAMS is
 * borrowed and lives as long as the call. The handler may answer before it
 * returns, or keep CALL and answer from a callback of the loop.
 */

/* -- who asks, and for what ----------------------------------------------- */

#define CALL_ID_SIZE 16 /* bytes, with NUL */

/*
 * The authenticated caller, as he was when the call came in. Nothing in it
 * changes; all borrowed for the call. Lists are NULL-terminated, as access.conf
 * has them.
 */
struct caller {
	const char *identity;    /* the NAME of virtmux://user/NAME */
	const char *serial;      /* of the certificate, hexadecimal */
	const char *fingerprint; /* SHA-256 of the certificate, hexadecimal */
	const char *address;     /* "192.0.2.1:50123" */
	const char *tls;         /* "TLSv1.3, TLS_AES_256_GCM_SHA384, X25519" */
	int64_t not_after;    /* end of the certificate, seconds since 1970 */
	int64_t connected_us; /* since 1970 */
	enum role role;
	char *const *scope; /* globs of domain names; NULL: all */
	char *const *allow; /* methods beyond the role; NULL: none */
	char *const *deny;  /* methods within the role; NULL: none */
};

const struct caller *call_caller(const struct call *call);

/*
 * NULL-terminated globs of the domain names that the caller may know of; NULL:
 * every domain. For virt's SCOPE parameters.
 */
char *const *call_scope(const struct call *call);

/* Whether the caller may also use that method. */
bool call_may(const struct call *call, enum method_id method);

/* "7q2k-1f3": in the log, in the audit, in error data. */
const char *call_id(const struct call *call);

/* The row of the table; constant. */
const struct method *call_method(const struct call *call);

/* What core registered beside the handlers: the struct of the ops room. */
void *call_context(const struct call *call);

/* The PARAMS that the handler got. */
const void *call_arguments(const struct call *call);

struct log *call_log(const struct call *call);

/* The peer has gone (or has reset the stream): nobody reads the answer. */
bool call_is_orphan(const struct call *call);

/*
 * What the call turned out to be about, for the audit: copied; either may be
 * NULL. Without it the audit names the parameter that the table marks.
 */
void call_set_target(struct call *call, const char *uuid, const char *name);

/* Whether the rights demand that the call's stream is recorded by the host. */
bool call_is_recorded(const struct call *call);
/* The file's name, for the audit: copied. */
void call_set_recording(struct call *call, const char *name);

/* -- answers -------------------------------------------------------------- */

/*
 * The result: RESULT is the method's result struct, encoded before this returns
 * and still the handler's to free; NULL for a method without a result. For a GET
 * or PUT it becomes a JSON body with status 200, also after call_take_stream()
 * as long as the stream is neither closed nor answered. Releases CALL.
 */
void call_return(struct call *call, const void *result);

/*
 * The call fails. Takes what ERR holds (ERR is empty afterwards); the words and
 * the code go to the peer, the cause to the log with the call's id. A JSON-RPC
 * call gets an error object; a resource or stream gets an HTTP status (400, 403,
 * 404, 409, 413, 501, 503, 504, else 500) with the error object as JSON body,
 * also after call_take_stream() as long as the stream is neither closed nor
 * answered. Releases CALL.
 */
void call_fail(struct call *call, struct error *err);

/*
 * The whole answer of a GET or PUT: STATUS, CONTENT_TYPE (NULL: none), N further
 * headers (copied), and the body, whose memory is taken (NULL: none). Rules of
 * call_return(). Releases CALL.
 */
void call_respond(struct call *call, unsigned status, const char *content_type,
		  const struct h2_header *headers, size_t n, struct buf *body);

/* -- streams -------------------------------------------------------------- */

/* The stream of a GET, PUT or STREAM method; NULL for a call and an orphan. */
struct h2_stream *call_stream(const struct call *call);

/* A request header's value, or NULL; NULL for an orphan. Borrowed. */
const char *call_header(const struct call *call, const char *name);

/* Body bytes that came before the stream was taken. */
struct call_early {
	struct buf data; /* the taker's; h2_stream_consume() them when used */
	bool end; /* the peer will send no more: on_end does not follow */
};

/*
 * Takes the stream: from now on HANDLER gets its events with CONTEXT (both
 * borrowed until on_closed), and the taker answers with h2_respond(). CALL stays
 * for the audit until call_finish(); it no longer counts as a running call. EARLY
 * is filled. NULL where the peer has gone: then nothing was taken, and any verb
 * that answers is due. When the stream has closed, call_finish() is due.
 */
struct h2_stream *call_take_stream(struct call *call,
				   const struct h2_handler *handler,
				   void *context, struct call_early *early);

/*
 * How the taker ends the stream when the right to it is taken away: CUT is called
 * with CONTEXT, at most once and before call_finish(), from the loop; the end of the
 * stream follows as ever. A stream without it is not ended by a loss of rights.
 */
typedef void call_cut_fn(void *context);
void call_set_cut(struct call *call, call_cut_fn *cut, void *context);

/*
 * The end of a taken stream, for the audit: WHY (borrowed) is NULL or empty
 * after a proper end; bytes of content from and to the peer. The stream itself
 * is the taker's to end. Releases CALL.
 */
void call_finish(struct call *call, const struct error *why, uint64_t bytes_in,
		 uint64_t bytes_out);

#endif
