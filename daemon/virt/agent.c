/* The guest agent (agent.h): each verb is one libvirt call. */
#include "daemon/virt/agent.h"

#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "daemon/virt/error.h"
#include "daemon/virt/flags.h"
#include "daemon/virt/record_make.h"

/* RECORDS (taken) as the reply, where RC is not below 0. */
static int reply(struct job *job, struct virt_records *records, int rc,
		 struct error *err)
{
	if (rc >= 0)
		return records_reply(job, records, err);
	virt_records_free(records);
	return -1;
}

/* A reply of one number. */
static int reply_number(struct job *job, const char *name, uint64_t number,
			struct error *err)
{
	struct virt_records *records = records_new(1);
	int rc = records ? record_number(records->list, number, err, "%s", name)
			 : error_set_no_memory(err);

	return reply(job, records, rc, err);
}

/* -- the clock ------------------------------------------------------------- */

int run_agent_ping(struct job *job, struct error *err)
{
	uint64_t begin = clock_monotonic_ns();
	long long seconds;
	unsigned nanoseconds;

	if (virDomainGetTime(job->domain, &seconds, &nanoseconds, 0) < 0)
		return failure_set(job, err);
	return reply_number(job, "latency", clock_monotonic_ns() - begin, err);
}

int run_agent_time(struct job *job, struct error *err)
{
	struct virt_records *records;
	long long seconds;
	unsigned nanoseconds;
	int rc;

	if (virDomainGetTime(job->domain, &seconds, &nanoseconds, 0) < 0)
		return failure_set(job, err);
	records = records_new(1);
	if (!records)
		return error_set_no_memory(err);
	rc = record_number(records->list, (uint64_t)seconds, err, "seconds");
	if (rc == 0)
		rc = record_number(records->list, nanoseconds, err,
				   "nanoseconds");
	return reply(job, records, rc, err);
}

int run_agent_set_time(struct job *job, struct error *err)
{
	const struct request *r = job->request;
	unsigned flags = r->force ? VIR_DOMAIN_TIME_SYNC : 0;

	if (virDomainSetTime(job->domain, (long long)r->numbers[0],
			     (unsigned)r->numbers[1], flags) < 0)
		return failure_set(job, err);
	return 0;
}

/* -- what it is ------------------------------------------------------------ */

struct parameters {
	virTypedParameterPtr list;
	int count;
};

static void cleanup_parameters(struct parameters *p)
{
	virTypedParamsFree(p->list, p->count);
}

/* "if.0.name" is "interface.0.name"; a time zone may lie west of UTC. */
static int take_info(struct virt_record *record, const virTypedParameter *p,
		     struct error *err)
{
	virTypedParameter renamed = *p;
	const char *rest = p->field + strlen("if.");

	if (strcmp(p->field, "timezone.offset") == 0)
		return record_number(record, (uint64_t)(int64_t)p->value.i, err,
				     "%s", p->field);
	if (strncmp(p->field, "if.", 3) == 0 &&
	    strlen(rest) + sizeof("interface.") <= sizeof(renamed.field)) {
		strcpy(renamed.field, "interface.");
		strcat(renamed.field, rest);
	}
	return record_parameters(record, &renamed, 1, err);
}

int run_agent_info(struct job *job, struct error *err)
{
	static const struct flag_pair pairs[] = {
		{VIRT_AGENT_USERS, VIR_DOMAIN_GUEST_INFO_USERS},
		{VIRT_AGENT_OS, VIR_DOMAIN_GUEST_INFO_OS},
		{VIRT_AGENT_TIMEZONE, VIR_DOMAIN_GUEST_INFO_TIMEZONE},
		{VIRT_AGENT_HOSTNAME, VIR_DOMAIN_GUEST_INFO_HOSTNAME},
		{VIRT_AGENT_FILESYSTEM, VIR_DOMAIN_GUEST_INFO_FILESYSTEM},
		{VIRT_AGENT_DISKS, VIR_DOMAIN_GUEST_INFO_DISKS},
		{VIRT_AGENT_INTERFACES, VIR_DOMAIN_GUEST_INFO_INTERFACES},
	};
	cleanup(cleanup_parameters) struct parameters p = {0};
	struct virt_records *records;
	unsigned groups;
	int rc = 0;

	if (flags_translate(job->request->flags, pairs, array_size(pairs),
			    &groups, err) < 0)
		return -1;
	if (virDomainGetGuestInfo(job->domain, groups, &p.list, &p.count, 0) <
	    0)
		return failure_set(job, err);
	records = records_new(1);
	if (!records)
		return error_set_no_memory(err);
	for (int i = 0; rc == 0 && i < p.count; i++)
		rc = take_info(records->list, &p.list[i], err);
	return reply(job, records, rc, err);
}

