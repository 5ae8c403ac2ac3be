/* The requests of device.h. Called on the caller's thread; nothing blocks. */
#include "daemon/virt/device.h"

#include "daemon/virt/internal.h"
#include "daemon/virt/request.h"

int virt_device_list(struct virt *v, const struct virt_domain_ref *ref,
		     bool inactive, struct virt_done done, struct error *err)
{
	struct request *request = request_new(VERB_DEVICES, ref->name_or_uuid,
					      ref->scope, done, err);

	if (request)
		request->force = inactive;
	return virt_submit(v, request, err);
}

int virt_device_addresses(struct virt *v, const struct virt_domain_ref *ref,
			  enum virt_address_source source,
			  struct virt_done done, struct error *err)
{
	struct request *request = request_new(VERB_ADDRESSES, ref->name_or_uuid,
					      ref->scope, done, err);

	if (request)
		request->number = source;
	return virt_submit(v, request, err);
}

/* With a name, a text, and flags. */
static int change(struct virt *v, enum verb_id id,
		  const struct virt_domain_ref *ref, const char *name,
		  const char *xml, unsigned flags, struct virt_done done,
		  struct error *err)
{
	autoptr(request) request =
		request_new(id, ref->name_or_uuid, ref->scope, done, err);

	if (!request ||
	    request_set_name(request, 0, name, "the name of a device", err) <
		    0 ||
	    request_set_text(request, xml, VIRT_XML_MAX, "the device's XML",
			     err) < 0)
		return -1;
	request->flags = flags;
	return virt_submit(v, steal(&request), err);
}

int virt_device_attach(struct virt *v, const struct virt_domain_ref *ref,
		       const char *xml, unsigned flags, struct virt_done done,
		       struct error *err)
{
	return change(v, VERB_ATTACH, ref, NULL, xml, flags, done, err);
}

int virt_device_detach(struct virt *v, const struct virt_domain_ref *ref,
		       const char *xml, unsigned flags, struct virt_done done,
		       struct error *err)
{
	return change(v, VERB_DETACH, ref, NULL, xml, flags, done, err);
}

int virt_device_detach_alias(struct virt *v, const struct virt_domain_ref *ref,
			     const char *alias, unsigned flags,
			     struct virt_done done, struct error *err)
{
	return change(v, VERB_DETACH, ref, alias, NULL, flags, done, err);
}

int virt_device_update(struct virt *v, const struct virt_domain_ref *ref,
		       const char *xml, unsigned flags, struct virt_done done,
		       struct error *err)
{
	return change(v, VERB_UPDATE, ref, NULL, xml, flags, done, err);
}

int virt_device_change_media(struct virt *v, const struct virt_domain_ref *ref,
			     const struct virt_media *media, unsigned flags,
			     struct virt_done done, struct error *err)
{
	autoptr(request) request = request_new(VERB_MEDIA, ref->name_or_uuid,
					       ref->scope, done, err);

	if (!request ||
	    request_set_name(request, 0, media->drive, "a drive's name", err) <
		    0 ||
	    request_set_name(request, 1, media->pool, "a pool's name", err) <
		    0 ||
	    request_set_name(request, 2, media->volume, "a volume's name",
			     err) < 0 ||
	    request_set_text(request, media->source, VIRT_PATH_MAX, "a path",
			     err) < 0)
		return -1;
	request->number = media->action;
	request->flags = flags;
	return virt_submit(v, steal(&request), err);
}

int virt_device_set_link(struct virt *v, const struct virt_domain_ref *ref,
			 const char *interface, bool up, unsigned flags,
			 struct virt_done done, struct error *err)
{
	autoptr(request) request = request_new(VERB_LINK, ref->name_or_uuid,
					       ref->scope, done, err);

	if (!request || request_set_name(request, 0, interface,
					 "an interface's name", err) < 0)
		return -1;
	request->force = up;
	request->flags = flags;
	return virt_submit(v, steal(&request), err);
}
