/*
 * Storage pools: look-ups, lists, definitions and what is done to them (verbs of
 * verbs/storage.def). Each is one libvirt call on the pool that was looked up.
 */
#include "daemon/virt/storage_private.h"

#include <libvirt/virterror.h>
#include <stdio.h>
#include <string.h>

#include "daemon/virt/error.h"
#include "daemon/virt/flags.h"

#define KIND "storage pool"

virStoragePoolPtr storage_find_pool(struct job *job, struct error *err)
{
	const char *text = job->request->names[0];
	virStoragePoolPtr pool = NULL;

	job->kind = KIND;
	job->name = text;
	if (lookup_is_uuid(text))
		pool = virStoragePoolLookupByUUIDString(job->conn, text);
	if (!pool)
		pool = virStoragePoolLookupByName(job->conn, text);
	if (pool)
		return pool;
	if (virGetLastErrorCode() == VIR_ERR_NO_STORAGE_POOL)
		failure_no_such(err, KIND, text);
	else
		failure_set(job, err);
	return NULL;
}

/* -- errors --------------------------------------------------------------- */

static int state_error(struct job *job, const virError *error,
		       struct error *err, const char *words)
{
	error_set(err, ERROR_STATE, "%s '%s' %s", KIND, job->request->names[0],
		  words);
	return error_set_cause(err, "libvirt error %d: %s", error->code,
			       error->message);
}

/* -1: POOL's state explains the failure, and ERR says so. */
static int explain(struct job *job, virStoragePoolPtr pool,
		   const virError *error, struct error *err)
{
	enum verb_id verb = job->request->id;
	int active = virStoragePoolIsActive(pool);

	if (verb == VERB_POOL_AUTOSTART &&
	    virStoragePoolIsPersistent(pool) == 0)
		return state_error(job, error, err,
				   "is transient: define it first");
	if (active > 0 && verb == VERB_POOL_START)
		return state_error(job, error, err, "is active already");
	if (active > 0 && (verb == VERB_POOL_UNDEFINE ||
			   verb == VERB_POOL_DELETE || verb == VERB_POOL_BUILD))
		return state_error(job, error, err,
				   "is active: stop it first (pool-destroy)");
	if (active == 0 && verb != VERB_POOL_START &&
	    verb != VERB_POOL_UNDEFINE && verb != VERB_POOL_DELETE &&
	    verb != VERB_POOL_BUILD && verb != VERB_POOL_AUTOSTART)
		return state_error(job, error, err,
				   "is not active: start it first");
	return 0;
}

int storage_failure(struct job *job, virStoragePoolPtr pool, struct error *err)
{
	virErrorPtr error = virSaveLastError();
	/* SetAutostart of a transient pool is an invalid argument to it. */
	bool may_be_state =
		error && (error->code == VIR_ERR_OPERATION_INVALID ||
			  error->code == VIR_ERR_INTERNAL_ERROR ||
			  (error->code == VIR_ERR_INVALID_ARG &&
			   job->request->id == VERB_POOL_AUTOSTART));

	if (!(pool && may_be_state && explain(job, pool, error, err) < 0))
		failure_from(job, error, err);
	virFreeError(error);
	virResetLastError();
	return -1;
}

/* -- what a pool is ------------------------------------------------------- */

static void clear_pool(struct virt_pool *row)
{
	free(row->name);
}

static void free_pool(void *data)
{
	clear_pool(data);
	free(data);
}

static void free_pools(void *data)
{
	struct virt_pool_list *list = data;

	for (size_t i = 0; i < list->count; i++)
		clear_pool(&list->rows[i]);
	free(list->rows);
	free(list);
}

static int name_pool(virStoragePoolPtr pool, struct virt_pool *row,
		     struct error *err)
{
	virStoragePoolGetUUIDString(pool, row->uuid);
	row->name = strdup(virStoragePoolGetName(pool));
	return row->name ? 0 : error_set_no_memory(err);
}

static int describe_pool(struct job *job, virStoragePoolPtr pool,
			 struct virt_pool *row, struct error *err)
{
	virStoragePoolInfo info;
	int autostart = 0, persistent = virStoragePoolIsPersistent(pool);

	if (name_pool(pool, row, err) < 0)
		return -1;
	if (persistent < 0 || virStoragePoolGetInfo(pool, &info) < 0)
		return storage_failure(job, NULL, err);
	/* A transient one has none: libvirt calls that an error. */
	if (persistent && virStoragePoolGetAutostart(pool, &autostart) < 0)
		return storage_failure(job, NULL, err);
	row->state = (enum virt_pool_state)info.state;
	row->capacity = info.capacity;
	row->allocation = info.allocation;
	row->available = info.available;
	row->persistent = persistent;
	row->autostart = autostart;
	return 0;
}

