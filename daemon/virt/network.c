/*
 * What is done with networks on a worker (network.h; verbs of verbs/network.def).
 * What holds: the action is done on the very object that was looked up, and each
 * reply names it.
 */
#include "daemon/virt/network.h"

#include <libvirt/virterror.h>
#include <string.h>

#include "daemon/virt/error.h"
#include "daemon/virt/job.h"
#include "daemon/virt/network_private.h"
#include "daemon/virt/xml_select.h"

static void cleanup_network(virNetworkPtr *network)
{
	if (*network)
		virNetworkFree(*network);
}

#define autonetwork cleanup(cleanup_network) virNetworkPtr

/* -- values ---------------------------------------------------------------- */

static void clear_lease(struct virt_lease *lease)
{
	free(lease->interface);
	free(lease->mac);
	free(lease->address);
	free(lease->hostname);
	free(lease->client_id);
	free(lease->iaid);
}

static void free_networks(void *data)
{
	struct virt_networks *value = data;

	for (size_t i = 0; i < value->count; i++) {
		free(value->rows[i].name);
		free(value->rows[i].bridge);
	}
	for (size_t i = 0; i < value->leases_count; i++)
		clear_lease(&value->leases[i]);
	free(value->rows);
	free(value->leases);
	free(value->xml);
	free(value);
}

/* The reply's value with room for COUNT rows; NULL without memory. */
static struct virt_networks *make_value(struct job *job, size_t count,
					struct error *err)
{
	struct virt_networks *value =
		reply_make(job->reply, sizeof(*value), free_networks, err);

	if (!value)
		return NULL;
	value->rows = calloc(count + 1, sizeof(*value->rows));
	if (value->rows)
		return value;
	error_set_no_memory(err);
	return NULL;
}

static int take_names(virNetworkPtr network, struct virt_network *row,
		      struct error *err)
{
	virNetworkGetUUIDString(network, row->uuid);
	row->name = strdup(virNetworkGetName(network));
	return row->name ? 0 : error_set_no_memory(err);
}

/* 1: ROW is set; 0: the network went away meanwhile; -1: ERR. */
static int take_row(struct job *job, virNetworkPtr network,
		    struct virt_network *row, struct error *err)
{
	int active = virNetworkIsActive(network);
	int persistent = active < 0 ? -1 : virNetworkIsPersistent(network);
	int autostart = 0;

	if (persistent < 0)
		return virGetLastErrorCode() == VIR_ERR_NO_NETWORK
			       ? 0
			       : failure_set(job, err);
	if (virNetworkGetAutostart(network, &autostart) < 0)
		autostart = 0;
	row->bridge = virNetworkGetBridgeName(network);
	row->active = active > 0;
	row->persistent = persistent > 0;
	row->autostart = autostart != 0;
	return take_names(network, row, err) < 0 ? -1 : 1;
}

/* -- finding --------------------------------------------------------------- */

/* By UUID first, then by name, as for domains. */
static virNetworkPtr find(struct job *job, struct error *err)
{
	const char *name = job->request->names[NETWORK_NAME];
	virNetworkPtr network = NULL;

	job->kind = "network";
	job->name = name;
	if (lookup_is_uuid(name))
		network = virNetworkLookupByUUIDString(job->conn, name);
	if (!network)
		network = virNetworkLookupByName(job->conn, name);
	if (!network && virGetLastErrorCode() == VIR_ERR_NO_NETWORK)
		failure_no_such(err, "network", name);
	else if (!network)
		failure_set(job, err);
	return network;
}

/* The reply of an action: which network it was. */
static int name_it(struct job *job, virNetworkPtr network, struct error *err)
{
	struct virt_networks *value = make_value(job, 1, err);

	if (!value)
		return -1;
	value->count = 1;
	return take_names(network, &value->rows[0], err);
}

/* -- reading --------------------------------------------------------------- */

