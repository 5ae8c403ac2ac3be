/*
 * A domain's memory in a file, and libvirt's own jobs: the handlers of
 * domain.managed-save, save, restore, dump, job-* and control-info. Those that
 * write or read a path of the host are an admin's.
 */
#include "daemon/ops/room.h"
#include "daemon/virt/saved.h"

/* False: CALL has failed. */
static bool one_state(struct call *call, bool running, bool paused)
{
	autoerror err = {0};

	if (!running || !paused)
		return true;
	error_set(&err, ERROR_INVALID_PARAMS,
		  "running and paused exclude each other: give one of them, or "
		  "none to keep the state that it has");
	call_fail(call, &err);
	return false;
}

static unsigned save_flags(bool bypass_cache, bool running, bool paused)
{
	return (bypass_cache ? VIRT_SAVE_BYPASS_CACHE : 0u) |
	       (running ? VIRT_SAVE_RUNNING : 0u) |
	       (paused ? VIRT_SAVE_PAUSED : 0u);
}

void op_domain_managed_save(struct call *call,
			    const struct domain_managed_save_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	unsigned flags = save_flags(params->bypass_cache, params->running,
				    params->paused);
	autoerror err = {0};

	if (!one_state(call, params->running, params->paused))
		return;
	ops_submitted(call,
		      virt_domain_managed_save(ops_virt(call), &ref, flags,
					       ops_then_domain(call), &err),
		      &err);
}

void op_domain_managed_save_remove(
	struct call *call,
	const struct domain_managed_save_remove_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_domain_managed_save_remove(ops_virt(call), &ref,
						      ops_then_domain(call),
						      &err),
		      &err);
}

void op_domain_save(struct call *call, const struct domain_save_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	unsigned flags = save_flags(params->bypass_cache, params->running,
				    params->paused);
	autoerror err = {0};

	if (!one_state(call, params->running, params->paused))
		return;
	ops_submitted(call,
		      virt_domain_save(ops_virt(call), &ref, params->path,
				       params->xml, flags,
				       ops_then_domain(call), &err),
		      &err);
}

void op_domain_restore(struct call *call,
		       const struct domain_restore_params *params)
{
	unsigned flags = save_flags(params->bypass_cache, params->running,
				    params->paused) |
			 (params->reset_nvram ? VIRT_SAVE_RESET_NVRAM : 0u);
	autoerror err = {0};

	if (!one_state(call, params->running, params->paused))
		return;
	ops_submitted(call,
		      virt_domain_restore(ops_virt(call), params->path,
					  params->xml, call_scope(call), flags,
					  ops_then_domain(call), &err),
		      &err);
}

static enum virt_dump_format dump_format_of(enum dump_format format)
{
	static const enum virt_dump_format formats[] = {
		[DUMP_FORMAT_ELF] = VIRT_DUMP_RAW,
		[DUMP_FORMAT_KDUMP_ZLIB] = VIRT_DUMP_KDUMP_ZLIB,
		[DUMP_FORMAT_KDUMP_LZO] = VIRT_DUMP_KDUMP_LZO,
		[DUMP_FORMAT_KDUMP_SNAPPY] = VIRT_DUMP_KDUMP_SNAPPY,
		[DUMP_FORMAT_WIN_DMP] = VIRT_DUMP_WIN_DMP,
	};

	return formats[format];
}

static int submit_dump(struct call *call, const struct domain_dump_params *p,
		       struct error *err)
{
	struct virt_domain_ref ref = ops_ref(call, p->domain);
	unsigned flags = (p->live ? VIRT_DUMP_LIVE : 0u) |
			 (p->crash ? VIRT_DUMP_CRASH : 0u) |
			 (p->reset ? VIRT_DUMP_RESET : 0u) |
			 (p->bypass_cache ? VIRT_DUMP_BYPASS_CACHE : 0u) |
			 (p->memory_only ? VIRT_DUMP_MEMORY_ONLY : 0u);

