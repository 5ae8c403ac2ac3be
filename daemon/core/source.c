/*
 * Token buckets by source, in rows of a few: the least recent of a row makes room.
 * Called by peer.c. What always holds: `spent` sinks with time and never exceeds
 * the burst.
 */
#include "daemon/core/source.h"

#include <string.h>

#include "base/clock.h"

#define TOKEN_NS (CLOCK_NS_PER_S / CORE_SOURCE_RATE)

static struct source *row_of(struct sources *sources,
			     const struct address_source *address)
{
	uint64_t hash;

	memcpy(&hash, address->bytes, sizeof(hash));
	hash = (hash ^ address->v6) * 0x9e3779b97f4a7c15ull;
	return sources->rows[(hash >> 32) % CORE_SOURCES];
}

static struct source *find(struct source *row,
			   const struct address_source *address)
{
	for (size_t i = 0; i < CORE_SOURCE_WAYS; i++)
		if (row[i].seen &&
		    address_source_equal(&row[i].address, address))
			return &row[i];
	return NULL;
}

static struct source *find_or_replace(struct source *row,
				      const struct address_source *address)
{
	struct source *oldest = row;
	struct source *found = find(row, address);

	if (found)
		return found;
	for (size_t i = 1; i < CORE_SOURCE_WAYS; i++)
		if (row[i].seen < oldest->seen)
			oldest = &row[i];
	*oldest = (struct source){.address = *address};
	return oldest;
}

bool sources_spend(struct sources *sources,
		   const struct address_source *address, uint64_t now)
{
	struct source *source =
		find_or_replace(row_of(sources, address), address);
	uint64_t passed = now - source->seen;

	source->spent -= passed < source->spent ? passed : source->spent;
	source->seen = now;
	if (source->spent + TOKEN_NS > CORE_SOURCE_BURST * TOKEN_NS)
		return false;
	source->spent += TOKEN_NS;
	return true;
}

void sources_refund(struct sources *sources,
		    const struct address_source *address)
{
	struct source *source = find(row_of(sources, address), address);

	if (source)
		source->spent -=
			source->spent < TOKEN_NS ? source->spent : TOKEN_NS;
}
