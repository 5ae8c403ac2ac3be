/*
 * What the two ways of a volume's content share (volume_download.c,
 * volume_upload.c). Nobody else includes it. Loop thread.
 */
#ifndef VIRTMUX_OPS_TRANSFER_H
#define VIRTMUX_OPS_TRANSFER_H

#include <stdbool.h>

#include "base/error.h"

struct call;

/* A place among OPS_TRANSFERS_MAX; false: CALL has failed. */
bool transfer_begin(struct call *call);
/* Gives it back; CALL still lives. */
void transfer_end(struct call *call);

/* A pair for a worker and the loop, both blocking. ERROR_SYSTEM. */
int transfer_sockets(int sockets[2], struct error *err);

/* Whether a content-type or accept header names the form of base/sparse.h. */
bool transfer_is_sparse(const char *header);

#endif
