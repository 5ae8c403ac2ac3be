/*
 * What is done with snapshots on a worker (snapshot.h; verbs of
 * verbs/snapshot.def). What a snapshot is stands in its XML alone, so the list
 * reads that of each. What holds: the domain was looked up in the caller's scope
 * before, and snapshots are looked up in it.
 */
#include "daemon/virt/snapshot.h"

#include <libvirt/virterror.h>
#include <string.h>

#include "daemon/virt/error.h"
#include "daemon/virt/flags.h"
#include "daemon/virt/job.h"
#include "daemon/virt/xml_select.h"

/* Parents of parents of …: what a ring of them would be. */
#define SNAPSHOT_DEPTH 10000

static void cleanup_snapshot(virDomainSnapshotPtr *snapshot)
{
	if (*snapshot)
		virDomainSnapshotFree(*snapshot);
}

#define autosnapshot cleanup(cleanup_snapshot) virDomainSnapshotPtr

/* -- values ---------------------------------------------------------------- */

static void free_snapshots(void *data)
{
	struct virt_snapshots *value = data;

	for (size_t i = 0; i < value->count; i++) {
		free(value->rows[i].name);
		free(value->rows[i].parent);
		free(value->rows[i].description);
		free(value->rows[i].state);
	}
	free(value->rows);
	free(value->xml);
	free(value);
}

/* The reply's value with room for COUNT rows; NULL without memory. */
static struct virt_snapshots *make_value(struct job *job, size_t count,
					 struct error *err)
{
	struct virt_snapshots *value =
		reply_make(job->reply, sizeof(*value), free_snapshots, err);

	if (!value)
		return NULL;
	value->rows = calloc(count + 1, sizeof(*value->rows));
	if (value->rows)
		return value;
	error_set_no_memory(err);
	return NULL;
}

/* The reply of an action: which snapshot it was. */
static int name_it(struct job *job, virDomainSnapshotPtr snapshot,
		   struct error *err)
{
	struct virt_snapshots *value = make_value(job, 1, err);

	if (!value)
		return -1;
	value->count = 1;
	value->rows[0].name = strdup(virDomainSnapshotGetName(snapshot));
	return value->rows[0].name ? 0 : error_set_no_memory(err);
}

/* -- finding --------------------------------------------------------------- */

static int no_such(struct job *job, struct error *err)
{
	if (job->name)
		return error_set(err, ERROR_NOT_FOUND,
				 "domain '%s' has no snapshot '%s'",
				 job->reply->domain.name, job->name);
	return error_set(err, ERROR_NOT_FOUND,
			 "domain '%s' has no current snapshot",
			 job->reply->domain.name);
}

static virDomainSnapshotPtr find(struct job *job, struct error *err)
{
	const char *name = job->request->names[0];
	virDomainSnapshotPtr snapshot;

	job->kind = "snapshot";
	job->name = name;
	if (name)
		snapshot = virDomainSnapshotLookupByName(job->domain, name, 0);
	else
		snapshot = virDomainSnapshotCurrent(job->domain, 0);
	if (!snapshot && virGetLastErrorCode() == VIR_ERR_NO_DOMAIN_SNAPSHOT)
		no_such(job, err);
	else if (!snapshot)
		failure_told(job, err);
	return snapshot;
}

/* -- reading --------------------------------------------------------------- */

#define EXTERNAL_PATHS                                                         \
	"/domainsnapshot/memory[@snapshot='external']/@snapshot|"              \
	"/domainsnapshot/disks/disk[@snapshot='external']/@snapshot"

static int take_row(struct job *job, virDomainSnapshotPtr snapshot,
		    struct virt_snapshot *row, struct error *err)
{
	enum { NAME, PARENT, DESCRIPTION, STATE, CREATED, EXTERNAL, TEXTS };
	static const char *const paths[TEXTS] = {
		"/domainsnapshot/name",         "/domainsnapshot/parent/name",
		"/domainsnapshot/description",  "/domainsnapshot/state",
		"/domainsnapshot/creationTime", EXTERNAL_PATHS,
	};
	autofree char *xml = virDomainSnapshotGetXMLDesc(snapshot, 0);
	char *texts[TEXTS];

