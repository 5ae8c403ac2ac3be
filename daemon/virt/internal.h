/*
 * Between the verbs of the public header (verbs.c) and struct virt (virt.c).
 */
#ifndef VIRTMUX_VIRT_INTERNAL_H
#define VIRTMUX_VIRT_INTERNAL_H

#include "base/error.h"

struct request;
struct virt;

/* Takes REQUEST in any case; NULL: ERR is set already, returns -1. */
int virt_submit(struct virt *v, struct request *request, struct error *err);

#endif
