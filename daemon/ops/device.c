/*
 * Devices of domains: the handlers of device.* and of domain.interfaces. What
 * always holds: XML from the caller goes to virt as it came; whoever may not
 * give XML has these handlers' own, closed set of changes.
 */
#include "daemon/virt/device.h"

#include "daemon/ops/fields.h"

void op_device_list(struct call *call, const struct device_list_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_device_list(ops_virt(call), &ref, params->inactive,
				       ops_then(call, fields_answer), &err),
		      &err);
}

void op_domain_interfaces(struct call *call,
			  const struct domain_interfaces_params *params)
{
	static const enum virt_address_source sources[] = {
		[INTERFACE_SOURCE_LEASE] = VIRT_ADDRESS_LEASE,
		[INTERFACE_SOURCE_AGENT] = VIRT_ADDRESS_AGENT,
		[INTERFACE_SOURCE_ARP] = VIRT_ADDRESS_ARP,
	};
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_device_addresses(
			      ops_virt(call), &ref, sources[params->source],
			      ops_then(call, fields_answer), &err),
		      &err);
}
