/*
 * What is done with checkpoints and backups on a worker (checkpoint.h; verbs of
 * verbs/checkpoint.def). What holds: the domain was looked up in the caller's scope
 * before, and checkpoints are looked up in it.
 */
#include "daemon/virt/checkpoint.h"

#include <libvirt/virterror.h>
#include <string.h>

#include "daemon/virt/error.h"
#include "daemon/virt/flags.h"
#include "daemon/virt/job.h"
#include "daemon/virt/xml_select.h"

static void cleanup_checkpoint(virDomainCheckpointPtr *checkpoint)
{
	if (*checkpoint)
		virDomainCheckpointFree(*checkpoint);
}

#define autocheckpoint cleanup(cleanup_checkpoint) virDomainCheckpointPtr

static void free_checkpoints(void *data)
{
	struct virt_checkpoints *value = data;

	for (size_t i = 0; i < value->count; i++) {
		free(value->rows[i].name);
		free(value->rows[i].parent);
		free(value->rows[i].description);
	}
	free(value->rows);
	free(value->xml);
	free(value);
}

static struct virt_checkpoints *make_value(struct job *job, size_t count,
					   struct error *err)
{
	struct virt_checkpoints *value =
		reply_make(job->reply, sizeof(*value), free_checkpoints, err);

	if (!value)
		return NULL;
	value->rows = calloc(count + 1, sizeof(*value->rows));
	if (value->rows)
		return value;
	error_set_no_memory(err);
	return NULL;
}

static int name_it(struct job *job, virDomainCheckpointPtr checkpoint,
		   struct error *err)
{
	struct virt_checkpoints *value = make_value(job, 1, err);

	if (!value)
		return -1;
	value->count = 1;
	value->rows[0].name = strdup(virDomainCheckpointGetName(checkpoint));
	return value->rows[0].name ? 0 : error_set_no_memory(err);
}

static virDomainCheckpointPtr find(struct job *job, struct error *err)
{
	virDomainCheckpointPtr checkpoint;

	job->kind = "checkpoint";
	job->name = job->request->names[0];
	checkpoint = virDomainCheckpointLookupByName(job->domain, job->name, 0);
	if (!checkpoint &&
	    virGetLastErrorCode() == VIR_ERR_NO_DOMAIN_CHECKPOINT)
		error_set(err, ERROR_NOT_FOUND,
			  "domain '%s' has no checkpoint '%s'",
			  job->reply->domain.name, job->name);
	else if (!checkpoint)
		failure_told(job, err);
	return checkpoint;
}

/* -- reading --------------------------------------------------------------- */

static int take_row(const char *xml, struct virt_checkpoint *row,
		    struct error *err)
{
	enum { NAME, PARENT, DESCRIPTION, CREATED, TEXTS };
	static const char *const paths[TEXTS] = {
		"/domaincheckpoint/name",
		"/domaincheckpoint/parent/name",
		"/domaincheckpoint/description",
		"/domaincheckpoint/creationTime",
	};
	char *texts[TEXTS];

	if (xml_select(xml, paths, texts, TEXTS, err) < 0)
		return -1;
	row->name = texts[NAME];
	row->parent = texts[PARENT];
	row->description = texts[DESCRIPTION];
	row->created = texts[CREATED] ? atoll(texts[CREATED]) : 0;
	free(texts[CREATED]);
	return row->name ? 0
			 : error_set(err, ERROR_INTERNAL,
				     "libvirt's checkpoint has no name");
}

