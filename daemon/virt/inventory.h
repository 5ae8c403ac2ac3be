/*
 * What is known of all domains, so that a list costs no call of libvirt: kept as
 * rows, of which events and this daemon's own changes mark those that may be out
 * of date; the next list reads these anew, and none else. What no event tells
 * (autostart, a definition's sizes) is read again with all the rest after
 * VIRT_INVENTORY_AGE_MS. Where libvirt tells of no changes, every list asks it.
 *
 * Threads: touch by any, begin and end by the supervisor, rows by workers.
 */
#ifndef VIRTMUX_VIRT_INVENTORY_H
#define VIRTMUX_VIRT_INVENTORY_H

#include <stdbool.h>

#include "base/error.h"

struct inventory;
struct job;
struct rows;

int inventory_new(struct inventory **out, struct error *err);
void inventory_free(struct inventory *inventory); /* NULL-safe */

/* From now on every change is told of by inventory_touch(). */
void inventory_begin(struct inventory *inventory);
/* Forgets all; nobody tells any more. */
void inventory_end(struct inventory *inventory);

/* The row of the domain of that UUID (text; "": any domain) may be wrong. */
void inventory_touch(struct inventory *inventory, const char *uuid);

/*
 * The rows as they are after everything that was told before this call; a
 * reference for the caller. NULL with ERR. May block in libvirt.
 */
struct rows *inventory_rows(struct inventory *inventory, struct job *job,
			    struct error *err);

#endif
