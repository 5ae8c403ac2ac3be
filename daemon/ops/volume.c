/*
 * Storage volumes: the handlers of volume.*, but for their content (volume_download.c,
 * volume_upload.c). Each turns its parameters into one verb of daemon/virt/storage.h;
 * those that change something share one answer, the volume that it was.
 */
#include "daemon/ops/room.h"
#include "daemon/virt/storage.h"

static unsigned flag(bool given, unsigned bit)
{
	return given ? bit : 0;
}

static void on_volume(void *context, struct virt_reply *reply)
{
	const struct virt_volume *volume = reply->value.noun.data;
	struct volume_ref result;

	if (!ops_succeeded(context, reply))
		return;
	call_set_target(context, NULL, volume->path);
	result = (struct volume_ref){
		.pool = volume->pool,
		.name = volume->name,
		.key = volume->key,
		.path = volume->path,
	};
	call_return(context, &result);
}

/* -- changes -------------------------------------------------------------- */

void op_volume_clone(struct call *call, const struct volume_clone_params *p)
{
	struct virt_volume_ref ref = {p->pool, p->volume};
	unsigned flags =
		flag(p->prealloc_metadata, VIRT_VOLUME_PREALLOC_METADATA) |
		flag(p->reflink, VIRT_VOLUME_REFLINK);
	autoerror err = {0};

	ops_submitted(call,
		      virt_volume_clone(ops_virt(call), &ref, p->name, flags,
					ops_then(call, on_volume), &err),
		      &err);
}

void op_volume_create(struct call *call, const struct volume_create_params *p)
{
	unsigned flags =
		flag(p->prealloc_metadata, VIRT_VOLUME_PREALLOC_METADATA) |
		flag(p->validate, VIRT_VOLUME_VALIDATE);
	autoerror err = {0};

	ops_submitted(call,
		      virt_volume_create(ops_virt(call), p->pool, p->xml, flags,
					 ops_then(call, on_volume), &err),
		      &err);
}

static const char *format_name(bool given, enum volume_format format)
{
	return given ? enum_text(&api_type_volume_format, (unsigned)format)
		     : NULL;
}

void op_volume_create_as(struct call *call,
			 const struct volume_create_as_params *p)
{
	const struct virt_volume_plan plan = {
		.pool = p->pool,
		.name = p->name,
		.capacity = p->capacity,
		.allocation = p->has_allocation ? p->allocation : UINT64_MAX,
		.format = format_name(p->has_format, p->format),
		.backing = p->backing,
		.backing_format =
			format_name(p->has_backing_format, p->backing_format),
		.flags = flag(p->prealloc_metadata,
			      VIRT_VOLUME_PREALLOC_METADATA),
	};
	autoerror err = {0};

	ops_submitted(call,
		      virt_volume_create_as(ops_virt(call), &plan,
					    ops_then(call, on_volume), &err),
		      &err);
}

void op_volume_delete(struct call *call, const struct volume_delete_params *p)
{
	struct virt_volume_ref ref = {p->pool, p->volume};
	autoerror err = {0};

	ops_submitted(
		call,
		virt_volume_delete(ops_virt(call), &ref,
				   flag(p->snapshots, VIRT_VOLUME_SNAPSHOTS),
				   ops_then(call, on_volume), &err),
		&err);
}

void op_volume_resize(struct call *call, const struct volume_resize_params *p)
{
	struct virt_volume_ref ref = {p->pool, p->volume};
	unsigned flags = flag(p->delta, VIRT_VOLUME_DELTA) |
			 flag(p->allocate, VIRT_VOLUME_ALLOCATE) |
			 flag(p->shrink, VIRT_VOLUME_SHRINK);
	autoerror err = {0};

	ops_submitted(call,
		      virt_volume_resize(ops_virt(call), &ref, p->capacity,
					 flags, ops_then(call, on_volume),
					 &err),
		      &err);
}

void op_volume_wipe(struct call *call, const struct volume_wipe_params *p)
{
	struct virt_volume_ref ref = {p->pool, p->volume};
	autoerror err = {0};

	/* wipe_algorithm has libvirt's order; absent it is zero. */
	ops_submitted(call,
		      virt_volume_wipe(ops_virt(call), &ref,
				       (unsigned)p->algorithm,
				       ops_then(call, on_volume), &err),
		      &err);
}

