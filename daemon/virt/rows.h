/*
 * A list of domains that several may read at once: made whole by one thread,
 * then shared by reference and changed no more. Used by the inventory, and by the
 * replies that borrow from it.
 *
 * Thread: any may ref, unref and read; who changes one is its only holder.
 */
#ifndef VIRTMUX_VIRT_ROWS_H
#define VIRTMUX_VIRT_ROWS_H

#include "daemon/virt/virt.h"

struct rows {
	unsigned refs; /* atomic */
	size_t count, cap;
	int64_t as_of_us;         /* since 1970: when all of it was read */
	struct virt_domain *list; /* owned; by name, bytewise */
};

/* With one reference and room for CAP rows; NULL without memory. */
struct rows *rows_new(size_t cap);
struct rows *rows_ref(struct rows *rows);
void rows_unref(struct rows *rows); /* NULL-safe */

DEFINE_CLEANUP(rows, rows_unref);

/* Takes what ROW owns. 0, or -1 without memory. Not sorted: rows_sort(). */
int rows_add(struct rows *rows, struct virt_domain *row);
void rows_sort(struct rows *rows);

/* The row of that UUID's text, or NULL. */
struct virt_domain *rows_find(struct rows *rows, const char *uuid);
void rows_remove(struct rows *rows, struct virt_domain *row);

/*
 * ROWS itself where nobody else holds it, else a copy instead of it. NULL without
 * memory; ROWS is released then. Nobody may ref it meanwhile.
 */
struct rows *rows_own(struct rows *rows);

#endif
