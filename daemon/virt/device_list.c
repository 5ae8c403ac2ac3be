/*
 * A domain's disks and interfaces (device.h), from its XML, and the addresses
 * that its interfaces have.
 */
#include "daemon/virt/device.h"

#include <libvirt/virterror.h>
#include <string.h>

#include "daemon/virt/error.h"
#include "daemon/virt/record_make.h"
#include "daemon/virt/xml_device.h"

int run_devices(struct job *job, struct error *err)
{
	unsigned flags = job->request->force ? VIR_DOMAIN_XML_INACTIVE : 0;
	autofree char *xml = virDomainGetXMLDesc(job->domain, flags);
	autoptr(virt_records) records = NULL;

	if (!xml)
		return failure_set(job, err);
	records = records_new(1);
	if (!records)
		return error_set_no_memory(err);
	if (xml_device_list(xml, records->list, err) < 0)
		return -1;
	return records_reply(job, steal(&records), err);
}

/* -- addresses ------------------------------------------------------------- */

struct interfaces {
	virDomainInterfacePtr *list;
	int count;
};

static void cleanup_interfaces(struct interfaces *interfaces)
{
	for (int i = 0; i < interfaces->count; i++)
		virDomainInterfaceFree(interfaces->list[i]);
	free(interfaces->list);
}

static int take_addresses(struct virt_record *record, int i,
			  const virDomainInterface *from, struct error *err)
{
	for (unsigned j = 0; j < from->naddrs; j++) {
		const virDomainIPAddress *a = &from->addrs[j];

		if (record_number(record, a->type == VIR_IP_ADDR_TYPE_IPV6, err,
				  "interface.%d.addrs.%u.type", i, j) < 0 ||
		    record_text(record, a->addr, err,
				"interface.%d.addrs.%u.addr", i, j) < 0 ||
		    record_number(record, a->prefix, err,
				  "interface.%d.addrs.%u.prefix", i, j) < 0)
			return -1;
	}
	return 0;
}

static int take_interface(struct virt_record *record, int i,
			  const virDomainInterface *from, struct error *err)
{
	if (record_text(record, from->name, err, "interface.%d.name", i) < 0 ||
	    record_text(record, from->hwaddr, err, "interface.%d.hwaddr", i) <
		    0)
		return -1;
	return take_addresses(record, i, from, err);
}

int run_addresses(struct job *job, struct error *err)
{
	static const unsigned sources[] = {
		[VIRT_ADDRESS_LEASE] = VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE,
		[VIRT_ADDRESS_AGENT] = VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT,
		[VIRT_ADDRESS_ARP] = VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP,
	};
	cleanup(cleanup_interfaces) struct interfaces interfaces = {0};
	autoptr(virt_records) records = records_new(1);
	int count;

	if (!records)
		return error_set_no_memory(err);
	if (job->request->number >= array_size(sources))
		return error_set(err, ERROR_INVALID_PARAMS, "unknown source");
	count = virDomainInterfaceAddresses(job->domain, &interfaces.list,
					    sources[job->request->number], 0);
	if (count < 0)
		return failure_set(job, err);
	interfaces.count = count;
	for (int i = 0; i < count; i++)
		if (take_interface(records->list, i, interfaces.list[i], err) <
		    0)
			return -1;
	return records_reply(job, steal(&records), err);
}
