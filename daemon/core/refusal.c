/*
 * Which refusals are worth a line. Called by peer.c. What always holds: two
 * refusals are of one kind where source and words are equal, apart from the port
 * that the peer happens to have.
 */
#include "daemon/core/refusal.h"

#include <string.h>

#include "base/clock.h"

#define FNV_START 0xcbf29ce484222325ull
#define FNV_PRIME 0x100000001b3ull

static uint64_t add(uint64_t hash, const void *data, size_t n)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ bytes[i]) * FNV_PRIME;
	return hash;
}

/* Words often name the peer: his address is left out. */
static uint64_t hash_of(const struct refusal *r)
{
	const char *words = error_words(r->why);
	const char *name = strstr(words, r->peer);
	uint64_t hash =
		add(FNV_START, r->source.bytes, sizeof(r->source.bytes));

	if (r->identity)
		hash = add(hash, r->identity, strlen(r->identity));
	if (name) {
		hash = add(hash, words, (size_t)(name - words));
		words = name + strlen(r->peer);
	}
	return add(hash, words, strlen(words)) | 1;
}

static struct refusal_kind *kind_of(struct refusals *all, uint64_t hash)
{
	struct refusal_kind *kind;

	for (size_t i = 0; i < CORE_REFUSAL_KINDS; i++)
		if (all->kinds[i].hash == hash)
			return &all->kinds[i];
	kind = &all->kinds[all->next];
	all->next = (all->next + 1) % CORE_REFUSAL_KINDS;
	*kind = (struct refusal_kind){.hash = hash};
	return kind;
}

static bool line_is_free(struct refusals *all, struct log *log, uint64_t now)
{
	if (now / CLOCK_NS_PER_S != all->second) {
		if (all->skipped > 0)
			log_warning(log, "%u further connections were refused",
				    all->skipped);
		all->second = now / CLOCK_NS_PER_S;
		all->lines = 0;
		all->skipped = 0;
	}
	if (all->lines >= CORE_REFUSAL_RATE)
		return false;
	all->lines++;
	return true;
}

static void write_line(struct log *log, const struct refusal *r,
		       unsigned silenced)
{
	const char *cause = r->why->cause;
	char more[64] = "";

	if (silenced > 0)
		snprintf(more, sizeof(more), " (and %u more of this kind)",
			 silenced);
	log_warning(log, "refused %s%s%s%s: %s%s%s%s%s", r->peer,
		    r->identity ? " \"" : "", r->identity ? r->identity : "",
		    r->identity ? "\"" : "", error_words(r->why),
		    cause ? " (" : "", cause ? cause : "", cause ? ")" : "",
		    more);
}

void refusal_log(struct refusals *all, struct log *log, uint64_t now,
		 const struct refusal *r)
{
	struct refusal_kind *kind = kind_of(all, hash_of(r));

	if (kind->logged &&
	    now - kind->logged < CORE_REFUSAL_QUIET_MS * CLOCK_NS_PER_MS) {
		kind->silenced++;
		return;
	}
	if (!line_is_free(all, log, now)) {
		all->skipped++;
		return;
	}
	write_line(log, r, kind->silenced);
	kind->logged = now;
	kind->silenced = 0;
}
