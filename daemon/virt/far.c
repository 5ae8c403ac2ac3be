/*
 * A guest's serial line over a libvirt stream (far.h).
 */
#include "daemon/virt/far.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "daemon/virt/error.h"
#include "daemon/virt/job.h"

struct far {
	virStreamPtr stream;
	bool open;    /* the console is attached to it */
	bool watched; /* a callback is registered */
	bool clean;   /* the guest's end has come: finish, don't abort */
	far_ready_fn *ready;
	void *context;
};

struct far *far_open_console(struct job *job, const char *alias,
			     struct error *err)
{
	autoptr(far) far = calloc(1, sizeof(*far));
	unsigned flags = job->request->force ? VIR_DOMAIN_CONSOLE_FORCE : 0;

	if (!far) {
		error_set_no_memory(err);
		return NULL;
	}
	far->stream = virStreamNew(job->conn, VIR_STREAM_NONBLOCK);
	if (!far->stream ||
	    virDomainOpenConsole(job->domain, alias, far->stream, flags) < 0) {
		failure_set(job, err);
		return NULL;
	}
	far->open = true;
	return steal(&far);
}

static void unwatch(struct far *far)
{
	if (far->watched)
		virStreamEventRemoveCallback(far->stream);
	far->watched = false;
}

void far_free(struct far *far)
{
	if (!far)
		return;
	unwatch(far);
	if (far->open && far->clean)
		virStreamFinish(far->stream);
	else if (far->open)
		virStreamAbort(far->stream);
	if (far->stream)
		virStreamFree(far->stream);
	free(far);
}

int far_recv(struct far *far, void *data, size_t n)
{
	int got = virStreamRecv(far->stream, data, n);

	if (got == 0)
		far->clean = true;
	return got;
}

int far_send(struct far *far, const void *data, size_t n)
{
	return virStreamSend(far->stream, data, n);
}

static void on_stream(virStreamPtr stream, int events, void *opaque)
{
	struct far *far = opaque;
	bool gone = (events &
		     (VIR_STREAM_EVENT_ERROR | VIR_STREAM_EVENT_HANGUP)) != 0;

	/* libvirt would call again and again until it is closed. */
	if (gone)
		unwatch(far);
	far->ready(far->context, gone);
}

int far_watch(struct far *far, far_ready_fn *ready, void *context)
{
	far->ready = ready;
	far->context = context;
	if (virStreamEventAddCallback(far->stream,
				      VIR_STREAM_EVENT_ERROR |
					      VIR_STREAM_EVENT_HANGUP,
				      on_stream, far, NULL) < 0)
		return -1;
	far->watched = true;
	return 0;
}

void far_want(struct far *far, bool readable, bool writable)
{
	int events = VIR_STREAM_EVENT_ERROR | VIR_STREAM_EVENT_HANGUP;

	if (!far->watched)
		return;
	if (readable)
		events |= VIR_STREAM_EVENT_READABLE;
	if (writable)
		events |= VIR_STREAM_EVENT_WRITABLE;
	virStreamEventUpdateCallback(far->stream, events);
}
