/*
 * libvirt's callbacks: registered for each connection, they mark what the inventory
 * and the titles know of a domain as out of date, then hand the event over as a
 * value.
 *
 * Threads: begin, up, down and end by the supervisor; the callbacks come on
 * libvirt's event thread and never block.
 */
#ifndef VIRTMUX_VIRT_WATCH_H
#define VIRTMUX_VIRT_WATCH_H

#include <libvirt/libvirt.h>

#include "base/error.h"

struct hubs;
struct inventory;
struct news;
struct titles;
struct virt_event;
struct watch;

/* All borrowed until watch_free(). */
int watch_new(struct watch **out, struct inventory *inventory,
	      struct titles *titles, struct news *news, struct error *err);
void watch_free(struct watch *watch); /* NULL-safe */

/* HUBS hear of starts, stops and the connection; before the first begin. */
void watch_tell_hubs(struct watch *watch, struct hubs *hubs);

/* REMOTE: titles are remembered too, since asking costs a round trip. */
void watch_begin(struct watch *watch, virConnectPtr conn, bool remote);
void watch_end(struct watch *watch, virConnectPtr conn);

/* The connection serves, or not any more; told once for each change. */
void watch_up(struct watch *watch);
void watch_down(struct watch *watch);

/* -- for watch_domain.c ----------------------------------------------------- */

enum { WATCH_DOMAIN_EVENTS = 17 };

/* Registers the domain events; IDS are libvirt's, -1 where it has none. */
void watch_domain_register(struct watch *watch, virConnectPtr conn,
			   int ids[WATCH_DOMAIN_EVENTS]);

/* DOMAIN has started, or has stopped: WHY (constant), else NULL. */
void watch_lifecycle(struct watch *watch, virDomainPtr domain, const char *why);

/* Marks DOMAIN, then posts EVENT (taken) with its name and UUID. */
void watch_tell(struct watch *watch, virDomainPtr domain,
		struct virt_event *event);

#endif
