/*
 * The journal of events (event_log.h): a ring of entries, bounded by number and by
 * bytes. What holds: `origin` is the word of the place before the first entry that
 * is kept.
 */
#include "daemon/rpc/event_log.h"

#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "daemon/rpc/limits.h"

struct event_log {
	uint64_t first, next;
	size_t bytes; /* of all lines */
	char origin[EVENT_WORD_SIZE];
	struct event_entry ring[RPC_EVENTS_KEPT];
};

int event_log_new(struct event_log **out, struct error *err)
{
	struct event_log *log = calloc(1, sizeof(*log));

	if (!log)
		return error_set_no_memory(err);
	random_name(log->origin, sizeof(log->origin));
	*out = log;
	return 0;
}

static struct event_entry *slot(const struct event_log *log, uint64_t place)
{
	return (struct event_entry *)&log->ring[place % RPC_EVENTS_KEPT];
}

static void drop_first(struct event_log *log)
{
	struct event_entry *entry = slot(log, log->first++);

	log->bytes -= entry->line.len;
	memcpy(log->origin, entry->word, sizeof(log->origin));
	free(entry->name);
	free(entry->uuid);
	buf_free(&entry->line);
	memset(entry, 0, sizeof(*entry));
}

void event_log_free(struct event_log *log)
{
	if (!log)
		return;
	while (log->first < log->next)
		drop_first(log);
	free(log);
}

void event_log_add(struct event_log *log, struct event_entry *entry)
{
	if (log->next - log->first == RPC_EVENTS_KEPT)
		drop_first(log);
	log->bytes += entry->line.len;
	*slot(log, log->next++) = *entry;
	memset(entry, 0, sizeof(*entry));
	while (log->bytes > RPC_EVENTS_BYTES && log->first + 1 < log->next)
		drop_first(log);
}

uint64_t event_log_first(const struct event_log *log)
{
	return log->first;
}

uint64_t event_log_next(const struct event_log *log)
{
	return log->next;
}

const struct event_entry *event_log_at(const struct event_log *log,
				       uint64_t place)
{
	return slot(log, place);
}

const char *event_log_word(const struct event_log *log, uint64_t place)
{
	return place == log->first ? log->origin : slot(log, place - 1)->word;
}

bool event_log_find(const struct event_log *log, const char *word,
		    uint64_t *place)
{
	for (uint64_t at = log->next + 1; at-- > log->first;) {
		if (strcmp(event_log_word(log, at), word) != 0)
			continue;
		*place = at;
		return true;
	}
	return false;
}
