/*
 * The table of methods in C: an id, a parameter struct and a constant descriptor
 * for each bracket of methods.def, and the look-ups by name and by path. The
 * daemon and the client generate their own rows by including the table again
 * (below). All data are constant; any thread.
 */
#ifndef VIRTMUX_API_METHOD_H
#define VIRTMUX_API_METHOD_H

#include "api/types.h"
#include "base/error.h"

enum method_kind {
	METHOD_QUERY,  /* POST /rpc; only reads */
	METHOD_CALL,   /* POST /rpc; changes something; idempotency-key */
	METHOD_GET,    /* GET of a resource */
	METHOD_PUT,    /* PUT of a resource */
	METHOD_STREAM, /* extended CONNECT, :protocol virtmux (RFC 8441) */
};

/* METHOD_domain_list, …; METHODS is their number. In the order of the names. */
enum method_id {
#define METHOD(id, name, role, kind, summary, doc) METHOD_##id,
#include "api/methods.def"
	METHODS
};

/*
 * struct domain_start_params { unsigned given; char *domain; bool paused;
 * bool has_paused; … }: an optional parameter has a flag has_NAME; absent ones
 * are zero. `given` counts the parameters that the caller named. The strings and
 * lists are owned by the struct: params_free().
 */
#define PARAM_REQUIRED(name, type) ctype_##type name;
#define PARAM_OPTIONAL(name, type)                                             \
	ctype_##type name;                                                     \
	bool has_##name;
#define PARAM_LIST_REQUIRED(name, type)                                        \
	ctype_##type *name;                                                    \
	size_t name##_count;
#define PARAM_LIST_OPTIONAL(name, type)                                        \
	ctype_##type *name;                                                    \
	size_t name##_count;                                                   \
	bool has_##name;
#define METHOD(id, name, role, kind, summary, doc)                             \
	struct id##_params {                                                   \
		unsigned given;
#define PARAM(id, name, type, presence, doc) PARAM_##presence(name, type)
#define PARAM_LIST(id, name, type, presence, doc)                              \
	PARAM_LIST_##presence(name, type)
#define END(id)                                                                \
	}                                                                      \
	;
#include "api/methods.def"
#undef PARAM_REQUIRED
#undef PARAM_OPTIONAL
#undef PARAM_LIST_REQUIRED
#undef PARAM_LIST_OPTIONAL

/* result_of_domain_start: the struct that RESULT names. */
#define RESULT(id, type, doc) typedef ctype_##type result_of_##id;
#include "api/methods.def"

/* PARAM_domain_start_paused, …: the place of a parameter in method->params. */
#define METHOD(id, name, role, kind, summary, doc)                             \
	enum id##_param_index                                                  \
	{
#define PARAM(id, name, type, presence, doc)      PARAM_##id##_##name,
#define PARAM_LIST(id, name, type, presence, doc) PARAM_##id##_##name,
#define END(id)                                                                \
	PARAMS_##id                                                            \
	}                                                                      \
	;
#include "api/methods.def"

struct method_error {
	enum error_code code;
	const char *when;
};

struct method_needs {
	unsigned param; /* its place in params */
	enum role role;
};

struct method {
	enum method_id id;
	const char *name; /* "domain.start" */
	const char *c_id; /* "domain_start" */
	size_t name_len;
	enum role role; /* the least role; never ROLE_NONE */
	enum method_kind kind;
	const char *summary;
	const char *doc;
	const char *path; /* template; NULL for QUERY and CALL */
	const struct member *params;
	unsigned params_count;
	size_t params_size;        /* sizeof(struct ID_params) */
	const struct type *result; /* NULL: no JSON comes back */
	const char *result_doc;
	const char *content; /* media type of a GET's answer or of a PUT */
	const char *content_doc;
	const struct method_error *errors;
	unsigned errors_count;
	const struct method_needs *needs;
	unsigned needs_count;
	const unsigned *audit; /* places of the params that name the target */
	unsigned audit_count;
	bool hostwide;              /* needs rights on all domains */
	bool is_long;               /* a job while it runs */
	const char *const *libvirt; /* functions of libvirt */
	unsigned libvirt_count;
};

/*
 * The daemon's handlers, for example:
 *
 *	#define METHOD(id, name, role, kind, summary, doc) \
 *		ops_##kind##_fn ops_##id;
 *	#include "api/methods.def"
 *
 * declares ops_domain_start() with the type that the daemon gives to the kind
 * (ops_CALL_fn), and
 *
 *	#define METHOD(id, name, role, kind, summary, doc) \
 *		[METHOD_##id] = { .kind = ops_##id },
 *
 * fills a table that is indexed by method->id.
 */

/* ID below METHODS; never NULL. */
const struct method *method_by_id(enum method_id id);

/* By its name (LEN bytes, need not be NUL-terminated); NULL: unknown. */
const struct method *method_find(const char *name, size_t len);

/* The nearest known name, for messages; NULL where none is near. */
const char *method_nearest(const char *name);

/*
 * The GET, PUT or STREAM method whose template matches the :path (with or
 * without a query, LEN bytes); NULL: none. The parameters are not decoded yet:
 * that is params_decode_path(), after the access check.
 */
const struct method *method_find_path(enum method_kind kind, const char *path,
				      size_t len);

/* Whether any resource has that path, under another kind (405 against 404). */
bool method_path_known(const char *path, size_t len);

/* Whether a call of it changes something: CALL and PUT, and what STREAM opens. */
bool method_mutates(const struct method *m);

/* The role that these decoded parameters need: m->role or what NEEDS adds. */
enum role method_role_for(const struct method *m, const void *params);

/* "query", "call", "get", "put", "stream". */
const char *method_kind_name(enum method_kind kind);

/* "viewer", …; the role of that name, or ROLE_NONE for another one. */
const char *role_name(enum role role);
enum role role_from_name(const char *name);

#endif
