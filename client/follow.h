/*
 * Calls of long methods: the host makes a job of each, and the command waits for its
 * end, shows how far it is, and passes an interruption on. Used by command.c for
 * every call of a method that the table marks LONG, and by the verbs of jobs.
 *
 * What always holds: a job goes on without us; whenever we leave it, the words say
 * its id and how to come back to it.
 */
#ifndef VIRTMUX_CLIENT_FOLLOW_H
#define VIRTMUX_CLIENT_FOLLOW_H

#include "client/command.h"

/*
 * Calls the LONG method with PARAMS (JSON text) and gives its result when it has
 * ended, as call_method() would. The first interruption cancels the job and waits for
 * what becomes of it; a second one leaves it. With --detach the job's id is told at
 * once, and -1 returned with call_detached().
 */
int follow_call(struct command_call *call, const char *method,
		const char *params, struct json_object **result,
		struct error *err);

/* Waits for the job of that id in the same way; TIMEOUT_MS 0: for ever. */
int follow_job(struct command_call *call, const char *id, uint64_t timeout_ms,
	       struct json_object **result, struct error *err);

/* "45 %, 1.2 GiB of 2.6 GiB, 110 MiB/s, 13 s left", appended. */
void follow_describe(struct buf *out, const struct job_progress *p);

#endif