	if (p->has_format && !p->memory_only)
		return error_set(err, ERROR_INVALID_PARAMS,
				 "a format is for memory_only: give that too");
	if (p->live + p->crash + p->reset > 1)
		return error_set(err, ERROR_INVALID_PARAMS,
				 "live, crash and reset exclude each other: "
				 "give one of them");
	return virt_domain_dump(ops_virt(call), &ref, p->path,
				p->has_format ? dump_format_of(p->format)
					      : VIRT_DUMP_RAW,
				flags, ops_then_domain(call), err);
}

void op_domain_dump(struct call *call, const struct domain_dump_params *params)
{
	autoerror err = {0};

	ops_submitted(call, submit_dump(call, params, &err), &err);
}

/* -- jobs ------------------------------------------------------------------ */

static bool figure(const struct virt_job_stats *stats, unsigned which,
		   uint64_t *to)
{
	/* the table's counters end at 2^63 - 1 */
	*to = stats->figures[which] > INT64_MAX ? INT64_MAX
						: stats->figures[which];
	return stats->known & 1u << which;
}

#define FIGURE(member, which) job.has_##member = figure(s, which, &job.member)

static void on_job(void *context, struct virt_reply *reply)
{
	struct domain_job_info job = {0};
	const struct virt_job_stats *s;

	if (!ops_succeeded(context, reply))
		return;
	s = reply->value.noun.data;
	job.uuid = reply->domain.uuid;
	job.name = reply->domain.name;
	/* same order as libvirt's; a newer one's is none that we know */
	job.type = s->type < domain_job_type_count
			   ? (enum domain_job_type)s->type
			   : DOMAIN_JOB_TYPE_UNBOUNDED;
	job.operation = s->operation < domain_job_operation_count
				? (enum domain_job_operation)s->operation
				: DOMAIN_JOB_OPERATION_UNKNOWN;
	FIGURE(elapsed, VIRT_JOB_ELAPSED);
	FIGURE(remaining, VIRT_JOB_REMAINING);
	FIGURE(downtime, VIRT_JOB_DOWNTIME);
	FIGURE(setup, VIRT_JOB_SETUP);
	FIGURE(data_total, VIRT_JOB_DATA_TOTAL);
	FIGURE(data_processed, VIRT_JOB_DATA_PROCESSED);
	FIGURE(data_remaining, VIRT_JOB_DATA_REMAINING);
	FIGURE(memory_total, VIRT_JOB_MEMORY_TOTAL);
	FIGURE(memory_processed, VIRT_JOB_MEMORY_PROCESSED);
	FIGURE(memory_remaining, VIRT_JOB_MEMORY_REMAINING);
	FIGURE(memory_speed, VIRT_JOB_MEMORY_SPEED);
	FIGURE(memory_iteration, VIRT_JOB_MEMORY_ITERATION);
	FIGURE(disk_total, VIRT_JOB_DISK_TOTAL);
	FIGURE(disk_processed, VIRT_JOB_DISK_PROCESSED);
	FIGURE(disk_remaining, VIRT_JOB_DISK_REMAINING);
	FIGURE(disk_speed, VIRT_JOB_DISK_SPEED);
	job.message = s->message;
	job.has_message = s->message != NULL;
	call_return(context, &job);
}

void op_domain_job_info(struct call *call,
			const struct domain_job_info_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_domain_job_stats(ops_virt(call), &ref,
					    params->completed,
					    ops_then(call, on_job), &err),
		      &err);
}

void op_domain_job_abort(struct call *call,
			 const struct domain_job_abort_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_domain_job_abort(ops_virt(call), &ref,
					    params->postcopy,
					    ops_then_domain(call), &err),
		      &err);
}

static void on_control(void *context, struct virt_reply *reply)
{
	const struct virt_control *c;
	struct domain_control_info result;

	if (!ops_succeeded(context, reply))
		return;
	c = reply->value.noun.data;
	result = (struct domain_control_info){
		.uuid = reply->domain.uuid,
		.name = reply->domain.name,
		.state = c->state < domain_control_state_count
				 ? (enum domain_control_state)c->state
				 : DOMAIN_CONTROL_STATE_ERROR,
		.since = c->since_ns,
	};
	call_return(context, &result);
}

void op_domain_control_info(struct call *call,
			    const struct domain_control_info_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_domain_control(ops_virt(call), &ref,
					  ops_then(call, on_control), &err),
		      &err);
}
