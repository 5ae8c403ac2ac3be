/*
 * What the files of this room share and nobody else may see: the body of a call
 * and of the service. The way of a call: exchange.c or resource.c makes it,
 * admit.c brings it to its handler, call.c takes the answer and ends it.
 *
 * What always holds: a call is on one list at most (ready, its user's queue, or
 * those that wait for a key); `stream` is NULL once the peer has gone.
 */
#ifndef VIRTMUX_DAEMON_RPC_ROOM_H
#define VIRTMUX_DAEMON_RPC_ROOM_H

#include "api/codec.h"
#include "api/message.h"
#include "base/list.h"
#include "daemon/rpc/counts.h"
#include "daemon/rpc/handler.h"
#include "daemon/rpc/job.h"
#include "daemon/rpc/principal.h"
#include "daemon/rpc/rpc.h"

/* The registry of job.c, in struct rpc. */
struct jobs {
	struct list running; /* oldest first, as is */
	struct list ended;   /* this one */
	unsigned ended_count;
	struct list waiting; /* calls of job.wait, by their `job_wait` */
	uv_timer_t timer;    /* to the nearest of their deadlines */
};

struct rpc {
	struct rpc_config config;
	struct log *log;
	struct idem_store *keys;
	struct users users;
	struct list ready; /* calls that go on in the next turn of the loop */
	size_t open_calls;
	uint64_t calls; /* counted, for ids */
	struct jobs jobs;
	struct rpc_counts counts;
	char id_prefix[5];
	struct buf openrpc; /* the document, made when first asked for */
	uv_idle_t turn;     /* active while `ready` is not empty */
	uv_timer_t flush;   /* active while audit lines wait */
};

struct rpc_peer {
	struct rpc *rpc;
	struct principal *principal;
	struct list calls; /* of its streams, by their `sibling` */
};

enum call_state {
	CALL_RECEIVING,    /* the body is not complete */
	CALL_PENDING,      /* to go on: now, or on the list `ready` */
	CALL_WAITING_TURN, /* its user has too many running */
	CALL_WAITING_KEY,  /* the first call with its key is running */
	CALL_WAITING_DISK, /* its begin is being written to the journal */
	CALL_RUNNING,      /* the handler has it */
	CALL_TAKEN,        /* and has taken the stream */
	CALL_ENDED,        /* answered; to be freed */
};

/* Room for the parameters of any method. */
union call_params {
#define METHOD(id, name, role, kind, summary, doc) struct id##_params id;
#include "api/methods.def"
};

/*
 * A stream with what was asked on it. A body with a batch holds several items,
 * done one after another by the same struct call: `open` while there is one.
 */
struct call {
	struct rpc *rpc;
	struct rpc_peer *peer; /* NULL: gone */
	struct list sibling;   /* in peer->calls */
	struct principal *principal;
	struct h2_stream *stream; /* NULL: the peer has gone */
	enum call_state state;
	bool resource;    /* GET, PUT or STREAM; else POST /rpc */
	bool on_stack;    /* call_run() is below us and goes on itself */
	bool withdrawn;   /* the right to its stream was taken away */
	call_cut_fn *cut; /* of the stream's taker, or NULL */
	void *cut_context;
	bool ended; /* the peer will send no more */
	bool open;
	struct list node;
	struct buf body;
	size_t held;            /* what of user->held is its */
	struct message message; /* POST /rpc */
	size_t count;           /* items */
	size_t next;            /* of them */
	struct buf answer;
	/* of the open item */
	const struct request *request; /* NULL for a resource */
	const struct method *method;
	char id[CALL_ID_SIZE];
	uint64_t begun_ns;
	bool has_turn;
	bool replayed;
	bool refused;             /* before anything was done */
	struct idem_entry *entry; /* running: ours to complete */
	struct journal_wait wait; /* WAITING_DISK */
	struct error unknown;     /* the remembered outcome, to be explained */
	struct rpc_job *job;      /* of a LONG method: until it is answered */
	struct list job_wait;     /* in jobs->waiting, for a job's end */
	uint64_t wait_until;
	struct rpc_job *waits_for;
	rpc_job_waited_fn *waited;
	union call_params params;
	char *uuid;
	char *name;
	char *recording;
	uint64_t bytes_in;
	uint64_t bytes_out;
};

/* -- call.c --------------------------------------------------------------- */

/* A call on STREAM, which gets HANDLER; NULL without memory. */
struct call *call_new(struct rpc_peer *peer, struct h2_stream *stream,
		      const struct h2_handler *handler);
