/*
 * A guest's end of a line over libvirt's stream (far.h): for transports that we
 * do not speak ourselves. libvirt receives whether we do or not, so that the
 * hub always takes what has come.
 */
#include "daemon/virt/far.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "daemon/virt/error.h"
#include "daemon/virt/job.h"

struct far_stream {
	struct far far;
	virStreamPtr stream;
	bool open;    /* the console is attached to it */
	bool watched; /* a callback is registered */
	bool clean;   /* all is said: finish, don't abort */
};

static void unwatch(struct far_stream *s)
{
	if (s->watched)
		virStreamEventRemoveCallback(s->stream);
	s->watched = false;
}

static void stream_free(struct far *far)
{
	struct far_stream *s = container_of(far, struct far_stream, far);

	unwatch(s);
	if (s->open && s->clean)
		virStreamFinish(s->stream);
	else if (s->open)
		virStreamAbort(s->stream);
	if (s->stream)
		virStreamFree(s->stream);
	free(s);
}

static int stream_recv(struct far *far, void *data, size_t n)
{
	struct far_stream *s = container_of(far, struct far_stream, far);
	int got = virStreamRecv(s->stream, data, n);

	if (got == 0)
		s->clean = true;
	return got;
}

static int stream_send(struct far *far, const void *data, size_t n)
{
	struct far_stream *s = container_of(far, struct far_stream, far);

	return virStreamSend(s->stream, data, n);
}

static int stream_finish(struct far *far)
{
	container_of(far, struct far_stream, far)->clean = true;
	return 0;
}

static void on_stream(virStreamPtr stream, int events, void *opaque)
{
	struct far_stream *s = opaque;
	bool gone = (events &
		     (VIR_STREAM_EVENT_ERROR | VIR_STREAM_EVENT_HANGUP)) != 0;

	/* libvirt would call again and again until it is closed. */
	if (gone)
		unwatch(s);
	s->far.ready(s->far.context, gone);
}

static int stream_watch(struct far *far)
{
	struct far_stream *s = container_of(far, struct far_stream, far);

	if (virStreamEventAddCallback(
		    s->stream, VIR_STREAM_EVENT_ERROR | VIR_STREAM_EVENT_HANGUP,
		    on_stream, s, NULL) < 0)
		return -1;
	s->watched = true;
	return 0;
}

static void stream_want(struct far *far, bool readable, bool writable)
{
	struct far_stream *s = container_of(far, struct far_stream, far);
	int events = VIR_STREAM_EVENT_ERROR | VIR_STREAM_EVENT_HANGUP;

	if (!s->watched)
		return;
	if (readable)
		events |= VIR_STREAM_EVENT_READABLE;
	if (writable)
		events |= VIR_STREAM_EVENT_WRITABLE;
	virStreamEventUpdateCallback(s->stream, events);
}

static const struct far_ops stream_ops = {
	.pushes = true,
	.recv = stream_recv,
	.send = stream_send,
	.finish = stream_finish,
	.watch = stream_watch,
	.want = stream_want,
	.free = stream_free,
};

struct far *far_open_stream(struct job *job, const struct far_line *line,
			    struct error *err)
{
	struct far_stream *s = calloc(1, sizeof(*s));
	unsigned flags = job->request->force ? VIR_DOMAIN_CONSOLE_FORCE : 0;

	if (!s) {
		error_set_no_memory(err);
		return NULL;
	}
	s->far.ops = &stream_ops;
	s->stream = virStreamNew(job->conn, VIR_STREAM_NONBLOCK);
	if (!s->stream || virDomainOpenConsole(job->domain, line->alias,
					       s->stream, flags) < 0) {
		failure_set(job, err);
		stream_free(&s->far);
		return NULL;
	}
	s->open = true;
	return &s->far;
}
