/* The requests of block.h. Called on the caller's thread; nothing blocks. */
#include "daemon/virt/block.h"

#include <string.h>

#include "daemon/virt/block_request.h"
#include "daemon/virt/internal.h"
#include "daemon/virt/request.h"

static int set_path(struct request *request, enum block_name which,
		    const char *path, struct error *err)
{
	if (!path)
		return 0;
	if (!*path || strnlen(path, VIRT_PATH_MAX + 1) > VIRT_PATH_MAX)
		return error_set(err, ERROR_INVALID_PARAMS,
				 "a path or disk has 1 to %d bytes",
				 VIRT_PATH_MAX);
	request->names[which] = strdup(path);
	return request->names[which] ? 0 : error_set_no_memory(err);
}

static int submit(struct virt *v, enum verb_id id,
		  const struct virt_domain_ref *ref,
		  const struct virt_block *block, struct virt_done done,
		  struct error *err)
{
	autoptr(request) request =
		request_new(id, ref->name_or_uuid, ref->scope, done, err);
	const char *base = block->path ? block->path : block->base;
	const char *top = block->format ? block->format : block->top;

	if (!request || set_path(request, BLOCK_DISK, block->disk, err) < 0 ||
	    set_path(request, BLOCK_BASE, base, err) < 0 ||
	    set_path(request, BLOCK_TOP, top, err) < 0 ||
	    request_set_text(request, block->xml, VIRT_XML_MAX,
			     "the destination's XML", err) < 0)
		return -1;
	request->numbers[BLOCK_BANDWIDTH] = block->bandwidth;
	request->numbers[BLOCK_GRANULARITY] = block->granularity;
	request->numbers[BLOCK_BUFFER] = block->buffer;
	request->flags = block->flags;
	return virt_submit(v, steal(&request), err);
}

int virt_block_resize(struct virt *v, const struct virt_domain_ref *ref,
		      const char *disk, uint64_t size, struct virt_done done,
		      struct error *err)
{
	const struct virt_block block = {.disk = disk, .bandwidth = size};

	return submit(v, VERB_BLOCK_RESIZE, ref, &block, done, err);
}

int virt_block_job(struct virt *v, const struct virt_domain_ref *ref,
		   const char *disk, struct virt_done done, struct error *err)
{
	const struct virt_block block = {.disk = disk};

	return submit(v, VERB_BLOCK_JOB, ref, &block, done, err);
}

#define BLOCK_VERB(name, id)                                                   \
	int virt_block_##name(struct virt *v,                                  \
			      const struct virt_domain_ref *ref,               \
			      const struct virt_block *block,                  \
			      struct virt_done done, struct error *err)        \
	{                                                                      \
		return submit(v, id, ref, block, done, err);                   \
	}

BLOCK_VERB(abort, VERB_BLOCK_ABORT)
BLOCK_VERB(set_speed, VERB_BLOCK_SPEED)
BLOCK_VERB(pull, VERB_BLOCK_PULL)
BLOCK_VERB(commit, VERB_BLOCK_COMMIT)
BLOCK_VERB(copy, VERB_BLOCK_COPY)
