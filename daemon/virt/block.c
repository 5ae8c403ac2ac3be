/* Disks' sizes and jobs (block.h): each is one libvirt call. */
#include "daemon/virt/block.h"

#include <libvirt/virterror.h>
#include <stdio.h>
#include <string.h>

#include "daemon/virt/block_request.h"
#include "daemon/virt/error.h"
#include "daemon/virt/flags.h"
#include "daemon/virt/record_make.h"
#include "daemon/virt/xml_device.h"
#include "daemon/virt/xml_select.h"

static const char *name_of(const struct job *job, enum block_name which)
{
	return job->request->names[which];
}

static uint64_t number_of(const struct job *job, enum block_number which)
{
	return job->request->numbers[which];
}

/* libvirt has one code for everything that may be wrong with a disk. */
static int check_disk(struct job *job, struct error *err)
{
	const char *domain = job->reply->domain.name;
	autofree char *xml = NULL;
	int active = virDomainIsActive(job->domain);

	if (active < 0)
		return failure_set(job, err);
	if (!active)
		return error_set(err, ERROR_STATE,
				 "domain '%s' is not running: start it first",
				 domain);
	xml = virDomainGetXMLDesc(job->domain, 0);
	if (!xml)
		return failure_set(job, err);
	if (!xml_device_has_disk(xml, name_of(job, BLOCK_DISK)))
		return error_set(err, ERROR_NOT_FOUND,
				 "domain '%s' has no disk '%s'", domain,
				 name_of(job, BLOCK_DISK));
	return 0;
}

static int done(struct job *job, int rc, struct error *err)
{
	return rc < 0 ? failure_set(job, err) : 0;
}

int run_block_resize(struct job *job, struct error *err)
{
	if (check_disk(job, err) < 0)
		return -1;
	return done(job,
		    virDomainBlockResize(job->domain, name_of(job, BLOCK_DISK),
					 number_of(job, BLOCK_SIZE),
					 VIR_DOMAIN_BLOCK_RESIZE_BYTES),
		    err);
}

static int take_job(struct virt_record *record,
		    const virDomainBlockJobInfo *info, struct error *err)
{
	bool mirrors = info->type == VIR_DOMAIN_BLOCK_JOB_TYPE_COPY ||
		       info->type == VIR_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT;

	if (record_number(record, (uint64_t)info->type, err, "type") < 0 ||
	    record_number(record, info->bandwidth, err, "bandwidth") < 0 ||
	    record_number(record, info->cur, err, "cur") < 0 ||
	    record_number(record, info->end, err, "end") < 0)
		return -1;
	/* libvirt keeps cur below end until the mirror keeps up. */
	return record_number(record, mirrors && info->cur == info->end, err,
			     "ready");
}

int run_block_job(struct job *job, struct error *err)
{
	autoptr(virt_records) records = records_new(1);
	virDomainBlockJobInfo info;
	int active;

	if (!records)
		return error_set_no_memory(err);
	if (check_disk(job, err) < 0)
		return -1;
	active = virDomainGetBlockJobInfo(
		job->domain, name_of(job, BLOCK_DISK), &info,
		VIR_DOMAIN_BLOCK_JOB_INFO_BANDWIDTH_BYTES);
	if (active < 0)
		return failure_set(job, err);
	if (record_number(records->list, active > 0, err, "active") < 0 ||
	    (active && take_job(records->list, &info, err) < 0))
		return -1;
	return records_reply(job, steal(&records), err);
}

int run_block_abort(struct job *job, struct error *err)
{
	static const struct flag_pair pairs[] = {
		{VIRT_BLOCK_ASYNC, VIR_DOMAIN_BLOCK_JOB_ABORT_ASYNC},
		{VIRT_BLOCK_PIVOT, VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT},
	};
	unsigned flags;

	if (flags_translate(job->request->flags, pairs, array_size(pairs),
			    &flags, err) < 0 ||
	    check_disk(job, err) < 0)
		return -1;
	return done(job,
		    virDomainBlockJobAbort(job->domain,
					   name_of(job, BLOCK_DISK), flags),
		    err);
}

int run_block_speed(struct job *job, struct error *err)
{
	if (check_disk(job, err) < 0)
		return -1;
	return done(job,
		    virDomainBlockJobSetSpeed(
			    job->domain, name_of(job, BLOCK_DISK),
			    number_of(job, BLOCK_BANDWIDTH),
			    VIR_DOMAIN_BLOCK_JOB_SPEED_BANDWIDTH_BYTES),
		    err);
}

int run_block_pull(struct job *job, struct error *err)
{
	static const struct flag_pair pairs[] = {
		{VIRT_BLOCK_KEEP_RELATIVE, VIR_DOMAIN_BLOCK_REBASE_RELATIVE},
	};
	unsigned flags;

	if (flags_translate(job->request->flags, pairs, array_size(pairs),
			    &flags, err) < 0 ||
	    check_disk(job, err) < 0)
		return -1;
	flags |= VIR_DOMAIN_BLOCK_REBASE_BANDWIDTH_BYTES;
	return done(job,
		    virDomainBlockRebase(job->domain, name_of(job, BLOCK_DISK),
					 name_of(job, BLOCK_BASE),
					 number_of(job, BLOCK_BANDWIDTH),
					 flags),
		    err);
}

