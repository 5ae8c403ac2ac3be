/*
 * The verbs about networks: each makes a request of copies and submits it (as
 * verbs.c does for domains). Called on the caller's thread; nothing here blocks.
 */
#include "daemon/virt/network.h"

#include "daemon/virt/internal.h"
#include "daemon/virt/network_private.h"
#include "daemon/virt/request.h"

static struct request *make(enum verb_id id, const char *network,
			    const char *xml, struct virt_done done,
			    struct error *err)
{
	autoptr(request) request = request_new(id, NULL, NULL, done, err);

	if (!request ||
	    request_set_name(request, NETWORK_NAME, network,
			     "the name of a network", err) < 0 ||
	    request_set_text(request, xml, VIRT_XML_MAX, "the network's XML",
			     err) < 0)
		return NULL;
	return steal(&request);
}

int virt_network_list(struct virt *v, struct virt_done done, struct error *err)
{
	return virt_submit(v, make(VERB_NETWORK_LIST, NULL, NULL, done, err),
			   err);
}

int virt_network_info(struct virt *v, const char *network,
		      struct virt_done done, struct error *err)
{
	return virt_submit(v, make(VERB_NETWORK_INFO, network, NULL, done, err),
			   err);
}

int virt_network_xml(struct virt *v, const char *network, bool inactive,
		     struct virt_done done, struct error *err)
{
	struct request *request =
		make(VERB_NETWORK_XML, network, NULL, done, err);

	if (request)
		request->force = inactive;
	return virt_submit(v, request, err);
}

int virt_network_leases(struct virt *v, const char *network, const char *mac,
			struct virt_done done, struct error *err)
{
	autoptr(request) request =
		make(VERB_NETWORK_LEASES, network, NULL, done, err);

	if (!request || request_set_name(request, NETWORK_MAC, mac,
					 "a hardware address", err) < 0)
		return -1;
	return virt_submit(v, steal(&request), err);
}

static int xml_verb(struct virt *v, enum verb_id id, const char *xml,
		    bool validate, struct virt_done done, struct error *err)
{
	struct request *request = make(id, NULL, xml, done, err);

	if (request)
		request->force = validate;
	return virt_submit(v, request, err);
}

int virt_network_define(struct virt *v, const char *xml, bool validate,
			struct virt_done done, struct error *err)
{
	return xml_verb(v, VERB_NETWORK_DEFINE, xml, validate, done, err);
}

int virt_network_create(struct virt *v, const char *xml, bool validate,
			struct virt_done done, struct error *err)
{
	return xml_verb(v, VERB_NETWORK_CREATE, xml, validate, done, err);
}

int virt_network_undefine(struct virt *v, const char *network,
			  struct virt_done done, struct error *err)
{
	return virt_submit(
		v, make(VERB_NETWORK_UNDEFINE, network, NULL, done, err), err);
}

int virt_network_start(struct virt *v, const char *network,
		       struct virt_done done, struct error *err)
{
	return virt_submit(
		v, make(VERB_NETWORK_START, network, NULL, done, err), err);
}

int virt_network_destroy(struct virt *v, const char *network,
			 struct virt_done done, struct error *err)
{
	return virt_submit(
		v, make(VERB_NETWORK_DESTROY, network, NULL, done, err), err);
}

int virt_network_autostart(struct virt *v, const char *network, bool on,
			   struct virt_done done, struct error *err)
{
	struct request *request =
		make(VERB_NETWORK_AUTOSTART, network, NULL, done, err);

	if (request)
		request->force = on;
	return virt_submit(v, request, err);
}

int virt_network_update(struct virt *v, const char *network,
			const struct virt_network_update *update,
			struct virt_done done, struct error *err)
{
	struct request *request =
		make(VERB_NETWORK_UPDATE, network, update->xml, done, err);

	if (request) {
		request->numbers[NETWORK_COMMAND] = update->command;
		request->numbers[NETWORK_SECTION] = update->section;
		request->numbers[NETWORK_PARENT] =
			(uint64_t)(update->parent + 1);
		request->flags = (update->live ? NETWORK_LIVE : 0u) |
				 (update->config ? NETWORK_CONFIG : 0u);
	}
	return virt_submit(v, request, err);
}
