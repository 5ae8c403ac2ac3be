/*
 * The log of refused connections: who, from where, and why, once a reason. peer.c
 * tells it of each. What always holds: a flood of refusals costs a bounded number
 * of lines and no memory. Loop thread only.
 */
#ifndef VIRTMUX_DAEMON_CORE_REFUSAL_H
#define VIRTMUX_DAEMON_CORE_REFUSAL_H

#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "daemon/core/address.h"
#include "daemon/core/limits.h"

struct refusal_kind {
	uint64_t hash;     /* of source and words; 0: unused */
	uint64_t logged;   /* clock_monotonic_ns() */
	unsigned silenced; /* since then */
};

/* Zeroed is empty. */
struct refusals {
	struct refusal_kind kinds[CORE_REFUSAL_KINDS];
	unsigned next;   /* place that is used next */
	uint64_t second; /* that `lines` were written in */
	unsigned lines;
	unsigned skipped; /* for want of lines */
};

struct refusal {
	const char *peer; /* "192.0.2.1:50123" */
	struct address_source source;
	const char *identity; /* NULL: not known */
	const struct error *why;
};

/* NOW: clock_monotonic_ns(). */
void refusal_log(struct refusals *refusals, struct log *log, uint64_t now,
		 const struct refusal *refusal);

#endif
