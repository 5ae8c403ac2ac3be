/*
 * Counting calls (counts.h). Called for each call that ends; it must cost nothing.
 */
#include "daemon/rpc/counts.h"

static const uint64_t bounds_us[] = RPC_DURATIONS;

_Static_assert(array_size(bounds_us) == RPC_DURATIONS_COUNT,
	       "a place for each bound");

void counts_add(struct rpc_counts *counts, const struct method *m,
		enum error_code outcome, uint64_t ns)
{
	size_t i = 0;

	if (!m) {
		counts->nameless++;
		return;
	}
	while (i < array_size(bounds_us) && ns > bounds_us[i] * 1000)
		i++;
	counts->calls[m->id][outcome]++;
	counts->durations[m->id][i]++;
	counts->duration_ns[m->id] += ns;
}
