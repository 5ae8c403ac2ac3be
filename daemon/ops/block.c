/*
 * Disks of running domains: the handlers of block.*. Each is one verb of virt;
 * jobs have begun when the call is answered, and block.job tells of them.
 */
#include "daemon/virt/block.h"

#include "daemon/ops/fields.h"

static unsigned flag(bool given, unsigned bit)
{
	return given ? bit : 0;
}

static struct virt_done then_answer(struct call *call)
{
	return ops_then(call, fields_answer_ref);
}

void op_block_resize(struct call *call,
		     const struct block_resize_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_block_resize(ops_virt(call), &ref, params->path,
					params->size, then_answer(call), &err),
		      &err);
}

void op_block_job(struct call *call, const struct block_job_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_block_job(ops_virt(call), &ref, params->path,
				     ops_then(call, fields_answer), &err),
		      &err);
}

void op_block_abort(struct call *call, const struct block_abort_params *params)
{
	const struct virt_block block = {
		.disk = params->path,
		.flags = flag(params->async, VIRT_BLOCK_ASYNC) |
			 flag(params->pivot, VIRT_BLOCK_PIVOT),
	};
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_block_abort(ops_virt(call), &ref, &block,
				       then_answer(call), &err),
		      &err);
}

void op_block_set_speed(struct call *call,
			const struct block_set_speed_params *params)
{
	const struct virt_block block = {.disk = params->path,
					 .bandwidth = params->bandwidth};
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_block_set_speed(ops_virt(call), &ref, &block,
					   then_answer(call), &err),
		      &err);
}

void op_block_pull(struct call *call, const struct block_pull_params *params)
{
	const struct virt_block block = {
		.disk = params->path,
		.base = params->base,
		.bandwidth = params->bandwidth,
		.flags = flag(params->keep_relative, VIRT_BLOCK_KEEP_RELATIVE),
	};
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_block_pull(ops_virt(call), &ref, &block,
				      then_answer(call), &err),
		      &err);
}

void op_block_commit(struct call *call,
		     const struct block_commit_params *params)
{
	const struct virt_block block = {
		.disk = params->path,
		.base = params->base,
		.top = params->top,
		.bandwidth = params->bandwidth,
		.flags = flag(params->active, VIRT_BLOCK_ACTIVE) |
			 flag(params->delete, VIRT_BLOCK_DELETE) |
			 flag(params->shallow, VIRT_BLOCK_SHALLOW) |
			 flag(params->keep_relative, VIRT_BLOCK_KEEP_RELATIVE),
	};
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_block_commit(ops_virt(call), &ref, &block,
					then_answer(call), &err),
		      &err);
}

static unsigned copy_flags(const struct block_copy_params *p)
{
	return flag(p->blockdev, VIRT_BLOCK_DEVICE) |
	       flag(p->shallow, VIRT_BLOCK_SHALLOW) |
	       flag(p->reuse_external, VIRT_BLOCK_REUSE) |
	       flag(p->transient_job, VIRT_BLOCK_TRANSIENT) |
	       flag(p->synchronous_writes, VIRT_BLOCK_SYNCHRONOUS);
}

/* NULL: the parameters fit each other. */
static const char *fault_of(const struct block_copy_params *p)
{
	if (p->has_dest == p->has_xml)
		return "give the copy's path (dest) or its xml, and not both";
	if (p->has_xml && (p->has_format || p->blockdev))
		return "format and blockdev are told by the xml";
	return p->granularity > UINT32_MAX ? "that granularity is too large"
					   : NULL;
}

void op_block_copy(struct call *call, const struct block_copy_params *params)
{
	const struct virt_block block = {
		.disk = params->path,
		.path = params->dest,
		.xml = params->xml,
		.format = params->format,
		.bandwidth = params->bandwidth,
		.granularity = params->granularity,
		.buffer = params->buf_size,
		.flags = copy_flags(params),
	};
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	const char *fault = fault_of(params);
	autoerror err = {0};

	if (fault) {
		error_set(&err, ERROR_INVALID_PARAMS, "%s", fault);
		call_fail(call, &err);
		return;
	}
	ops_submitted(call,
		      virt_block_copy(ops_virt(call), &ref, &block,
				      then_answer(call), &err),
		      &err);
}