static int compare_rows(const void *a, const void *b)
{
	const struct virt_checkpoint *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int fill_list(struct job *job, virDomainCheckpointPtr *checkpoints,
		     size_t count, struct error *err)
{
	struct virt_checkpoints *value = make_value(job, count, err);

	if (!value)
		return -1;
	for (size_t i = 0; i < count; i++) {
		autofree char *xml = virDomainCheckpointGetXMLDesc(
			checkpoints[i], VIR_DOMAIN_CHECKPOINT_XML_NO_DOMAIN);

		if (!xml) /* it went away */
			continue;
		if (take_row(xml, &value->rows[value->count++], err) < 0)
			return -1;
	}
	qsort(value->rows, value->count, sizeof(*value->rows), compare_rows);
	return 0;
}

int run_checkpoint_list(struct job *job, struct error *err)
{
	virDomainCheckpointPtr *checkpoints = NULL;
	int count, result;

	job->kind = "list of checkpoints";
	count = virDomainListAllCheckpoints(job->domain, &checkpoints, 0);
	if (count < 0)
		return failure_told(job, err);
	result = fill_list(job, checkpoints, (size_t)count, err);
	for (int i = 0; i < count; i++)
		virDomainCheckpointFree(checkpoints[i]);
	free(checkpoints);
	return result;
}

int run_checkpoint_show(struct job *job, struct error *err)
{
	static const struct flag_pair pairs[] = {
		{VIRT_CHECKPOINT_SECURE, VIR_DOMAIN_CHECKPOINT_XML_SECURE},
		{VIRT_CHECKPOINT_NO_DOMAIN,
		 VIR_DOMAIN_CHECKPOINT_XML_NO_DOMAIN},
		{VIRT_CHECKPOINT_SIZE, VIR_DOMAIN_CHECKPOINT_XML_SIZE},
	};
	autocheckpoint checkpoint = NULL;
	struct virt_checkpoints *value;
	unsigned flags;

	if (flags_translate(job->request->flags, pairs, array_size(pairs),
			    &flags, err) < 0)
		return -1;
	checkpoint = find(job, err);
	value = checkpoint ? make_value(job, 1, err) : NULL;
	if (!value)
		return -1;
	value->xml = virDomainCheckpointGetXMLDesc(checkpoint, flags);
	if (!value->xml)
		return failure_told(job, err);
	value->count = 1;
	return take_row(value->xml, &value->rows[0], err);
}

/* -- actions --------------------------------------------------------------- */

static int failure_of_new(struct job *job, struct error *err)
{
	virErrorPtr error = virSaveLastError();
	autocheckpoint same = NULL;

	if (job->name && !(job->request->flags & VIRT_CHECKPOINT_REDEFINE))
		same = virDomainCheckpointLookupByName(job->domain, job->name,
						       0);
	if (same) {
		error_set(err, ERROR_EXISTS,
			  "domain '%s' has a checkpoint '%s' already",
			  job->reply->domain.name, job->name);
		error_set_cause(err, "%s", error ? error->message : "");
	} else {
		failure_told_from(job, error, err);
	}
	virFreeError(error);
	return -1;
}

int run_checkpoint_create(struct job *job, struct error *err)
{
	static const struct flag_pair pairs[] = {
		{VIRT_CHECKPOINT_REDEFINE,
		 VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE},
		{VIRT_CHECKPOINT_QUIESCE, VIR_DOMAIN_CHECKPOINT_CREATE_QUIESCE},
	};
	static const char *const paths[] = {"/domaincheckpoint/name"};
	const char *xml = job->request->text;
	autocheckpoint checkpoint = NULL;
	autofree char *name = NULL;
	unsigned flags;

	if (flags_translate(job->request->flags, pairs, array_size(pairs),
			    &flags, err) < 0 ||
	    xml_admit(xml, "domaincheckpoint", "the checkpoint's XML", err) <
		    0 ||
	    xml_select(xml, paths, &name, 1, err) < 0)
		return -1;
	job->kind = "checkpoint";
	job->name = name;
	checkpoint = virDomainCheckpointCreateXML(job->domain, xml, flags);
	return checkpoint ? name_it(job, checkpoint, err)
			  : failure_of_new(job, err);
}

int run_checkpoint_delete(struct job *job, struct error *err)
{
	static const struct flag_pair pairs[] = {
		{VIRT_CHECKPOINT_DELETE_CHILDREN,
		 VIR_DOMAIN_CHECKPOINT_DELETE_CHILDREN},
		{VIRT_CHECKPOINT_DELETE_CHILDREN_ONLY,
		 VIR_DOMAIN_CHECKPOINT_DELETE_CHILDREN_ONLY},
		{VIRT_CHECKPOINT_DELETE_METADATA,
		 VIR_DOMAIN_CHECKPOINT_DELETE_METADATA_ONLY},
	};
	autocheckpoint checkpoint = NULL;
	unsigned flags;

	if (flags_translate(job->request->flags, pairs, array_size(pairs),
			    &flags, err) < 0)
		return -1;
	checkpoint = find(job, err);
	if (!checkpoint)
		return -1;
	if (virDomainCheckpointDelete(checkpoint, flags) < 0)
		return failure_told(job, err);
	return name_it(job, checkpoint, err);
}

/* -- backups --------------------------------------------------------------- */

int run_backup_begin(struct job *job, struct error *err)
{
	unsigned flags = job->request->flags
				 ? VIR_DOMAIN_BACKUP_BEGIN_REUSE_EXTERNAL
				 : 0;
	const char *checkpoint = job->request->names[1];

	if (xml_admit(job->request->text, "domainbackup", "the backup's XML",
		      err) < 0 ||
	    (checkpoint && xml_admit(checkpoint, "domaincheckpoint",
				     "the checkpoint's XML", err) < 0))
		return -1;
	job->kind = "backup of domain";
	job->name = job->reply->domain.name;
	if (virDomainIsActive(job->domain) == 0)
		return error_set(err, ERROR_STATE,
				 "domain '%s' is not running: start it first",
				 job->name);
	if (virDomainBackupBegin(job->domain, job->request->text, checkpoint,
				 flags) < 0)
		return failure_told(job, err);
	return 0;
}

int run_backup_info(struct job *job, struct error *err)
{
	char *xml = virDomainBackupGetXMLDesc(job->domain, 0);

	job->kind = "backup of domain";
	job->name = job->reply->domain.name;
	if (!xml && virGetLastErrorCode() == VIR_ERR_NO_DOMAIN_BACKUP)
		return error_set(err, ERROR_NOT_FOUND,
				 "no backup of domain '%s' goes on", job->name);
	if (!xml)
		return failure_told(job, err);
	job->reply->kind = VIRT_VALUE_XML;
	job->reply->value.xml = xml;
	return 0;
}
