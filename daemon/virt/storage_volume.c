/*
 * Storage volumes: look-ups, lists, and what is done to them (verbs of
 * verbs/storage.def). Their content is content.c's.
 */
#include "daemon/virt/storage_private.h"

#include <libvirt/virterror.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "daemon/virt/error.h"
#include "daemon/virt/flags.h"
#include "daemon/virt/xml_select.h"

#define KIND "volume"

/* -- look-ups ------------------------------------------------------------- */

virStorageVolPtr storage_look_up(struct job *job, virStoragePoolPtr pool,
				 const char *volume, struct error *err)
{
	virStorageVolPtr found = NULL;

	if (pool)
		found = virStorageVolLookupByName(pool, volume);
	else
		found = virStorageVolLookupByKey(job->conn, volume);
	if (!found && !pool && virGetLastErrorCode() == VIR_ERR_NO_STORAGE_VOL)
		found = virStorageVolLookupByPath(job->conn, volume);
	if (found)
		return found;
	if (virGetLastErrorCode() == VIR_ERR_NO_STORAGE_VOL)
		failure_no_such(err, KIND, volume);
	else
		storage_failure(job, pool, err);
	return NULL;
}

virStorageVolPtr storage_find_volume(struct job *job, struct error *err)
{
	autopool pool = NULL;
	virStorageVolPtr volume;

	if (job->request->names[0]) {
		pool = storage_find_pool(job, err);
		if (!pool)
			return NULL;
	}
	job->kind = KIND;
	job->name = job->request->text;
	volume = storage_look_up(job, pool, job->request->text, err);
	return volume;
}

/* -- what a volume is ----------------------------------------------------- */

static void clear_volume(struct virt_volume *row)
{
	free(row->pool);
	free(row->name);
	free(row->key);
	free(row->path);
}

void storage_free_volume(void *data)
{
	clear_volume(data);
	free(data);
}

static void free_volumes(void *data)
{
	struct virt_volume_list *list = data;

	for (size_t i = 0; i < list->count; i++)
		clear_volume(&list->rows[i]);
	free(list->rows);
	free(list->pool);
	free(list);
}

int storage_name_volume(struct job *job, virStorageVolPtr volume,
			struct virt_volume *row, struct error *err)
{
	const char *key = virStorageVolGetKey(volume);

	row->path = virStorageVolGetPath(volume);
	if (!row->path)
		return failure_set(job, err);
	row->name = strdup(virStorageVolGetName(volume));
	row->key = strdup(key ? key : row->path);
	return row->name && row->key ? 0 : error_set_no_memory(err);
}

static int size_volume(struct job *job, virStorageVolPtr volume, bool physical,
		       struct virt_volume *row, struct error *err)
{
	unsigned flags = physical ? VIR_STORAGE_VOL_GET_PHYSICAL : 0;
	virStorageVolInfo info;

	if ((flags ? virStorageVolGetInfoFlags(volume, &info, flags)
		   : virStorageVolGetInfo(volume, &info)) < 0)
		return failure_set(job, err);
	row->sized = true;
	row->type = (enum virt_volume_type)info.type;
	row->capacity = info.capacity;
	row->allocation = info.allocation;
	return 0;
}

int storage_reply_volume(struct job *job, virStorageVolPtr volume,
			 struct error *err)
{
	struct virt_volume *row =
		reply_make(job->reply, sizeof(*row), storage_free_volume, err);
	autopool pool = NULL;

	if (!row)
		return -1;
	pool = virStoragePoolLookupByVolume(volume);
	if (!pool)
		return failure_set(job, err);
	row->pool = strdup(virStoragePoolGetName(pool));
	if (!row->pool)
		return error_set_no_memory(err);
	return storage_name_volume(job, volume, row, err);
}

int run_volume_lookup(struct job *job, struct error *err)
{
	autovolume volume = storage_find_volume(job, err);

	return volume ? storage_reply_volume(job, volume, err) : -1;
}

int run_volume_info(struct job *job, struct error *err)
{
	autovolume volume = storage_find_volume(job, err);

	if (!volume || storage_reply_volume(job, volume, err) < 0)
		return -1;
	return size_volume(job, volume, job->request->flags,
			   job->reply->value.noun.data, err);
}

/* -- the list ------------------------------------------------------------- */

