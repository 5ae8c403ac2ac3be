/*
 * The verbs about checkpoints and backups: each makes a request of copies and submits
 * it (as verbs.c does for domains). Called on the caller's thread; nothing here blocks.
 */
#include "daemon/virt/checkpoint.h"

#include <string.h>

#include "base/buf.h"
#include "daemon/virt/internal.h"
#include "daemon/virt/request.h"
#include "daemon/virt/xml_select.h"

static struct request *make(enum verb_id id, const struct virt_domain_ref *ref,
			    const char *name, unsigned flags,
			    struct virt_done done, struct error *err)
{
	autoptr(request) request =
		request_new(id, ref->name_or_uuid, ref->scope, done, err);

	if (!request || request_set_name(request, 0, name,
					 "the name of a checkpoint", err) < 0)
		return NULL;
	request->flags = flags;
	return steal(&request);
}

int virt_checkpoint_list(struct virt *v, const struct virt_domain_ref *ref,
			 struct virt_done done, struct error *err)
{
	return virt_submit(
		v, make(VERB_CHECKPOINT_LIST, ref, NULL, 0, done, err), err);
}

int virt_checkpoint_show(struct virt *v, const struct virt_domain_ref *ref,
			 const char *name, unsigned flags,
			 struct virt_done done, struct error *err)
{
	return virt_submit(
		v, make(VERB_CHECKPOINT_SHOW, ref, name, flags, done, err),
		err);
}

static int set_xml(struct request *request,
		   const struct virt_checkpoint_new *checkpoint,
		   struct error *err)
{
	autobuf xml = {0};
	autofree char *text = NULL;

	if (checkpoint->xml)
		return request_set_text(request, checkpoint->xml, VIRT_XML_MAX,
					"the checkpoint's XML", err);
	buf_append_str(&xml, "<domaincheckpoint>");
	xml_append_element(&xml, "name", checkpoint->name);
	xml_append_element(&xml, "description", checkpoint->description);
	buf_append_str(&xml, "</domaincheckpoint>");
	text = buf_steal_str(&xml);
	if (!text)
		return error_set_no_memory(err);
	return request_set_text(request, text, VIRT_XML_MAX,
				"the checkpoint's description", err);
}

int virt_checkpoint_create(struct virt *v, const struct virt_domain_ref *ref,
			   const struct virt_checkpoint_new *checkpoint,
			   struct virt_done done, struct error *err)
{
	autoptr(request) request =
		make(VERB_CHECKPOINT_CREATE, ref, checkpoint->name,
		     checkpoint->flags, done, err);

	if (!request || set_xml(request, checkpoint, err) < 0)
		return -1;
	return virt_submit(v, steal(&request), err);
}

int virt_checkpoint_delete(struct virt *v, const struct virt_domain_ref *ref,
			   const char *name, unsigned flags,
			   struct virt_done done, struct error *err)
{
	return virt_submit(
		v, make(VERB_CHECKPOINT_DELETE, ref, name, flags, done, err),
		err);
}

/* A request has one text: the second document goes among its names. */
int virt_backup_begin(struct virt *v, const struct virt_domain_ref *ref,
		      const char *xml, const char *checkpoint_xml, bool reuse,
		      struct virt_done done, struct error *err)
{
	autoptr(request) request =
		make(VERB_BACKUP_BEGIN, ref, NULL, reuse, done, err);

	if (!request ||
	    request_set_text(request, xml ? xml : "<domainbackup/>",
			     VIRT_XML_MAX, "the backup's XML", err) < 0)
		return -1;
	if (checkpoint_xml &&
	    strnlen(checkpoint_xml, VIRT_XML_MAX + 1) > VIRT_XML_MAX)
		return error_set(err, ERROR_INVALID_PARAMS,
				 "the checkpoint's XML has more than %d bytes",
				 VIRT_XML_MAX);
	/* Freed with the other names. */
	request->names[1] = checkpoint_xml ? strdup(checkpoint_xml) : NULL;
	if (checkpoint_xml && !request->names[1])
		return error_set_no_memory(err);
	return virt_submit(v, steal(&request), err);
}

int virt_backup_info(struct virt *v, const struct virt_domain_ref *ref,
		     struct virt_done done, struct error *err)
{
	return virt_submit(v, make(VERB_BACKUP_INFO, ref, NULL, 0, done, err),
			   err);
}
