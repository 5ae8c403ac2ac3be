/*
 * What the host's machine is and does, on a worker (node.h; verbs of
 * verbs/node.def). Read from libvirt at each request; nothing is kept.
 */
#include "daemon/virt/node.h"

#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/virt/error.h"
#include "daemon/virt/job.h"

/* Figures that libvirt tells of processors or memory: 5 and 4 are known. */
#define FIGURES_MAX 32

static void cleanup_device(virNodeDevicePtr *device)
{
	if (*device)
		virNodeDeviceFree(*device);
}

#define autodevice cleanup(cleanup_device) virNodeDevicePtr

/* -- capabilities ---------------------------------------------------------- */

static int take_xml(struct job *job, char *xml, struct error *err)
{
	if (!xml)
		return failure_told(job, err);
	job->reply->kind = VIRT_VALUE_XML;
	job->reply->value.xml = xml;
	return 0;
}

int run_node_capabilities(struct job *job, struct error *err)
{
	job->kind = "description of the host";
	return take_xml(job, virConnectGetCapabilities(job->conn), err);
}

int run_node_domain_capabilities(struct job *job, struct error *err)
{
	char *const *names = job->request->names;

	job->kind = "description of domains";
	return take_xml(job,
			virConnectGetDomainCapabilities(job->conn, names[3],
							names[1], names[2],
							names[0], 0),
			err);
}

/* -- stats ----------------------------------------------------------------- */

static int take_cpu(virConnectPtr conn, int cpu, struct virt_node_stats *stats)
{
	virNodeCPUStats figures[FIGURES_MAX];
	int n = 0; /* libvirt wants their exact number */
	const struct {
		const char *name;
		uint64_t *to;
	} known[] = {
		{VIR_NODE_CPU_STATS_USER, &stats->user},
		{VIR_NODE_CPU_STATS_KERNEL, &stats->system},
		{VIR_NODE_CPU_STATS_IDLE, &stats->idle},
		{VIR_NODE_CPU_STATS_IOWAIT, &stats->iowait},
		{VIR_NODE_CPU_STATS_INTR, &stats->intr},
	};

	if (virNodeGetCPUStats(conn, cpu, NULL, &n, 0) < 0 || n > FIGURES_MAX ||
	    virNodeGetCPUStats(conn, cpu, figures, &n, 0) < 0)
		return -1;
	for (int i = 0; i < n; i++)
		for (size_t k = 0; k < array_size(known); k++)
			if (strcmp(figures[i].field, known[k].name) == 0)
				*known[k].to = figures[i].value;
	stats->has_cpu = true;
	return 0;
}

static int take_memory(virConnectPtr conn, int cell,
		       struct virt_node_stats *stats)
{
	virNodeMemoryStats figures[FIGURES_MAX];
	int n = 0; /* libvirt wants their exact number */
	const struct {
		const char *name;
		uint64_t *to;
	} known[] = {
		{VIR_NODE_MEMORY_STATS_TOTAL, &stats->total_kib},
		{VIR_NODE_MEMORY_STATS_FREE, &stats->free_kib},
		{VIR_NODE_MEMORY_STATS_BUFFERS, &stats->buffers_kib},
		{VIR_NODE_MEMORY_STATS_CACHED, &stats->cached_kib},
	};

	if (virNodeGetMemoryStats(conn, cell, NULL, &n, 0) < 0 ||
	    n > FIGURES_MAX ||
	    virNodeGetMemoryStats(conn, cell, figures, &n, 0) < 0)
		return -1;
	for (int i = 0; i < n; i++)
		for (size_t k = 0; k < array_size(known); k++)
			if (strcmp(figures[i].field, known[k].name) == 0)
				*known[k].to = figures[i].value;
	stats->has_memory = true;
	return 0;
}

/* The agent runs on the host itself; libvirt does not tell of load. */
static void take_load(struct virt_node_stats *stats)
{
	double load[array_size(stats->load)];

	stats->has_load = getloadavg(load, array_size(stats->load)) ==
			  (int)array_size(stats->load);
	for (size_t i = 0; stats->has_load && i < array_size(stats->load); i++)
		stats->load[i] = (uint64_t)(load[i] * 100 + 0.5);
}

