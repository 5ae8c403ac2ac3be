/*
 * The inventory (inventory.h). What holds: a mark is taken away before libvirt is
 * asked, so that a change during the answer marks again; one worker at a time
 * brings the rows up to date, and those behind it find them so.
 */
#include "daemon/virt/inventory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/virt/job.h"
#include "daemon/virt/list.h"
#include "daemon/virt/rows.h"

struct marks {
	bool all;
	size_t count;
	char uuids[VIRT_INVENTORY_MARKS][VIRT_UUID_SIZE];
};

struct inventory {
	pthread_mutex_t turn; /* of the worker that asks libvirt */
	pthread_mutex_t lock; /* of the members below; never while asking */
	bool told;            /* somebody tells of changes */
	struct marks marks;
	uint64_t read_ns; /* when all was read, monotonic */
	struct rows *rows;
};

int inventory_new(struct inventory **out, struct error *err)
{
	struct inventory *inventory = calloc(1, sizeof(*inventory));

	if (!inventory)
		return error_set_no_memory(err);
	pthread_mutex_init(&inventory->turn, NULL);
	pthread_mutex_init(&inventory->lock, NULL);
	inventory->marks.all = true;
	*out = inventory;
	return 0;
}

void inventory_free(struct inventory *inventory)
{
	if (!inventory)
		return;
	rows_unref(inventory->rows);
	pthread_mutex_destroy(&inventory->turn);
	pthread_mutex_destroy(&inventory->lock);
	free(inventory);
}

static void set_told(struct inventory *inventory, bool told)
{
	pthread_mutex_lock(&inventory->lock);
	inventory->told = told;
	inventory->marks.all = true;
	pthread_mutex_unlock(&inventory->lock);
}

void inventory_begin(struct inventory *inventory)
{
	set_told(inventory, true);
}

void inventory_end(struct inventory *inventory)
{
	set_told(inventory, false);
}

static void mark(struct marks *marks, const char *uuid)
{
	for (size_t i = 0; i < marks->count; i++)
		if (strcmp(marks->uuids[i], uuid) == 0)
			return;
	if (!*uuid || marks->count == array_size(marks->uuids))
		marks->all = true;
	else
		memcpy(marks->uuids[marks->count++], uuid, VIRT_UUID_SIZE);
}

void inventory_touch(struct inventory *inventory, const char *uuid)
{
	pthread_mutex_lock(&inventory->lock);
	mark(&inventory->marks, uuid);
	pthread_mutex_unlock(&inventory->lock);
}

/* What is to be read: moved to OUT. */
static void take_marks(struct inventory *inventory, struct marks *out)
{
	uint64_t age_ns = clock_monotonic_ns() - inventory->read_ns;

	pthread_mutex_lock(&inventory->lock);
	*out = inventory->marks;
	memset(&inventory->marks, 0, sizeof(inventory->marks));
	if (!inventory->told || !inventory->rows ||
	    age_ns > VIRT_INVENTORY_AGE_MS * CLOCK_NS_PER_MS)
		out->all = true;
	pthread_mutex_unlock(&inventory->lock);
}

/* With the turn. On failure the old rows stay, and are marked as a whole. */
static int read_all(struct inventory *inventory, struct job *job,
		    struct error *err)
{
	uint64_t begun_ns = clock_monotonic_ns();
	struct rows *rows = list_read_all(job, err);

	if (!rows)
		return -1;
	rows_unref(inventory->rows);
	inventory->rows = rows;
	inventory->read_ns = begun_ns;
	return 0;
}

static int read_one(struct inventory *inventory, struct job *job,
		    const char *uuid, struct error *err)
{
	struct virt_domain row = {0};
	int found = list_read_one(job, uuid, &row, err);
	struct virt_domain *old = rows_find(inventory->rows, uuid);

	if (found < 0)
		return -1;
	if (old)
		rows_remove(inventory->rows, old);
	if (!found || rows_add(inventory->rows, &row) == 0)
		return 0;
	domain_clear(&row);
	return error_set_no_memory(err);
}

/* With the turn. */
static int read_marked(struct inventory *inventory, struct job *job,
		       const struct marks *marks, struct error *err)
{
	inventory->rows = rows_own(inventory->rows);
	if (!inventory->rows)
		return error_set_no_memory(err);
	for (size_t i = 0; i < marks->count; i++)
		if (read_one(inventory, job, marks->uuids[i], err) < 0)
			return -1;
	rows_sort(inventory->rows);
	return 0;
}

/* With the turn. */
static int bring_up_to_date(struct inventory *inventory, struct job *job,
			    struct error *err)
{
	struct marks marks;
	int rc = 0;

	take_marks(inventory, &marks);
	if (marks.all)
		rc = read_all(inventory, job, err);
	else if (marks.count > 0)
		rc = read_marked(inventory, job, &marks, err);
	if (rc < 0)
		inventory_touch(inventory, "");
	return rc;
}

struct rows *inventory_rows(struct inventory *inventory, struct job *job,
			    struct error *err)
{
	struct rows *rows = NULL;

	pthread_mutex_lock(&inventory->turn);
	if (bring_up_to_date(inventory, job, err) == 0)
		rows = rows_ref(inventory->rows);
	pthread_mutex_unlock(&inventory->turn);
	return rows;
}
