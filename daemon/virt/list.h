/*
 * Domains read from libvirt into rows: all of them in few calls, or one. Called by
 * the inventory, on a worker.
 */
#ifndef VIRTMUX_VIRT_LIST_H
#define VIRTMUX_VIRT_LIST_H

#include "base/error.h"
#include "daemon/virt/virt.h"

struct job;
struct rows;

/* All of them, sorted; NULL with ERR. */
struct rows *list_read_all(struct job *job, struct error *err);

/*
 * 1: ROW is the domain of that UUID, to be domain_clear()ed; 0: there is none, or
 * none that is ours to see; -1: ERR.
 */
int list_read_one(struct job *job, const char *uuid, struct virt_domain *row,
		  struct error *err);

#endif
