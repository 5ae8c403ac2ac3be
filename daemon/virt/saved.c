/*
 * A domain's memory in a file, and the job that writes it (verbs of saved.h). What
 * holds: a saved image is restored only where the domain that it holds is in the
 * caller's scope, by its name and by the name of the domain that has its UUID.
 */
#include "daemon/virt/saved.h"

#include <libvirt/virterror.h>
#include <string.h>

#include "daemon/virt/error.h"
#include "daemon/virt/flags.h"
#include "daemon/virt/job.h"
#include "daemon/virt/xml.h"

#define NS_PER_MS 1000000u

static const struct flag_pair save_flags[] = {
	{VIRT_SAVE_BYPASS_CACHE, VIR_DOMAIN_SAVE_BYPASS_CACHE},
	{VIRT_SAVE_RUNNING, VIR_DOMAIN_SAVE_RUNNING},
	{VIRT_SAVE_PAUSED, VIR_DOMAIN_SAVE_PAUSED},
	{VIRT_SAVE_RESET_NVRAM, VIR_DOMAIN_SAVE_RESET_NVRAM},
};

static int translate(const struct job *job, unsigned *flags, struct error *err)
{
	return flags_translate(job->request->flags, save_flags,
			       array_size(save_flags), flags, err);
}

int run_managed_save(struct job *job, struct error *err)
{
	unsigned flags;

	if (translate(job, &flags, err) < 0)
		return -1;
	job->acting = true;
	if (virDomainManagedSave(job->domain, flags) < 0)
		return failure_set(job, err);
	return 0;
}

int run_managed_save_remove(struct job *job, struct error *err)
{
	int has = virDomainHasManagedSaveImage(job->domain, 0);

	if (has < 0)
		return failure_set(job, err);
	if (has == 0)
		return error_set(err, ERROR_STATE,
				 "domain '%s' has no managed save image",
				 job->reply->domain.name);
	job->acting = true;
	if (virDomainManagedSaveRemove(job->domain, 0) < 0)
		return failure_set(job, err);
	return 0;
}

int run_save(struct job *job, struct error *err)
{
	const char *xml = job->request->text;
	cleanup(xml_identity_clear) struct xml_identity identity = {0};
	unsigned flags;

	if (translate(job, &flags, err) < 0 ||
	    (xml && xml_identify(xml, &identity, err) < 0))
		return -1;
	job->own_xml = xml != NULL;
	job->acting = true;
	if (virDomainSaveFlags(job->domain, job->request->names[0], xml,
			       flags) < 0)
		return failure_set(job, err);
	return 0;
}

/* The identity of the domain in the image, judged against the scope. */
static int identify_image(struct job *job, struct xml_identity *identity,
			  struct error *err)
{
	autofree char *xml = virDomainSaveImageGetXMLDesc(
		job->conn, job->request->names[0], 0);

	if (!xml)
		return failure_set(job, err);
	if (xml_identify(xml, identity, err) < 0)
		return -1;
	return define_check_scope(job, identity, err);
}

static int check_replacement(struct job *job, const struct xml_identity *image,
			     struct error *err)
{
	cleanup(xml_identity_clear) struct xml_identity own = {0};

	if (!job->request->text)
		return 0;
	job->own_xml = true;
	if (xml_identify(job->request->text, &own, err) < 0)
		return -1;
	if (strcmp(own.name, image->name) != 0 ||
	    (*own.uuid && strcmp(own.uuid, image->uuid) != 0))
		return error_set(err, ERROR_INVALID_PARAMS,
				 "this XML has another name or UUID than the "
				 "domain '%s' that was saved",
				 image->name);
	return 0;
}

int run_restore(struct job *job, struct error *err)
{
	cleanup(xml_identity_clear) struct xml_identity identity = {0};
	autodomain domain = NULL;
	unsigned flags;

	job->kind = "saved domain";
	job->name = job->request->names[0];
	if (translate(job, &flags, err) < 0 ||
	    identify_image(job, &identity, err) < 0 ||
	    check_replacement(job, &identity, err) < 0)
		return -1;
	job->acting = true;
	if (virDomainRestoreFlags(job->conn, job->request->names[0],
				  job->request->text, flags) < 0)
		return failure_set(job, err);
	domain = virDomainLookupByUUIDString(job->conn, identity.uuid);
	if (!domain)
		return failure_set(job, err);
	return lookup_identify(job, domain, err);
}

int run_dump(struct job *job, struct error *err)
{
	static const struct flag_pair pairs[] = {
		{VIRT_DUMP_LIVE, VIR_DUMP_LIVE},
		{VIRT_DUMP_CRASH, VIR_DUMP_CRASH},
		{VIRT_DUMP_RESET, VIR_DUMP_RESET},
		{VIRT_DUMP_BYPASS_CACHE, VIR_DUMP_BYPASS_CACHE},
		{VIRT_DUMP_MEMORY_ONLY, VIR_DUMP_MEMORY_ONLY},
	};
	unsigned format = (unsigned)job->request->numbers[0];
	unsigned flags;
	int rc;

	if (flags_translate(job->request->flags, pairs, array_size(pairs),
			    &flags, err) < 0)
		return -1;
	job->acting = true;
	rc = format == VIRT_DUMP_RAW
		     ? virDomainCoreDump(job->domain, job->request->names[0],
					 flags)
		     : virDomainCoreDumpWithFormat(job->domain,
						   job->request->names[0],
						   format, flags);
	return rc < 0 ? failure_set(job, err) : 0;
}

