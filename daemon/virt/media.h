/*
 * What may go into a drive: a volume of a pool, or a path of the host, and
 * whether a caller who may not name paths may have it (device.h). Worker.
 */
#ifndef VIRTMUX_VIRT_MEDIA_H
#define VIRTMUX_VIRT_MEDIA_H

#include <stdbool.h>

#include "base/error.h"
#include "daemon/virt/job.h"
#include "daemon/virt/xml_device.h"

struct media {
	char *path; /* NULL: none */
	bool block; /* it is a block device */
};

void media_clear(struct media *media);

/* By the pool and volume, or the path, that the job's request names. */
int media_find(struct job *job, enum xml_drive drive, struct media *media,
	       struct error *err);

#endif
