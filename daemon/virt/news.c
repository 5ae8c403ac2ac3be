/*
 * The queue of events (news.h). What holds: at most VIRT_NEWS_MAX wait; what comes
 * above that is counted, and told of in its place.
 */
#include "daemon/virt/news.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/virt/pool.h"

struct item {
	struct list node;
	struct virt_event event;
};

struct news {
	pthread_mutex_t lock;
	struct pool *pool;
	struct list items;
	size_t count;
	uint64_t missed; /* since the last item */
};

int news_new(struct news **out, struct pool *pool, struct error *err)
{
	struct news *news = calloc(1, sizeof(*news));

	if (!news)
		return error_set_no_memory(err);
	pthread_mutex_init(&news->lock, NULL);
	news->pool = pool;
	list_init(&news->items);
	*out = news;
	return 0;
}

void news_clear(struct virt_event *event)
{
	free(event->name);
	free(event->subject);
	memset(event, 0, sizeof(*event));
}

void news_free(struct news *news)
{
	struct virt_event event;

	if (!news)
		return;
	while (news_take(news, &event))
		news_clear(&event);
	pthread_mutex_destroy(&news->lock);
	free(news);
}

void news_post(struct news *news, struct virt_event *event)
{
	struct item *item = NULL;
	bool first;

	event->time_us = clock_realtime_us();
	pthread_mutex_lock(&news->lock);
	if (news->count < VIRT_NEWS_MAX && !news->missed)
		item = malloc(sizeof(*item));
	first = !news->count && !news->missed;
	if (item) {
		item->event = *event;
		memset(event, 0, sizeof(*event));
		list_append(&news->items, &item->node);
		news->count++;
	} else {
		news->missed++;
	}
	pthread_mutex_unlock(&news->lock);
	news_clear(event);
	if (first)
		pool_wake(news->pool);
}

/* With the lock held. */
static bool take_missed(struct news *news, struct virt_event *event)
{
	if (!news->missed)
		return false;
	*event = (struct virt_event){.type = VIRT_EVENT_MISSED,
				     .time_us = clock_realtime_us(),
				     .event = "overrun",
				     .number = news->missed,
				     .has_number = true};
	news->missed = 0;
	return true;
}

bool news_take(struct news *news, struct virt_event *event)
{
	struct item *item = NULL;
	bool taken;

	pthread_mutex_lock(&news->lock);
	taken = news->count > 0;
	if (taken) {
		item = list_entry(news->items.next, struct item, node);
		list_remove(&item->node);
		news->count--;
		*event = item->event;
	} else {
		taken = take_missed(news, event);
	}
	pthread_mutex_unlock(&news->lock);
	free(item);
	return taken;
}
