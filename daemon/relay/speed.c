/*
 * The source and the sink of the channel's measurement. Called by daemon/ops
 * and, for each DATA frame, by the HTTP/2 engine. What always holds: nothing is
 * kept of either direction but counts.
 */
#include "daemon/relay/speed.h"

#include <string.h>

#include "base/clock.h"

static size_t source_ready(void *context, bool *end)
{
	const struct speed_source *source = context;

	*end = true;
	return source->left < SIZE_MAX ? (size_t)source->left : SIZE_MAX;
}

static void source_take(void *context, uint8_t *to, size_t n)
{
	struct speed_source *source = context;

	source->left -= n;
	source->sent += n;
	memset(to, 0, n);
}

const struct h2_source speed_source = {
	.ready = source_ready,
	.take = source_take,
};

void speed_sink_add(struct speed_sink *sink, struct h2_stream *s, size_t len)
{
	uint64_t now = clock_monotonic_ns();

	if (!sink->bytes)
		sink->first_ns = now;
	sink->last_ns = now;
	sink->bytes += len;
	h2_stream_consume(s, len);
}

uint64_t speed_sink_duration_ns(const struct speed_sink *sink)
{
	return sink->last_ns - sink->first_ns;
}
