/*
 * Events on their way from libvirt's threads to the caller's: a bounded queue.
 *
 * Lock: news->lock guards all of it. Threads: post by any, take by the caller's.
 */
#ifndef VIRTMUX_VIRT_NEWS_H
#define VIRTMUX_VIRT_NEWS_H

#include <stdbool.h>

#include "base/list.h"
#include "daemon/virt/event.h"

struct news;
struct pool;

/* POOL is woken when the first one waits; borrowed. */
int news_new(struct news **out, struct pool *pool, struct error *err);
void news_free(struct news *news); /* NULL-safe */

/* Takes what EVENT owns, and sets its time. */
void news_post(struct news *news, struct virt_event *event);

/* The next one, to be news_clear()ed; false: none waits. */
bool news_take(struct news *news, struct virt_event *event);

void news_clear(struct virt_event *event);

#endif
