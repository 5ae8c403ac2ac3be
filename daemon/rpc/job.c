/*
 * The registry of jobs (job.h). admit.c begins one for each call of a LONG method
 * that is to run, call.c ends it with the call. What always holds: a job is on the
 * list `running` while it has a call, else on `ended`, oldest first; calls that wait
 * for it are on its list by their `node`.
 */
#include "daemon/rpc/room.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/glob.h"

struct rpc_job {
	struct list node;  /* in jobs->running or jobs->ended */
	struct call *call; /* NULL: it has ended */
	struct list waiters;
	char id[CALL_ID_SIZE];
	const struct method *method;
	char *identity;
	char *domain; /* as given; NULL: not about a domain */
	char *uuid;
	char *name; /* the domain's, once it is known */
	char *target;
	enum job_state state;
	bool cancelling;
	call_cancel_fn *cancel;
	void *cancel_context;
	int64_t begun_us, ended_us;
	uint64_t begun_ns, ended_ns;
	uint64_t done, total;
	struct error error;
	char *result;
};

static void job_free(struct rpc_job *job)
{
	free(job->identity);
	free(job->domain);
	free(job->uuid);
	free(job->name);
	free(job->target);
	free(job->result);
	error_clear(&job->error);
	free(job);
}

/* -- the registry ---------------------------------------------------------- */

static void on_deadline(uv_timer_t *timer);

void jobs_init(struct jobs *jobs, uv_loop_t *uv)
{
	list_init(&jobs->running);
	list_init(&jobs->ended);
	list_init(&jobs->waiting);
	uv_timer_init(uv, &jobs->timer);
	jobs->timer.data = jobs;
	jobs->timer.timer_cb = on_deadline;
}

void jobs_close(struct jobs *jobs)
{
	uv_close((uv_handle_t *)&jobs->timer, NULL);
}

static void forget(struct jobs *jobs, struct rpc_job *job)
{
	list_remove(&job->node);
	jobs->ended_count--;
	job_free(job);
}

void jobs_clear(struct jobs *jobs)
{
	list_for_each_safe (node, &jobs->ended)
		forget(jobs, list_entry(node, struct rpc_job, node));
}

/* Those that are too old, or too many: of one identity, then in all. */
static void make_room(struct jobs *jobs, const char *identity, uint64_t now)
{
	unsigned own = 0;

	list_for_each (node, &jobs->ended)
		own += strcmp(list_entry(node, struct rpc_job, node)->identity,
			      identity) == 0;
	list_for_each_safe (node, &jobs->ended) {
		struct rpc_job *job = list_entry(node, struct rpc_job, node);
		bool is_own = strcmp(job->identity, identity) == 0;
		bool old =
			now - job->ended_ns > RPC_JOBS_AGE_MS * CLOCK_NS_PER_MS;

		if (!old && jobs->ended_count < RPC_JOBS_ENDED &&
		    !(is_own && own >= RPC_JOBS_ENDED_IDENTITY))
			continue;
		own -= is_own;
		forget(jobs, job);
	}
}

/* -- its life -------------------------------------------------------------- */

/* The parameter that names a domain, or NULL. */
static const char *domain_of(const struct call *c)
{
	const struct method *m = c->method;

	for (unsigned i = 0; i < m->params_count; i++) {
		const struct member *p = &m->params[i];

		if (p->type == &api_type_DOMAIN && p->count == 0)
			return *(char *const *)(const void *)((const char *)&c
								      ->params +
							      p->offset);
	}
	return NULL;
}

/* "xxxxxxxx-xxxx-…": then its name is not known before libvirt was asked. */
static bool may_be_uuid(const char *text)
{
	return strlen(text) == 36 && text[8] == '-' && text[13] == '-' &&
	       text[18] == '-' && text[23] == '-';
}

static char *target_of(const struct call *c)
{
	autobuf target = {0};

	if (c->method->audit_count == 0 ||
	    params_audit_target(c->method, &c->params, &target) < 0)
		return NULL;
	return buf_steal_str(&target);
}

