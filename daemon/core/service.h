/*
 * The daemon as one object: what main() starts, what signals change, and how it
 * ends. Its parts are made in the order of their dependencies and taken down in
 * the reverse one.
 *
 * What always holds: one loop, one thread; a reload changes everything or
 * nothing.
 */
#ifndef VIRTMUX_DAEMON_CORE_SERVICE_H
#define VIRTMUX_DAEMON_CORE_SERVICE_H

#include "base/error.h"
#include "base/log.h"
#include "daemon/core/config.h"

struct service;

struct service_options {
	const char *config_path; /* read again by each reload; borrowed */
	struct config *config;   /* taken, also on failure */
	int log_level;           /* of the command line; -1: the file's */
	struct log *log;         /* borrowed */
};

/* Listens, but does not accept yet. Words name what failed and the cure. */
int service_new(struct service **service, const struct service_options *options,
		struct error *err);

/*
 * Serves until SIGTERM or SIGINT, and drains. 0, or 1 where a second signal
 * ended it at once: then nothing may be freed.
 */
int service_run(struct service *service);

void service_free(struct service *service); /* NULL-safe */

#endif