static int reply_pool(struct job *job, virStoragePoolPtr pool, bool whole,
		      struct error *err)
{
	struct virt_pool *row =
		reply_make(job->reply, sizeof(*row), free_pool, err);

	if (!row)
		return -1;
	return whole ? describe_pool(job, pool, row, err)
		     : name_pool(pool, row, err);
}

int run_pool_info(struct job *job, struct error *err)
{
	autopool pool = storage_find_pool(job, err);

	return pool ? reply_pool(job, pool, true, err) : -1;
}

/* -- the list ------------------------------------------------------------- */

static int compare_pools(const void *a, const void *b)
{
	return strcmp(((const struct virt_pool *)a)->name,
		      ((const struct virt_pool *)b)->name);
}

static unsigned list_flags(unsigned filter)
{
	static const struct flag_pair pairs[] = {
		{VIRT_POOLS_ACTIVE, VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE},
		{VIRT_POOLS_INACTIVE, VIR_CONNECT_LIST_STORAGE_POOLS_INACTIVE},
		{VIRT_POOLS_PERSISTENT,
		 VIR_CONNECT_LIST_STORAGE_POOLS_PERSISTENT},
		{VIRT_POOLS_TRANSIENT,
		 VIR_CONNECT_LIST_STORAGE_POOLS_TRANSIENT},
		{VIRT_POOLS_AUTOSTART,
		 VIR_CONNECT_LIST_STORAGE_POOLS_AUTOSTART},
		{VIRT_POOLS_NO_AUTOSTART,
		 VIR_CONNECT_LIST_STORAGE_POOLS_NO_AUTOSTART},
	};
	unsigned flags = 0;

	for (size_t i = 0; i < array_size(pairs); i++)
		if (filter & pairs[i].ours)
			flags |= pairs[i].libvirts;
	for (unsigned i = 0; i < VIRT_POOL_TYPES; i++)
		if (filter & (VIRT_POOLS_TYPE << i))
			flags |= VIR_CONNECT_LIST_STORAGE_POOLS_DIR << i;
	return flags;
}

/* One that goes meanwhile is left out. */
static int fill_list(struct job *job, virStoragePoolPtr *pools, size_t count,
		     struct virt_pool_list *list, struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		struct virt_pool *row = &list->rows[list->count];
		autoerror why = {0};

		job->name = virStoragePoolGetName(pools[i]);
		if (describe_pool(job, pools[i], row, &why) == 0) {
			list->count++;
			continue;
		}
		clear_pool(row);
		memset(row, 0, sizeof(*row));
		if (virStoragePoolIsActive(pools[i]) >= 0)
			return error_move(err, &why);
		virResetLastError();
	}
	qsort(list->rows, list->count, sizeof(*list->rows), compare_pools);
	return 0;
}

int run_pool_list(struct job *job, struct error *err)
{
	struct virt_pool_list *list =
		reply_make(job->reply, sizeof(*list), free_pools, err);
	virStoragePoolPtr *pools = NULL;
	int count, rc;

	if (!list)
		return -1;
	job->kind = "list of storage pools";
	count = virConnectListAllStoragePools(job->conn, &pools,
					      list_flags(job->request->flags));
	if (count < 0)
		return failure_set(job, err);
	job->kind = KIND;
	list->rows = calloc((size_t)count + 1, sizeof(*list->rows));
	rc = list->rows ? fill_list(job, pools, (size_t)count, list, err)
			: error_set_no_memory(err);
	for (int i = 0; i < count; i++)
		virStoragePoolFree(pools[i]);
	free(pools);
	return rc;
}

/* -- definitions ---------------------------------------------------------- */

static void free_xml(void *data)
{
	struct virt_storage_xml *xml = data;

	free(xml->pool);
	free(xml->volume);
	free(xml->xml);
	free(xml);
}

int run_pool_xml(struct job *job, struct error *err)
{
	autopool pool = storage_find_pool(job, err);
	unsigned flags = job->request->flags ? VIR_STORAGE_XML_INACTIVE : 0;
	struct virt_storage_xml *xml = NULL;

	if (!pool)
		return -1;
	xml = reply_make(job->reply, sizeof(*xml), free_xml, err);
	if (!xml)
		return -1;
	virStoragePoolGetUUIDString(pool, xml->uuid);
	xml->pool = strdup(virStoragePoolGetName(pool));
	xml->xml = virStoragePoolGetXMLDesc(pool, flags);
	if (!xml->xml)
		return storage_failure(job, pool, err);
	return xml->pool ? 0 : error_set_no_memory(err);
}

