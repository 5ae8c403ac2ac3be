/*
 * The guest's end of a line, as a pump sees it: a few non-blocking verbs over
 * libvirt's streams. Opened by a worker; from the first far_watch() on it
 * belongs to the event thread.
 */
#ifndef VIRTMUX_VIRT_FAR_H
#define VIRTMUX_VIRT_FAR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct job;
struct far;

#define FAR_AGAIN  (-2) /* nothing now: wait for ready() */
#define FAR_FAILED (-1)

/* Something may have changed: try again. GONE: nothing more will come. */
typedef void far_ready_fn(void *context, bool gone);

/* virDomainOpenConsole. ALIAS NULL: the first line. NULL with ERR. */
struct far *far_open_console(struct job *job, const char *alias,
			     struct error *err);

/* Ends the line. Not from within ready(). NULL-safe. */
void far_free(struct far *far);

DEFINE_CLEANUP(far, far_free);

/* Bytes, 0 at the end (recv), FAR_AGAIN or FAR_FAILED. */
int far_recv(struct far *far, void *data, size_t n);
int far_send(struct far *far, const void *data, size_t n);

/* READY will be called on the event thread. -1: the line is dead already. */
int far_watch(struct far *far, far_ready_fn *ready, void *context);

/* What ready() is to be called for. */
void far_want(struct far *far, bool readable, bool writable);

#endif
