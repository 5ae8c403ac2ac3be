/*
 * The verbs about snapshots: each makes a request of copies and submits it (as
 * verbs.c does for domains). Called on the caller's thread; nothing here blocks.
 */
#include "daemon/virt/snapshot.h"

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
					 "the name of a snapshot", err) < 0)
		return NULL;
	request->flags = flags;
	return steal(&request);
}

int virt_snapshot_list(struct virt *v, const struct virt_domain_ref *ref,
		       struct virt_done done, struct error *err)
{
	return virt_submit(v, make(VERB_SNAPSHOT_LIST, ref, NULL, 0, done, err),
			   err);
}

int virt_snapshot_info(struct virt *v, const struct virt_domain_ref *ref,
		       const char *name, struct virt_done done,
		       struct error *err)
{
	return virt_submit(v, make(VERB_SNAPSHOT_INFO, ref, name, 0, done, err),
			   err);
}

int virt_snapshot_xml(struct virt *v, const struct virt_domain_ref *ref,
		      const char *name, bool secure, struct virt_done done,
		      struct error *err)
{
	return virt_submit(
		v, make(VERB_SNAPSHOT_XML, ref, name, secure, done, err), err);
}

static int set_xml(struct request *request,
		   const struct virt_snapshot_new *snapshot, struct error *err)
{
	autobuf xml = {0};
	autofree char *text = NULL;

	if (snapshot->xml)
		return request_set_text(request, snapshot->xml, VIRT_XML_MAX,
					"the snapshot's XML", err);
	buf_append_str(&xml, "<domainsnapshot>");
	xml_append_element(&xml, "name", snapshot->name);
	xml_append_element(&xml, "description", snapshot->description);
	buf_append_str(&xml, "</domainsnapshot>");
	text = buf_steal_str(&xml);
	if (!text)
		return error_set_no_memory(err);
	return request_set_text(request, text, VIRT_XML_MAX,
				"the snapshot's description", err);
}

int virt_snapshot_create(struct virt *v, const struct virt_domain_ref *ref,
			 const struct virt_snapshot_new *snapshot,
			 struct virt_done done, struct error *err)
{
	autoptr(request) request =
		make(VERB_SNAPSHOT_CREATE, ref, snapshot->name, snapshot->flags,
		     done, err);

	/* libvirt makes names of files of it. */
	if (snapshot->name &&
	    (strchr(snapshot->name, '/') || snapshot->name[0] == '.'))
		return error_set(err, ERROR_INVALID_PARAMS,
				 "the name of a snapshot has no slash, and "
				 "does not begin with a dot");
	if (!request || set_xml(request, snapshot, err) < 0)
		return -1;
	return virt_submit(v, steal(&request), err);
}

int virt_snapshot_revert(struct virt *v, const struct virt_domain_ref *ref,
			 const char *name, unsigned flags,
			 struct virt_done done, struct error *err)
{
	return virt_submit(
		v, make(VERB_SNAPSHOT_REVERT, ref, name, flags, done, err),
		err);
}

int virt_snapshot_delete(struct virt *v, const struct virt_domain_ref *ref,
			 const char *name, unsigned flags,
			 struct virt_done done, struct error *err)
{
	return virt_submit(
		v, make(VERB_SNAPSHOT_DELETE, ref, name, flags, done, err),
		err);
}