int run_node_stats(struct job *job, struct error *err)
{
	int cpu = (int)job->request->numbers[0] - 1;
	int cell = (int)job->request->numbers[1] - 1;
	struct virt_node_stats *stats =
		reply_make(job->reply, sizeof(*stats), free, err);

	if (!stats)
		return -1;
	job->kind = "host's load";
	if (take_cpu(job->conn, cpu < 0 ? VIR_NODE_CPU_STATS_ALL_CPUS : cpu,
		     stats) < 0 &&
	    cpu >= 0)
		return failure_told(job, err);
	if (take_memory(job->conn,
			cell < 0 ? VIR_NODE_MEMORY_STATS_ALL_CELLS : cell,
			stats) < 0 &&
	    cell >= 0)
		return failure_told(job, err);
	take_load(stats);
	return 0;
}

/* -- devices --------------------------------------------------------------- */

static void free_devices(void *data)
{
	struct virt_node_devices *value = data;

	for (size_t i = 0; i < value->count; i++) {
		struct virt_node_device *row = &value->rows[i];

		for (size_t k = 0; k < row->count; k++)
			free(row->capabilities[k]);
		free(row->capabilities);
		free(row->name);
		free(row->parent);
	}
	free(value->rows);
	free(value->xml);
	free(value);
}

static struct virt_node_devices *make_value(struct job *job, size_t count,
					    struct error *err)
{
	struct virt_node_devices *value =
		reply_make(job->reply, sizeof(*value), free_devices, err);

	if (!value)
		return NULL;
	value->rows = calloc(count + 1, sizeof(*value->rows));
	if (value->rows)
		return value;
	error_set_no_memory(err);
	return NULL;
}

/* A device that went away meanwhile has no capabilities. */
static int take_device(virNodeDevicePtr device, struct virt_node_device *row,
		       struct error *err)
{
	const char *parent = virNodeDeviceGetParent(device);
	int n = virNodeDeviceNumOfCaps(device);

	row->name = strdup(virNodeDeviceGetName(device));
	row->parent = parent ? strdup(parent) : NULL;
	if (n > 0)
		row->capabilities =
			calloc((size_t)n, sizeof(*row->capabilities));
	if (!row->name || (parent && !row->parent) ||
	    (n > 0 && !row->capabilities))
		return error_set_no_memory(err);
	if (n > 0)
		n = virNodeDeviceListCaps(device, row->capabilities, n);
	row->count = n > 0 ? (size_t)n : 0;
	return 0;
}

static int compare_devices(const void *a, const void *b)
{
	const struct virt_node_device *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int fill_devices(struct job *job, virNodeDevicePtr *devices,
			size_t count, struct error *err)
{
	struct virt_node_devices *value = make_value(job, count, err);

	if (!value)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (take_device(devices[i], &value->rows[value->count++], err) <
		    0)
			return -1;
	qsort(value->rows, value->count, sizeof(*value->rows), compare_devices);
	return 0;
}

int run_node_devices(struct job *job, struct error *err)
{
	virNodeDevicePtr *devices = NULL;
	int count, result;

	job->kind = "list of devices";
	count = virConnectListAllNodeDevices(job->conn, &devices, 0);
	if (count < 0)
		return failure_set(job, err);
	result = fill_devices(job, devices, (size_t)count, err);
	for (int i = 0; i < count; i++)
		virNodeDeviceFree(devices[i]);
	free(devices);
	return result;
}

int run_node_device(struct job *job, struct error *err)
{
	autodevice device = NULL;
	struct virt_node_devices *value;

	job->kind = "device";
	job->name = job->request->names[0];
	device = virNodeDeviceLookupByName(job->conn, job->name);
	if (!device && virGetLastErrorCode() == VIR_ERR_NO_NODE_DEVICE)
		return failure_no_such(err, "device", job->name);
	if (!device)
		return failure_set(job, err);
	value = make_value(job, 1, err);
	if (!value)
		return -1;
	value->count = 1;
	if (take_device(device, &value->rows[0], err) < 0)
		return -1;
	value->xml = virNodeDeviceGetXMLDesc(device, 0);
	return value->xml ? 0 : failure_set(job, err);
}
