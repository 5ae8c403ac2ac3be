/*
 * What the host is: its processors and memory, and the versions that run there
 * (verbs of verbs.def). Read from libvirt at each request; nothing is kept.
 */
#include "daemon/virt/job.h"

#include <stdio.h>
#include <string.h>

#include "daemon/virt/error.h"

int run_host_info(struct job *job, struct error *err)
{
	struct virt_host_info *host = &job->reply->value.host;
	virNodeInfo node;

	if (virNodeGetInfo(job->conn, &node) < 0)
		return failure_set(job, err);
	job->reply->kind = VIRT_VALUE_HOST;
	host->model = strndup(node.model, sizeof(node.model));
	host->memory_kib = node.memory;
	host->free_memory_kib = virNodeGetFreeMemory(job->conn) / 1024;
	host->cpus = node.cpus;
	host->mhz = node.mhz;
	host->nodes = node.nodes;
	host->sockets = node.sockets;
	host->cores = node.cores;
	host->threads = node.threads;
	host->hostname = virConnectGetHostname(job->conn);
	if (!host->hostname)
		return failure_set(job, err);
	return host->model ? 0 : error_set_no_memory(err);
}

/* libvirt's 1,000,000 * major + 1,000 * minor + release. */
static char *version_text(unsigned long version)
{
	char *text;

	if (asprintf(&text, "%lu.%lu.%lu", version / 1000000,
		     version / 1000 % 1000, version % 1000) < 0)
		return NULL;
	return text;
}

/* "qemu" of "qemu+unix:///system": the scheme without its transport. */
static char *driver_name(virConnectPtr conn)
{
	autofree char *uri = virConnectGetURI(conn);

	if (!uri)
		return NULL;
	return strndup(uri, strcspn(uri, "+:"));
}

int run_host_versions(struct job *job, struct error *err)
{
	struct virt_versions *versions = &job->reply->value.versions;
	unsigned long library, served, hypervisor = 0;
	const char *type = virConnectGetType(job->conn);

	if (!type || virGetVersion(&library, NULL, NULL) < 0 ||
	    virConnectGetLibVersion(job->conn, &served) < 0 ||
	    virConnectGetVersion(job->conn, &hypervisor) < 0)
		return failure_set(job, err);
	job->reply->kind = VIRT_VALUE_VERSIONS;
	versions->library = version_text(library);
	versions->libvirt = version_text(served);
	versions->hypervisor = strdup(type);
	versions->driver = driver_name(job->conn);
	if (hypervisor)
		versions->hypervisor_version = version_text(hypervisor);
	if (!versions->library || !versions->libvirt || !versions->hypervisor ||
	    !versions->driver || (hypervisor && !versions->hypervisor_version))
		return error_set_no_memory(err);
	return 0;
}
