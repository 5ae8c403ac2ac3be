/* The request of stats.h. Called on the caller's thread; nothing here blocks. */
#include "daemon/virt/stats.h"

#include "daemon/virt/internal.h"
#include "daemon/virt/request.h"

int virt_domain_stats(struct virt *v, const struct virt_domain_ref *ref,
		      unsigned groups, unsigned options, struct virt_done done,
		      struct error *err)
{
	struct request *request = request_new(VERB_STATS, ref->name_or_uuid,
					      ref->scope, done, err);

	if (request) {
		request->flags = groups;
		request->number = options;
	}
	return virt_submit(v, request, err);
}
