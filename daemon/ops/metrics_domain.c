/*
 * What libvirt tells of its domains as samples (metrics.h): each field goes once
 * through the table and to its family, however many domains there are.
 */
#include "daemon/ops/metrics.h"

#include <stdio.h>
#include <string.h>

#include "daemon/ops/room.h"

#define FIELD_MAX 64 /* bytes of "block.*.rd.bytes" */

enum unit { UNIT_PLAIN, UNIT_SECONDS };

static const struct row {
	enum metric metric;
	const char *field; /* NULL: no field's */
	enum unit unit;
} rows[] = {
#define DOMAIN(id, name, type, field, unit, help)                              \
	{METRIC_##id, field, UNIT_##unit},
#include "daemon/ops/metrics.def"
};

/* A field's name with * for its number, which becomes INDEX ("" where none is). */
static void generalize(const char *name, char *general, char *index)
{
	const char *dot = strchr(name, '.');
	size_t head = dot ? (size_t)(dot - name) + 1 : 0;
	size_t digits = strspn(name + head, "0123456789");

	*index = '\0';
	if (!dot || digits == 0 || digits > 9 || name[head + digits] != '.') {
		snprintf(general, FIELD_MAX, "%s", name);
		return;
	}
	snprintf(general, FIELD_MAX, "%.*s*%s", (int)head, name,
		 name + head + digits);
	snprintf(index, FIELD_MAX, "%.*s", (int)digits, name + head);
}

/* What the samples of one domain have in common. */
struct place {
	const char *domain;
	const char *device; /* of the disk or interface that is being told of */
	char index[FIELD_MAX];
};

static void add(struct metrics *m, const struct row *row,
		const struct place *place, const struct virt_field *field)
{
	struct buf *to = metrics_begin(m, row->metric);

	metrics_label(to, true, "domain", place->domain);
	if (strncmp(row->field, "vcpu.*", 6) == 0)
		metrics_label(to, false, "vcpu", place->index);
	else if (*place->index)
		metrics_label(to, false, "target_device", place->device);
	if (field->text)
		metrics_label(to, false, "source_file", field->text);
	if (row->unit == UNIT_SECONDS)
		metrics_seconds(to, true, field->number);
	else
		metrics_value(to, true, field->text ? 1 : field->number);
}

static void add_field(struct metrics *m, struct place *place,
		      const struct virt_field *field)
{
	char general[FIELD_MAX];

	generalize(field->name, general, place->index);
	if (field->text && *place->index &&
	    strcmp(strrchr(general, '.'), ".name") == 0) {
		place->device = field->text;
		return;
	}
	for (size_t i = 0; i < array_size(rows); i++)
		if (rows[i].field && strcmp(rows[i].field, general) == 0)
			add(m, &rows[i], place, field);
}

static void add_domain(struct metrics *m, const struct virt_record *record)
{
	struct place place = {.domain = record->name, .device = ""};
	struct buf *meta = metrics_begin(m, METRIC_META);

	metrics_label(meta, true, "domain", record->name);
	metrics_label(meta, false, "uuid", record->uuid);
	metrics_value(meta, true, 1);
	for (size_t i = 0; i < record->count; i++)
		add_field(m, &place, &record->fields[i]);
}

void metrics_add_domains(struct metrics *m, const struct virt_records *records)
{
	for (size_t i = 0; i < records->count; i++)
		add_domain(m, &records->list[i]);
}
