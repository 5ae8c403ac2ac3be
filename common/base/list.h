/*
 * An intrusive doubly linked ring. The list head and every node are a
 * struct list; an object embeds one node for each list that it may be on. A
 * node that is on no list points to itself, so list_remove() may be called
 * twice. Nothing is allocated.
 */
#ifndef VIRTMUX_BASE_LIST_H
#define VIRTMUX_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

struct list {
	struct list *prev;
	struct list *next;
};

static inline void list_init(struct list *l)
{
	l->prev = l;
	l->next = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

static inline void list_append(struct list *head, struct list *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

static inline void list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/* Moves all of FROM to the end of TO; FROM is empty afterwards. */
static inline void list_take(struct list *to, struct list *from)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	from->prev->next = to;
	to->prev->next = from->next;
	to->prev = from->prev;
	list_init(from);
}

#define list_entry(node, type, member) container_of(node, type, member)

#define list_for_each(node, head)                                              \
	for (struct list *node = (head)->next; node != (head);                 \
	     node = node->next)

/* The current node may be removed in the body. */
#define list_for_each_safe(node, head)                                         \
	for (struct list *node = (head)->next, *node##_next = node->next;      \
	     node != (head); node = node##_next, node##_next = node->next)

#endif
