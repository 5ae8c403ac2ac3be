/*
 * What rpc counts of its calls and streams, for GET /metrics. Plain numbers since the
 * daemon's start, and a few of this moment. Written by call.c and admit.c alone.
 * Loop thread only.
 */
#ifndef VIRTMUX_DAEMON_RPC_COUNTS_H
#define VIRTMUX_DAEMON_RPC_COUNTS_H

#include <stddef.h>
#include <stdint.h>

#include "api/method.h"
#include "base/error.h"
#include "daemon/rpc/call.h"

/* Upper bounds of the histogram of durations in microseconds; the last is open. */
#define RPC_DURATIONS                                                          \
	{                                                                      \
		500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000,    \
			500000, 1000000, 2500000, 5000000, 10000000, 60000000, \
			600000000                                              \
	}
#define RPC_DURATIONS_COUNT 16

struct rpc_counts {
	uint64_t calls[METHODS][ERROR_CODES]; /* ended; ERROR_NONE: well */
	uint64_t durations[METHODS][RPC_DURATIONS_COUNT + 1];
	uint64_t duration_ns[METHODS]; /* together */
	uint64_t nameless; /* requests that named no method, or none that is */
	uint64_t replayed;
	uint64_t bytes_in; /* content of GET, PUT and streams */
	uint64_t bytes_out;
	uint64_t audit_failures; /* records that could not be written */
	size_t streams;          /* that are open now */
	size_t jobs;             /* that run now */
};

const struct rpc_counts *call_counts(const struct call *call);

/* Calls and streams that are not answered yet, the asking one included. */
size_t call_open_calls(const struct call *call);

/* One more call of M that has ended after NS nanoseconds. */
void counts_add(struct rpc_counts *counts, const struct method *m,
		enum error_code outcome, uint64_t ns);

#endif
