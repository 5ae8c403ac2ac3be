/*
 * The devices of domains: lists of them, and changes to them. Rules for all
 * verbs: virt.h.
 */
#ifndef VIRTMUX_VIRT_DEVICE_H
#define VIRTMUX_VIRT_DEVICE_H

#include "daemon/virt/record.h"
#include "daemon/virt/virt.h"

/*
 * VIRT_VALUE_NOUN, struct virt_records of one: "disk.N.type", .device, .target,
 * .bus, .source (a path, or POOL/VOLUME), .driver, .alias, .readonly (1), and
 * "interface.N.type", .target, .source, .model, .mac, .alias, .link (0 down, 1
 * up), as the XML has them; what it has not is left out. INACTIVE: of the
 * definition.
 */
int virt_device_list(struct virt *v, const struct virt_domain_ref *ref,
		     bool inactive, struct virt_done done, struct error *err);

/* virDomainInterfaceAddressesSource, same order. */
enum virt_address_source {
	VIRT_ADDRESS_LEASE, /* DHCP leases of libvirt's networks */
	VIRT_ADDRESS_AGENT, /* the guest agent */
	VIRT_ADDRESS_ARP,   /* the host's ARP table */
};

/*
 * virDomainInterfaceAddresses: struct virt_records of one: "interface.N.name",
 * .hwaddr, .addrs.M.type (0 IPv4, 1 IPv6), .addr, .prefix. ERROR_STATE: not
 * running.
 */
int virt_device_addresses(struct virt *v, const struct virt_domain_ref *ref,
			  enum virt_address_source source,
			  struct virt_done done, struct error *err);

#endif
