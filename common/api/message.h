/*
 * JSON-RPC 2.0 messages (jsonrpc.org/specification): requests into structs, and
 * answers into text, for the daemon; the reverse for the client. It knows the
 * names of methods and nothing of transport. No state; any thread.
 */
#ifndef VIRTMUX_API_MESSAGE_H
#define VIRTMUX_API_MESSAGE_H

#include <json-c/json_object.h>

#include "api/json.h"
#include "api/method.h"
#include "base/buf.h"
#include "base/error.h"

#define MESSAGE_BATCH_MAX 64  /* requests in one body */
#define MESSAGE_ID_MAX    256 /* bytes of an id's JSON text */

/*
 * One request. With `error` set it is not a valid one (or names no JSON-RPC
 * method) and is to be answered with that error alone.
 */
struct request {
	char *id; /* JSON text, sent back; NULL: notification */
	const struct method *method; /* a QUERY or CALL; NULL only with error */
	const char *name;           /* as sent, or NULL; owned by the message */
	struct json_object *params; /* or NULL; owned by the message */
	struct error error;
};

struct message {
	struct json_object *tree;
	struct request *requests;
	size_t count; /* 1 to MESSAGE_BATCH_MAX */
	bool batch;   /* it was an array, and so must the answer be */
};

/*
 * Reads a request body. -1 where the body as a whole is refused: answer it with
 * message_append_error(out, NULL, err, call). The names jsonrpc, id, method and
 * params are known; another member makes that request invalid, since it was
 * meant for something that would not happen.
 */
int message_parse(const char *text, size_t len, struct message *out,
		  struct error *err);
void message_free(struct message *m); /* NULL-safe */

#define automessage cleanup(message_free) struct message

/*
 * Appends a whole answer; ID is JSON text, NULL stands for null. METHOD's result
 * is encoded by result_encode(); without a result type it is an empty object.
 */
int message_append_result(struct buf *out, const char *id,
			  const struct method *m, const void *result);

/* The same with a result that is JSON text already (a replayed answer). */
int message_append_result_text(struct buf *out, const char *id,
			       const char *json, size_t len);

/*
 * {"jsonrpc":"2.0","id":…,"error":{"code":-32001,"message":words,"data":{"name":
 * "not-found","retry":false,"call":CALL}}}. CALL is the id that finds the line in
 * the host's log, or NULL. The cause of ERR is never sent, only that the log has one
 * ("logged":true).
 */
int message_append_error(struct buf *out, const char *id,
			 const struct error *err, const char *call);

/*
 * Joins the answers of a batch; empty ones (of notifications) are left out.
 * Appends nothing where all are: then there is no content to send.
 */
int message_append_batch(struct buf *out, const struct buf *answers, size_t n);

/* A request with a numeric id; PARAMS is JSON text, NULL for none. */
int message_append_request(struct buf *out, uint64_t id, const char *method,
			   const char *params, size_t params_len);

/* The same from a params struct. */
int message_append_call(struct buf *out, uint64_t id, const struct method *m,
			const void *params);

struct response {
	struct json_object *tree; /* owns what the others borrow */
	char *id; /* JSON text; "null" where the host had none */
	struct json_object *result; /* of a success; can be NULL for null */
	struct error error; /* set for a failure: code by its number; the
				       cause: "call ID", and ": see the
				       host's log" where that tells more */
	char *call;         /* the host's call id of a failure, or NULL */
};

/*
 * Reads one response. -1 with ERROR_PARSE or ERROR_INVALID_REQUEST where it is
 * none; a failure that the host reports is 0 with out->error.
 */
int response_parse(const char *text, size_t len, struct response *out,
		   struct error *err);
void response_free(struct response *r); /* NULL-safe */

#define autoresponse cleanup(response_free) struct response

#endif
