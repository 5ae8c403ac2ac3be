/*
 * Records into objects (fields.h). What holds: numbers that a member cannot hold
 * become its greatest value; an object is never half of two entries.
 */
#include "daemon/ops/fields.h"

#include <ctype.h>
#include <string.h>

#include "api/codec.h"

#define NAME_SIZE 128 /* of a member, with NUL */

/* "rd.bytes" as "rd_bytes", "backingIndex" as "backing_index". */
static void member_name(const char *name, size_t len, char *to)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n + 2 < NAME_SIZE; i++) {
		if (isupper((unsigned char)name[i]))
			to[n++] = '_';
		to[n++] = name[i] == '.' || name[i] == '-'
				  ? '_'
				  : (char)tolower((unsigned char)name[i]);
	}
	to[n] = '\0';
}

static const struct member *find(const struct type *type, const char *name,
				 size_t len)
{
	char wanted[NAME_SIZE];

	member_name(name, len, wanted);
	for (unsigned i = 0; i < type->fields_count; i++)
		if (strcmp(type->fields[i].name, wanted) == 0)
			return &type->fields[i];
	return NULL;
}

static void *slot(const struct member *m, void *object)
{
	return (char *)object + m->offset;
}

static size_t *count_of(const struct member *m, void *object)
{
	return (size_t *)(void *)((char *)object + m->count);
}

static void set_given(const struct member *m, void *object)
{
	if (m->has)
		*(bool *)(void *)((char *)object + m->has) = true;
}

/* -- scalars --------------------------------------------------------------- */

static int put_text(const struct member *m, void *object, const char *text,
		    struct error *err)
{
	char **to = slot(m, object);

	free(*to);
	*to = strdup(text);
	if (!*to)
		return error_set_no_memory(err);
	set_given(m, object);
	return 0;
}

static int put_number(const struct member *m, void *object, uint64_t number)
{
	uint64_t most = (uint64_t)m->type->max;

	switch (m->type->kind) {
	case TYPE_UINT:
		*(uint64_t *)slot(m, object) = number < most ? number : most;
		break;
	case TYPE_INT:
		*(int64_t *)slot(m, object) = (int64_t)number;
		break;
	case TYPE_BOOL:
		*(bool *)slot(m, object) = number != 0;
		break;
	case TYPE_ENUM:
		if (number >= m->type->values_count)
			return 0;
		*(unsigned *)slot(m, object) = (unsigned)number;
		break;
	case TYPE_TEXT:
	case TYPE_OBJECT:
		return 0;
	}
	set_given(m, object);
	return 0;
}

static int put_scalar(const struct member *m, void *object,
		      const struct virt_field *field, struct error *err)
{
	if (!field->text)
		return put_number(m, object, field->number);
	if (m->type->kind == TYPE_TEXT)
		return put_text(m, object, field->text, err);
	if (m->type->kind == TYPE_ENUM)
		return put_number(m, object,
				  (uint64_t)enum_value(m->type, field->text));
	return 0;
}

/* -- lists ----------------------------------------------------------------- */

/* One more entry, all zero; NULL without memory. */
static void *append(const struct member *list, void *object)
{
	size_t *count = count_of(list, object);
	size_t size = list->type->size;
	void **entries = slot(list, object);
	char *grown = realloc(*entries, (*count + 1) * size);

	if (!grown)
		return NULL;
	*entries = grown;
	return memset(grown + (*count)++ * size, 0, size);
}

/* The entry of that number: the last one, or a new one. */
static void *entry(const struct member *list, void *object, uint64_t number)
{
	const struct member *n = find(list->type, "n", 1);
	size_t count = *count_of(list, object);
	char *last = count ? (char *)*(void **)slot(list, object) +
				     (count - 1) * list->type->size
			   : NULL;

	if (last && n && *(uint64_t *)slot(n, last) == number)
		return last;
	last = append(list, object);
	if (last && n)
		put_number(n, last, number);
	return last;
}

static int put_counter(const struct member *list, void *object,
		       const char *name, uint64_t value, struct error *err)
{
	struct stats_counter *counter = append(list, object);

	if (!counter)
		return error_set_no_memory(err);
	counter->value = value < INT64_MAX ? value : INT64_MAX;
	counter->name = strdup(name);
	return counter->name ? 0 : error_set_no_memory(err);
}

