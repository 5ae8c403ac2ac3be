/*
 * Checkpoints and backups: handlers that rpc calls for checkpoint.* and backup.*. Each
 * is one verb of virt; strings are borrowed from the reply.
 */
#include "daemon/ops/room.h"

#include "base/clock.h"
#include "daemon/virt/checkpoint.h"

static unsigned flag(bool given, unsigned bit)
{
	return given ? bit : 0;
}

/* -- reading --------------------------------------------------------------- */

/* CREATED: CLOCK_TEXT_SIZE bytes, borrowed by the result. */
static struct checkpoint_info describe(const struct virt_checkpoint *row,
				       char *created)
{
	return (struct checkpoint_info){
		.checkpoint = row->name,
		.created = created,
		.has_created = ops_time(row->created, created),
		.parent = row->parent,
		.has_parent = row->parent != NULL,
		.description = row->description,
		.has_description = row->description != NULL,
	};
}

static void on_list(void *context, struct virt_reply *reply)
{
	bool good = ops_succeeded(context, reply);
	const struct virt_checkpoints *value =
		good ? virt_checkpoints_of(reply) : NULL;
	size_t n = value ? value->count : 0;
	autofree struct checkpoint_info *rows = calloc(n + 1, sizeof(*rows));
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
		    &(const struct checkpoint_list){.uuid = reply->domain.uuid,
						    .name = reply->domain.name,
						    .checkpoints = rows,
						    .checkpoints_count = n});
}

void op_checkpoint_list(struct call *call,
			const struct checkpoint_list_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_checkpoint_list(ops_virt(call), &ref,
					   ops_then(call, on_list), &err),
		      &err);
}

static void on_info(void *context, struct virt_reply *reply)
{
	char created[CLOCK_TEXT_SIZE];
	struct checkpoint_info result;

	if (!ops_succeeded(context, reply))
		return;
	result = describe(&virt_checkpoints_of(reply)->rows[0], created);
	call_return(context, &result);
}

void op_checkpoint_info(struct call *call,
			const struct checkpoint_info_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_checkpoint_show(ops_virt(call), &ref,
					   params->checkpoint,
					   VIRT_CHECKPOINT_NO_DOMAIN,
					   ops_then(call, on_info), &err),
		      &err);
}

static void on_xml(void *context, struct virt_reply *reply)
{
	const struct virt_checkpoints *value;

	if (!ops_succeeded(context, reply))
		return;
	value = virt_checkpoints_of(reply);
	call_return(context, &(const struct checkpoint_xml_text){
				     .uuid = reply->domain.uuid,
				     .name = reply->domain.name,
				     .checkpoint = value->rows[0].name,
				     .xml = value->xml});
}

void op_checkpoint_xml(struct call *call,
		       const struct checkpoint_xml_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	unsigned flags = flag(params->secure, VIRT_CHECKPOINT_SECURE) |
			 flag(params->no_domain, VIRT_CHECKPOINT_NO_DOMAIN) |
			 flag(params->size, VIRT_CHECKPOINT_SIZE);
	autoerror err = {0};

	ops_submitted(call,
		      virt_checkpoint_show(ops_virt(call), &ref,
					   params->checkpoint, flags,
					   ops_then(call, on_xml), &err),
		      &err);
}

/* -- changing -------------------------------------------------------------- */

static void on_acted(void *context, struct virt_reply *reply)
{
	if (ops_succeeded(context, reply))
		call_return(context,
			    &(const struct checkpoint_ref){
				    .uuid = reply->domain.uuid,
				    .name = reply->domain.name,
				    .checkpoint = virt_checkpoints_of(reply)
							  ->rows[0]
							  .name});
}

static int check_create(const struct checkpoint_create_params *p,
			struct error *err)
{
	if (p->has_xml && (p->has_checkpoint || p->has_description))
		return error_set(err, ERROR_INVALID_PARAMS,
				 "the XML says name and description: do not "
				 "give them beside it");
	if (p->redefine && !p->has_xml)
		return error_set(err, ERROR_INVALID_PARAMS,
				 "redefine takes the description from XML: "
				 "give it");
	return 0;
}

void op_checkpoint_create(struct call *call,
			  const struct checkpoint_create_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	const struct virt_checkpoint_new checkpoint = {
		.name = params->checkpoint,
		.description = params->description,
		.xml = params->xml,
		.flags = flag(params->redefine, VIRT_CHECKPOINT_REDEFINE) |
			 flag(params->quiesce, VIRT_CHECKPOINT_QUIESCE),
	};
	autoerror err = {0};
	int rc = check_create(params, &err);

	if (rc == 0)
		rc = virt_checkpoint_create(ops_virt(call), &ref, &checkpoint,
					    ops_then(call, on_acted), &err);
	ops_submitted(call, rc, &err);
}

void op_checkpoint_delete(struct call *call,
			  const struct checkpoint_delete_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	unsigned flags =
		flag(params->children, VIRT_CHECKPOINT_DELETE_CHILDREN) |
		flag(params->children_only,
		     VIRT_CHECKPOINT_DELETE_CHILDREN_ONLY) |
		flag(params->metadata, VIRT_CHECKPOINT_DELETE_METADATA);
	autoerror err = {0};
	int rc = 0;

	if (params->children && params->children_only)
		rc = error_set(&err, ERROR_INVALID_PARAMS,
			       "give one of children and children_only");
	if (rc == 0)
		rc = virt_checkpoint_delete(ops_virt(call), &ref,
					    params->checkpoint, flags,
					    ops_then(call, on_acted), &err);
	ops_submitted(call, rc, &err);
}

/* -- backups --------------------------------------------------------------- */

static void on_begun(void *context, struct virt_reply *reply)
{
	if (ops_succeeded(context, reply))
		call_return(context, &(const struct backup_ref){
					     .uuid = reply->domain.uuid,
					     .name = reply->domain.name});
}

void op_backup_begin(struct call *call,
		     const struct backup_begin_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_backup_begin(ops_virt(call), &ref, params->xml,
					params->checkpoint_xml,
					params->reuse_external,
					ops_then(call, on_begun), &err),
		      &err);
}

static void on_backup(void *context, struct virt_reply *reply)
{
	if (ops_succeeded(context, reply))
		call_return(context, &(const struct backup_xml_text){
					     .uuid = reply->domain.uuid,
					     .name = reply->domain.name,
					     .xml = reply->value.xml});
}

void op_backup_info(struct call *call, const struct backup_info_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_backup_info(ops_virt(call), &ref,
				       ops_then(call, on_backup), &err),
		      &err);
}