int run_block_commit(struct job *job, struct error *err)
{
	static const struct flag_pair pairs[] = {
		{VIRT_BLOCK_SHALLOW, VIR_DOMAIN_BLOCK_COMMIT_SHALLOW},
		{VIRT_BLOCK_ACTIVE, VIR_DOMAIN_BLOCK_COMMIT_ACTIVE},
		{VIRT_BLOCK_DELETE, VIR_DOMAIN_BLOCK_COMMIT_DELETE},
		{VIRT_BLOCK_KEEP_RELATIVE, VIR_DOMAIN_BLOCK_COMMIT_RELATIVE},
	};
	unsigned flags;

	if (flags_translate(job->request->flags, pairs, array_size(pairs),
			    &flags, err) < 0 ||
	    check_disk(job, err) < 0)
		return -1;
	flags |= VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES;
	return done(job,
		    virDomainBlockCommit(
			    job->domain, name_of(job, BLOCK_DISK),
			    name_of(job, BLOCK_BASE), name_of(job, BLOCK_TOP),
			    number_of(job, BLOCK_BANDWIDTH), flags),
		    err);
}

/* -- copy ------------------------------------------------------------------ */

struct parameters {
	virTypedParameterPtr list;
	int count, room;
};

static void cleanup_parameters(struct parameters *p)
{
	virTypedParamsFree(p->list, p->count);
}

static int copy_parameters(struct job *job, struct parameters *p,
			   struct error *err)
{
	uint64_t bandwidth = number_of(job, BLOCK_BANDWIDTH);
	uint64_t granularity = number_of(job, BLOCK_GRANULARITY);
	uint64_t buffer = number_of(job, BLOCK_BUFFER);

	if ((bandwidth &&
	     virTypedParamsAddULLong(&p->list, &p->count, &p->room,
				     VIR_DOMAIN_BLOCK_COPY_BANDWIDTH,
				     bandwidth) < 0) ||
	    (granularity &&
	     virTypedParamsAddUInt(&p->list, &p->count, &p->room,
				   VIR_DOMAIN_BLOCK_COPY_GRANULARITY,
				   (unsigned)granularity) < 0) ||
	    (buffer && virTypedParamsAddULLong(&p->list, &p->count, &p->room,
					       VIR_DOMAIN_BLOCK_COPY_BUF_SIZE,
					       buffer) < 0))
		return failure_set(job, err);
	return 0;
}

/* <disk> of a path and, where it is told, a format; else the source's. */
static char *describe_destination(struct job *job)
{
	bool device = job->request->flags & VIRT_BLOCK_DEVICE;
	const char *format = name_of(job, BLOCK_FORMAT);
	autofree char *path = xml_escape(name_of(job, BLOCK_PATH));
	autofree char *type = xml_escape(format ? format : "");
	char *xml = NULL;

	if (!path || !type ||
	    asprintf(&xml, "<disk type='%s'><source %s='%s'/>%s%s%s</disk>",
		     device ? "block" : "file", device ? "dev" : "file", path,
		     format ? "<driver type='" : "", type,
		     format ? "'/>" : "") < 0)
		return NULL;
	return xml;
}

/* As XML, to free(): the caller's own, or of its path. */
static char *destination(struct job *job, struct error *err)
{
	const char *own = job->request->text;
	char *xml;

	job->own_xml = own != NULL;
	if (own && xml_admit(own, "disk", "the destination's XML", err) < 0)
		return NULL;
	xml = own ? strdup(own) : describe_destination(job);
	if (!xml)
		error_set_no_memory(err);
	return xml;
}

int run_block_copy(struct job *job, struct error *err)
{
	static const struct flag_pair pairs[] = {
		{VIRT_BLOCK_SHALLOW, VIR_DOMAIN_BLOCK_COPY_SHALLOW},
		{VIRT_BLOCK_REUSE, VIR_DOMAIN_BLOCK_COPY_REUSE_EXT},
		{VIRT_BLOCK_TRANSIENT, VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB},
		{VIRT_BLOCK_SYNCHRONOUS,
		 VIR_DOMAIN_BLOCK_COPY_SYNCHRONOUS_WRITES},
		{VIRT_BLOCK_DEVICE, 0},
	};
	cleanup(cleanup_parameters) struct parameters p = {0};
	autofree char *xml = NULL;
	unsigned flags;

	if (flags_translate(job->request->flags, pairs, array_size(pairs),
			    &flags, err) < 0 ||
	    check_disk(job, err) < 0 || copy_parameters(job, &p, err) < 0)
		return -1;
	xml = destination(job, err);
	if (!xml)
		return -1;
	return done(job,
		    virDomainBlockCopy(job->domain, name_of(job, BLOCK_DISK),
				       xml, p.list, p.count, flags),
		    err);
}
