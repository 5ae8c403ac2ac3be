/*
 * What is done to a domain that exists: start, shutdown, reboot, destroy,
 * suspend, resume, undefine (verbs of verbs.def). Each is one libvirt call on
 * the object that was looked up.
 */
#include "daemon/virt/job.h"

#include "daemon/virt/error.h"
#include "daemon/virt/flags.h"

int run_start(struct job *job, struct error *err)
{
	static const struct flag_pair pairs[] = {
		{VIRT_START_PAUSED, VIR_DOMAIN_START_PAUSED},
		{VIRT_START_BYPASS_CACHE, VIR_DOMAIN_START_BYPASS_CACHE},
		{VIRT_START_FORCE_BOOT, VIR_DOMAIN_START_FORCE_BOOT},
		{VIRT_START_RESET_NVRAM, VIR_DOMAIN_START_RESET_NVRAM},
	};
	unsigned flags;

	if (flags_translate(job->request->flags, pairs, array_size(pairs),
			    &flags, err) < 0)
		return -1;
	if (virDomainCreateWithFlags(job->domain, flags) < 0)
		return failure_set(job, err);
	return 0;
}

int run_shutdown(struct job *job, struct error *err)
{
	static const struct flag_pair pairs[] = {
		{VIRT_POWER_ACPI, VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN},
		{VIRT_POWER_AGENT, VIR_DOMAIN_SHUTDOWN_GUEST_AGENT},
		{VIRT_POWER_INITCTL, VIR_DOMAIN_SHUTDOWN_INITCTL},
		{VIRT_POWER_SIGNAL, VIR_DOMAIN_SHUTDOWN_SIGNAL},
		{VIRT_POWER_PARAVIRT, VIR_DOMAIN_SHUTDOWN_PARAVIRT},
	};
	unsigned flags;

	if (flags_translate(job->request->flags, pairs, array_size(pairs),
			    &flags, err) < 0)
		return -1;
	if (virDomainShutdownFlags(job->domain, flags) < 0)
		return failure_set(job, err);
	return 0;
}

int run_reboot(struct job *job, struct error *err)
{
	static const struct flag_pair pairs[] = {
		{VIRT_POWER_ACPI, VIR_DOMAIN_REBOOT_ACPI_POWER_BTN},
		{VIRT_POWER_AGENT, VIR_DOMAIN_REBOOT_GUEST_AGENT},
		{VIRT_POWER_INITCTL, VIR_DOMAIN_REBOOT_INITCTL},
		{VIRT_POWER_SIGNAL, VIR_DOMAIN_REBOOT_SIGNAL},
		{VIRT_POWER_PARAVIRT, VIR_DOMAIN_REBOOT_PARAVIRT},
	};
	unsigned flags;

	if (flags_translate(job->request->flags, pairs, array_size(pairs),
			    &flags, err) < 0)
		return -1;
	if (virDomainReboot(job->domain, flags) < 0)
		return failure_set(job, err);
	return 0;
}

int run_destroy(struct job *job, struct error *err)
{
	static const struct flag_pair pairs[] = {
		{VIRT_DESTROY_GRACEFUL, VIR_DOMAIN_DESTROY_GRACEFUL},
	};
	unsigned flags;

	if (flags_translate(job->request->flags, pairs, array_size(pairs),
			    &flags, err) < 0)
		return -1;
	if (virDomainDestroyFlags(job->domain, flags) < 0)
		return failure_set(job, err);
	return 0;
}

int run_suspend(struct job *job, struct error *err)
{
	return virDomainSuspend(job->domain) < 0 ? failure_set(job, err) : 0;
}

int run_resume(struct job *job, struct error *err)
{
	return virDomainResume(job->domain) < 0 ? failure_set(job, err) : 0;
}

int run_undefine(struct job *job, struct error *err)
{
	static const struct flag_pair pairs[] = {
		{VIRT_UNDEFINE_MANAGED_SAVE, VIR_DOMAIN_UNDEFINE_MANAGED_SAVE},
		{VIRT_UNDEFINE_SNAPSHOTS_METADATA,
		 VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA},
		{VIRT_UNDEFINE_CHECKPOINTS_METADATA,
		 VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA},
		{VIRT_UNDEFINE_NVRAM, VIR_DOMAIN_UNDEFINE_NVRAM},
		{VIRT_UNDEFINE_KEEP_NVRAM, VIR_DOMAIN_UNDEFINE_KEEP_NVRAM},
		{VIRT_UNDEFINE_TPM, VIR_DOMAIN_UNDEFINE_TPM},
		{VIRT_UNDEFINE_KEEP_TPM, VIR_DOMAIN_UNDEFINE_KEEP_TPM},
	};
	unsigned flags;

	if (flags_translate(job->request->flags, pairs, array_size(pairs),
			    &flags, err) < 0)
		return -1;
	if (virDomainUndefineFlags(job->domain, flags) < 0)
		return failure_set(job, err);
	return 0;
}