static int compare_volumes(const void *a, const void *b)
{
	return strcmp(((const struct virt_volume *)a)->name,
		      ((const struct virt_volume *)b)->name);
}

/* One that goes meanwhile is left out. */
static int fill_list(struct job *job, virStorageVolPtr *volumes, size_t count,
		     struct virt_volume_list *list, struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		struct virt_volume *row = &list->rows[list->count];
		autoerror why = {0};

		job->name = virStorageVolGetName(volumes[i]);
		if (storage_name_volume(job, volumes[i], row, &why) == 0 &&
		    (!job->request->flags ||
		     size_volume(job, volumes[i], false, row, &why) == 0)) {
			list->count++;
			continue;
		}
		clear_volume(row);
		memset(row, 0, sizeof(*row));
		if (why.code == ERROR_UNAVAILABLE ||
		    why.code == ERROR_NO_MEMORY)
			return error_move(err, &why);
	}
	qsort(list->rows, list->count, sizeof(*list->rows), compare_volumes);
	return 0;
}

int run_volume_list(struct job *job, struct error *err)
{
	autopool pool = storage_find_pool(job, err);
	struct virt_volume_list *list = NULL;
	virStorageVolPtr *volumes = NULL;
	int count, rc;

	if (!pool)
		return -1;
	list = reply_make(job->reply, sizeof(*list), free_volumes, err);
	if (!list)
		return -1;
	count = virStoragePoolListAllVolumes(pool, &volumes, 0);
	if (count < 0)
		return storage_failure(job, pool, err);
	job->kind = KIND;
	list->pool = strdup(virStoragePoolGetName(pool));
	list->rows = calloc((size_t)count + 1, sizeof(*list->rows));
	rc = list->pool && list->rows
		     ? fill_list(job, volumes, (size_t)count, list, err)
		     : error_set_no_memory(err);
	for (int i = 0; i < count; i++)
		virStorageVolFree(volumes[i]);
	free(volumes);
	return rc;
}

/* -- new ones ------------------------------------------------------------- */

static int create_flags(unsigned ours, unsigned *flags, struct error *err)
{
	static const struct flag_pair pairs[] = {
		{VIRT_VOLUME_PREALLOC_METADATA,
		 VIR_STORAGE_VOL_CREATE_PREALLOC_METADATA},
		{VIRT_VOLUME_REFLINK, VIR_STORAGE_VOL_CREATE_REFLINK},
		{VIRT_VOLUME_VALIDATE, VIR_STORAGE_VOL_CREATE_VALIDATE},
	};

	return flags_translate(ours, pairs, array_size(pairs), flags, err);
}

static int create(struct job *job, virStoragePoolPtr pool, const char *xml,
		  virStorageVolPtr from, struct error *err)
{
	autovolume volume = NULL;
	unsigned flags;

	if (create_flags(job->request->flags, &flags, err) < 0)
		return -1;
	job->acting = true;
	if (from)
		volume = virStorageVolCreateXMLFrom(pool, xml, from, flags);
	else
		volume = virStorageVolCreateXML(pool, xml, flags);
	if (!volume)
		return storage_failure(job, pool, err);
	return storage_reply_volume(job, volume, err);
}

int run_volume_create(struct job *job, struct error *err)
{
	autopool pool = storage_find_pool(job, err);

	if (!pool)
		return -1;
	job->kind = KIND;
	job->name = NULL;
	job->own_xml = true;
	return create(job, pool, job->request->text, NULL, err);
}

static void append_format(struct buf *xml, const char *format)
{
	if (!format)
		return;
	buf_append_str(xml, "<format type='");
	xml_append_text(xml, format);
	buf_append_str(xml, "'/>");
}

static int append_backing(struct job *job, virStoragePoolPtr pool,
			  struct buf *xml, struct error *err)
{
	const char *backing = job->request->text;
	autovolume volume = NULL;
	autofree char *path = NULL;

	if (!backing)
		return 0;
	job->kind = KIND;
	job->name = backing;
	volume = storage_look_up(job, *backing == '/' ? NULL : pool, backing,
				 err);
	if (!volume)
		return -1;
	path = virStorageVolGetPath(volume);
	if (!path)
		return failure_set(job, err);
	buf_append_str(xml, "<backingStore>");
	xml_append_element(xml, "path", path);
	append_format(xml, job->request->names[3]);
	buf_append_str(xml, "</backingStore>");
	return 0;
}

