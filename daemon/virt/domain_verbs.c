/*
 * The verbs of definition.h, saved.h and guest.h: each makes a request of copies
 * and submits it. Called on the caller's thread; nothing here blocks.
 */
#include <string.h>

#include "daemon/virt/definition.h"
#include "daemon/virt/guest.h"
#include "daemon/virt/internal.h"
#include "daemon/virt/request.h"
#include "daemon/virt/saved.h"

/* FLAGS and one NUMBER, which is all that most verbs are told. */
static int submit(struct virt *v, enum verb_id id,
		  const struct virt_domain_ref *ref, unsigned flags,
		  uint64_t number, struct virt_done done, struct error *err)
{
	struct request *request =
		request_new(id, ref->name_or_uuid, ref->scope, done, err);

	if (request) {
		request->flags = flags;
		request->numbers[0] = number;
	}
	return virt_submit(v, request, err);
}

/* -- definition.h --------------------------------------------------------- */

int virt_domain_autostart(struct virt *v, const struct virt_domain_ref *ref,
			  bool on, struct virt_done done, struct error *err)
{
	return submit(v, VERB_AUTOSTART, ref, 0, on, done, err);
}

int virt_domain_rename(struct virt *v, const struct virt_domain_ref *ref,
		       const char *name, struct virt_done done,
		       struct error *err)
{
	autoptr(request) request = request_new(VERB_RENAME, ref->name_or_uuid,
					       ref->scope, done, err);

	if (!request ||
	    request_set_name(request, 0, name, "the new name", err) < 0)
		return -1;
	return virt_submit(v, steal(&request), err);
}

int virt_domain_description(struct virt *v, const struct virt_domain_ref *ref,
			    unsigned affect, struct virt_done done,
			    struct error *err)
{
	return submit(v, VERB_DESCRIPTION, ref, affect, 0, done, err);
}

int virt_domain_set_text(struct virt *v, const struct virt_domain_ref *ref,
			 enum virt_text which, const char *text,
			 unsigned affect, struct virt_done done,
			 struct error *err)
{
	autoptr(request) request = request_new(VERB_SET_TEXT, ref->name_or_uuid,
					       ref->scope, done, err);

	if (!request ||
	    request_set_text(request, text, VIRT_TEXT_MAX, "the text", err) < 0)
		return -1;
	request->flags = affect;
	request->numbers[0] = which;
	return virt_submit(v, steal(&request), err);
}

int virt_domain_metadata(struct virt *v, const struct virt_domain_ref *ref,
			 const char *uri, unsigned affect,
			 struct virt_done done, struct error *err)
{
	autoptr(request) request = request_new(VERB_METADATA, ref->name_or_uuid,
					       ref->scope, done, err);

	if (!request || request_set_name(request, 0, uri, "the URI", err) < 0)
		return -1;
	request->flags = affect;
	return virt_submit(v, steal(&request), err);
}

int virt_domain_set_metadata(struct virt *v, const struct virt_domain_ref *ref,
			     const char *uri, const char *key, const char *xml,
			     unsigned affect, struct virt_done done,
			     struct error *err)
{
	autoptr(request) request = request_new(
		VERB_SET_METADATA, ref->name_or_uuid, ref->scope, done, err);

	if (!request || request_set_name(request, 0, uri, "the URI", err) < 0 ||
	    request_set_name(request, 1, key, "the key", err) < 0 ||
	    request_set_text(request, xml, VIRT_XML_MAX, "the metadata", err) <
		    0)
		return -1;
	request->flags = affect;
	return virt_submit(v, steal(&request), err);
}

int virt_domain_set_vcpus(struct virt *v, const struct virt_domain_ref *ref,
			  unsigned count, unsigned flags, struct virt_done done,
			  struct error *err)
{
	return submit(v, VERB_SET_VCPUS, ref, flags, count, done, err);
}

int virt_domain_set_memory(struct virt *v, const struct virt_domain_ref *ref,
			   uint64_t kib, unsigned flags, struct virt_done done,
			   struct error *err)
{
	return submit(v, VERB_SET_MEMORY, ref, flags, kib, done, err);
}

/* A struct virt_clone, its disks and its strings in one piece, to free(). */
static struct virt_clone *copy_clone(const struct virt_clone *clone)
{
	size_t size = sizeof(*clone) +
		      clone->disks_count * sizeof(*clone->disks) +
		      strlen(clone->name) + 1;
	struct virt_clone_disk *disks;
	struct virt_clone *copy;
	char *at;

	for (size_t i = 0; i < clone->disks_count; i++)
		size += strlen(clone->disks[i].target) +
			strlen(clone->disks[i].path) + 2;
	copy = malloc(size);
	if (!copy)
		return NULL;
	*copy = *clone;
	disks = (struct virt_clone_disk *)(copy + 1);
	at = (char *)(disks + clone->disks_count);
	copy->disks = disks;
	copy->name = strcpy(at, clone->name);
	at += strlen(at) + 1;
	for (size_t i = 0; i < clone->disks_count; i++) {
		disks[i].target = strcpy(at, clone->disks[i].target);
		at += strlen(at) + 1;
		disks[i].path = strcpy(at, clone->disks[i].path);
		at += strlen(at) + 1;
	}
	return copy;
}

int virt_domain_clone(struct virt *v, const struct virt_domain_ref *ref,
		      const struct virt_clone *clone, struct virt_done done,
		      struct error *err)
{
	autoptr(request) request = request_new(VERB_CLONE, ref->name_or_uuid,
					       ref->scope, done, err);