int run_volume_xml(struct job *job, struct error *err)
{
	autovolume volume = storage_find_volume(job, err);
	struct virt_storage_xml *xml = NULL;
	autopool pool = NULL;

	if (!volume)
		return -1;
	xml = reply_make(job->reply, sizeof(*xml), free_xml, err);
	if (!xml)
		return -1;
	pool = virStoragePoolLookupByVolume(volume);
	xml->xml = pool ? virStorageVolGetXMLDesc(volume, 0) : NULL;
	if (!xml->xml)
		return failure_set(job, err);
	xml->pool = strdup(virStoragePoolGetName(pool));
	xml->volume = strdup(virStorageVolGetName(volume));
	return xml->pool && xml->volume ? 0 : error_set_no_memory(err);
}

int run_pool_define(struct job *job, struct error *err)
{
	static const struct flag_pair pairs[] = {
		{VIRT_POOL_VALIDATE, VIR_STORAGE_POOL_DEFINE_VALIDATE},
	};
	autopool pool = NULL;
	unsigned flags;

	job->kind = KIND;
	job->own_xml = true;
	if (flags_translate(job->request->flags, pairs, array_size(pairs),
			    &flags, err) < 0)
		return -1;
	job->acting = true;
	pool = virStoragePoolDefineXML(job->conn, job->request->text, flags);
	return pool ? reply_pool(job, pool, false, err) : failure_set(job, err);
}

static int build_flags(unsigned ours, unsigned *flags, struct error *err)
{
	static const struct flag_pair pairs[] = {
		{VIRT_POOL_BUILD, VIR_STORAGE_POOL_CREATE_WITH_BUILD},
		{VIRT_POOL_OVERWRITE,
		 VIR_STORAGE_POOL_CREATE_WITH_BUILD_OVERWRITE},
		{VIRT_POOL_NO_OVERWRITE,
		 VIR_STORAGE_POOL_CREATE_WITH_BUILD_NO_OVERWRITE},
	};

	return flags_translate(ours, pairs, array_size(pairs), flags, err);
}

int run_pool_create(struct job *job, struct error *err)
{
	autopool pool = NULL;
	unsigned flags;

	job->kind = KIND;
	job->own_xml = true;
	if (build_flags(job->request->flags, &flags, err) < 0)
		return -1;
	job->acting = true;
	pool = virStoragePoolCreateXML(job->conn, job->request->text, flags);
	return pool ? reply_pool(job, pool, false, err) : failure_set(job, err);
}

/* -- what is done to one -------------------------------------------------- */

static int build(virStoragePoolPtr pool, unsigned ours)
{
	unsigned flags = 0;

	if (ours & VIRT_POOL_OVERWRITE)
		flags |= VIR_STORAGE_POOL_BUILD_OVERWRITE;
	if (ours & VIRT_POOL_NO_OVERWRITE)
		flags |= VIR_STORAGE_POOL_BUILD_NO_OVERWRITE;
	return virStoragePoolBuild(pool, flags);
}

static int act(struct job *job, virStoragePoolPtr pool, unsigned create_flags)
{
	unsigned flags = job->request->flags;

	switch (job->request->id) {
	case VERB_POOL_AUTOSTART:
		return virStoragePoolSetAutostart(pool,
						  !(flags & VIRT_POOL_DISABLE));
	case VERB_POOL_BUILD:
		return build(pool, flags);
	case VERB_POOL_DELETE:
		return virStoragePoolDelete(pool, 0);
	case VERB_POOL_DESTROY:
		return virStoragePoolDestroy(pool);
	case VERB_POOL_REFRESH:
		return virStoragePoolRefresh(pool, 0);
	case VERB_POOL_START:
		return virStoragePoolCreate(pool, create_flags);
	default:
		return virStoragePoolUndefine(pool);
	}
}

int run_pool_act(struct job *job, struct error *err)
{
	autopool pool = storage_find_pool(job, err);
	unsigned flags = 0;

	if (!pool ||
	    (job->request->id == VERB_POOL_START &&
	     build_flags(job->request->flags, &flags, err) < 0) ||
	    reply_pool(job, pool, false, err) < 0)
		return -1;
	job->acting = true;
	return act(job, pool, flags) < 0 ? storage_failure(job, pool, err) : 0;
}