/* -- jobs ------------------------------------------------------------------ */

static const struct {
	const char *name;
	unsigned scale;
} figures[] = {
	[VIRT_JOB_ELAPSED] = {VIR_DOMAIN_JOB_TIME_ELAPSED, NS_PER_MS},
	[VIRT_JOB_REMAINING] = {VIR_DOMAIN_JOB_TIME_REMAINING, NS_PER_MS},
	[VIRT_JOB_DOWNTIME] = {VIR_DOMAIN_JOB_DOWNTIME, NS_PER_MS},
	[VIRT_JOB_SETUP] = {VIR_DOMAIN_JOB_SETUP_TIME, NS_PER_MS},
	[VIRT_JOB_DATA_TOTAL] = {VIR_DOMAIN_JOB_DATA_TOTAL, 1},
	[VIRT_JOB_DATA_PROCESSED] = {VIR_DOMAIN_JOB_DATA_PROCESSED, 1},
	[VIRT_JOB_DATA_REMAINING] = {VIR_DOMAIN_JOB_DATA_REMAINING, 1},
	[VIRT_JOB_MEMORY_TOTAL] = {VIR_DOMAIN_JOB_MEMORY_TOTAL, 1},
	[VIRT_JOB_MEMORY_PROCESSED] = {VIR_DOMAIN_JOB_MEMORY_PROCESSED, 1},
	[VIRT_JOB_MEMORY_REMAINING] = {VIR_DOMAIN_JOB_MEMORY_REMAINING, 1},
	[VIRT_JOB_MEMORY_SPEED] = {VIR_DOMAIN_JOB_MEMORY_BPS, 1},
	[VIRT_JOB_MEMORY_ITERATION] = {VIR_DOMAIN_JOB_MEMORY_ITERATION, 1},
	[VIRT_JOB_DISK_TOTAL] = {VIR_DOMAIN_JOB_DISK_TOTAL, 1},
	[VIRT_JOB_DISK_PROCESSED] = {VIR_DOMAIN_JOB_DISK_PROCESSED, 1},
	[VIRT_JOB_DISK_REMAINING] = {VIR_DOMAIN_JOB_DISK_REMAINING, 1},
	[VIRT_JOB_DISK_SPEED] = {VIR_DOMAIN_JOB_DISK_BPS, 1},
};

static void free_stats(void *data)
{
	struct virt_job_stats *stats = data;

	free(stats->message);
	free(stats);
}

static void take_figures(virTypedParameterPtr params, int count,
			 struct virt_job_stats *stats)
{
	unsigned long long figure;
	int operation = 0;

	virTypedParamsGetInt(params, count, VIR_DOMAIN_JOB_OPERATION,
			     &operation);
	stats->operation = operation > 0 ? (unsigned)operation : 0;
	for (unsigned i = 0; i < VIRT_JOB_FIGURES; i++) {
		if (virTypedParamsGetULLong(params, count, figures[i].name,
					    &figure) <= 0)
			continue;
		stats->known |= 1u << i;
		stats->figures[i] = figure * figures[i].scale;
	}
}

int run_job_stats(struct job *job, struct error *err)
{
	unsigned flags = job->request->numbers[0]
				 ? VIR_DOMAIN_JOB_STATS_COMPLETED |
					   VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED
				 : 0;
	virTypedParameterPtr params = NULL;
	struct virt_job_stats *stats;
	const char *message = NULL;
	int type = 0, count = 0;

	if (virDomainGetJobStats(job->domain, &type, &params, &count, flags) <
	    0)
		return failure_set(job, err);
	stats = calloc(1, sizeof(*stats));
	if (stats) {
		reply_own(job->reply, stats, free_stats);
		stats->type = type > 0 ? (unsigned)type : 0;
		take_figures(params, count, stats);
		virTypedParamsGetString(params, count, VIR_DOMAIN_JOB_ERRMSG,
					&message);
		stats->message = message ? strdup(message) : NULL;
	}
	virTypedParamsFree(params, count);
	return stats ? 0 : error_set_no_memory(err);
}

int run_job_abort(struct job *job, struct error *err)
{
	int rc;

	job->acting = true;
	/* The older call is all that some drivers know. */
	rc = job->request->numbers[0]
		     ? virDomainAbortJobFlags(job->domain,
					      VIR_DOMAIN_ABORT_JOB_POSTCOPY)
		     : virDomainAbortJob(job->domain);
	return rc < 0 ? failure_set(job, err) : 0;
}

int run_control(struct job *job, struct error *err)
{
	virDomainControlInfo info;
	struct virt_control *control;

	if (virDomainGetControlInfo(job->domain, &info, 0) < 0)
		return failure_set(job, err);
	control = reply_make(job->reply, sizeof(*control), free, err);
	if (!control)
		return -1;
	control->state = info.state;
	control->details = info.details;
	control->since_ns = (uint64_t)info.stateTime * NS_PER_MS;
	return 0;
}
