/*
 * libvirt's errors in the words and codes of virtmux: one table, and what the
 * table cannot know (the domain's state, a connection that broke). libvirt's own
 * words go into error.cause, which only the log shows, except for faults in XML
 * that the caller gave himself.
 *
 * Thread: the worker whose libvirt call has just failed.
 */
#ifndef VIRTMUX_VIRT_ERROR_H
#define VIRTMUX_VIRT_ERROR_H

#include <libvirt/virterror.h>

#include "base/error.h"
#include "daemon/virt/job.h"

/* From this thread's last libvirt error. Returns -1. */
int failure_set(struct job *job, struct error *err);

/* From ERROR (borrowed, may be NULL) of a call that failed before others. */
int failure_from(struct job *job, const virError *error, struct error *err);

/*
 * The same, and libvirt's own words too where they name no path and no more than
 * the caller asked about: they often tell best what a snapshot or backup lacks.
 */
int failure_told(struct job *job, struct error *err);
int failure_told_from(struct job *job, const virError *error,
		      struct error *err);

/* "there is no domain 'x' on this host". Returns -1. */
int failure_no_domain(struct error *err, const char *name);

/* "there is no KIND 'x' on this host": KIND is "network", … Returns -1. */
int failure_no_such(struct error *err, const char *kind, const char *name);

/* The code alone; for the table's test. */
enum error_code failure_code(int libvirt_code);

/*
 * virInitialize, with libvirt silenced: it writes nothing to stderr by itself.
 * Uses the environment for a moment. -1 where libvirt fails.
 */
int failure_initialize(void);

#endif
