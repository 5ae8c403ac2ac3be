/*
 * Remembered titles (titles.h): a hash table by UUID. What holds: a title that
 * was read before a change was told is never stored after it (`changes`).
 */
#include "daemon/virt/titles.h"

#include <pthread.h>
#include <string.h>

#include "daemon/virt/limits.h"

#define BUCKETS 4096

struct title {
	struct title *next;
	unsigned char uuid[VIR_UUID_BUFLEN];
	char *text; /* NULL: the domain has none */
};

struct titles {
	pthread_mutex_t lock;
	bool watching;
	uint64_t changes; /* how many drops there were */
	size_t count;
	struct title *buckets[BUCKETS];
};

/* A UUID is random enough by itself; FNV-1a helps with made-up ones. */
static struct title **bucket_of(struct titles *titles,
				const unsigned char *uuid)
{
	uint32_t hash = 2166136261u;

	for (int i = 0; i < VIR_UUID_BUFLEN; i++)
		hash = (hash ^ uuid[i]) * 16777619u;
	return &titles->buckets[hash % BUCKETS];
}

/* Where the entry hangs, or where the chain ends. */
static struct title **find(struct titles *titles, const unsigned char *uuid)
{
	struct title **at = bucket_of(titles, uuid);

	while (*at && memcmp((*at)->uuid, uuid, VIR_UUID_BUFLEN) != 0)
		at = &(*at)->next;
	return at;
}

static void remove_at(struct titles *titles, struct title **at)
{
	struct title *title = *at;

	*at = title->next;
	titles->count--;
	free(title->text);
	free(title);
}

static void forget_all(struct titles *titles)
{
	for (size_t i = 0; i < BUCKETS; i++)
		while (titles->buckets[i])
			remove_at(titles, &titles->buckets[i]);
	titles->changes++;
}

int titles_new(struct titles **out, struct error *err)
{
	struct titles *titles = calloc(1, sizeof(*titles));

	if (!titles)
		return error_set_no_memory(err);
	pthread_mutex_init(&titles->lock, NULL);
	*out = titles;
	return 0;
}

void titles_free(struct titles *titles)
{
	if (!titles)
		return;
	forget_all(titles);
	pthread_mutex_destroy(&titles->lock);
	free(titles);
}

void titles_drop(struct titles *titles, const unsigned char *uuid)
{
	struct title **at;

	pthread_mutex_lock(&titles->lock);
	at = find(titles, uuid);
	if (*at)
		remove_at(titles, at);
	titles->changes++;
	pthread_mutex_unlock(&titles->lock);
}

static void set_watching(struct titles *titles, bool watching)
{
	pthread_mutex_lock(&titles->lock);
	titles->watching = watching;
	forget_all(titles);
	pthread_mutex_unlock(&titles->lock);
}

void titles_begin(struct titles *titles)
{
	set_watching(titles, true);
}

void titles_end(struct titles *titles)
{
	set_watching(titles, false);
}

/* With the lock held. */
static void store(struct titles *titles, const unsigned char *uuid,
		  const char *text)
{
	struct title **at = find(titles, uuid);
	struct title *title;

	if (*at || titles->count == VIRT_TITLES_MAX)
		return;
	title = calloc(1, sizeof(*title));
	if (title && text && !(title->text = strdup(text)))
		free(steal(&title));
	if (!title)
		return;
	memcpy(title->uuid, uuid, VIR_UUID_BUFLEN);
	title->next = *at;
	*at = title;
	titles->count++;
}

char *titles_get(struct titles *titles, virDomainPtr domain,
		 const unsigned char *uuid)
{
	struct title *known;
	uint64_t changes;
	char *text = NULL;

	pthread_mutex_lock(&titles->lock);
	known = *find(titles, uuid);
	changes = titles->changes;
	if (known && known->text)
		text = strdup(known->text);
	pthread_mutex_unlock(&titles->lock);
	if (known)
		return text;
	text = virDomainGetMetadata(domain, VIR_DOMAIN_METADATA_TITLE, NULL, 0);
	pthread_mutex_lock(&titles->lock);
	if (titles->watching && titles->changes == changes)
		store(titles, uuid, text);
	pthread_mutex_unlock(&titles->lock);
	return text;
}
