/*
 * The kinds of a guest's end of a line, and the choice between them (far.h).
 */
#include "daemon/virt/far.h"

#include "daemon/virt/job.h"

struct far *far_open(struct job *job, const struct far_line *line,
		     struct error *err)
{
	struct far *far;
	bool tried = false;

	if (!job->remote)
		return far_open_pty(job, line, err);
	far = far_open_rpc(job, line, &tried, err);
	if (!tried)
		far = far_open_stream(job, line, err);
	return far;
}

void far_free(struct far *far)
{
	if (far)
		far->ops->free(far);
}

int far_recv(struct far *far, void *data, size_t n)
{
	return far->ops->recv(far, data, n);
}

int far_send(struct far *far, const void *data, size_t n)
{
	return far->ops->send(far, data, n);
}

int far_finish(struct far *far)
{
	return far->ops->finish(far);
}

int far_watch(struct far *far, far_ready_fn *ready, void *context)
{
	far->ready = ready;
	far->context = context;
	return far->ops->watch(far);
}

void far_want(struct far *far, bool readable, bool writable)
{
	far->ops->want(far, readable, writable);
}
