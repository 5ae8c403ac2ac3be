/*
 * How often connections come from one source without anybody showing who he is:
 * each costs a token, which comes back with a certificate that has rights. peer.c
 * asks before it spends anything on a connection. What always holds: the table
 * has a fixed size; a source that is not in it has all its tokens. Loop thread
 * only.
 */
#ifndef VIRTMUX_DAEMON_CORE_SOURCE_H
#define VIRTMUX_DAEMON_CORE_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/address.h"
#include "daemon/core/limits.h"

struct source {
	struct address_source address;
	uint64_t spent; /* tokens in nanoseconds of CORE_SOURCE_RATE */
	uint64_t seen;  /* clock_monotonic_ns(); 0: unused */
};

/* Zeroed is empty. */
struct sources {
	struct source rows[CORE_SOURCES][CORE_SOURCE_WAYS];
};

/* Takes a token; false where there is none. NOW: clock_monotonic_ns(). */
bool sources_spend(struct sources *sources,
		   const struct address_source *address, uint64_t now);

/* Gives it back. */
void sources_refund(struct sources *sources,
		    const struct address_source *address);

#endif