int job_begin(struct call *c, struct error *err)
{
	struct jobs *jobs = &c->rpc->jobs;
	struct user *user = c->principal->user;
	const char *domain = domain_of(c);
	struct rpc_job *job;

	if (user->jobs >= c->rpc->config.limits.jobs)
		return error_set(err, ERROR_BUSY,
				 "%u jobs of \"%s\" run on this host, which is "
				 "its limit: wait for one of them",
				 user->jobs, user->identity);
	job = calloc(1, sizeof(*job));
	if (!job)
		return error_set_no_memory(err);
	job->identity = strdup(user->identity);
	job->target = target_of(c);
	job->domain = domain ? strdup(domain) : NULL;
	job->name = domain && !may_be_uuid(domain) ? strdup(domain) : NULL;
	if (!job->identity || (domain && !job->domain)) {
		job_free(job);
		return error_set_no_memory(err);
	}
	memcpy(job->id, c->id, sizeof(job->id));
	job->method = c->method;
	job->state = JOB_STATE_RUNNING;
	job->begun_us = clock_realtime_us();
	job->begun_ns = clock_monotonic_ns();
	list_init(&job->waiters);
	list_append(&jobs->running, &job->node);
	job->call = c;
	c->job = job;
	user->jobs++;
	c->rpc->counts.jobs++;
	return 0;
}

/* What cannot be copied, or is not told, stays as it was. */
static void replace(char **text, const char *by)
{
	char *copy = by ? strdup(by) : NULL;

	if (!copy)
		return;
	free(*text);
	*text = copy;
}

void job_set_domain(struct rpc_job *job, const char *uuid, const char *name)
{
	if (!job->domain)
		return;
	replace(&job->uuid, uuid);
	replace(&job->name, name);
}

void job_keep_result(struct rpc_job *job, const char *json, size_t len)
{
	if (len <= RPC_JOB_RESULT)
		job->result = strndup(json, len);
}

static void tell_waiters(struct rpc_job *job)
{
	while (!list_empty(&job->waiters)) {
		struct call *c =
			list_entry(job->waiters.next, struct call, node);

		job_wait_end(c);
		c->waited(c, job);
	}
}

void job_end(struct call *c, const struct error *err)
{
	struct jobs *jobs = &c->rpc->jobs;
	struct rpc_job *job = steal(&c->job);

	c->principal->user->jobs--;
	c->rpc->counts.jobs--;
	job->call = NULL;
	job->cancel = NULL;
	job->ended_us = clock_realtime_us();
	job->ended_ns = clock_monotonic_ns();
	if (err)
		error_copy(&job->error, err);
	job->state = !err              ? JOB_STATE_DONE
		     : job->cancelling ? JOB_STATE_CANCELLED
				       : JOB_STATE_FAILED;
	list_remove(&job->node);
	make_room(jobs, job->identity, job->ended_ns);
	list_append(&jobs->ended, &job->node);
	jobs->ended_count++;
	tell_waiters(job);
}

const char *job_id_of_entry(const struct rpc *rpc,
			    const struct idem_entry *entry)
{
	list_for_each (node, &rpc->jobs.running) {
		struct rpc_job *job = list_entry(node, struct rpc_job, node);

		if (job->call->entry == entry)
			return job->id;
	}
	return NULL;
}

void call_progress(struct call *c, uint64_t done, uint64_t total)
{
	if (!c->job)
		return;
	c->job->done = done;
	c->job->total = total;
}

void call_set_cancel(struct call *c, call_cancel_fn *cancel, void *context)
{
	if (!c->job)
		return;
	c->job->cancel = cancel;
	c->job->cancel_context = context;
}

/* -- who sees it ----------------------------------------------------------- */

/*
 * A domain that was given by its UUID is not known to be in anybody's scope until it
 * was looked up; the one who gave it knows what he gave.
 */
static bool visible(const struct rpc_job *job, const struct call *c)
{
	const struct caller *caller = call_caller(c);
	bool own = strcmp(job->identity, caller->identity) == 0;

	if (!caller->scope)
		return true;
	if (!job->domain || !job->name)
		return own;
	return glob_match_any(caller->scope, job->name);
}

struct rpc_job *rpc_job_next(const struct call *c, const struct rpc_job *after)
{
	struct jobs *jobs = &c->rpc->jobs;
	struct list *at = after ? after->node.next : jobs->ended.next;

	for (;; at = at->next) {
		/* The ended ones are the older ones. */
		if (at == &jobs->ended)
			at = jobs->running.next;
		if (at == &jobs->running)
			return NULL;
		if (visible(list_entry(at, struct rpc_job, node), c))
			return list_entry(at, struct rpc_job, node);
	}
}

struct rpc_job *rpc_job_find(const struct call *c, const char *id,
			     struct error *err)
{
	struct rpc_job *job = NULL;

