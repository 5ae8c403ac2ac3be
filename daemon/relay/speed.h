/*
 * Bytes without meaning, for measuring the channel: a source that sends as many
 * as it was told, and a sink that counts what comes. Used by daemon/ops for
 * GET and PUT /speed. It stands beside the relay because it is the same thing
 * with a counter instead of a descriptor, and knows nothing of methods.
 *
 * What always holds: nothing is allocated or kept; the cost of a byte is one
 * copy out (source) or none (sink). Loop thread only.
 */
#ifndef VIRTMUX_RELAY_SPEED_H
#define VIRTMUX_RELAY_SPEED_H

#include <stddef.h>
#include <stdint.h>

#include "wire/h2.h"

/* The context of speed_source. */
struct speed_source {
	uint64_t left; /* bytes still to send */
	uint64_t sent;
};

extern const struct h2_source speed_source;

/* All zero at first. */
struct speed_sink {
	uint64_t bytes;
	uint64_t first_ns; /* monotonic, when the first bytes came */
	uint64_t last_ns;  /* and the last ones */
};

/* LEN bytes came on S: counts them and opens the window again. */
void speed_sink_add(struct speed_sink *sink, struct h2_stream *s, size_t len);

/* Nanoseconds from the first byte to the last; 0 for fewer than two reads. */
uint64_t speed_sink_duration_ns(const struct speed_sink *sink);

#endif