void call_free(struct call *c);
/* The next id, into CALL_ID_SIZE bytes. */
void call_make_id(struct rpc *rpc, char *id);
void call_set_state(struct call *c, enum call_state state);

/* N bytes more are held for C; false where its user has too many. */
bool call_hold(struct call *c, size_t n);

/* Opens the next item: METHOD may be NULL where it is not known. */
void call_open(struct call *c, const struct request *request,
	       const struct method *method);

/* Steps until it waits, runs or is answered; may free C. */
void call_run(struct call *c);
/* The same, in the next turn of the loop. */
void call_run_later(struct call *c);

/* The stream has closed; may free C. */
void call_abandon(struct call *c);

/* It was answered with what another call of its key will come to. */
void call_end_replay(struct call *c);

/* A remembered outcome as the answer. */
void call_replay(struct call *c, const struct idem_entry *entry);

/* -- admit.c -------------------------------------------------------------- */

/* An open item whose method is known: on to its handler, or to a failure. */
void admit(struct call *c);
/* Adds the target to RECORD, and RECORD to the audit. */
int admit_audit(struct call *c, struct audit_record *record, bool now,
		struct error *err);
/* It goes on after it has waited for a key, or for its turn. */
void admit_again(struct call *c);
/* Gives the turn back, and to the next who waits. */
void admit_release(struct call *c);
/* It was never started: gives back turn, place and key. */
void admit_withdraw(struct call *c);

/* -- renew.c -------------------------------------------------------------- */

/* It goes on, or begins its next item, with the rights that its peer has now. */
void call_renew(struct call *c);
/* The peer's struct goes before its last orphan. */
void call_forget_peer(struct call *c);

/* -- job.c ---------------------------------------------------------------- */

void jobs_init(struct jobs *jobs, uv_loop_t *uv);
void jobs_close(struct jobs *jobs);
void jobs_clear(struct jobs *jobs); /* once all calls are answered */
/* Fails the calls that wait for a job. */
void jobs_drain(struct jobs *jobs);

/* The open item of C, a LONG one, is to run: ERROR_BUSY, ERROR_NO_MEMORY. */
int job_begin(struct call *c, struct error *err);
/* It was answered. ERR: NULL after a success. */
void job_end(struct call *c, const struct error *err);
void job_keep_result(struct rpc_job *job, const char *json, size_t len);
void job_set_domain(struct rpc_job *job, const char *uuid, const char *name);
/* The job whose call is to complete ENTRY, or NULL. */
const char *job_id_of_entry(const struct rpc *rpc,
			    const struct idem_entry *entry);
/* C waits no more; false where it did not. */
bool job_wait_end(struct call *c);

/* -- exchange.c ----------------------------------------------------------- */

void exchange_begin(struct rpc_peer *peer, struct h2_stream *stream);
/* Opens item c->next and brings it on its way. */
void exchange_item(struct call *c);
/* Answers the stream with what all items gave; frees C. */
void exchange_finish(struct call *c);
/* Appends the answer of the open item; exactly one of ERR, JSON, RESULT. */
void exchange_answer_error(struct call *c, const struct error *err);
void exchange_answer_text(struct call *c, const char *json, size_t len);
void exchange_answer_result(struct call *c, const void *result);
/* Whether the peer rather has a job's id at once than the result at the end. */
bool exchange_prefers_async(const struct call *c);
/* {"job":ID}, sent at once; the peer waits for nothing more. */
void exchange_answer_job(struct call *c, const char *job);

/* -- resource.c ----------------------------------------------------------- */

void resource_begin(struct rpc_peer *peer, struct h2_stream *stream);
void resource_item(struct call *c);

/* -- http.c --------------------------------------------------------------- */

/* Answers with a body; the rest that the peer sends is dropped. */
void http_respond(struct h2_stream *s, unsigned status,
		  const char *content_type, const struct h2_header *more,
		  size_t n, struct buf *body);
/* Answers with the error as JSON; CALL_ID may be NULL. */
void http_respond_error(struct h2_stream *s, const struct error *err,
			const char *call_id);
/*
 * Refuses a request of PEER that is no call: logs it under an id of its own, and
 * answers with that. STATUS 0: as ERR has it. MORE: one further header, or NULL.
 */
void http_refuse(struct rpc_peer *peer, struct h2_stream *s, unsigned status,
		 const struct h2_header *more, const struct error *err);
unsigned http_status(enum error_code code);

#endif
