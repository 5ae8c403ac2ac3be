/*
 * Jobs: handlers that rpc calls for job.*. rpc keeps the jobs (daemon/rpc/job.h);
 * how far a save or a migration is only libvirt knows, and it is asked for one job
 * at a time.
 *
 * What always holds: a job is looked up again after libvirt was asked, since it may
 * have ended meanwhile; its error and result are borrowed for the answer.
 */
#include "daemon/ops/room.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "daemon/rpc/job.h"
#include "daemon/virt/progress.h"

#define WAIT_MS 30000 /* of job.wait, where nothing is said */

/* What struct job_info borrows beside the facts. */
struct room_for_info {
	char started[CLOCK_TEXT_SIZE];
	char ended[CLOCK_TEXT_SIZE];
};

/* Of what a handler has told itself: at the mean speed so far. */
static struct job_progress own_progress(const struct rpc_job_facts *f)
{
	double seconds = (double)f->elapsed_ns / CLOCK_NS_PER_S;
	double speed = seconds > 0 ? (double)f->done / seconds : 0;
	uint64_t left = f->total > f->done ? f->total - f->done : 0;
	struct job_progress p = {.done = f->done, .total = f->total};

	if (speed < 1)
		return p;
	p.speed = (uint64_t)speed;
	p.has_speed = true;
	p.remaining = (uint64_t)((double)left / speed * CLOCK_NS_PER_S);
	p.has_remaining = true;
	return p;
}

static struct job_progress libvirts_progress(const struct virt_progress *from)
{
	return (struct job_progress){
		.done = from->done,
		.total = from->total,
		.speed = from->speed,
		.has_speed = from->speed > 0,
		.remaining = from->remaining_ns,
		.has_remaining = from->remaining_ns > 0,
		.iteration = from->iteration,
		.has_iteration = from->iteration > 0,
		.downtime = from->downtime_ns,
		.has_downtime = from->downtime_ns > 0,
	};
}

static void fill_end(const struct rpc_job_facts *f, struct job_info *info)
{
	if (f->error) {
		info->error = (struct job_error){
			.code = error_code_rpc_number(f->error->code),
			.name = ops_borrow(error_code_name(f->error->code)),
			.message = ops_borrow(error_words(f->error)),
			.logged = f->error->cause != NULL,
			.has_logged = f->error->cause != NULL,
		};
		info->has_error = true;
	}
	info->result = ops_borrow(f->result);
	info->has_result = f->result != NULL;
}

static void fill(const struct rpc_job *job, struct room_for_info *room,
		 struct job_info *info)
{
	struct rpc_job_facts f;

	rpc_job_look(job, &f);
	clock_format_us(f.begun_us, room->started);
	clock_format_us(f.ended_us, room->ended);
	*info = (struct job_info){
		.id = ops_borrow(f.id),
		.method = ops_borrow(f.method->name),
		.state = f.state,
		.identity = ops_borrow(f.identity),
		.domain = ops_borrow(f.name ? f.name : f.domain),
		.has_domain = f.domain != NULL,
		.uuid = ops_borrow(f.uuid),
		.has_uuid = f.uuid != NULL,
		.target = ops_borrow(f.target),
		.has_target = f.target != NULL,
		.started = room->started,
		.ended = room->ended,
		.has_ended = f.ended_us != 0,
		.elapsed = f.elapsed_ns,
		.cancelling = f.cancelling && f.ended_us == 0,
	};
	if (f.total > 0) {
		info->progress = own_progress(&f);
		info->has_progress = true;
	}
	fill_end(&f, info);
}

/* -- one of them ----------------------------------------------------------- */

/* A question that libvirt is asked for a job. */
struct asked {
	struct call *call;
	char id[CALL_ID_SIZE];
};

static void answer(struct call *call, const char *id,
		   const struct virt_progress *progress)
{
	struct room_for_info room;
	struct job_info info;
	struct rpc_job *job;
	autoerror err = {0};

	job = rpc_job_find(call, id, &err);
	if (!job) {
		call_fail(call, &err);
		return;
	}
	fill(job, &room, &info);
	if (progress && progress->active && !info.has_progress &&
	    info.state == JOB_STATE_RUNNING) {
		info.progress = libvirts_progress(progress);
		info.has_progress = true;
	}
	call_return(call, &info);
}

static void on_progress(void *context, struct virt_reply *reply)
{
	struct asked *asked = context;
	bool known = !error_is_set(&reply->error);

	answer(asked->call, asked->id, known ? reply->value.noun.data : NULL);
	free(asked);
}

