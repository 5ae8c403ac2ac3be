/*
 * The job that libvirt runs for a domain: how far it is, and its abort (verbs of
 * verbs/progress.def). What holds: a domain without a job is no error to ask about.
 */
#include "daemon/virt/progress.h"

#include <stdlib.h>

#include "base/clock.h"
#include "daemon/virt/error.h"
#include "daemon/virt/job.h"

struct stats {
	virTypedParameterPtr params;
	int count;
};

static void cleanup_stats(struct stats *s)
{
	virTypedParamsFree(s->params, s->count);
}

static uint64_t number(const struct stats *s, const char *name)
{
	unsigned long long value = 0;

	virTypedParamsGetULLong(s->params, s->count, name, &value);
	return value;
}

static void fill(const struct stats *s, struct virt_progress *p)
{
	uint64_t left;

	p->active = true;
	p->elapsed_ns =
		number(s, VIR_DOMAIN_JOB_TIME_ELAPSED) * CLOCK_NS_PER_MS;
	p->done = number(s, VIR_DOMAIN_JOB_DATA_PROCESSED);
	p->total = number(s, VIR_DOMAIN_JOB_DATA_TOTAL);
	left = number(s, VIR_DOMAIN_JOB_DATA_REMAINING);
	p->speed = number(s, VIR_DOMAIN_JOB_MEMORY_BPS) +
		   number(s, VIR_DOMAIN_JOB_DISK_BPS);
	p->remaining_ns =
		number(s, VIR_DOMAIN_JOB_TIME_REMAINING) * CLOCK_NS_PER_MS;
	p->iteration = number(s, VIR_DOMAIN_JOB_MEMORY_ITERATION);
	p->downtime_ns = number(s, VIR_DOMAIN_JOB_DOWNTIME) * CLOCK_NS_PER_MS;
	/* Zero pages are counted as done without having been sent. */
	if (p->total >= left)
		p->done = p->total - left;
	if (!p->remaining_ns && p->speed)
		p->remaining_ns = (uint64_t)((double)left / (double)p->speed *
					     CLOCK_NS_PER_S);
}

int run_progress(struct job *job, struct error *err)
{
	cleanup(cleanup_stats) struct stats s = {0};
	int type = VIR_DOMAIN_JOB_NONE;
	struct virt_progress *p;

	if (virDomainGetJobStats(job->domain, &type, &s.params, &s.count, 0) <
	    0)
		return failure_set(job, err);
	p = calloc(1, sizeof(*p));
	if (!p)
		return error_set_no_memory(err);
	if (type == VIR_DOMAIN_JOB_BOUNDED || type == VIR_DOMAIN_JOB_UNBOUNDED)
		fill(&s, p);
	reply_own(job->reply, p, free);
	return 0;
}

int run_abort(struct job *job, struct error *err)
{
	return virDomainAbortJob(job->domain) < 0 ? failure_set(job, err) : 0;
}
