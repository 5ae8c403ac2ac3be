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
