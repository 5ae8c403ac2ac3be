/*
 * The verbs of progress.h: each makes a request of copies and submits it. Called on
 * the caller's thread; nothing here blocks.
 */
#include "daemon/virt/progress.h"

#include "daemon/virt/internal.h"
#include "daemon/virt/request.h"

int virt_domain_progress(struct virt *v, const struct virt_domain_ref *ref,
			 struct virt_done done, struct error *err)
{
	return virt_submit(v,
			   request_new(VERB_PROGRESS, ref->name_or_uuid,
				       ref->scope, done, err),
			   err);
}

int virt_domain_abort(struct virt *v, const struct virt_domain_ref *ref,
		      struct virt_done done, struct error *err)
{
	return virt_submit(v,
			   request_new(VERB_ABORT, ref->name_or_uuid,
				       ref->scope, done, err),
			   err);
}