static const struct member *first_list(const struct type *type)
{
	for (unsigned i = 0; i < type->fields_count; i++)
		if (type->fields[i].count)
			return &type->fields[i];
	return NULL;
}

/* -- names ----------------------------------------------------------------- */

/*
 * One step of the way: NAME is looked for in OBJECT of TYPE. Either it is a
 * member, or its first word is one, whose object or list has the rest of it.
 */
struct place {
	const struct type *type;
	void *object;
	const char *name; /* what is left; NULL: the end, nothing more to do */
};

/* To the entry of LIST that NAME ("7.rest") begins with. */
static int step_entry(struct place *place, const struct member *list,
		      const char *name, struct error *err)
{
	char *end = NULL;
	uint64_t number = strtoull(name, &end, 10);

	if (*end != '.')
		return 0;
	place->object = entry(list, place->object, number);
	place->type = list->type;
	place->name = end + 1;
	return place->object ? 0 : error_set_no_memory(err);
}

static bool is_scalar(const struct member *m)
{
	return !m->count && m->type->kind != TYPE_OBJECT;
}

/* To the object or list whose name is the first word of NAME. */
static int step_word(struct place *place, const char *name,
		     const struct virt_field *field, struct error *err)
{
	size_t len = strcspn(name, ".");
	const struct member *m = find(place->type, name, len);

	if (!m || m->type->kind != TYPE_OBJECT || name[len] != '.')
		return 0;
	name += len + 1;
	if (m->type == &api_type_stats_counter)
		return put_counter(m, place->object, name, field->number, err);
	if (m->count) /* a number; or a word about the list, as net.count */
		return isdigit((unsigned char)*name)
			       ? step_entry(place, m, name, err)
			       : 0;
	set_given(m, place->object);
	place->object = slot(m, place->object);
	place->type = m->type;
	place->name = name;
	return 0;
}

static int step(struct place *place, const struct virt_field *field,
		struct error *err)
{
	const char *name = place->name;
	const struct member *m = find(place->type, name, strlen(name));
	const struct member *list = first_list(place->type);

	place->name = NULL;
	if (m && is_scalar(m))
		return put_scalar(m, place->object, field, err);
	if (!isdigit((unsigned char)*name))
		return step_word(place, name, field, err);
	return list ? step_entry(place, list, name, err) : 0;
}

static int put_field(const struct type *type, void *object,
		     const struct virt_field *field, struct error *err)
{
	struct place place = {type, object, field->name};

	if (isdigit((unsigned char)*place.name)) /* of no list in particular */
		return 0;
	while (place.name)
		if (step(&place, field, err) < 0)
			return -1;
	return 0;
}

static int put_word(const struct type *type, void *object, const char *name,
		    const char *text, struct error *err)
{
	const struct member *m = find(type, name, strlen(name));

	return m && text ? put_text(m, object, text, err) : 0;
}

int fields_put(const struct type *type, void *object,
	       const struct virt_record *record, struct error *err)
{
	if (put_word(type, object, "uuid", record->uuid, err) < 0 ||
	    put_word(type, object, "name", record->name, err) < 0)
		return -1;
	for (size_t i = 0; i < record->count; i++)
		if (put_field(type, object, &record->fields[i], err) < 0)
			return -1;
	return 0;
}

void fields_answer(void *context, struct virt_reply *reply)
{
	struct call *call = context;
	const struct type *type = call_method(call)->result;
	const struct virt_records *records;
	autofree void *object = NULL;
	autoerror err = {0};

	if (!ops_succeeded(call, reply))
		return;
	records = reply->value.noun.data;
	object = calloc(1, type->size);
	if (!object)
		error_set_no_memory(&err);
	if (!object || fields_put(type, object, records->list, &err) < 0)
		call_fail(call, &err);
	else
		call_return(call, object);
	if (object)
		object_free(type, object);
}

void fields_answer_ref(void *context, struct virt_reply *reply)
{
	if (ops_succeeded(context, reply))
		call_return(context, &(const struct domain_ref){
					     .uuid = reply->domain.uuid,
					     .name = reply->domain.name});
}