	while ((job = rpc_job_next(c, job)))
		if (strcmp(job->id, id) == 0)
			return job;
	error_set(err, ERROR_NOT_FOUND,
		  "there is no job '%s' on this host; one that ended long ago "
		  "is forgotten",
		  id);
	return NULL;
}

void rpc_job_look(const struct rpc_job *job, struct rpc_job_facts *facts)
{
	uint64_t end = job->ended_ns ? job->ended_ns : clock_monotonic_ns();

	*facts = (struct rpc_job_facts){
		.id = job->id,
		.method = job->method,
		.identity = job->identity,
		.domain = job->domain,
		.uuid = job->uuid,
		.name = job->name,
		.target = job->target,
		.state = job->state,
		.cancelling = job->cancelling,
		.begun_us = job->begun_us,
		.ended_us = job->ended_us,
		.elapsed_ns = end - job->begun_ns,
		.done = job->done,
		.total = job->total,
		.error = error_is_set(&job->error) ? &job->error : NULL,
		.result = job->result,
	};
}

/* -- cancel ---------------------------------------------------------------- */

static bool may_cancel(const struct call *c, const struct rpc_job *job)
{
	const struct caller *caller = call_caller(c);

	return caller->role == ROLE_ADMIN ||
	       strcmp(caller->identity, job->identity) == 0;
}

int rpc_job_cancel(const struct call *c, struct rpc_job *job, struct error *err)
{
	call_cancel_fn *cancel = job->cancel;

	if (!may_cancel(c, job))
		return error_set(err, ERROR_DENIED,
				 "job %s is another's: he or an admin may "
				 "cancel it",
				 job->id);
	if (!job->call)
		return error_set(err, ERROR_STATE, "job %s has ended already",
				 job->id);
	if (!cancel && !job->domain)
		return error_set(err, ERROR_UNSUPPORTED,
				 "%s cannot be cancelled: wait for its end",
				 job->method->name);
	job->cancelling = true;
	if (!cancel)
		return 0;
	job->cancel = NULL;
	cancel(job->cancel_context);
	return 1;
}

void rpc_job_not_cancelled(struct rpc_job *job)
{
	job->cancelling = false;
}

/* -- wait ------------------------------------------------------------------ */

static void arm(struct jobs *jobs)
{
	uint64_t now = clock_monotonic_ns();
	uint64_t nearest = UINT64_MAX;

	list_for_each (node, &jobs->waiting) {
		struct call *c = list_entry(node, struct call, job_wait);

		if (c->wait_until < nearest)
			nearest = c->wait_until;
	}
	if (nearest == UINT64_MAX) {
		uv_timer_stop(&jobs->timer);
		return;
	}
	nearest = nearest > now ? nearest - now : 0;
	uv_timer_start(&jobs->timer, on_deadline, nearest / CLOCK_NS_PER_MS + 1,
		       0);
}

static void on_deadline(uv_timer_t *timer)
{
	struct jobs *jobs = timer->data;
	uint64_t now = clock_monotonic_ns();

	list_for_each_safe (node, &jobs->waiting) {
		struct call *c = list_entry(node, struct call, job_wait);

		if (c->wait_until > now)
			continue;
		job_wait_end(c);
		c->waited(c, c->waits_for);
	}
	arm(jobs);
}

void rpc_job_wait(struct call *c, struct rpc_job *job, uint64_t ms,
		  rpc_job_waited_fn *fn)
{
	if (!job->call || ms == 0) {
		fn(c, job);
		return;
	}
	admit_release(c);
	c->waited = fn;
	c->waits_for = job;
	c->wait_until = clock_monotonic_ns() + ms * CLOCK_NS_PER_MS;
	list_append(&job->waiters, &c->node);
	list_append(&c->rpc->jobs.waiting, &c->job_wait);
	arm(&c->rpc->jobs);
}

bool job_wait_end(struct call *c)
{
	if (list_empty(&c->job_wait))
		return false;
	list_remove(&c->job_wait);
	list_remove(&c->node);
	arm(&c->rpc->jobs);
	return true;
}

void jobs_drain(struct jobs *jobs)
{
	list_for_each_safe (node, &jobs->waiting) {
		struct call *c = list_entry(node, struct call, job_wait);
		autoerror err = {0};

		job_wait_end(c);
		error_set(&err, ERROR_DRAINING,
			  "virtmuxd is shutting down; the job goes on as long "
			  "as its drain-timeout allows");
		call_fail(c, &err);
	}
}
