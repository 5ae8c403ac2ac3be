/*
 * The verbs of storage.h: each makes a request of copies and submits it. Called on
 * the caller's thread; nothing here blocks. names[0] is the pool, text the volume
 * or the XML; what else a verb needs stands at it.
 */
#include "daemon/virt/storage.h"

#include "daemon/virt/internal.h"
#include "daemon/virt/request.h"

#define POOL_NAME "the name of a storage pool"

static struct request *pool_request(enum verb_id id, const char *pool,
				    unsigned flags, struct virt_done done,
				    struct error *err)
{
	autoptr(request) request = request_new(id, NULL, NULL, done, err);

	if (!request || request_set_name(request, 0, pool, POOL_NAME, err) < 0)
		return NULL;
	request->flags = flags;
	return steal(&request);
}

static struct request *volume_request(enum verb_id id,
				      const struct virt_volume_ref *ref,
				      unsigned flags, struct virt_done done,
				      struct error *err)
{
	autoptr(request) request =
		pool_request(id, ref->pool, flags, done, err);

	if (!request ||
	    request_set_text(request, ref->volume, VIRT_VOLUME_NAME_MAX,
			     "the name of a volume", err) < 0)
		return NULL;
	return steal(&request);
}

static int xml_verb(struct virt *v, enum verb_id id, const char *pool,
		    const char *xml, unsigned flags, struct virt_done done,
		    struct error *err)
{
	autoptr(request) request = pool_request(id, pool, flags, done, err);

	if (!request ||
	    request_set_text(request, xml, VIRT_XML_MAX, "the XML", err) < 0)
		return -1;
	return virt_submit(v, steal(&request), err);
}

/* -- pools ---------------------------------------------------------------- */

int virt_pool_list(struct virt *v, unsigned filter, struct virt_done done,
		   struct error *err)
{
	return virt_submit(
		v, pool_request(VERB_POOL_LIST, NULL, filter, done, err), err);
}

int virt_pool_info(struct virt *v, const char *pool, struct virt_done done,
		   struct error *err)
{
	return virt_submit(v, pool_request(VERB_POOL_INFO, pool, 0, done, err),
			   err);
}

int virt_pool_xml(struct virt *v, const char *pool, bool inactive,
		  struct virt_done done, struct error *err)
{
	return virt_submit(
		v, pool_request(VERB_POOL_XML, pool, inactive, done, err), err);
}

int virt_pool_define(struct virt *v, const char *xml, unsigned flags,
		     struct virt_done done, struct error *err)
{
	return xml_verb(v, VERB_POOL_DEFINE, NULL, xml, flags, done, err);
}

int virt_pool_create(struct virt *v, const char *xml, unsigned flags,
		     struct virt_done done, struct error *err)
{
	return xml_verb(v, VERB_POOL_CREATE, NULL, xml, flags, done, err);
}

int virt_pool_act(struct virt *v, enum virt_pool_action action,
		  const char *pool, unsigned flags, struct virt_done done,
		  struct error *err)
{
	static const enum verb_id verbs[] = {
		[VIRT_POOL_DO_AUTOSTART] = VERB_POOL_AUTOSTART,
		[VIRT_POOL_DO_BUILD] = VERB_POOL_BUILD,
		[VIRT_POOL_DO_DELETE] = VERB_POOL_DELETE,
		[VIRT_POOL_DO_DESTROY] = VERB_POOL_DESTROY,
		[VIRT_POOL_DO_REFRESH] = VERB_POOL_REFRESH,
		[VIRT_POOL_DO_START] = VERB_POOL_START,
		[VIRT_POOL_DO_UNDEFINE] = VERB_POOL_UNDEFINE,
	};

	return virt_submit(
		v, pool_request(verbs[action], pool, flags, done, err), err);
}

/* -- volumes -------------------------------------------------------------- */

int virt_volume_list(struct virt *v, const char *pool, bool sizes,
		     struct virt_done done, struct error *err)
{
	return virt_submit(
		v, pool_request(VERB_VOLUME_LIST, pool, sizes, done, err), err);
}

int virt_volume_info(struct virt *v, const struct virt_volume_ref *ref,
		     bool physical, struct virt_done done, struct error *err)
{
	return virt_submit(
		v, volume_request(VERB_VOLUME_INFO, ref, physical, done, err),
		err);
}

int virt_volume_lookup(struct virt *v, const struct virt_volume_ref *ref,
		       struct virt_done done, struct error *err)
{
	return virt_submit(
		v, volume_request(VERB_VOLUME_LOOKUP, ref, 0, done, err), err);
}

int virt_volume_xml(struct virt *v, const struct virt_volume_ref *ref,
		    struct virt_done done, struct error *err)
{
	return virt_submit(
		v, volume_request(VERB_VOLUME_XML, ref, 0, done, err), err);
}

/* names[1]: the new name. */
int virt_volume_clone(struct virt *v, const struct virt_volume_ref *ref,
		      const char *name, unsigned flags, struct virt_done done,
		      struct error *err)
{
	autoptr(request) request =
		volume_request(VERB_VOLUME_CLONE, ref, flags, done, err);

	if (!request ||
	    request_set_name(request, 1, name, "the name of a volume", err) < 0)
		return -1;
	return virt_submit(v, steal(&request), err);
}

int virt_volume_create(struct virt *v, const char *pool, const char *xml,
		       unsigned flags, struct virt_done done, struct error *err)
{
	return xml_verb(v, VERB_VOLUME_CREATE, pool, xml, flags, done, err);
}

/*
 * names[1] the name, names[2] the format, names[3] the backing volume's, text
 * the backing volume; numbers[0] the capacity, numbers[1] the allocation.
 */
int virt_volume_create_as(struct virt *v, const struct virt_volume_plan *plan,
			  struct virt_done done, struct error *err)
{
	const struct virt_volume_ref ref = {plan->pool, plan->backing};
	autoptr(request) request = volume_request(VERB_VOLUME_CREATE_AS, &ref,
						  plan->flags, done, err);

	if (!request ||
	    request_set_name(request, 1, plan->name, "the name of a volume",
			     err) < 0 ||
	    request_set_name(request, 2, plan->format, "a format", err) < 0 ||
	    request_set_name(request, 3, plan->backing_format, "a format",
			     err) < 0)
		return -1;
	request->numbers[0] = plan->capacity;
	request->numbers[1] = plan->allocation;
	return virt_submit(v, steal(&request), err);
}

int virt_volume_delete(struct virt *v, const struct virt_volume_ref *ref,
		       unsigned flags, struct virt_done done, struct error *err)
{
	return virt_submit(
		v, volume_request(VERB_VOLUME_DELETE, ref, flags, done, err),
		err);
}

int virt_volume_resize(struct virt *v, const struct virt_volume_ref *ref,
		       uint64_t capacity, unsigned flags, struct virt_done done,
		       struct error *err)
{
	struct request *request =
		volume_request(VERB_VOLUME_RESIZE, ref, flags, done, err);

	if (request)
		request->numbers[0] = capacity;
	return virt_submit(v, request, err);
}

int virt_volume_wipe(struct virt *v, const struct virt_volume_ref *ref,
		     unsigned algorithm, struct virt_done done,
		     struct error *err)
{
	struct request *request =
		volume_request(VERB_VOLUME_WIPE, ref, 0, done, err);

	if (request)
		request->numbers[0] = algorithm;
	return virt_submit(v, request, err);
}