/* -- what volumes are ----------------------------------------------------- */

void op_volume_lookup(struct call *call, const struct volume_lookup_params *p)
{
	struct virt_volume_ref ref = {p->pool, p->volume};
	autoerror err = {0};

	ops_submitted(call,
		      virt_volume_lookup(ops_virt(call), &ref,
					 ops_then(call, on_volume), &err),
		      &err);
}

static enum volume_type volume_type(enum virt_volume_type type)
{
	static const enum volume_type types[] = {
		[VIRT_VOLUME_FILE] = VOLUME_TYPE_FILE,
		[VIRT_VOLUME_BLOCK] = VOLUME_TYPE_BLOCK,
		[VIRT_VOLUME_DIR] = VOLUME_TYPE_DIR,
		[VIRT_VOLUME_NETWORK] = VOLUME_TYPE_NETWORK,
		[VIRT_VOLUME_NETDIR] = VOLUME_TYPE_NETDIR,
		[VIRT_VOLUME_PLOOP] = VOLUME_TYPE_PLOOP,
	};

	return (size_t)type < array_size(types) ? types[type]
						: VOLUME_TYPE_FILE;
}

static void on_info(void *context, struct virt_reply *reply)
{
	const struct virt_volume *volume = reply->value.noun.data;
	struct volume_info result;

	if (!ops_succeeded(context, reply))
		return;
	result = (struct volume_info){
		.pool = volume->pool,
		.name = volume->name,
		.key = volume->key,
		.path = volume->path,
		.type = volume_type(volume->type),
		.capacity = volume->capacity,
		.allocation = volume->allocation,
	};
	call_return(context, &result);
}

void op_volume_info(struct call *call, const struct volume_info_params *p)
{
	struct virt_volume_ref ref = {p->pool, p->volume};
	autoerror err = {0};

	ops_submitted(call,
		      virt_volume_info(ops_virt(call), &ref, p->physical,
				       ops_then(call, on_info), &err),
		      &err);
}

static void on_list(void *context, struct virt_reply *reply)
{
	const struct virt_volume_list *list = reply->value.noun.data;
	autofree struct volume_summary *rows = NULL;
	struct volume_list result;
	autoerror err = {0};

	if (!ops_succeeded(context, reply))
		return;
	rows = calloc(list->count + 1, sizeof(*rows));
	if (!rows) {
		error_set_no_memory(&err);
		call_fail(context, &err);
		return;
	}
	for (size_t i = 0; i < list->count; i++) {
		const struct virt_volume *v = &list->rows[i];

		rows[i] = (struct volume_summary){
			.name = v->name,
			.path = v->path,
			.type = volume_type(v->type),
			.has_type = v->sized,
			.capacity = v->capacity,
			.has_capacity = v->sized,
			.allocation = v->allocation,
			.has_allocation = v->sized,
		};
	}
	result = (struct volume_list){.pool = list->pool,
				      .volumes = rows,
				      .volumes_count = list->count};
	call_return(context, &result);
}

void op_volume_list(struct call *call, const struct volume_list_params *p)
{
	autoerror err = {0};

	ops_submitted(call,
		      virt_volume_list(ops_virt(call), p->pool, p->details,
				       ops_then(call, on_list), &err),
		      &err);
}

static void on_xml(void *context, struct virt_reply *reply)
{
	const struct virt_storage_xml *xml = reply->value.noun.data;
	struct volume_xml_text result;

	if (!ops_succeeded(context, reply))
		return;
	result = (struct volume_xml_text){
		.pool = xml->pool, .name = xml->volume, .xml = xml->xml};
	call_return(context, &result);
}

void op_volume_xml(struct call *call, const struct volume_xml_params *p)
{
	struct virt_volume_ref ref = {p->pool, p->volume};
	autoerror err = {0};

	ops_submitted(call,
		      virt_volume_xml(ops_virt(call), &ref,
				      ops_then(call, on_xml), &err),
		      &err);
}
