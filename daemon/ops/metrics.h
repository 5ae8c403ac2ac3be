/*
 * The families of GET /metrics, and the writing of their samples. Private to the
 * room: metrics.c asks and answers, metrics_domain.c writes what is libvirt's.
 *
 * What always holds: a family's samples stand together behind its HELP and TYPE; a
 * label's value is valid UTF-8, escaped; a family without samples is not written.
 */
#ifndef VIRTMUX_OPS_METRICS_H
#define VIRTMUX_OPS_METRICS_H

#include "base/buf.h"
#include "daemon/virt/record.h"

enum metric {
#define OWN(id, name, type, help)                 METRIC_##id,
#define DOMAIN(id, name, type, field, unit, help) METRIC_##id,
#include "daemon/ops/metrics.def"
	METRICS
};

/* The samples of each family; all zero at first. */
struct metrics {
	struct buf samples[METRICS];
};

const char *metric_name(enum metric metric);

/* `NAME` and, until the value, further labels by metrics_label(). */
struct buf *metrics_begin(struct metrics *m, enum metric metric);
/* FIRST: no label stands before it. */
void metrics_label(struct buf *to, bool first, const char *name,
		   const char *value);
void metrics_value(struct buf *to, bool labels, uint64_t value);
/* "12.345" for 12345000000. */
void metrics_seconds(struct buf *to, bool labels, uint64_t ns);

/* One without labels. */
void metrics_plain(struct metrics *m, enum metric metric, uint64_t value);

void metrics_add_domains(struct metrics *m, const struct virt_records *records);

/* All of it, in the order of the table. -1 without memory. */
int metrics_write(const struct metrics *m, struct buf *out);
void metrics_clear(struct metrics *m);

#endif
