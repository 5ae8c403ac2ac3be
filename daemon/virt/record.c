/*
 * Flat records (record.h): making, filling, freeing. Any thread, one at a time.
 */
#include "daemon/virt/record_make.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fields are allocated in steps that double from here. */
#define ROOM_FIRST 16

static void clear_record(struct virt_record *record)
{
	for (size_t i = 0; i < record->count; i++) {
		free(record->fields[i].name);
		free(record->fields[i].text);
	}
	free(record->fields);
	free(record->name);
}

void virt_records_free(struct virt_records *records)
{
	if (!records)
		return;
	for (size_t i = 0; i < records->count; i++)
		clear_record(&records->list[i]);
	free(records->list);
	free(records);
}

static void free_data(void *data)
{
	virt_records_free(data);
}

struct virt_records *records_new(size_t n)
{
	autoptr(virt_records) records = calloc(1, sizeof(*records));

	if (!records)
		return NULL;
	records->list = calloc(n + 1, sizeof(*records->list));
	if (!records->list)
		return NULL;
	records->count = n;
	return steal(&records);
}

/* Room for one more; the room is a power of two, so that it need not be kept. */
static int make_room(struct virt_record *record)
{
	size_t n = record->count;
	struct virt_field *fields;

	if (n != 0 && (n < ROOM_FIRST || (n & (n - 1)) != 0))
		return 0;
	n = n ? 2 * n : ROOM_FIRST;
	fields = realloc(record->fields, n * sizeof(*fields));
	if (!fields)
		return -1;
	record->fields = fields;
	return 0;
}

/* TEXT is taken over in any case. */
__attribute__((format(printf, 5, 0))) static int
append(struct virt_record *record, uint64_t number, char *text,
       struct error *err, const char *format, va_list arguments)
{
	char *name = NULL;

	if (vasprintf(&name, format, arguments) < 0)
		name = NULL;
	if (!name || make_room(record) < 0) {
		free(name);
		free(text);
		return error_set_no_memory(err);
	}
	record->fields[record->count++] = (struct virt_field){
		.name = name, .text = text, .number = number};
	return 0;
}

int record_number(struct virt_record *record, uint64_t value, struct error *err,
		  const char *format, ...)
{
	va_list arguments;
	int rc;

	va_start(arguments, format);
	rc = append(record, value, NULL, err, format, arguments);
	va_end(arguments);
	return rc;
}

int record_text(struct virt_record *record, const char *text, struct error *err,
		const char *format, ...)
{
	char *copy = text ? strdup(text) : NULL;
	va_list arguments;
	int rc;

	if (!text)
		return 0;
	if (!copy)
		return error_set_no_memory(err);
	va_start(arguments, format);
	rc = append(record, 0, copy, err, format, arguments);
	va_end(arguments);
	return rc;
}

int records_reply(struct job *job, struct virt_records *records,
		  struct error *err)
{
	struct virt_reply *reply = job->reply;

	if (!records)
		return error_set_no_memory(err);
	reply_own(reply, records, free_data);
	if (!reply->domain.name || records->count == 0)
		return 0;
	memcpy(records->list[0].uuid, reply->domain.uuid,
	       sizeof(records->list[0].uuid));
	free(records->list[0].name);
	records->list[0].name = strdup(reply->domain.name);
	return records->list[0].name ? 0 : error_set_no_memory(err);
}

/* libvirt has no negative values here but as "not known". */
static int append_parameter(struct virt_record *record,
			    const virTypedParameter *p, struct error *err)
{
	switch (p->type) {
	case VIR_TYPED_PARAM_INT:
		return p->value.i < 0
			       ? 0
			       : record_number(record, (uint64_t)p->value.i,
					       err, "%s", p->field);
	case VIR_TYPED_PARAM_UINT:
		return record_number(record, p->value.ui, err, "%s", p->field);
	case VIR_TYPED_PARAM_LLONG:
		return p->value.l < 0
			       ? 0
			       : record_number(record, (uint64_t)p->value.l,
					       err, "%s", p->field);
	case VIR_TYPED_PARAM_ULLONG:
		return record_number(record, p->value.ul, err, "%s", p->field);
	case VIR_TYPED_PARAM_BOOLEAN:
		return record_number(record, p->value.b != 0, err, "%s",
				     p->field);
	case VIR_TYPED_PARAM_STRING:
		return record_text(record, p->value.s, err, "%s", p->field);
	default:
		return 0;
	}
}

int record_parameters(struct virt_record *record, const virTypedParameter *p,
		      int n, struct error *err)
{
	for (int i = 0; i < n; i++)
		if (append_parameter(record, &p[i], err) < 0)
			return -1;
	return 0;
}
