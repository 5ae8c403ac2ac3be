/*
 * Jobs: the calls of methods that the table marks LONG, while they run and for a
 * while after their end. A job is such a call and has its id. rpc opens and ends
 * them; a handler tells its progress and how it is stopped; the handlers of job.*
 * look here. A job outlives its connection, not the daemon.
 *
 * What always holds: who may not know a job's domain gets the words of one that does
 * not exist; one that has ended keeps its result, until newer ones need the place or
 * its time is over. Loop thread only.
 */
#ifndef VIRTMUX_DAEMON_RPC_JOB_H
#define VIRTMUX_DAEMON_RPC_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "api/method.h"
#include "base/error.h"
#include "daemon/rpc/call.h"

struct rpc_job;

/* -- for the handler of a LONG method -------------------------------------- */

/* How far it is: DONE of TOTAL bytes; TOTAL 0: not known. No job: no effect. */
void call_progress(struct call *call, uint64_t done, uint64_t total);

/*
 * How it is stopped: CANCEL is called with CONTEXT, at most once and while the call
 * is not answered; the handler then fails the call as soon as it can. Without it a
 * job about a domain is stopped through libvirt, any other cannot be.
 */
typedef void call_cancel_fn(void *context);
void call_set_cancel(struct call *call, call_cancel_fn *cancel, void *context);

/* -- for the handlers of job.* --------------------------------------------- */

/* Borrowed until the loop goes on; NULL where there is none. */
struct rpc_job_facts {
	const char *id;
	const struct method *method;
	const char *identity; /* whose it is */
	const char *domain;   /* as the caller named it; of a domain's job */
	const char *uuid;     /* of the domain, once it is known */
	const char *name;
	const char *target; /* what the audit names */
	enum job_state state;
	bool cancelling;
	int64_t begun_us; /* since 1970 */
	int64_t ended_us; /* 0: it runs */
	uint64_t elapsed_ns;
	uint64_t done;             /* bytes */
	uint64_t total;            /* 0: the handler has told nothing */
	const struct error *error; /* of one that failed */
	const char *result;        /* JSON text of one that is done */
};

void rpc_job_look(const struct rpc_job *job, struct rpc_job_facts *facts);

/* The job that CALL's caller may know of. NULL with ERROR_NOT_FOUND. */
struct rpc_job *rpc_job_find(const struct call *call, const char *id,
			     struct error *err);

/* The one after JOB (NULL: the oldest) that he may know of; NULL: no further one. */
struct rpc_job *rpc_job_next(const struct call *call,
			     const struct rpc_job *job);

/*
 * Asks for its end. 1: its handler is told; 0: it is libvirt that is to be asked, for
 * the facts' domain; -1: ERROR_DENIED (neither his nor is he an admin), ERROR_STATE
 * (it has ended), ERROR_UNSUPPORTED.
 */
int rpc_job_cancel(const struct call *call, struct rpc_job *job,
		   struct error *err);
/* Libvirt took it back. */
void rpc_job_not_cancelled(struct rpc_job *job);

/*
 * Gives CALL's turn back, and calls FN, which answers CALL, when JOB has ended or MS
 * have passed; at once where it has ended. Only while the call runs.
 */
typedef void rpc_job_waited_fn(struct call *call, struct rpc_job *job);
void rpc_job_wait(struct call *call, struct rpc_job *job, uint64_t ms,
		  rpc_job_waited_fn *fn);

#endif
