/*
 * Snapshots: handlers that rpc calls for snapshot.*. Each is one verb of virt; what
 * changes something answers with the snapshot that it was. Strings are borrowed
 * from the reply.
 */
#include "daemon/ops/room.h"

#include "base/clock.h"
#include "daemon/virt/snapshot.h"

/* A name, or `current`, which virt knows as no name. */
static int check_choice(bool named, bool current, struct error *err)
{
	if (named != current)
		return 0;
	return error_set(err, ERROR_INVALID_PARAMS,
			 named ? "a snapshot is named, and the current one is "
				 "asked for: give one of them"
			       : "which snapshot? Give its name, or current");
}

static int exclude(bool one, bool other, const char *words, struct error *err)
{
	return one && other ? error_set(err, ERROR_INVALID_PARAMS, "%s", words)
			    : 0;
}

static unsigned flag(bool given, unsigned bit)
{
	return given ? bit : 0;
}

/* -- reading --------------------------------------------------------------- */

/* CREATED: CLOCK_TEXT_SIZE bytes, borrowed by the result. */
static struct snapshot_summary describe(const struct virt_snapshot *row,
					char *created)
{
	return (struct snapshot_summary){
		.snapshot = row->name,
		.created = created,
		.has_created = ops_time(row->created, created),
		.state = row->state,
		.parent = row->parent,
		.has_parent = row->parent != NULL,
		.children = row->children,
		.descendants = row->descendants,
		.current = row->current,
		.external = row->external,
		.metadata = row->metadata,
		.description = row->description,
		.has_description = row->description != NULL,
	};
}

static void on_list(void *context, struct virt_reply *reply)
{
	bool good = ops_succeeded(context, reply);
	const struct virt_snapshots *value =
		good ? virt_snapshots_of(reply) : NULL;
	size_t n = value ? value->count : 0;
	autofree struct snapshot_summary *rows = calloc(n + 1, sizeof(*rows));
	autofree char(*times)[CLOCK_TEXT_SIZE] = calloc(n + 1, sizeof(*times));
	autoerror err = {0};

	if (!good)
		return;
	if (!rows || !times) {
		error_set_no_memory(&err);
		call_fail(context, &err);
		return;
	}
	for (size_t i = 0; i < n; i++)
		rows[i] = describe(&value->rows[i], times[i]);
	call_return(context,
		    &(const struct snapshot_list){.uuid = reply->domain.uuid,
						  .name = reply->domain.name,
						  .snapshots = rows,
						  .snapshots_count = n});
}

void op_snapshot_list(struct call *call,
		      const struct snapshot_list_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_snapshot_list(ops_virt(call), &ref,
					 ops_then(call, on_list), &err),
		      &err);
}

static void on_info(void *context, struct virt_reply *reply)
{
	char created[CLOCK_TEXT_SIZE];

	if (ops_succeeded(context, reply))
		call_return(context,
			    &(const struct snapshot_info){
				    .uuid = reply->domain.uuid,
				    .name = reply->domain.name,
				    .info = describe(
					    &virt_snapshots_of(reply)->rows[0],
					    created)});
}

void op_snapshot_info(struct call *call,
		      const struct snapshot_info_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};
	int rc = check_choice(params->has_snapshot, params->current, &err);

	if (rc == 0)
		rc = virt_snapshot_info(ops_virt(call), &ref, params->snapshot,
					ops_then(call, on_info), &err);
	ops_submitted(call, rc, &err);
}

static void on_xml(void *context, struct virt_reply *reply)
{
	const struct virt_snapshots *value;

	if (!ops_succeeded(context, reply))
		return;
	value = virt_snapshots_of(reply);
	call_return(context, &(const struct snapshot_xml_text){
				     .uuid = reply->domain.uuid,
				     .name = reply->domain.name,
				     .snapshot = value->rows[0].name,
				     .xml = value->xml});
}

void op_snapshot_xml(struct call *call,
		     const struct snapshot_xml_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};
	int rc = check_choice(params->has_snapshot, params->current, &err);

	if (rc == 0)
		rc = virt_snapshot_xml(ops_virt(call), &ref, params->snapshot,
				       params->secure, ops_then(call, on_xml),
				       &err);
	ops_submitted(call, rc, &err);
}

