/*
 * Everything that a person or a program can read about the methods, printed from
 * the tables: the OpenRPC document, manual page text, Markdown, terminal help;
 * and the negative tests that each method gets for nothing. No state; any thread.
 * Each appends to OUT and returns 0, or -1 without memory.
 */
#ifndef VIRTMUX_API_DESCRIBE_H
#define VIRTMUX_API_DESCRIBE_H

#include <stdbool.h>

#include "api/method.h"
#include "base/buf.h"

/*
 * OpenRPC 1.3.2 of all QUERY and CALL methods; x-role, x-kind, x-hostwide,
 * x-long, x-needs and x-libvirt in each; GET, PUT and STREAM under x-resources.
 * The daemon makes it once.
 */
int describe_openrpc(struct buf *out, const char *version);

/*
 * JSON Schema 2020-12: the value of "$defs" with the schemas of TYPES and of all that
 * they are made of, each once under its name; and {"$ref":…} to one of them.
 */
int describe_definitions(struct buf *out, const struct type *const *types,
			 size_t n);
int describe_reference(struct buf *out, const struct type *type);

/* man(7) source of the section on methods, from its .SH on. */
int describe_roff(struct buf *out);

/*
 * A table of all methods, as doc/METHODS.md has it: name, what it needs (role,
 * role for a parameter, rights on all domains), kind and whether it is a job, what
 * it does, parameters, libvirt's functions.
 */
int describe_markdown(struct buf *out);

/* `virtmux call --help`: one line for each method; of one method: all of it. */
int describe_method_list(struct buf *out);
int describe_method_help(struct buf *out, const struct method *m);

/* "domain=DOMAIN [paused=BOOL]", for usage lines. */
int describe_synopsis(struct buf *out, const struct method *m);

/*
 * A generated negative test: JSON text that json_parse() (ERROR_PARSE) or
 * params_decode() of the method (ERROR_INVALID_PARAMS) must refuse with `code`.
 */
struct negative_case {
	enum error_code code;
	const char *
		param; /* the parameter that is wrong; NULL: params as a whole */
	const char *what; /* "wrong type", "missing", … */
};

/*
 * Case N of the method, counted from 0: 1 with *OUT filled and the JSON text
 * appended to PARAMS; 0 behind the last; -1 without memory. At least five cases
 * a parameter, and those for params as a whole.
 */
int describe_negative_case(const struct method *m, unsigned n,
			   struct negative_case *out, struct buf *params);

/*
 * The smallest parameters that decode: each required one with a plausible value
 * ("virtmux-none" for a domain), for tests that look at what comes after.
 */
int describe_minimal_params(const struct method *m, struct buf *params);

#endif
