/*
 * The verbs of content.h: each makes a request of copies, which takes the
 * descriptors. Called on the caller's thread; nothing here blocks.
 */
#include "daemon/virt/content.h"

#include "daemon/virt/internal.h"
#include "daemon/virt/request.h"

static struct request *volume_request(enum verb_id id,
				      const struct virt_volume_ref *ref,
				      struct virt_done done, struct error *err)
{
	autoptr(request) request = request_new(id, NULL, NULL, done, err);

	if (!request ||
	    request_set_name(request, 0, ref->pool,
			     "the name of a storage pool", err) < 0 ||
	    request_set_text(request, ref->volume, VIRT_VOLUME_NAME_MAX,
			     "the name of a volume", err) < 0)
		return NULL;
	return steal(&request);
}

int virt_content_open(struct virt *v, const struct virt_volume_ref *ref,
		      bool write, struct virt_done done, struct error *err)
{
	struct request *request =
		volume_request(VERB_CONTENT_OPEN, ref, done, err);

	if (request)
		request->force = write;
	return virt_submit(v, request, err);
}

static int move(struct virt *v, enum verb_id id,
		const struct virt_content_plan *plan, struct virt_done done,
		struct error *err)
{
	struct request *request = volume_request(id, &plan->ref, done, err);

	if (!request) {
		int file = plan->file, socket = plan->socket;

		cleanup_close(&file);
		cleanup_close(&socket);
		return -1;
	}
	request->fds[0] = plan->file;
	request->fds[1] = plan->socket;
	request->numbers[0] = plan->offset;
	request->numbers[1] = plan->length;
	request->force = plan->sparse;
	return virt_submit(v, request, err);
}

int virt_content_send(struct virt *v, const struct virt_content_plan *plan,
		      struct virt_done done, struct error *err)
{
	return move(v, VERB_CONTENT_SEND, plan, done, err);
}

int virt_content_receive(struct virt *v, const struct virt_content_plan *plan,
			 struct virt_done done, struct error *err)
{
	return move(v, VERB_CONTENT_RECEIVE, plan, done, err);
}

int virt_content_sum(struct virt *v, const struct virt_volume_ref *ref,
		     uint64_t offset, uint64_t length, uint64_t block,
		     struct virt_done done, struct error *err)
{
	struct request *request =
		volume_request(VERB_CONTENT_SUM, ref, done, err);

	if (request) {
		request->numbers[0] = offset;
		request->numbers[1] = length;
		request->numbers[2] = block;
	}
	return virt_submit(v, request, err);
}
