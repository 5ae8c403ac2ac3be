/*
 * Networks: verbs of the room as in virt.h, whose rules hold here too. A reply is
 * VIRT_VALUE_NOUN with a struct virt_networks. NETWORK is a name or a UUID; one
 * that does not exist is ERROR_NOT_FOUND. Scopes know only domains: what may tell
 * of domains is not for a caller who may not see all (HOSTWIDE of the methods).
 */
#ifndef VIRTMUX_VIRT_NETWORK_H
#define VIRTMUX_VIRT_NETWORK_H

#include "daemon/virt/virt.h"

/* Strings owned. */
struct virt_network {
	char uuid[VIRT_UUID_SIZE];
	char *name;
	char *bridge; /* NULL: none */
	bool active;
	bool persistent;
	bool autostart;
};

/* A DHCP lease; strings owned, NULL where there is none. */
struct virt_lease {
	char *interface;
	char *mac;
	char *address;
	char *hostname;
	char *client_id;
	char *iaid;
	int64_t expires; /* seconds since 1970; 0: never */
	bool ipv6;
	unsigned prefix;
};

/* List: all, by name. The other verbs: the one that it was about. */
struct virt_networks {
	struct virt_network *rows;
	size_t count;
	char *xml; /* of virt_network_xml() */
	struct virt_lease *leases;
	size_t leases_count;
};

static inline struct virt_networks *
virt_networks_of(const struct virt_reply *reply)
{
	return reply->value.noun.data;
}

/* virConnectListAllNetworks; sorted by name, bytewise. */
int virt_network_list(struct virt *v, struct virt_done done, struct error *err);

/* virNetworkIsActive, -IsPersistent, -GetAutostart, -GetBridgeName. */
int virt_network_info(struct virt *v, const char *network,
		      struct virt_done done, struct error *err);

/* virNetworkGetXMLDesc. */
int virt_network_xml(struct virt *v, const char *network, bool inactive,
		     struct virt_done done, struct error *err);

/* virNetworkGetDHCPLeases; MAC NULL: all. ERROR_UNSUPPORTED. */
int virt_network_leases(struct virt *v, const char *network, const char *mac,
			struct virt_done done, struct error *err);

/* virNetworkDefineXMLFlags, virNetworkCreateXMLFlags. ERROR_EXISTS. */
int virt_network_define(struct virt *v, const char *xml, bool validate,
			struct virt_done done, struct error *err);
int virt_network_create(struct virt *v, const char *xml, bool validate,
			struct virt_done done, struct error *err);

/* virNetworkUndefine, -Create, -Destroy. ERROR_STATE. */
int virt_network_undefine(struct virt *v, const char *network,
			  struct virt_done done, struct error *err);
int virt_network_start(struct virt *v, const char *network,
		       struct virt_done done, struct error *err);
int virt_network_destroy(struct virt *v, const char *network,
			 struct virt_done done, struct error *err);

/* virNetworkSetAutostart. ERROR_STATE: it is transient. */
int virt_network_autostart(struct virt *v, const char *network, bool on,
			   struct virt_done done, struct error *err);

/* virNetworkUpdateCommand and -Section, same values; neither flag: current. */
struct virt_network_update {
	unsigned command;
	unsigned section;
	int parent; /* -1: where it fits */
	const char *xml;
	bool live;
	bool config;
};

enum virt_network_command {
	VIRT_NETWORK_MODIFY = 1,
	VIRT_NETWORK_DELETE = 2,
	VIRT_NETWORK_ADD_LAST = 3,
	VIRT_NETWORK_ADD_FIRST = 4,
};

enum virt_network_section {
	VIRT_NETWORK_BRIDGE = 1,
	VIRT_NETWORK_DOMAIN = 2,
	VIRT_NETWORK_IP = 3,
	VIRT_NETWORK_IP_DHCP_HOST = 4,
	VIRT_NETWORK_IP_DHCP_RANGE = 5,
	VIRT_NETWORK_FORWARD = 6,
	VIRT_NETWORK_FORWARD_INTERFACE = 7,
	VIRT_NETWORK_FORWARD_PF = 8,
	VIRT_NETWORK_PORTGROUP = 9,
	VIRT_NETWORK_DNS_HOST = 10,
	VIRT_NETWORK_DNS_TXT = 11,
	VIRT_NETWORK_DNS_SRV = 12,
};

int virt_network_update(struct virt *v, const char *network,
			const struct virt_network_update *update,
			struct virt_done done, struct error *err);

#endif
