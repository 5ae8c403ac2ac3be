/*
 * The recording of a console that access.conf demands (`record`): which file, who may
 * write into its folder, and what stands in it. Used by console.c, which gives the
 * bytes over to a tap.
 *
 * What always holds: the file is there, with its first line or record, before the
 * console is answered; it is ours alone, and never one that was there before; the
 * loop waits for no disk. Loop thread only.
 */
#ifndef VIRTMUX_OPS_RECORDING_H
#define VIRTMUX_OPS_RECORDING_H

#include "base/error.h"
#include "daemon/relay/tap.h"

struct ops;
struct call;
struct recording;

/* What is to be recorded; all borrowed for the call. */
struct recording_console {
	struct call *call;
	const char *kind; /* "serial", "vnc" or "spice" */
	unsigned n;       /* which of them */
	const char *uuid;
	const char *domain;
};

/* RECORDING is NULL where ERR says why; from the loop, once. */
typedef void recording_opened_fn(void *context, struct recording *recording,
				 struct error *err);

/*
 * Makes the file. ERROR_SYSTEM, ERROR_NO_MEMORY, also by FN. The peer's words name
 * no path; the cause, for the log, has the path and the cure.
 */
int recording_open(struct ops *ops, const struct recording_console *console,
		   recording_opened_fn *fn, void *context, struct error *err);
void recording_unref(struct recording *recording); /* NULL-safe */

/* The file's name in its folder. */
const char *recording_name(const struct recording *recording);

/*
 * Why it could not go on, as an error: false where it could. RECORDING has said so
 * in the log.
 */
bool recording_failed(const struct recording *recording, struct error *why);

/* A tap into the file, once, for whoever serves by these three. */
int recording_tap(struct recording *recording, const struct h2_handler *handler,
		  const struct h2_source *source, void *context,
		  struct tap **tap, struct error *err);

#endif
