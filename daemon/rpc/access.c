/*
 * The rules of access.conf. core loads a set at start and reload; rpc looks a
 * rule up for each connection and asks it before each call. What always holds: a
 * set is whole and unchanging once access_parse() has returned it, and what may
 * be called is decided then, method by method, so that a check is one look.
 */
#include "daemon/rpc/access.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/glob.h"
#include "base/ini.h"
#include "daemon/rpc/limits.h"

#define SECTION "IDENTITY" /* what a section is called in messages */

/* The values of one section, as OPTION() lines name them. */
struct values {
#define member_CHOICE                                int64_t
#define member_LIST                                  char **
#define OPTION(id, name, type, fallback, range, doc) member_##type id;
#include "daemon/rpc/access.def"
#undef member_CHOICE
#undef member_LIST
};

static const struct option_spec specs[] = {
#define OPTION(id, name, type, fallback, range, doc)                           \
	{SECTION, name,          OPTION_##type, fallback,                      \
	 range,   OPTION_RELOAD, doc,           offsetof(struct values, id)},
#include "daemon/rpc/access.def"
};

/* Index of the choice of `role` to the table's enum. */
static const enum role roles[] = {ROLE_VIEWER, ROLE_OPERATOR, ROLE_ADMIN};

struct rule {
	struct access_rule pub;
	struct values values; /* owns the lists that pub borrows */
};

struct access {
	unsigned refs;
	size_t count;
	struct rule **rules; /* in the order of the file */
};

struct reader {
	struct access *access;
	const char *file;
};

static bool is_pattern(const char *identity)
{
	return strpbrk(identity, "*?[") != NULL;
}

static void rule_free(struct rule *rule)
{
	if (!rule)
		return;
	options_free(specs, array_size(specs), &rule->values);
	free(rule->pub.identity);
	free(rule);
}

static int begin_rule(struct access *access, const char *identity,
		      unsigned line, struct error *err)
{
	struct rule **rules, *rule;

	if (!*identity)
		return error_set(
			err, ERROR_CONFIG,
			"a key before the first section; a section is "
			"[IDENTITY], the name in a user's certificate");
	if (glob_check(identity, err) < 0)
		return error_prefix(err, "[%s]", identity);
	if (access->count == RPC_ACCESS_RULES)
		return error_set(err, ERROR_CONFIG, "more than %u sections",
				 RPC_ACCESS_RULES);
	rules = realloc(access->rules, (access->count + 1) * sizeof(*rules));
	if (!rules)
		return error_set_no_memory(err);
	access->rules = rules;
	rule = calloc(1, sizeof(*rule));
	if (!rule)
		return error_set_no_memory(err);
	rules[access->count++] = rule;
	rule->pub.line = line;
	rule->pub.identity = strdup(identity);
	if (!rule->pub.identity)
		return error_set_no_memory(err);
	return options_set_defaults(specs, array_size(specs), &rule->values,
				    err);
}

static int on_entry(void *context, const char *section, const char *key,
		    const char *value, unsigned line, struct error *err)
{
	struct reader *reader = context;
	struct access *access = reader->access;

	if (!key || access->count == 0)
		return begin_rule(access, section, line, err);
	return options_set(specs, array_size(specs),
			   &access->rules[access->count - 1]->values, SECTION,
			   key, value, err);
}

/* A pattern that fits no method is a slip of the pen, and would go unseen. */
static int check_methods(char *const *patterns, const char *key,
			 struct error *err)
{
	for (; patterns && *patterns; patterns++) {
		const char *near;
		bool known = false;

		if (glob_check(*patterns, err) < 0)
			return error_prefix(err, "%s", key);
		for (int id = 0; id < METHODS && !known; id++)
			known = glob_match(
				*patterns,
				method_by_id((enum method_id)id)->name);
		if (known)
			continue;
		near = method_nearest(*patterns);
		return error_set(err, ERROR_CONFIG,
				 "%s: no method is called \"%s\"%s%s%s", key,
				 *patterns, near ? "; did you mean \"" : "",
				 near ? near : "", near ? "\"?" : "");
	}
	return 0;
}

static int check_domains(char *const *patterns, struct error *err)
{
	for (; *patterns; patterns++)
		if (glob_check(*patterns, err) < 0)
			return error_prefix(err, "domains");
	return 0;
}

static bool holds_all(char *const *patterns)
{
	for (; *patterns; patterns++)
		if (strcmp(*patterns, "*") == 0)
			return true;
	return false;
}

/* What is about the host tells of guests that are not the identity's. */
static bool of_role(const struct access_rule *rule, const struct method *m)
{
	return m->role <= rule->role && (!m->hostwide || !rule->domains);
}

static void decide_methods(struct access_rule *rule)
{
	for (int id = 0; id < METHODS; id++) {
		const struct method *m = method_by_id((enum method_id)id);

		rule->may[id] = (of_role(rule, m) ||
				 glob_match_any(rule->allow, m->name)) &&
				!glob_match_any(rule->deny, m->name);
	}
}

/* In the order of the choices of `record`. */
static void decide_recording(struct access_rule *rule, int64_t choice)
{
	enum { NO, ALL, SERIAL, GRAPHICS };

	rule->records[METHOD_domain_serial] = choice == ALL || choice == SERIAL;
	rule->records[METHOD_domain_graphics] =
		choice == ALL || choice == GRAPHICS;
}

