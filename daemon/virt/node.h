/*
 * The host's machine: verbs of the room as in virt.h, whose rules hold here too. The
 * first two reply with VIRT_VALUE_XML, the others with VIRT_VALUE_NOUN and the
 * struct that is named there.
 */
#ifndef VIRTMUX_VIRT_NODE_H
#define VIRTMUX_VIRT_NODE_H

#include "daemon/virt/virt.h"

/* virConnectGetCapabilities. */
int virt_node_capabilities(struct virt *v, struct virt_done done,
			   struct error *err);

/* Each may be NULL: libvirt chooses. */
struct virt_domain_kind {
	const char *virttype;
	const char *arch;
	const char *machine;
	const char *emulator;
};

/* virConnectGetDomainCapabilities. ERROR_INVALID_PARAMS, _UNSUPPORTED. */
int virt_node_domain_capabilities(struct virt *v,
				  const struct virt_domain_kind *kind,
				  struct virt_done done, struct error *err);

/* Times in nanoseconds since the host's start; memory in KiB; load times 100. */
struct virt_node_stats {
	bool has_cpu;
	uint64_t user, system, idle, iowait, intr;
	bool has_memory;
	uint64_t total_kib, free_kib, buffers_kib, cached_kib;
	bool has_load;
	uint64_t load[3]; /* of 1, 5 and 15 minutes */
};

/*
 * virNodeGetCPUStats, virNodeGetMemoryStats, getloadavg(3): struct virt_node_stats.
 * CPU, CELL: one of them, -1: all. ERROR_INVALID_PARAMS, _UNSUPPORTED for a single
 * one only.
 */
int virt_node_stats(struct virt *v, int cpu, int cell, struct virt_done done,
		    struct error *err);

/* Strings owned. */
struct virt_node_device {
	char *name;
	char *parent;        /* NULL: none */
	char **capabilities; /* COUNT of them */
	size_t count;
};

struct virt_node_devices {
	struct virt_node_device *rows; /* by name, bytewise */
	size_t count;
	char *xml; /* of virt_node_device() */
};

static inline struct virt_node_devices *
virt_node_devices_of(const struct virt_reply *reply)
{
	return reply->value.noun.data;
}

/* virConnectListAllNodeDevices: struct virt_node_devices. ERROR_UNSUPPORTED. */
int virt_node_devices(struct virt *v, struct virt_done done, struct error *err);

/* virNodeDeviceListCaps, -GetXMLDesc: the same with one row and its XML. */
int virt_node_device(struct virt *v, const char *name, struct virt_done done,
		     struct error *err);

#endif
