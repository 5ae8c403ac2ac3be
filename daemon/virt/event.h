/*
 * What libvirt tells by itself: events as values, for the caller's thread. Public
 * beside virt.h. What crosses is bounded: where more come than the caller takes,
 * some are dropped, and an event says how many.
 */
#ifndef VIRTMUX_VIRT_EVENT_H
#define VIRTMUX_VIRT_EVENT_H

#include "daemon/virt/virt.h"

enum virt_event_type {
	/* of a domain */
	VIRT_EVENT_LIFECYCLE,
	VIRT_EVENT_REBOOT,
	VIRT_EVENT_WATCHDOG,
	VIRT_EVENT_IO_ERROR,
	VIRT_EVENT_CONTROL_ERROR,
	VIRT_EVENT_GRAPHICS,
	VIRT_EVENT_BLOCK_JOB,
	VIRT_EVENT_BLOCK_THRESHOLD,
	VIRT_EVENT_DISK_CHANGE,
	VIRT_EVENT_TRAY_CHANGE,
	VIRT_EVENT_DEVICE_ADDED,
	VIRT_EVENT_DEVICE_REMOVED,
	VIRT_EVENT_DEVICE_REMOVAL_FAILED,
	VIRT_EVENT_BALLOON_CHANGE,
	VIRT_EVENT_AGENT_LIFECYCLE,
	VIRT_EVENT_JOB_COMPLETED,
	VIRT_EVENT_METADATA_CHANGE,
	/* of the host */
	VIRT_EVENT_NETWORK_LIFECYCLE,
	VIRT_EVENT_POOL_LIFECYCLE,
	VIRT_EVENT_POOL_REFRESH,
	VIRT_EVENT_LIBVIRT, /* "connected", "disconnected" */
	VIRT_EVENT_MISSED,  /* number: how many; 0: not known */
	VIRT_EVENTS,
};

#define VIRT_EVENT_DOMAIN_LAST VIRT_EVENT_METADATA_CHANGE

/* Strings owned by the event, but for event and detail (constant). */
struct virt_event {
	enum virt_event_type type;
	int64_t time_us;           /* since 1970 */
	char uuid[VIRT_UUID_SIZE]; /* of the domain, network or pool; or "" */
	char *name;                /* its name then; or NULL */
	const char *event;         /* "started", "connected"…; or NULL */
	const char *detail;        /* "booted"…; or NULL */
	char *subject; /* alias of a device, disk, path of an image; or NULL */
	uint64_t number; /* bytes of a balloon or above a threshold */
	bool has_number;
};

/*
 * FN gets every event from now on, within virt_dispatch(), in their order and
 * before the replies that came after them; it must call no virt_*(). EVENT is
 * borrowed. A list that is asked for by then shows what the event tells of.
 */
typedef void virt_event_fn(void *context, const struct virt_event *event);
void virt_listen(struct virt *v, virt_event_fn *fn, void *context);

#endif
