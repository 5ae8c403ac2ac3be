/*
 * Watching a connection (watch.h): the marks, the events of networks, pools and of
 * the connection itself. What holds: what is known of a domain is marked before its
 * event is handed over.
 */
#include "daemon/virt/watch.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/virt/hubs.h"
#include "daemon/virt/inventory.h"
#include "daemon/virt/news.h"
#include "daemon/virt/titles.h"

struct watch {
	struct inventory *inventory;
	struct titles *titles;
	struct news *news;
	struct hubs *hubs; /* NULL: none */
	bool was_up;       /* before: what happens between is missed */
	bool is_up;
	int domain_ids[WATCH_DOMAIN_EVENTS];
	int network_id, pool_id, refresh_id;
};

int watch_new(struct watch **out, struct inventory *inventory,
	      struct titles *titles, struct news *news, struct error *err)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return error_set_no_memory(err);
	watch->inventory = inventory;
	watch->titles = titles;
	watch->news = news;
	*out = watch;
	return 0;
}

void watch_free(struct watch *watch)
{
	free(watch);
}

void watch_tell_hubs(struct watch *watch, struct hubs *hubs)
{
	watch->hubs = hubs;
}

void watch_lifecycle(struct watch *watch, virDomainPtr domain, const char *why)
{
	char uuid[VIRT_UUID_SIZE] = "";

	if (watch->hubs && virDomainGetUUIDString(domain, uuid) == 0)
		hubs_heard(watch->hubs, uuid, why);
}

void watch_tell(struct watch *watch, virDomainPtr domain,
		struct virt_event *event)
{
	unsigned char uuid[VIR_UUID_BUFLEN];
	const char *name = virDomainGetName(domain);

	if (virDomainGetUUID(domain, uuid) == 0)
		titles_drop(watch->titles, uuid);
	virDomainGetUUIDString(domain, event->uuid);
	inventory_touch(watch->inventory, event->uuid);
	event->name = name ? strdup(name) : NULL;
	news_post(watch->news, event);
}

/* -- networks and pools ----------------------------------------------------- */

static const char *word_of(const char *const *words, size_t count, int number)
{
	return number >= 0 && (size_t)number < count ? words[number] : NULL;
}

static void on_network(virConnectPtr conn, virNetworkPtr network, int event,
		       int detail, void *opaque)
{
	static const char *const words[] = {"defined", "undefined", "started",
					    "stopped"};
	struct watch *watch = opaque;
	const char *name = virNetworkGetName(network);
	struct virt_event told = {.type = VIRT_EVENT_NETWORK_LIFECYCLE,
				  .name = name ? strdup(name) : NULL,
				  .event = word_of(words, array_size(words),
						   event)};

	virNetworkGetUUIDString(network, told.uuid);
	news_post(watch->news, &told);
}

static void tell_pool(struct watch *watch, virStoragePoolPtr pool,
		      enum virt_event_type type, const char *event)
{
	const char *name = virStoragePoolGetName(pool);
	struct virt_event told = {.type = type,
				  .name = name ? strdup(name) : NULL,
				  .event = event};

	virStoragePoolGetUUIDString(pool, told.uuid);
	news_post(watch->news, &told);
}

static void on_pool(virConnectPtr conn, virStoragePoolPtr pool, int event,
		    int detail, void *opaque)
{
	static const char *const words[] = {"defined", "undefined", "started",
					    "stopped", "created",   "deleted"};

	tell_pool(opaque, pool, VIRT_EVENT_POOL_LIFECYCLE,
		  word_of(words, array_size(words), event));
}

static void on_refresh(virConnectPtr conn, virStoragePoolPtr pool, void *opaque)
{
	tell_pool(opaque, pool, VIRT_EVENT_POOL_REFRESH, "refreshed");
}

/* -- the connection --------------------------------------------------------- */

static void register_host(struct watch *watch, virConnectPtr conn)
{
	/* libvirt's own way to pass callbacks of several types. */
	watch->network_id = virConnectNetworkEventRegisterAny(
		conn, NULL, VIR_NETWORK_EVENT_ID_LIFECYCLE,
		VIR_NETWORK_EVENT_CALLBACK(on_network), watch, NULL);
	watch->pool_id = virConnectStoragePoolEventRegisterAny(
		conn, NULL, VIR_STORAGE_POOL_EVENT_ID_LIFECYCLE,
		VIR_STORAGE_POOL_EVENT_CALLBACK(on_pool), watch, NULL);
	watch->refresh_id = virConnectStoragePoolEventRegisterAny(
		conn, NULL, VIR_STORAGE_POOL_EVENT_ID_REFRESH,
		VIR_STORAGE_POOL_EVENT_CALLBACK(on_refresh), watch, NULL);
}

void watch_begin(struct watch *watch, virConnectPtr conn, bool remote)
{
	watch_domain_register(watch, conn, watch->domain_ids);
	register_host(watch, conn);
	/* The first is the lifecycle: without it nothing is kept. */
	if (watch->domain_ids[0] < 0)
		return;
	if (remote)
		titles_begin(watch->titles);
	inventory_begin(watch->inventory);
}

void watch_end(struct watch *watch, virConnectPtr conn)
{
	inventory_end(watch->inventory);
	titles_end(watch->titles);
	for (size_t i = 0; i < array_size(watch->domain_ids); i++)
		if (watch->domain_ids[i] >= 0)
			virConnectDomainEventDeregisterAny(
				conn, watch->domain_ids[i]);
	if (watch->network_id >= 0)
		virConnectNetworkEventDeregisterAny(conn, watch->network_id);
	if (watch->pool_id >= 0)
		virConnectStoragePoolEventDeregisterAny(conn, watch->pool_id);
	if (watch->refresh_id >= 0)
		virConnectStoragePoolEventDeregisterAny(conn,
							watch->refresh_id);
}

void watch_up(struct watch *watch)
{
	struct virt_event missed = {.type = VIRT_EVENT_MISSED,
				    .event = "libvirt was not connected"};
	struct virt_event up = {.type = VIRT_EVENT_LIBVIRT,
				.event = "connected"};

	if (watch->was_up)
		news_post(watch->news, &missed);
	watch->was_up = watch->is_up = true;
	if (watch->hubs)
		hubs_up(watch->hubs);
	news_post(watch->news, &up);
}

void watch_down(struct watch *watch)
{
	struct virt_event down = {.type = VIRT_EVENT_LIBVIRT,
				  .event = "disconnected"};

	if (!watch->is_up)
		return;
	watch->is_up = false;
	if (watch->hubs)
		hubs_down(watch->hubs);
	news_post(watch->news, &down);
}
