/*
 * A guest from outside: reset, keys, NMI, power management (verbs of guest.h).
 * Each is one libvirt call on the object that was looked up.
 */
#include "daemon/virt/guest.h"

#include "daemon/virt/error.h"
#include "daemon/virt/job.h"

int run_reset(struct job *job, struct error *err)
{
	job->acting = true;
	return virDomainReset(job->domain, 0) < 0 ? failure_set(job, err) : 0;
}

int run_send_key(struct job *job, struct error *err)
{
	const struct virt_keys *keys = job->request->data;
	unsigned codes[VIRT_KEYS_MAX];

	for (unsigned i = 0; i < keys->count; i++)
		codes[i] = keys->codes[i];
	job->acting = true;
	if (virDomainSendKey(job->domain, keys->codeset, keys->hold_ms, codes,
			     (int)keys->count, 0) < 0)
		return failure_set(job, err);
	return 0;
}

int run_inject_nmi(struct job *job, struct error *err)
{
	job->acting = true;
	return virDomainInjectNMI(job->domain, 0) < 0 ? failure_set(job, err)
						      : 0;
}

int run_pm_suspend(struct job *job, struct error *err)
{
	job->acting = true;
	if (virDomainPMSuspendForDuration(job->domain,
					  (unsigned)job->request->numbers[0],
					  job->request->numbers[1], 0) < 0)
		return failure_set(job, err);
	return 0;
}

int run_pm_wakeup(struct job *job, struct error *err)
{
	job->acting = true;
	return virDomainPMWakeup(job->domain, 0) < 0 ? failure_set(job, err)
						     : 0;
}
