/*
 * Lists of domains by reference (rows.h). What holds: strings belong to their row;
 * a list with several holders is never written to.
 */
#include "daemon/virt/rows.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/virt/request.h"

struct rows *rows_new(size_t cap)
{
	struct rows *rows = calloc(1, sizeof(*rows));

	if (!rows)
		return NULL;
	rows->refs = 1;
	rows->cap = cap;
	rows->list = cap ? calloc(cap, sizeof(*rows->list)) : NULL;
	if (cap && !rows->list)
		free(steal(&rows));
	return rows;
}

struct rows *rows_ref(struct rows *rows)
{
	__atomic_add_fetch(&rows->refs, 1, __ATOMIC_RELAXED);
	return rows;
}

void rows_unref(struct rows *rows)
{
	if (!rows || __atomic_sub_fetch(&rows->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	for (size_t i = 0; i < rows->count; i++)
		domain_clear(&rows->list[i]);
	free(rows->list);
	free(rows);
}

int rows_add(struct rows *rows, struct virt_domain *row)
{
	if (rows->count == rows->cap) {
		size_t cap = rows->cap ? 2 * rows->cap : 16;
		struct virt_domain *list =
			realloc(rows->list, cap * sizeof(*list));

		if (!list)
			return -1;
		rows->list = list;
		rows->cap = cap;
	}
	rows->list[rows->count++] = *row;
	memset(row, 0, sizeof(*row));
	return 0;
}

static int compare_rows(const void *a, const void *b)
{
	const struct virt_domain *x = a, *y = b;

	return strcmp(x->name, y->name);
}

void rows_sort(struct rows *rows)
{
	if (rows->count > 1)
		qsort(rows->list, rows->count, sizeof(*rows->list),
		      compare_rows);
}

struct virt_domain *rows_find(struct rows *rows, const char *uuid)
{
	for (size_t i = 0; i < rows->count; i++)
		if (strcmp(rows->list[i].uuid, uuid) == 0)
			return &rows->list[i];
	return NULL;
}

void rows_remove(struct rows *rows, struct virt_domain *row)
{
	size_t at = (size_t)(row - rows->list);

	domain_clear(row);
	memmove(row, row + 1, (--rows->count - at) * sizeof(*row));
}

static int copy_row(struct rows *to, const struct virt_domain *from)
{
	struct virt_domain row = *from;

	row.name = strdup(from->name);
	row.title = from->title ? strdup(from->title) : NULL;
	if (row.name && (row.title || !from->title) && rows_add(to, &row) == 0)
		return 0;
	domain_clear(&row);
	return -1;
}

struct rows *rows_own(struct rows *rows)
{
	autoptr(rows) old = rows;
	autoptr(rows) copy = NULL;

	if (__atomic_load_n(&rows->refs, __ATOMIC_ACQUIRE) == 1)
		return steal(&old);
	copy = rows_new(rows->count + 1);
	if (!copy)
		return NULL;
	copy->as_of_us = rows->as_of_us;
	for (size_t i = 0; i < rows->count; i++)
		if (copy_row(copy, &rows->list[i]) < 0)
			return NULL;
	return steal(&copy);
}