	if (!xml)
		return failure_set(job, err);
	if (xml_select(xml, paths, texts, TEXTS, err) < 0)
		return -1;
	row->name = texts[NAME];
	row->parent = texts[PARENT];
	row->description = texts[DESCRIPTION];
	row->state = texts[STATE];
	row->created = texts[CREATED] ? atoll(texts[CREATED]) : 0;
	row->external = texts[EXTERNAL] != NULL;
	free(texts[CREATED]);
	free(texts[EXTERNAL]);
	row->current = virDomainSnapshotIsCurrent(snapshot, 0) > 0;
	row->metadata = virDomainSnapshotHasMetadata(snapshot, 0) > 0;
	return row->name ? 0
			 : error_set(err, ERROR_INTERNAL,
				     "libvirt's snapshot has no name");
}

static int compare_rows(const void *a, const void *b)
{
	const struct virt_snapshot *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static struct virt_snapshot *row_of(const struct virt_snapshots *value,
				    const char *name)
{
	struct virt_snapshot key = {.name = (char *)name};

	return name ? bsearch(&key, value->rows, value->count, sizeof(key),
			      compare_rows)
		    : NULL;
}

/* Each counts at its parent, and at all ancestors. */
static void count_families(struct virt_snapshots *value)
{
	for (size_t i = 0; i < value->count; i++) {
		struct virt_snapshot *at = row_of(value, value->rows[i].parent);

		if (at)
			at->children++;
		for (int depth = 0; at && depth < SNAPSHOT_DEPTH; depth++) {
			at->descendants++;
			at = row_of(value, at->parent);
		}
	}
}

static int fill_list(struct job *job, virDomainSnapshotPtr *snapshots,
		     size_t count, struct error *err)
{
	struct virt_snapshots *value = make_value(job, count, err);

	if (!value)
		return -1;
	for (size_t i = 0; i < count; i++) {
		autoerror failed = {0};
		struct virt_snapshot *row = &value->rows[value->count];

		if (take_row(job, snapshots[i], row, &failed) == 0)
			value->count++;
		else if (failed.code != ERROR_FAILED &&
			 failed.code != ERROR_NOT_FOUND) /* it went away */
			return error_move(err, &failed);
	}
	qsort(value->rows, value->count, sizeof(*value->rows), compare_rows);
	count_families(value);
	return 0;
}

int run_snapshot_list(struct job *job, struct error *err)
{
	virDomainSnapshotPtr *snapshots = NULL;
	int count = virDomainListAllSnapshots(job->domain, &snapshots, 0);
	int result;

	if (count < 0)
		return failure_set(job, err);
	result = fill_list(job, snapshots, (size_t)count, err);
	for (int i = 0; i < count; i++)
		virDomainSnapshotFree(snapshots[i]);
	free(snapshots);
	return result;
}

/* Its family is known from the list alone; the row becomes the first. */
int run_snapshot_info(struct job *job, struct error *err)
{
	autosnapshot snapshot = find(job, err);
	struct virt_snapshots *value;
	struct virt_snapshot *row;
	struct virt_snapshot first;

	if (!snapshot || run_snapshot_list(job, err) < 0)
		return -1;
	value = virt_snapshots_of(job->reply);
	row = row_of(value, virDomainSnapshotGetName(snapshot));
	if (!row)
		return no_such(job, err);
	first = value->rows[0];
	value->rows[0] = *row;
	*row = first;
	return 0;
}

int run_snapshot_xml(struct job *job, struct error *err)
{
	autosnapshot snapshot = find(job, err);
	unsigned flags =
		job->request->flags ? VIR_DOMAIN_SNAPSHOT_XML_SECURE : 0;
	struct virt_snapshots *value;

	if (!snapshot || name_it(job, snapshot, err) < 0)
		return -1;
	value = virt_snapshots_of(job->reply);
	value->xml = virDomainSnapshotGetXMLDesc(snapshot, flags);
	return value->xml ? 0 : failure_set(job, err);
}

/* -- actions --------------------------------------------------------------- */

/* libvirt reports a name in use under several codes. */
static int failure_of_new(struct job *job, struct error *err)
{
	virErrorPtr error = virSaveLastError();
	autosnapshot same = NULL;

	if (job->name && !(job->request->flags & VIRT_SNAPSHOT_REDEFINE))
		same = virDomainSnapshotLookupByName(job->domain, job->name, 0);
	if (same) {
		error_set(err, ERROR_EXISTS,
			  "domain '%s' has a snapshot '%s' already",
			  job->reply->domain.name, job->name);
		error_set_cause(err, "%s", error ? error->message : "");
	} else {
		failure_told_from(job, error, err);
	}
	virFreeError(error);
	return -1;
}

static int translate(const struct job *job, unsigned *flags, struct error *err)
{
	static const struct flag_pair pairs[] = {
		{VIRT_SNAPSHOT_REDEFINE, VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE},
		{VIRT_SNAPSHOT_CURRENT, VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT},
		{VIRT_SNAPSHOT_NO_METADATA,
		 VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA},
		{VIRT_SNAPSHOT_HALT, VIR_DOMAIN_SNAPSHOT_CREATE_HALT},
		{VIRT_SNAPSHOT_DISK_ONLY, VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY},
		{VIRT_SNAPSHOT_REUSE, VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT},
		{VIRT_SNAPSHOT_QUIESCE, VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE},
		{VIRT_SNAPSHOT_ATOMIC, VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC},
		{VIRT_SNAPSHOT_LIVE, VIR_DOMAIN_SNAPSHOT_CREATE_LIVE},
		{VIRT_SNAPSHOT_VALIDATE, VIR_DOMAIN_SNAPSHOT_CREATE_VALIDATE},
	};

	return flags_translate(job->request->flags, pairs, array_size(pairs),
			       flags, err);
}

int run_snapshot_create(struct job *job, struct error *err)
{
	static const char *const paths[] = {"/domainsnapshot/name"};
	const char *xml = job->request->text;
	autosnapshot snapshot = NULL;
	autofree char *name = NULL;
	unsigned flags;

	if (translate(job, &flags, err) < 0 ||
	    xml_admit(xml, "domainsnapshot", "the snapshot's XML", err) < 0 ||
	    xml_select(xml, paths, &name, 1, err) < 0)
		return -1;
	job->kind = "snapshot";
	job->name = name;
	job->own_xml = true;
	snapshot = virDomainSnapshotCreateXML(job->domain, xml, flags);
	return snapshot ? name_it(job, snapshot, err)
			: failure_of_new(job, err);
}

int run_snapshot_revert(struct job *job, struct error *err)
{
	static const struct flag_pair pairs[] = {
		{VIRT_REVERT_RUNNING, VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING},
		{VIRT_REVERT_PAUSED, VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED},
		{VIRT_REVERT_FORCE, VIR_DOMAIN_SNAPSHOT_REVERT_FORCE},
	};
	autosnapshot snapshot = NULL;
	unsigned flags;

	if (flags_translate(job->request->flags, pairs, array_size(pairs),
			    &flags, err) < 0)
		return -1;
	snapshot = find(job, err);
	if (!snapshot)
		return -1;
	if (virDomainRevertToSnapshot(snapshot, flags) < 0)
		return failure_told(job, err);
	return name_it(job, snapshot, err);
}

int run_snapshot_delete(struct job *job, struct error *err)
{
	static const struct flag_pair pairs[] = {
		{VIRT_SNAPSHOT_DELETE_CHILDREN,
		 VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN},
		{VIRT_SNAPSHOT_DELETE_CHILDREN_ONLY,
		 VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN_ONLY},
		{VIRT_SNAPSHOT_DELETE_METADATA,
		 VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY},
	};
	autosnapshot snapshot = NULL;
	unsigned flags;

	if (flags_translate(job->request->flags, pairs, array_size(pairs),
			    &flags, err) < 0)
		return -1;
	snapshot = find(job, err);
	if (!snapshot)
		return -1;
	if (virDomainSnapshotDelete(snapshot, flags) < 0)
		return failure_told(job, err);
	return name_it(job, snapshot, err);
}
