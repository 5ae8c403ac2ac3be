/*
 * The verbs about the host's machine: each makes a request of copies and submits it
 * (as verbs.c does for domains). Called on the caller's thread; nothing here blocks.
 */
#include "daemon/virt/node.h"

#include "daemon/virt/internal.h"
#include "daemon/virt/request.h"

int virt_node_capabilities(struct virt *v, struct virt_done done,
			   struct error *err)
{
	return virt_submit(
		v, request_new(VERB_NODE_CAPABILITIES, NULL, NULL, done, err),
		err);
}

int virt_node_domain_capabilities(struct virt *v,
				  const struct virt_domain_kind *kind,
				  struct virt_done done, struct error *err)
{
	autoptr(request) request = request_new(VERB_NODE_DOMAIN_CAPABILITIES,
					       NULL, NULL, done, err);

	if (!request ||
	    request_set_name(request, 0, kind->virttype, "a kind of guests",
			     err) < 0 ||
	    request_set_name(request, 1, kind->arch, "a processor", err) < 0 ||
	    request_set_name(request, 2, kind->machine, "a machine type", err) <
		    0 ||
	    request_set_name(request, 3, kind->emulator, "an emulator", err) <
		    0)
		return -1;
	return virt_submit(v, steal(&request), err);
}

int virt_node_stats(struct virt *v, int cpu, int cell, struct virt_done done,
		    struct error *err)
{
	struct request *request =
		request_new(VERB_NODE_STATS, NULL, NULL, done, err);

	if (request) {
		request->numbers[0] = (uint64_t)((int64_t)cpu + 1);
		request->numbers[1] = (uint64_t)((int64_t)cell + 1);
	}
	return virt_submit(v, request, err);
}

int virt_node_devices(struct virt *v, struct virt_done done, struct error *err)
{
	return virt_submit(
		v, request_new(VERB_NODE_DEVICES, NULL, NULL, done, err), err);
}

int virt_node_device(struct virt *v, const char *name, struct virt_done done,
		     struct error *err)
{
	autoptr(request) request =
		request_new(VERB_NODE_DEVICE, NULL, NULL, done, err);

	if (!request ||
	    request_set_name(request, 0, name, "the name of a device", err) < 0)
		return -1;
	return virt_submit(v, steal(&request), err);
}
