/*
 * json-c's constructors under the injected failures of base/alloc_fail.h: each
 * asks the wrapped malloc() first, and fails as json-c would without memory.
 * Reached by the linker's --wrap. What holds: while disarmed it only passes on.
 */
#include <json-c/json.h>
#include <stdbool.h>
#include <stdlib.h>

struct json_object *__real_json_object_new_object(void);
struct json_object *__real_json_object_new_array_ext(int initial_size);
struct json_object *__real_json_object_new_string_len(const char *s, int len);
struct json_object *__real_json_object_new_int64(int64_t i);
struct json_object *__real_json_object_new_boolean(json_bool b);
int __real_json_object_object_add_ex(struct json_object *o, const char *key,
				     struct json_object *value, unsigned opts);
int __real_json_object_array_add(struct json_object *o,
				 struct json_object *value);
struct json_tokener *__real_json_tokener_new_ex(int depth);

struct json_object *__wrap_json_object_new_object(void);
struct json_object *__wrap_json_object_new_array_ext(int initial_size);
struct json_object *__wrap_json_object_new_string_len(const char *s, int len);
struct json_object *__wrap_json_object_new_int64(int64_t i);
struct json_object *__wrap_json_object_new_boolean(json_bool b);
int __wrap_json_object_object_add_ex(struct json_object *o, const char *key,
				     struct json_object *value, unsigned opts);
int __wrap_json_object_array_add(struct json_object *o,
				 struct json_object *value);
struct json_tokener *__wrap_json_tokener_new_ex(int depth);

static bool memory_left(void)
{
	void *volatile probe = malloc(1);
	bool left = probe != NULL;

	free(probe);
	return left;
}

struct json_object *__wrap_json_object_new_object(void)
{
	return memory_left() ? __real_json_object_new_object() : NULL;
}

struct json_object *__wrap_json_object_new_array_ext(int initial_size)
{
	return memory_left() ? __real_json_object_new_array_ext(initial_size)
			     : NULL;
}

struct json_object *__wrap_json_object_new_string_len(const char *s, int len)
{
	return memory_left() ? __real_json_object_new_string_len(s, len) : NULL;
}

struct json_object *__wrap_json_object_new_int64(int64_t i)
{
	return memory_left() ? __real_json_object_new_int64(i) : NULL;
}

struct json_object *__wrap_json_object_new_boolean(json_bool b)
{
	return memory_left() ? __real_json_object_new_boolean(b) : NULL;
}

int __wrap_json_object_object_add_ex(struct json_object *o, const char *key,
				     struct json_object *value, unsigned opts)
{
	return memory_left()
		       ? __real_json_object_object_add_ex(o, key, value, opts)
		       : -1;
}

int __wrap_json_object_array_add(struct json_object *o,
				 struct json_object *value)
{
	return memory_left() ? __real_json_object_array_add(o, value) : -1;
}

struct json_tokener *__wrap_json_tokener_new_ex(int depth)
{
	return memory_left() ? __real_json_tokener_new_ex(depth) : NULL;
}