/* -- changing -------------------------------------------------------------- */

static void on_acted(void *context, struct virt_reply *reply)
{
	if (ops_succeeded(context, reply))
		call_return(context,
			    &(const struct snapshot_ref){
				    .uuid = reply->domain.uuid,
				    .name = reply->domain.name,
				    .snapshot = virt_snapshots_of(reply)
							->rows[0]
							.name});
}

static unsigned create_flags(const struct snapshot_create_params *p)
{
	return flag(p->redefine, VIRT_SNAPSHOT_REDEFINE) |
	       flag(p->current, VIRT_SNAPSHOT_CURRENT) |
	       flag(p->no_metadata, VIRT_SNAPSHOT_NO_METADATA) |
	       flag(p->halt, VIRT_SNAPSHOT_HALT) |
	       flag(p->disk_only, VIRT_SNAPSHOT_DISK_ONLY) |
	       flag(p->reuse_external, VIRT_SNAPSHOT_REUSE) |
	       flag(p->quiesce, VIRT_SNAPSHOT_QUIESCE) |
	       flag(p->atomic, VIRT_SNAPSHOT_ATOMIC) |
	       flag(p->live, VIRT_SNAPSHOT_LIVE) |
	       flag(p->validate, VIRT_SNAPSHOT_VALIDATE);
}

static int check_create(const struct snapshot_create_params *p,
			struct error *err)
{
	if (exclude(p->has_xml, p->has_name || p->has_description,
		    "the XML says name and description: do not give them "
		    "beside it",
		    err) < 0 ||
	    exclude(p->redefine, !p->has_xml,
		    "redefine takes the description from XML: give it",
		    err) < 0 ||
	    exclude(p->current, !p->redefine,
		    "current belongs to redefine: a new snapshot is current "
		    "anyway",
		    err) < 0 ||
	    exclude(p->quiesce, !p->disk_only,
		    "quiesce belongs to disk_only: memory and disks of another "
		    "snapshot agree anyway",
		    err) < 0)
		return -1;
	return exclude(p->live, p->disk_only,
		       "live is about the memory, and disk_only leaves it out",
		       err);
}

void op_snapshot_create(struct call *call,
			const struct snapshot_create_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	const struct virt_snapshot_new snapshot = {
		.name = params->name,
		.description = params->description,
		.xml = params->xml,
		.flags = create_flags(params),
	};
	autoerror err = {0};
	int rc = check_create(params, &err);

	if (rc == 0)
		rc = virt_snapshot_create(ops_virt(call), &ref, &snapshot,
					  ops_then(call, on_acted), &err);
	ops_submitted(call, rc, &err);
}

void op_snapshot_revert(struct call *call,
			const struct snapshot_revert_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	unsigned flags = flag(params->running, VIRT_REVERT_RUNNING) |
			 flag(params->paused, VIRT_REVERT_PAUSED) |
			 flag(params->force, VIRT_REVERT_FORCE);
	autoerror err = {0};
	int rc = check_choice(params->has_snapshot, params->current, &err);

	if (rc == 0)
		rc = exclude(params->running, params->paused,
			     "it cannot both run and be suspended: give one of "
			     "running and paused",
			     &err);
	if (rc == 0)
		rc = virt_snapshot_revert(ops_virt(call), &ref,
					  params->snapshot, flags,
					  ops_then(call, on_acted), &err);
	ops_submitted(call, rc, &err);
}

void op_snapshot_delete(struct call *call,
			const struct snapshot_delete_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	unsigned flags = flag(params->children, VIRT_SNAPSHOT_DELETE_CHILDREN) |
			 flag(params->children_only,
			      VIRT_SNAPSHOT_DELETE_CHILDREN_ONLY) |
			 flag(params->metadata, VIRT_SNAPSHOT_DELETE_METADATA);
	autoerror err = {0};
	int rc = check_choice(params->has_snapshot, params->current, &err);

	if (rc == 0)
		rc = exclude(params->children, params->children_only,
			     "give one of children and children_only", &err);
	if (rc == 0)
		rc = virt_snapshot_delete(ops_virt(call), &ref,
					  params->snapshot, flags,
					  ops_then(call, on_acted), &err);
	ops_submitted(call, rc, &err);
}
