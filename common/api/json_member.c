/*
 * The members of an object by their names: read, and added. Called by those that
 * print results. What always holds: what is not known is not there.
 */
#include "api/json.h"

const char *json_text(struct json_object *o, const char *name)
{
	struct json_object *member = NULL;

	json_object_object_get_ex(o, name, &member);
	return member ? json_object_get_string(member) : NULL;
}

bool json_is_true(struct json_object *o, const char *name)
{
	struct json_object *member = NULL;

	json_object_object_get_ex(o, name, &member);
	return json_object_get_boolean(member);
}

void json_add_text(struct json_object *o, const char *name, const char *text)
{
	if (text)
		json_object_object_add(o, name, json_object_new_string(text));
}

struct json_object *json_add_list(struct json_object *o, const char *name)
{
	struct json_object *list = o ? json_object_new_array_ext(4) : NULL;

	if (list && json_object_object_add_ex(o, name, list, 0) != 0) {
		json_object_put(list);
		return NULL;
	}
	return list;
}