static int compare_rows(const void *a, const void *b)
{
	const struct virt_network *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int fill_list(struct job *job, virNetworkPtr *networks, size_t count,
		     struct error *err)
{
	struct virt_networks *value = make_value(job, count, err);

	if (!value)
		return -1;
	for (size_t i = 0; i < count; i++) {
		int taken = take_row(job, networks[i],
				     &value->rows[value->count], err);

		value->count += taken != 0;
		if (taken < 0)
			return -1;
	}
	qsort(value->rows, value->count, sizeof(*value->rows), compare_rows);
	return 0;
}

int run_network_list(struct job *job, struct error *err)
{
	virNetworkPtr *networks = NULL;
	int count, result;

	job->kind = "list of networks";
	count = virConnectListAllNetworks(job->conn, &networks, 0);
	if (count < 0)
		return failure_set(job, err);
	result = fill_list(job, networks, (size_t)count, err);
	for (int i = 0; i < count; i++)
		virNetworkFree(networks[i]);
	free(networks);
	return result;
}

int run_network_info(struct job *job, struct error *err)
{
	autonetwork network = find(job, err);
	struct virt_networks *value = network ? make_value(job, 1, err) : NULL;
	int taken;

	if (!value)
		return -1;
	value->count = 1;
	taken = take_row(job, network, &value->rows[0], err);
	if (taken == 0)
		return failure_no_such(err, "network", job->name);
	return taken < 0 ? -1 : 0;
}

int run_network_xml(struct job *job, struct error *err)
{
	autonetwork network = find(job, err);
	unsigned flags = job->request->force ? VIR_NETWORK_XML_INACTIVE : 0;
	struct virt_networks *value;

	if (!network || name_it(job, network, err) < 0)
		return -1;
	value = virt_networks_of(job->reply);
	value->xml = virNetworkGetXMLDesc(network, flags);
	return value->xml ? 0 : failure_set(job, err);
}

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

static int take_lease(const virNetworkDHCPLease *from, struct virt_lease *to,
		      struct error *err)
{
	*to = (struct virt_lease){
		.interface = copy(from->iface),
		.mac = copy(from->mac),
		.address = copy(from->ipaddr),
		.hostname = copy(from->hostname),
		.client_id = copy(from->clientid),
		.iaid = copy(from->iaid),
		.expires = from->expirytime,
		.ipv6 = from->type == VIR_IP_ADDR_TYPE_IPV6,
		.prefix = from->prefix,
	};
	if ((from->iface && !to->interface) || (from->mac && !to->mac) ||
	    (from->ipaddr && !to->address) ||
	    (from->hostname && !to->hostname) ||
	    (from->clientid && !to->client_id) || (from->iaid && !to->iaid))
		return error_set_no_memory(err);
	return 0;
}

static int compare_leases(const void *a, const void *b)
{
	const struct virt_lease *x = a, *y = b;

	return strcmp(x->address ? x->address : "",
		      y->address ? y->address : "");
}

static int fill_leases(struct virt_networks *value,
		       virNetworkDHCPLeasePtr *leases, size_t count,
		       struct error *err)
{
	value->leases = calloc(count + 1, sizeof(*value->leases));
	if (!value->leases)
		return error_set_no_memory(err);
	for (size_t i = 0; i < count; i++)
		if (take_lease(leases[i], &value->leases[value->leases_count++],
			       err) < 0)
			return -1;
	qsort(value->leases, value->leases_count, sizeof(*value->leases),
	      compare_leases);
	return 0;
}

int run_network_leases(struct job *job, struct error *err)
{
	autonetwork network = find(job, err);
	virNetworkDHCPLeasePtr *leases = NULL;
	int count, result;

	if (!network || name_it(job, network, err) < 0)
		return -1;
	count = virNetworkGetDHCPLeases(
		network, job->request->names[NETWORK_MAC], &leases, 0);
	if (count < 0)
		return failure_set(job, err);
	result = fill_leases(virt_networks_of(job->reply), leases,
			     (size_t)count, err);
	for (int i = 0; i < count; i++)
		virNetworkDHCPLeaseFree(leases[i]);
	free(leases);
	return result;
}

/* -- definitions ----------------------------------------------------------- */

/* The name that the XML gives, for errors; *NAME to free(). */
static int admit(struct job *job, char **name, struct error *err)
{
	static const char *const paths[] = {"/network/name"};

	job->kind = "network";
	job->own_xml = true;
	if (xml_admit(job->request->text, "network", "the network's XML", err) <
		    0 ||
	    xml_select(job->request->text, paths, name, 1, err) < 0)
		return -1;
	job->name = *name;
	return 0;
}

/* libvirt reports a name or UUID in use under several codes. */
static int failure_of_xml(struct job *job, struct error *err)
{
	virErrorPtr error = virSaveLastError();
	int code = error ? error->code : VIR_ERR_OK;
	autonetwork same = NULL;

	if (job->name && (code == VIR_ERR_OPERATION_FAILED ||
			  code == VIR_ERR_OPERATION_INVALID ||
			  code == VIR_ERR_NETWORK_EXIST))
		same = virNetworkLookupByName(job->conn, job->name);
	if (same || code == VIR_ERR_NETWORK_EXIST) {
		error_set(err, ERROR_EXISTS,
			  "network '%s' could not be %s: a network of that "
			  "name or UUID exists already; another one needs a "
			  "name and a UUID of its own",
			  job->name ? job->name : "", job->verb->deed);
		error_set_cause(err, "%s", error->message);
	} else {
		failure_from(job, error, err);
	}
	virFreeError(error);
	return -1;
}

int run_network_define(struct job *job, struct error *err)
{
	unsigned flags = job->request->force ? VIR_NETWORK_DEFINE_VALIDATE : 0;
	autonetwork network = NULL;
	autofree char *name = NULL;

	if (admit(job, &name, err) < 0)
		return -1;
	job->acting = true;
	network =
		virNetworkDefineXMLFlags(job->conn, job->request->text, flags);
	return network ? name_it(job, network, err) : failure_of_xml(job, err);
}

int run_network_create(struct job *job, struct error *err)
{
	unsigned flags = job->request->force ? VIR_NETWORK_CREATE_VALIDATE : 0;
	autonetwork network = NULL;
	autofree char *name = NULL;

	if (admit(job, &name, err) < 0)
		return -1;
	job->acting = true;
	network =
		virNetworkCreateXMLFlags(job->conn, job->request->text, flags);
	return network ? name_it(job, network, err) : failure_of_xml(job, err);
}

/* -- actions --------------------------------------------------------------- */

/* ERROR (taken) as it is, or as STATE with WORDS where that explains it. */
static int failure_of_state(struct job *job, virErrorPtr error,
			    const char *words, struct error *err)
{
	if (words)
		error_set(err, ERROR_STATE, "network '%s' %s", job->name,
			  words);
	else
		failure_from(job, error, err);
	if (words && error)
		error_set_cause(err, "%s", error->message);
	virFreeError(error);
	return -1;
}

/* A failure on NETWORK, which is to be ACTIVE for it. */
static int failure_of_activity(struct job *job, virNetworkPtr network,
			       bool active, struct error *err)
{
	virErrorPtr error = virSaveLastError();
	int is = virNetworkIsActive(network);
	const char *words = NULL;

	if (is >= 0 && (is > 0) != active)
		words = active ? "is not active: start it first"
			       : "is active already";
	return failure_of_state(job, error, words, err);
}

/* A failure of what only a persistent network can. */
static int failure_of_transience(struct job *job, virNetworkPtr network,
				 struct error *err)
{
	virErrorPtr error = virSaveLastError();
	const char *words = NULL;

	if (virNetworkIsPersistent(network) == 0)
		words = "is transient: it has no definition, and is gone once "
			"it is destroyed";
	return failure_of_state(job, error, words, err);
}

int run_network_undefine(struct job *job, struct error *err)
{
	autonetwork network = find(job, err);

	if (!network)
		return -1;
	job->acting = true;
	if (virNetworkUndefine(network) < 0)
		return failure_of_transience(job, network, err);
	return name_it(job, network, err);
}

int run_network_start(struct job *job, struct error *err)
{
	autonetwork network = find(job, err);

	if (!network)
		return -1;
	job->acting = true;
	if (virNetworkCreate(network) < 0)
		return failure_of_activity(job, network, false, err);
	return name_it(job, network, err);
}

int run_network_destroy(struct job *job, struct error *err)
{
	autonetwork network = find(job, err);

	if (!network)
		return -1;
	job->acting = true;
	if (virNetworkDestroy(network) < 0)
		return failure_of_activity(job, network, true, err);
	return name_it(job, network, err);
}

int run_network_autostart(struct job *job, struct error *err)
{
	autonetwork network = find(job, err);

	if (!network)
		return -1;
	job->acting = true;
	if (virNetworkSetAutostart(network, job->request->force) < 0)
		return failure_of_transience(job, network, err);
	return name_it(job, network, err);
}

static unsigned update_flags(const struct request *request)
{
	return (request->flags & NETWORK_LIVE
			? (unsigned)VIR_NETWORK_UPDATE_AFFECT_LIVE
			: 0) |
	       (request->flags & NETWORK_CONFIG
			? (unsigned)VIR_NETWORK_UPDATE_AFFECT_CONFIG
			: 0);
}

int run_network_update(struct job *job, struct error *err)
{
	const struct request *request = job->request;
	autonetwork network = NULL;

	if (xml_admit(request->text, NULL, "the network's XML", err) < 0)
		return -1;
	network = find(job, err);
	if (!network)
		return -1;
	job->own_xml = true;
	job->acting = true;
	if (virNetworkUpdate(network,
			     (unsigned)request->numbers[NETWORK_COMMAND],
			     (unsigned)request->numbers[NETWORK_SECTION],
			     (int)request->numbers[NETWORK_PARENT] - 1,
			     request->text, update_flags(request)) < 0)
		return request->flags & NETWORK_LIVE
			       ? failure_of_activity(job, network, true, err)
			       : failure_set(job, err);
	return name_it(job, network, err);
}
