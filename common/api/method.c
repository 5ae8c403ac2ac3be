/*
 * The constant descriptors of all methods, from methods.def, and the look-ups by
 * name and by path. Called for each request, before anything is decoded. What
 * holds: rows stand in the order of enum method_id, which is the order of the
 * names; nothing here is written to.
 */
#include "api/method.h"

#include <string.h>

#include "api/member.h"
#include "base/ini.h"

/* ID_params as MEMBER() wants it, and where the flag of a parameter is. */
#define HAS_REQUIRED(id, name) 0
#define HAS_OPTIONAL(id, name) offsetof(struct id##_params, has_##name)

/* Each array ends in a row of zeros, which is not counted. */
#define METHOD(id, name, role, kind, summary, doc)                             \
	static const struct member params_##id[] = {
#define PARAM(id, name, type, presence, doc)                                   \
	MEMBER(id##_params, name, type, doc, HAS_##presence(id, name), 0),
#define PARAM_LIST(id, name, type, presence, doc)                              \
	MEMBER(id##_params, name, type, doc, HAS_##presence(id, name),         \
	       offsetof(struct id##_params, name##_count)),
#define END(id)                                                                \
	{                                                                      \
		.name = NULL                                                   \
	}                                                                      \
	}                                                                      \
	;
#include "api/methods.def"

#define METHOD(id, name, role, kind, summary, doc)                             \
	static const struct method_error errors_##id[] = {
#define ERROR(id, code_, when_) {.code = ERROR_##code_, .when = when_},
#define END(id)                                                                \
	{                                                                      \
		.when = NULL                                                   \
	}                                                                      \
	}                                                                      \
	;
#include "api/methods.def"

#define METHOD(id, name, role, kind, summary, doc)                             \
	static const struct method_needs needs_##id[] = {
#define NEEDS(id, param_, role_)                                               \
	{.param = PARAM_##id##_##param_, .role = ROLE_##role_},
#define END(id)                                                                \
	{                                                                      \
		.param = 0                                                     \
	}                                                                      \
	}                                                                      \
	;
#include "api/methods.def"

#define METHOD(id, name, role, kind, summary, doc)                             \
	static const unsigned audit_##id[] = {
#define AUDIT(id, param) PARAM_##id##_##param,
#define END(id)                                                                \
	0                                                                      \
	}                                                                      \
	;
#include "api/methods.def"

#define METHOD(id, name, role, kind, summary, doc)                             \
	static const char *const libvirt_##id[] = {
#define LIBVIRT(id, function) function,
#define END(id)                                                                \
	NULL                                                                   \
	}                                                                      \
	;
#include "api/methods.def"

static const struct method methods[METHODS] = {
#define METHOD(id_, name_, role_, kind_, summary_, doc_)                       \
	[METHOD_##id_] = {.id = METHOD_##id_,                                  \
			  .name = name_,                                       \
			  .c_id = #id_,                                        \
			  .name_len = sizeof(name_) - 1,                       \
			  .role = ROLE_##role_,                                \
			  .kind = METHOD_##kind_,                              \
			  .summary = summary_,                                 \
			  .doc = doc_,                                         \
			  .params = params_##id_,                              \
			  .params_count = PARAMS_##id_,                        \
			  .params_size = sizeof(struct id_##_params),          \
			  .errors = errors_##id_,                              \
			  .errors_count = array_size(errors_##id_) - 1,        \
			  .needs = needs_##id_,                                \
			  .needs_count = array_size(needs_##id_) - 1,          \
			  .audit = audit_##id_,                                \
			  .audit_count = array_size(audit_##id_) - 1,          \
			  .libvirt = libvirt_##id_,                            \
			  .libvirt_count = array_size(libvirt_##id_) - 1,
#define PATH(id_, path_) .path = path_,
#define HOSTWIDE(id_)    .hostwide = true,
#define LONG(id_)        .is_long = true,
#define RESULT(id_, type_, doc_)                                               \
	.result = &api_type_##type_, .result_doc = doc_,
#define CONTENT(id_, media_type, doc_)                                         \
	.content = media_type, .content_doc = doc_,
#define END(id_)                                                               \
	}                                                                      \
	,
#include "api/methods.def"
};

const struct method *method_by_id(enum method_id id)
{
	return &methods[id];
}

const struct method *method_find(const char *name, size_t len)
{
	size_t low = 0, high = METHODS;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct method *m = &methods[middle];
		size_t common = len < m->name_len ? len : m->name_len;
		int order = memcmp(name, m->name, common);

		if (order == 0 && len == m->name_len)
			return m;
		if (order < 0 || (order == 0 && len < m->name_len))
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const char *method_nearest(const char *name)
{
	const char *names[METHODS];

	for (size_t i = 0; i < METHODS; i++)
		names[i] = methods[i].name;
	return nearest_name(name, names, METHODS);
}

/* Whether PATH up to its query fits; "{x}" takes a segment that is not empty. */
static bool template_matches(const char *pattern, const char *path, size_t len)
{
	size_t at = 0;

	while (*pattern != '\0') {
		if (*pattern != '{') {
			if (at == len || path[at] != *pattern)
				return false;
			at++;
			pattern++;
			continue;
		}
		size_t start = at;

		while (at < len && path[at] != '/')
			at++;
		if (at == start)
			return false;
		pattern = strchr(pattern, '}') + 1;
	}
	return at == len;
}

static size_t without_query(const char *path, size_t len)
{
	const char *query = memchr(path, '?', len);

	return query ? (size_t)(query - path) : len;
}

const struct method *method_find_path(enum method_kind kind, const char *path,
				      size_t len)
{
	len = without_query(path, len);
	for (size_t i = 0; i < METHODS; i++) {
		const struct method *m = &methods[i];

		if (m->path && m->kind == kind &&
		    template_matches(m->path, path, len))
			return m;
	}
	return NULL;
}

bool method_path_known(const char *path, size_t len)
{
	len = without_query(path, len);
	for (size_t i = 0; i < METHODS; i++) {
		if (methods[i].path &&
		    template_matches(methods[i].path, path, len))
			return true;
	}
	return false;
}

bool method_mutates(const struct method *m)
{
	return m->kind == METHOD_CALL || m->kind == METHOD_PUT ||
	       m->kind == METHOD_STREAM;
}

enum role method_role_for(const struct method *m, const void *params)
{
	enum role role = m->role;

	for (unsigned i = 0; i < m->needs_count; i++) {
		const struct member *p = &m->params[m->needs[i].param];
		bool given = member_given(p, params);

		if (p->type->kind == TYPE_BOOL && p->count == 0)
			given = given && *(const bool *)member_value(p, params);
		if (given && m->needs[i].role > role)
			role = m->needs[i].role;
	}
	return role;
}

const char *method_kind_name(enum method_kind kind)
{
	static const char *const names[] = {
		[METHOD_QUERY] = "query",   [METHOD_CALL] = "call",
		[METHOD_GET] = "get",       [METHOD_PUT] = "put",
		[METHOD_STREAM] = "stream",
	};

	return names[kind];
}

const char *role_name(enum role role)
{
	return enum_text(&api_type_role, role);
}

enum role role_from_name(const char *name)
{
	int role = enum_value(&api_type_role, name);

	return role < 0 ? ROLE_NONE : (enum role)role;
}