static int finish_rule(struct rule *rule, struct error *err)
{
	struct values *values = &rule->values;

	if (values->role < 0)
		return error_set(err, ERROR_CONFIG,
				 "\"role\" is missing; it is one of: %s",
				 specs[0].range);
	if (!values->domains)
		return error_set(err, ERROR_CONFIG,
				 "\"domains\" is missing; `domains = *` stands "
				 "for all of them");
	if (check_domains(values->domains, err) < 0 ||
	    check_methods(values->allow, "allow", err) < 0 ||
	    check_methods(values->deny, "deny", err) < 0)
		return -1;
	assert((size_t)values->role < array_size(roles));
	rule->pub.role = roles[values->role];
	rule->pub.domains = holds_all(values->domains) ? NULL : values->domains;
	rule->pub.allow = values->allow;
	rule->pub.deny = values->deny;
	decide_methods(&rule->pub);
	decide_recording(&rule->pub, values->record);
	return 0;
}

static int finish(struct access *access, const char *file, struct error *err)
{
	for (size_t i = 0; i < access->count; i++) {
		const struct access_rule *rule = &access->rules[i]->pub;

		if (finish_rule(access->rules[i], err) < 0)
			return error_prefix(err, "%s:%u: [%s]", file,
					    rule->line, rule->identity);
	}
	return 0;
}

int access_parse(struct access **out, const char *text, size_t len,
		 const char *file, struct error *err)
{
	autoptr(access) access = calloc(1, sizeof(*access));
	struct reader reader = {access, file};

	if (!access)
		return error_set_no_memory(err);
	access->refs = 1;
	if (ini_read(text, len, file, on_entry, &reader, err) < 0 ||
	    finish(access, file, err) < 0)
		return -1;
	*out = steal(&access);
	return 0;
}

int access_load(struct access **out, const char *path, struct error *err)
{
	autoptr(access) access = calloc(1, sizeof(*access));
	struct reader reader = {access, path};

	if (!access)
		return error_set_no_memory(err);
	access->refs = 1;
	if (ini_read_file(path, on_entry, &reader, err) < 0 ||
	    finish(access, path, err) < 0)
		return -1;
	*out = steal(&access);
	return 0;
}

struct access *access_ref(struct access *access)
{
	access->refs++;
	return access;
}

void access_unref(struct access *access)
{
	if (!access || --access->refs > 0)
		return;
	for (size_t i = 0; i < access->count; i++)
		rule_free(access->rules[i]);
	free(access->rules);
	free(access);
}

const struct access_rule *access_find(const struct access *access,
				      const char *identity)
{
	const struct access_rule *found = NULL;

	for (size_t i = 0; i < access->count; i++) {
		const struct access_rule *rule = &access->rules[i]->pub;

		if (!is_pattern(rule->identity)) {
			if (strcmp(rule->identity, identity) == 0)
				return rule;
		} else if (!found && glob_match(rule->identity, identity)) {
			found = rule;
		}
	}
	return found;
}

static int deny_stranger(const char *identity, struct error *err)
{
	return error_set(err, ERROR_DENIED,
			 "\"%s\" has no rights on this host: no section of its "
			 "access.conf is for that name. Ask the host's "
			 "administrator for one.",
			 identity);
}

int access_check(const struct access_rule *rule, const char *identity,
		 const struct method *method, struct error *err)
{
	if (!rule)
		return deny_stranger(identity, err);
	if (rule->may[method->id])
		return 0;
	if (glob_match_any(rule->deny, method->name))
		return error_set(err, ERROR_DENIED,
				 "%s is denied to \"%s\" by the host's "
				 "access.conf",
				 method->name, identity);
	if (method->role <= rule->role)
		return error_set(
			err, ERROR_DENIED,
			"%s is about the whole host and needs "
			"`domains = *`, or an `allow` of it, in the "
			"host's access.conf; \"%s\" has rights on some "
			"domains",
			method->name, identity);
	return error_set(err, ERROR_DENIED,
			 "%s needs the role %s; \"%s\" has the role %s on this "
			 "host",
			 method->name, role_name(method->role), identity,
			 role_name(rule->role));
}

int access_check_params(const struct access_rule *rule, const char *identity,
			const struct method *method, const void *params,
			struct error *err)
{
	enum role needed;

	if (method->needs_count == 0)
		return 0;
	needed = method_role_for(method, params);
	if (needed <= method->role || needed <= rule->role)
		return 0;
	return error_set(err, ERROR_DENIED,
			 "%s with these parameters needs the role %s; \"%s\" "
			 "has the role %s on this host",
			 method->name, role_name(needed), identity,
			 role_name(rule->role));
}

static bool lists_equal(char *const *a, char *const *b)
{
	for (; *a && *b; a++, b++)
		if (strcmp(*a, *b) != 0)
			return false;
	return *a == *b;
}

bool access_covers(const struct access_rule *new_rule,
		   const struct access_rule *old_rule)
{
	if (!old_rule)
		return true;
	if (!new_rule || new_rule->role < old_rule->role)
		return false;
	if (new_rule->domains &&
	    (!old_rule->domains ||
	     !lists_equal(new_rule->domains, old_rule->domains)))
		return false;
	for (int id = 0; id < METHODS; id++)
		if (old_rule->may[id] && !new_rule->may[id])
			return false;
	return true;
}

int access_describe_roff(struct buf *out)
{
	for (size_t i = 0; i < array_size(specs); i++) {
		buf_appendf(out, ".TP\n.B %s\n", specs[i].name);
		if (*specs[i].range)
			buf_appendf(out, "One of: %s.\n", specs[i].range);
		buf_appendf(out, "%s\n", specs[i].doc);
	}
	return buf_ok(out) ? 0 : -1;
}
