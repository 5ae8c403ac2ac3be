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
 * .bus, .source (a path, or POOL/VOLUME), .driver, .alias, .readonly (1),
 * .backing (images in its chain, where it is known), and
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

/* What a change is made to; none: what the domain is now (running, or not). */
enum virt_affect {
	VIRT_AFFECT_LIVE = 1 << 0,   /* the running domain */
	VIRT_AFFECT_CONFIG = 1 << 1, /* the definition */
	/* the definition, and the running domain where it runs */
	VIRT_AFFECT_PERSISTENT = 1 << 2,
	VIRT_AFFECT_FORCE = 1 << 3, /* update, media: also a locked tray */
	/* media: only by volumes that are of no use but as a medium */
	VIRT_AFFECT_SAFE = 1 << 4,
};

/*
 * virDomainAttachDeviceFlags, -DetachDeviceFlags, -UpdateDeviceFlags by XML, as
 * virt.h says of a domain's XML; -DetachDeviceAlias. A guest has to take part in
 * letting a device go: it may still be there when the reply comes. FLAGS: of enum
 * virt_affect. ERROR_STATE: not running.
 */
int virt_device_attach(struct virt *v, const struct virt_domain_ref *ref,
		       const char *xml, unsigned flags, struct virt_done done,
		       struct error *err);
int virt_device_detach(struct virt *v, const struct virt_domain_ref *ref,
		       const char *xml, unsigned flags, struct virt_done done,
		       struct error *err);
int virt_device_detach_alias(struct virt *v, const struct virt_domain_ref *ref,
			     const char *alias, unsigned flags,
			     struct virt_done done, struct error *err);
int virt_device_update(struct virt *v, const struct virt_domain_ref *ref,
		       const char *xml, unsigned flags, struct virt_done done,
		       struct error *err);

enum virt_media_action {
	VIRT_MEDIA_INSERT, /* into an empty drive */
	VIRT_MEDIA_EJECT,
	VIRT_MEDIA_UPDATE, /* whatever there is now */
};

/* Either POOL and VOLUME, or SOURCE (a path on the host), or for eject none. */
struct virt_media {
	enum virt_media_action action;
	const char *drive; /* by its target or its present source */
	const char *pool;
	const char *volume;
	const char *source;
};

/*
 * Changes the medium of a CD-ROM or floppy drive (virDomainUpdateDeviceFlags).
 * With SAFE only volumes that can be of no other use: an ISO image for a CD-ROM, at
 * most 2,949,120 bytes that no other domain uses for a floppy, and for a caller
 * with a scope none that a domain outside of it uses; any other one gives the same
 * ERROR_NOT_FOUND, with the same words, as one that does not exist. ERROR_STATE:
 * the drive is not empty, or is; ERROR_UNSUPPORTED: no such drive.
 */
int virt_device_change_media(struct virt *v, const struct virt_domain_ref *ref,
			     const struct virt_media *media, unsigned flags,
			     struct virt_done done, struct error *err);

/*
 * Puts the cable of an interface (by MAC address, target or alias) in, or pulls
 * it (virDomainUpdateDeviceFlags). ERROR_NOT_FOUND: no such interface.
 */
int virt_device_set_link(struct virt *v, const struct virt_domain_ref *ref,
			 const char *interface, bool up, unsigned flags,
			 struct virt_done done, struct error *err);

#endif