/* Whether libvirt alone knows how far JOB is. */
static bool is_libvirts(const struct rpc_job_facts *f)
{
	return f->state == JOB_STATE_RUNNING && f->total == 0 && f->domain;
}

static struct virt_domain_ref domain_of(const struct call *call,
					const struct rpc_job_facts *f)
{
	return ops_ref(call, f->uuid ? f->uuid : f->domain);
}

static struct asked *asked_new(struct call *call, const char *id)
{
	struct asked *asked = calloc(1, sizeof(*asked));

	if (!asked)
		return NULL;
	asked->call = call;
	snprintf(asked->id, sizeof(asked->id), "%s", id);
	return asked;
}

/* Answers CALL, with libvirt's help where it can be had. */
static void show(struct call *call, struct rpc_job *job)
{
	struct rpc_job_facts f;
	struct virt_domain_ref ref;
	struct asked *asked;

	rpc_job_look(job, &f);
	asked = is_libvirts(&f) ? asked_new(call, f.id) : NULL;
	ref = domain_of(call, &f);
	if (asked && virt_domain_progress(
			     ops_virt(call), &ref,
			     (struct virt_done){on_progress, asked}, NULL) == 0)
		return;
	answer(call, f.id, NULL);
	free(asked);
}

void op_job_info(struct call *call, const struct job_info_params *params)
{
	autoerror err = {0};
	struct rpc_job *job = rpc_job_find(call, params->job, &err);

	if (job)
		show(call, job);
	else
		call_fail(call, &err);
}

void op_job_wait(struct call *call, const struct job_wait_params *params)
{
	uint64_t ms = params->has_timeout ? params->timeout : WAIT_MS;
	autoerror err = {0};
	struct rpc_job *job = rpc_job_find(call, params->job, &err);

	if (job)
		rpc_job_wait(call, job, ms, show);
	else
		call_fail(call, &err);
}

/* -- cancel ---------------------------------------------------------------- */

static void on_aborted(void *context, struct virt_reply *reply)
{
	struct asked *asked = context;
	struct rpc_job *job = rpc_job_find(asked->call, asked->id, NULL);

	if (error_is_set(&reply->error)) {
		if (job)
			rpc_job_not_cancelled(job);
		call_fail(asked->call, &reply->error);
	} else {
		answer(asked->call, asked->id, NULL);
	}
	free(asked);
}

static void abort_domain(struct call *call, struct rpc_job *job)
{
	struct rpc_job_facts f;
	struct virt_domain_ref ref;
	struct asked *asked;
	autoerror err = {0};

	rpc_job_look(job, &f);
	asked = asked_new(call, f.id);
	ref = domain_of(call, &f);
	if (!asked)
		error_set_no_memory(&err);
	else if (virt_domain_abort(ops_virt(call), &ref,
				   (struct virt_done){on_aborted, asked},
				   &err) == 0)
		return;
	free(asked);
	rpc_job_not_cancelled(job);
	call_fail(call, &err);
}

void op_job_cancel(struct call *call, const struct job_cancel_params *params)
{
	autoerror err = {0};
	struct rpc_job *job = rpc_job_find(call, params->job, &err);

	switch (job ? rpc_job_cancel(call, job, &err) : -1) {
	case 1:
		answer(call, params->job, NULL);
		break;
	case 0:
		abort_domain(call, job);
		break;
	default:
		call_fail(call, &err);
	}
}

/* -- all of them ----------------------------------------------------------- */

static bool is_wanted(const struct rpc_job *job,
		      const struct job_list_params *params)
{
	struct rpc_job_facts f;

	if (!params->has_running)
		return true;
	rpc_job_look(job, &f);
	return (f.state == JOB_STATE_RUNNING) == params->running;
}

void op_job_list(struct call *call, const struct job_list_params *params)
{
	struct job_list list = {0};
	autofree struct room_for_info *rooms = NULL;
	autofree struct job_info *infos = NULL;
	size_t n = 0;
	autoerror err = {0};

	for (struct rpc_job *j = NULL; (j = rpc_job_next(call, j));)
		n++;
	rooms = calloc(n + 1, sizeof(*rooms));
	infos = calloc(n + 1, sizeof(*infos));
	if (!rooms || !infos) {
		error_set_no_memory(&err);
		call_fail(call, &err);
		return;
	}
	n = 0;
	for (struct rpc_job *j = NULL; (j = rpc_job_next(call, j));) {
		if (!is_wanted(j, params))
			continue;
		fill(j, &rooms[n], &infos[n]);
		infos[n++].has_result = false;
	}
	list.jobs = infos;
	list.jobs_count = n;
	call_return(call, &list);
}
