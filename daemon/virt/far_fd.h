/*
 * What the kinds with a descriptor of their own share: a watch on libvirt's
 * event loop that hangs up once. Event thread, but for close.
 */
#ifndef VIRTMUX_VIRT_FAR_FD_H
#define VIRTMUX_VIRT_FAR_FD_H

#include <libvirt/libvirt.h>
#include <unistd.h>

#include "daemon/virt/far.h"

struct far_fd {
	struct far far;
	int fd;
	int watch; /* -1: none */
};

static inline void far_fd_unwatch(struct far_fd *f)
{
	if (f->watch >= 0)
		virEventRemoveHandle(f->watch);
	f->watch = -1;
}

static inline void far_fd_close(struct far_fd *f)
{
	far_fd_unwatch(f);
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

static inline void far_fd_on_event(int watch, int fd, int events, void *opaque)
{
	struct far_fd *f = opaque;
	bool gone = (events &
		     (VIR_EVENT_HANDLE_ERROR | VIR_EVENT_HANDLE_HANGUP)) != 0;

	/* It would be told again and again. */
	if (gone)
		far_fd_unwatch(f);
	f->far.ready(f->far.context, gone);
}

static inline int far_fd_watch(struct far *far)
{
	struct far_fd *f = container_of(far, struct far_fd, far);

	f->watch = virEventAddHandle(
		f->fd, VIR_EVENT_HANDLE_ERROR | VIR_EVENT_HANDLE_HANGUP,
		far_fd_on_event, f, NULL);
	return f->watch < 0 ? -1 : 0;
}

static inline void far_fd_want(struct far *far, bool readable, bool writable)
{
	struct far_fd *f = container_of(far, struct far_fd, far);
	int events = VIR_EVENT_HANDLE_ERROR | VIR_EVENT_HANDLE_HANGUP;

	if (readable)
		events |= VIR_EVENT_HANDLE_READABLE;
	if (writable)
		events |= VIR_EVENT_HANDLE_WRITABLE;
	if (f->watch >= 0)
		virEventUpdateHandle(f->watch, events);
}

#endif