int run_agent_hostname(struct job *job, struct error *err)
{
	static const unsigned flags[] = {
		[VIRT_HOSTNAME_ANY] = 0,
		[VIRT_HOSTNAME_AGENT] = VIR_DOMAIN_GET_HOSTNAME_AGENT,
		[VIRT_HOSTNAME_LEASE] = VIR_DOMAIN_GET_HOSTNAME_LEASE,
	};
	autofree char *name =
		virDomainGetHostname(job->domain, flags[job->request->number]);
	struct virt_records *records;

	if (!name)
		return failure_set(job, err);
	records = records_new(1);
	if (!records)
		return error_set_no_memory(err);
	return reply(job, records,
		     record_text(records->list, name, err, "hostname"), err);
}

/* -- file systems ---------------------------------------------------------- */

static int take_filesystem(struct virt_record *record, int i,
			   const virDomainFSInfo *fs, struct error *err)
{
	if (record_text(record, fs->mountpoint, err, "fs.%d.mountpoint", i) <
		    0 ||
	    record_text(record, fs->name, err, "fs.%d.name", i) < 0 ||
	    record_text(record, fs->fstype, err, "fs.%d.fstype", i) < 0)
		return -1;
	for (size_t j = 0; j < fs->ndevAlias; j++)
		if (record_text(record, fs->devAlias[j], err,
				"fs.%d.disk.%zu.alias", i, j) < 0)
			return -1;
	return 0;
}

int run_agent_filesystems(struct job *job, struct error *err)
{
	virDomainFSInfoPtr *list = NULL;
	struct virt_records *records;
	int count = virDomainGetFSInfo(job->domain, &list, 0);
	int rc = 0;

	if (count < 0)
		return failure_set(job, err);
	records = records_new(1);
	for (int i = 0; i < count; i++) {
		if (records && rc == 0)
			rc = take_filesystem(records->list, i, list[i], err);
		virDomainFSInfoFree(list[i]);
	}
	free(list);
	return records ? reply(job, records, rc, err)
		       : error_set_no_memory(err);
}

/* The lines of TEXT, which are cut out of it; N of them. */
static const char **split_lines(char *text, size_t n)
{
	const char **lines = calloc(n + 1, sizeof(*lines));

	for (size_t i = 0; lines && i < n; i++) {
		lines[i] = text;
		text += strcspn(text, "\n");
		*text++ = '\0';
	}
	return lines;
}

typedef int freeze_fn(virDomainPtr domain, const char **mountpoints, unsigned n,
		      unsigned flags);

static int freeze(struct job *job, freeze_fn *call, struct error *err)
{
	size_t n = job->request->numbers[0];
	autofree char *text = strdup(job->request->text);
	autofree const char **lines = text ? split_lines(text, n) : NULL;
	int count;

	if (!lines)
		return error_set_no_memory(err);
	count = call(job->domain, n ? lines : NULL, (unsigned)n, 0);
	if (count < 0)
		return failure_set(job, err);
	return reply_number(job, "count", (uint64_t)count, err);
}

int run_agent_freeze(struct job *job, struct error *err)
{
	return freeze(job, virDomainFSFreeze, err);
}

int run_agent_thaw(struct job *job, struct error *err)
{
	return freeze(job, virDomainFSThaw, err);
}

int run_agent_trim(struct job *job, struct error *err)
{
	if (virDomainFSTrim(job->domain, NULL, job->request->numbers[0], 0) < 0)
		return failure_set(job, err);
	return 0;
}

/* -- commands of its own --------------------------------------------------- */

int run_agent_command(struct job *job, struct error *err)
{
	const struct timespec pause = {
		.tv_nsec = (long)(job->request->number * CLOCK_NS_PER_MS)};
	char *answer;

	nanosleep(&pause, NULL);
	answer =
		virDomainQemuAgentCommand(job->domain, job->request->text,
					  VIR_DOMAIN_QEMU_AGENT_COMMAND_DEFAULT,
					  0);
	if (!answer)
		return failure_set(job, err);
	reply_own(job->reply, answer, free);
	return 0;
}

/* -- users ----------------------------------------------------------------- */

int run_agent_password(struct job *job, struct error *err)
{
	const struct request *r = job->request;
	unsigned flags = r->force ? VIR_DOMAIN_PASSWORD_ENCRYPTED : 0;

	if (virDomainSetUserPassword(job->domain, r->names[0], r->text, flags) <
	    0)
		return failure_set(job, err);
	return 0;
}