	if (!request)
		return -1;
	if (clone->disks_count > VIRT_CLONE_DISKS_MAX)
		return error_set(err, ERROR_INVALID_PARAMS,
				 "at most %d disks can be named",
				 VIRT_CLONE_DISKS_MAX);
	request->data = copy_clone(clone);
	request->data_free = free;
	if (!request->data)
		return error_set_no_memory(err);
	return virt_submit(v, steal(&request), err);
}

/* -- saved.h -------------------------------------------------------------- */

int virt_domain_managed_save(struct virt *v, const struct virt_domain_ref *ref,
			     unsigned flags, struct virt_done done,
			     struct error *err)
{
	return submit(v, VERB_MANAGED_SAVE, ref, flags, 0, done, err);
}

int virt_domain_managed_save_remove(struct virt *v,
				    const struct virt_domain_ref *ref,
				    struct virt_done done, struct error *err)
{
	return submit(v, VERB_MANAGED_SAVE_REMOVE, ref, 0, 0, done, err);
}

/* Copies PATH into names[0]. */
static int set_path(struct request *request, const char *path,
		    struct error *err)
{
	if (path[0] != '/')
		return error_set(err, ERROR_INVALID_PARAMS,
				 "'%s' is not an absolute path: the file is on "
				 "the host, which has no present directory",
				 path);
	if (strnlen(path, VIRT_PATH_MAX + 1) > VIRT_PATH_MAX)
		return error_set(err, ERROR_INVALID_PARAMS,
				 "a path has at most %d bytes", VIRT_PATH_MAX);
	request->names[0] = strdup(path);
	return request->names[0] ? 0 : error_set_no_memory(err);
}

int virt_domain_save(struct virt *v, const struct virt_domain_ref *ref,
		     const char *path, const char *xml, unsigned flags,
		     struct virt_done done, struct error *err)
{
	autoptr(request) request = request_new(VERB_SAVE, ref->name_or_uuid,
					       ref->scope, done, err);

	if (!request || set_path(request, path, err) < 0 ||
	    request_set_text(request, xml, VIRT_XML_MAX, "the domain's XML",
			     err) < 0)
		return -1;
	request->flags = flags;
	return virt_submit(v, steal(&request), err);
}

int virt_domain_restore(struct virt *v, const char *path, const char *xml,
			char *const *scope, unsigned flags,
			struct virt_done done, struct error *err)
{
	autoptr(request) request =
		request_new(VERB_RESTORE, NULL, scope, done, err);

	if (!request || set_path(request, path, err) < 0 ||
	    request_set_text(request, xml, VIRT_XML_MAX, "the domain's XML",
			     err) < 0)
		return -1;
	request->flags = flags;
	return virt_submit(v, steal(&request), err);
}

int virt_domain_dump(struct virt *v, const struct virt_domain_ref *ref,
		     const char *path, enum virt_dump_format format,
		     unsigned flags, struct virt_done done, struct error *err)
{
	autoptr(request) request = request_new(VERB_DUMP, ref->name_or_uuid,
					       ref->scope, done, err);

	if (!request || set_path(request, path, err) < 0)
		return -1;
	request->flags = flags;
	request->numbers[0] = format;
	return virt_submit(v, steal(&request), err);
}

int virt_domain_job_stats(struct virt *v, const struct virt_domain_ref *ref,
			  bool completed, struct virt_done done,
			  struct error *err)
{
	return submit(v, VERB_JOB_STATS, ref, 0, completed, done, err);
}

int virt_domain_job_abort(struct virt *v, const struct virt_domain_ref *ref,
			  bool postcopy, struct virt_done done,
			  struct error *err)
{
	return submit(v, VERB_JOB_ABORT, ref, 0, postcopy, done, err);
}

int virt_domain_control(struct virt *v, const struct virt_domain_ref *ref,
			struct virt_done done, struct error *err)
{
	return submit(v, VERB_CONTROL, ref, 0, 0, done, err);
}

/* -- guest.h -------------------------------------------------------------- */

int virt_domain_reset(struct virt *v, const struct virt_domain_ref *ref,
		      struct virt_done done, struct error *err)
{
	return submit(v, VERB_RESET, ref, 0, 0, done, err);
}

int virt_domain_send_key(struct virt *v, const struct virt_domain_ref *ref,
			 const struct virt_keys *keys, struct virt_done done,
			 struct error *err)
{
	autoptr(request) request = request_new(VERB_SEND_KEY, ref->name_or_uuid,
					       ref->scope, done, err);
	struct virt_keys *copy;

	if (!request)
		return -1;
	if (keys->count < 1 || keys->count > VIRT_KEYS_MAX)
		return error_set(err, ERROR_INVALID_PARAMS,
				 "1 to %d keys can be pressed at once",
				 VIRT_KEYS_MAX);
	copy = malloc(sizeof(*copy));
	if (!copy)
		return error_set_no_memory(err);
	*copy = *keys;
	request->data = copy;
	request->data_free = free;
	return virt_submit(v, steal(&request), err);
}

int virt_domain_inject_nmi(struct virt *v, const struct virt_domain_ref *ref,
			   struct virt_done done, struct error *err)
{
	return submit(v, VERB_INJECT_NMI, ref, 0, 0, done, err);
}

int virt_domain_pm_suspend(struct virt *v, const struct virt_domain_ref *ref,
			   enum virt_suspend_target target, uint64_t seconds,
			   struct virt_done done, struct error *err)
{
	autoptr(request) request = request_new(
		VERB_PM_SUSPEND, ref->name_or_uuid, ref->scope, done, err);

	if (!request)
		return -1;
	request->numbers[0] = target;
	request->numbers[1] = seconds;
	return virt_submit(v, steal(&request), err);
}

int virt_domain_pm_wakeup(struct virt *v, const struct virt_domain_ref *ref,
			  struct virt_done done, struct error *err)
{
	return submit(v, VERB_PM_WAKEUP, ref, 0, 0, done, err);
}
