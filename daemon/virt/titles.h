/*
 * The titles of domains, remembered while libvirt tells of their changes: no
 * bulk call has them, and asking libvirtd for each costs a round trip. For a
 * driver inside this process nothing is remembered, since asking is cheap.
 *
 * Threads: begin and end by the supervisor, get by workers, drop by workers and
 * libvirt's event thread. Lock: titles->lock guards all of it.
 */
#ifndef VIRTMUX_VIRT_TITLES_H
#define VIRTMUX_VIRT_TITLES_H

#include <libvirt/libvirt.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct titles;

int titles_new(struct titles **out, struct error *err);
void titles_free(struct titles *titles); /* NULL-safe */

/* Remembers from now on: each change is told by titles_drop(). */
void titles_begin(struct titles *titles);

/* Forgets all. */
void titles_end(struct titles *titles);

/*
 * The title of DOMAIN (libvirt's UUID bytes), to free(); NULL: it has none.
 * Asks libvirt where it is not known.
 */
char *titles_get(struct titles *titles, virDomainPtr domain,
		 const unsigned char *uuid);

/* The title may have changed. */
void titles_drop(struct titles *titles, const unsigned char *uuid);

#endif