int run_volume_create_as(struct job *job, struct error *err)
{
	const struct request *request = job->request;
	autopool pool = storage_find_pool(job, err);
	autofree char *text = NULL;
	autobuf xml = {0};

	if (!pool)
		return -1;
	buf_append_str(&xml, "<volume>");
	xml_append_element(&xml, "name", request->names[1]);
	buf_appendf(&xml, "<capacity>%llu</capacity>",
		    (unsigned long long)request->numbers[0]);
	if (request->numbers[1] != UINT64_MAX)
		buf_appendf(&xml, "<allocation>%llu</allocation>",
			    (unsigned long long)request->numbers[1]);
	if (request->names[2]) {
		buf_append_str(&xml, "<target>");
		append_format(&xml, request->names[2]);
		buf_append_str(&xml, "</target>");
	}
	if (append_backing(job, pool, &xml, err) < 0)
		return -1;
	buf_append_str(&xml, "</volume>");
	text = buf_steal_str(&xml);
	if (!text)
		return error_set_no_memory(err);
	job->kind = KIND;
	job->name = request->names[1];
	return create(job, pool, text, NULL, err);
}

/*
 * The copy's XML is the source's with another name, as virsh has it: key and path
 * in it are output only. NULL where the XML has no name.
 */
static char *renamed(const char *xml, const char *name)
{
	const char *begin = strstr(xml, "<name>");
	const char *end = begin ? strstr(begin, "</name>") : NULL;
	autobuf out = {0};

	if (!end)
		return NULL;
	begin += strlen("<name>");
	buf_append(&out, xml, (size_t)(begin - xml));
	xml_append_text(&out, name);
	buf_append_str(&out, end);
	return buf_steal_str(&out);
}

int run_volume_clone(struct job *job, struct error *err)
{
	autovolume from = storage_find_volume(job, err);
	autopool pool = NULL;
	autofree char *xml = NULL;
	autofree char *text = NULL;

	if (!from)
		return -1;
	pool = virStoragePoolLookupByVolume(from);
	xml = pool ? virStorageVolGetXMLDesc(from, 0) : NULL;
	if (!xml)
		return failure_set(job, err);
	text = renamed(xml, job->request->names[1]);
	if (!text)
		return error_set_no_memory(err);
	job->name = job->request->names[1];
	return create(job, pool, text, from, err);
}

/* -- what is done to one -------------------------------------------------- */

int run_volume_delete(struct job *job, struct error *err)
{
	static const struct flag_pair pairs[] = {
		{VIRT_VOLUME_SNAPSHOTS, VIR_STORAGE_VOL_DELETE_WITH_SNAPSHOTS},
	};
	autovolume volume = storage_find_volume(job, err);
	unsigned flags;

	if (!volume ||
	    flags_translate(job->request->flags, pairs, array_size(pairs),
			    &flags, err) < 0 ||
	    storage_reply_volume(job, volume, err) < 0)
		return -1;
	job->acting = true;
	return virStorageVolDelete(volume, flags) < 0 ? failure_set(job, err)
						      : 0;
}

int run_volume_resize(struct job *job, struct error *err)
{
	static const struct flag_pair pairs[] = {
		{VIRT_VOLUME_ALLOCATE, VIR_STORAGE_VOL_RESIZE_ALLOCATE},
		{VIRT_VOLUME_DELTA, VIR_STORAGE_VOL_RESIZE_DELTA},
		{VIRT_VOLUME_SHRINK, VIR_STORAGE_VOL_RESIZE_SHRINK},
	};
	autovolume volume = storage_find_volume(job, err);
	unsigned flags;

	if (!volume ||
	    flags_translate(job->request->flags, pairs, array_size(pairs),
			    &flags, err) < 0 ||
	    storage_reply_volume(job, volume, err) < 0)
		return -1;
	job->acting = true;
	if (virStorageVolResize(volume, job->request->numbers[0], flags) == 0)
		return 0;
	return failure_set(job, err);
}

int run_volume_wipe(struct job *job, struct error *err)
{
	autovolume volume = storage_find_volume(job, err);

	if (!volume || storage_reply_volume(job, volume, err) < 0)
		return -1;
	job->acting = true;
	if (virStorageVolWipePattern(volume, (unsigned)job->request->numbers[0],
				     0) == 0)
		return 0;
	return failure_set(job, err);
}
