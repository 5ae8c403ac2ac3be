/*
 * Counters into rates (top.h): what domain.stats gives twice, by UUID.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client/top.h"

void top_clear(struct top_rows *rows)
{
	free(rows->rows);
	*rows = (struct top_rows){0};
}

/* -- counters -------------------------------------------------------------- */

static int64_t add(int64_t sum, bool has, uint64_t value)
{
	if (!has || value > INT64_MAX)
		return sum;
	return (sum < 0 ? 0 : sum) + (int64_t)value;
}

static struct top_counters counters_of(const struct domain_stats *d)
{
	struct top_counters c = {-1, -1, -1, -1, -1};

	if (d->has_cpu && d->cpu.has_time)
		c.cpu_ns = (int64_t)d->cpu.time;
	for (size_t i = 0; i < d->block_count; i++) {
		const struct stats_block *b = &d->block[i];

		c.read = add(c.read, b->has_rd_bytes, b->rd_bytes);
		c.written = add(c.written, b->has_wr_bytes, b->wr_bytes);
	}
	for (size_t i = 0; i < d->net_count; i++) {
		const struct stats_net *n = &d->net[i];

		c.received = add(c.received, n->has_rx_bytes, n->rx_bytes);
		c.sent = add(c.sent, n->has_tx_bytes, n->tx_bytes);
	}
	return c;
}

/* -- rates ----------------------------------------------------------------- */

static double rate(int64_t before, int64_t now, double seconds)
{
	if (before < 0 || now < before || seconds <= 0)
		return -1;
	return (double)(now - before) / seconds;
}

static const struct top_row *find(const struct top_rows *rows, const char *uuid)
{
	for (size_t i = 0; i < rows->count; i++)
		if (strcmp(rows->rows[i].uuid, uuid) == 0)
			return &rows->rows[i];
	return NULL;
}

static void fill(struct top_row *row, const struct domain_stats *d,
		 const struct top_row *before, double seconds, uint64_t cpus)
{
	static const struct top_counters unknown = {-1, -1, -1, -1, -1};
	const struct top_counters *b = before ? &before->counters : &unknown;
	struct top_counters *c = &row->counters;
	double busy;

	snprintf(row->uuid, sizeof(row->uuid), "%s", d->uuid);
	snprintf(row->name, sizeof(row->name), "%s", d->name);
	row->state = d->has_state ? d->state.state : DOMAIN_STATE_NONE;
	row->memory = d->has_balloon && d->balloon.has_current
			      ? (int64_t)d->balloon.current
			      : -1;
	*c = counters_of(d);
	busy = rate(b->cpu_ns, c->cpu_ns, seconds);
	row->cpu = busy < 0 || cpus == 0
			   ? -1
			   : busy * 100 / (double)CLOCK_NS_PER_S / (double)cpus;
	row->read = rate(b->read, c->read, seconds);
	row->written = rate(b->written, c->written, seconds);
	row->received = rate(b->received, c->received, seconds);
	row->sent = rate(b->sent, c->sent, seconds);
}

int top_take(struct top_rows *rows, const struct domain_stats_list *list,
	     uint64_t when_ns, uint64_t cpus)
{
	struct top_rows fresh = {.count = list->domains_count,
				 .when_ns = when_ns};
	double seconds = (double)(when_ns - rows->when_ns) / CLOCK_NS_PER_S;

	fresh.rows = calloc(fresh.count ? fresh.count : 1, sizeof(*fresh.rows));
	if (!fresh.rows)
		return -1;
	for (size_t i = 0; i < fresh.count; i++) {
		const struct domain_stats *d = &list->domains[i];

		fill(&fresh.rows[i], d, find(rows, d->uuid), seconds, cpus);
	}
	top_clear(rows);
	*rows = fresh;
	return 0;
}

/* -- order ----------------------------------------------------------------- */

static double sum(double a, double b)
{
	return (a < 0 ? 0 : a) + (b < 0 ? 0 : b);
}

static int down(double a, double b)
{
	return (a < b) - (a > b);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct top_row *)a)->name,
		      ((const struct top_row *)b)->name);
}

static int or_name(int order, const void *a, const void *b)
{
	return order ? order : by_name(a, b);
}

static int by_cpu(const void *a, const void *b)
{
	const struct top_row *x = a, *y = b;

	return or_name(down(x->cpu, y->cpu), a, b);
}

static int by_memory(const void *a, const void *b)
{
	const struct top_row *x = a, *y = b;

	return or_name((x->memory < y->memory) - (x->memory > y->memory), a, b);
}

static int by_block(const void *a, const void *b)
{
	const struct top_row *x = a, *y = b;

	return or_name(down(sum(x->read, x->written), sum(y->read, y->written)),
		       a, b);
}

static int by_net(const void *a, const void *b)
{
	const struct top_row *x = a, *y = b;

	return or_name(down(sum(x->received, x->sent),
			    sum(y->received, y->sent)),
		       a, b);
}

static int by_time(const void *a, const void *b)
{
	const struct top_row *x = a, *y = b;
	int64_t s = x->counters.cpu_ns, t = y->counters.cpu_ns;

	return or_name((s < t) - (s > t), a, b);
}

void top_sort(struct top_rows *rows, enum top_sort sort, bool reverse)
{
	static int (*const orders[TOP_SORTS])(const void *, const void *) = {
		by_cpu, by_memory, by_block, by_net, by_time, by_name,
	};

	if (rows->count == 0)
		return;
	qsort(rows->rows, rows->count, sizeof(*rows->rows), orders[sort]);
	for (size_t i = 0; reverse && i < rows->count / 2; i++) {
		struct top_row *a = &rows->rows[i];
		struct top_row *b = &rows->rows[rows->count - 1 - i];
		struct top_row keep = *a;

		*a = *b;
		*b = keep;
	}
}
