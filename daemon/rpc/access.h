/*
 * Who may do what: access.conf as a set of rules, loaded as a whole and never
 * changed afterwards; a reload makes a new set. core loads it, rpc asks it for
 * each connection and each call.
 *
 * A section is an identity: its name, or a pattern of names. One section counts
 * for an identity: the one with exactly its name, else the first pattern of the
 * file that matches. No section, no access. Loop thread only (references).
 */
#ifndef VIRTMUX_DAEMON_RPC_ACCESS_H
#define VIRTMUX_DAEMON_RPC_ACCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "api/method.h"
#include "base/buf.h"
#include "base/error.h"

struct access;

/* Lists are NULL-terminated. All owned by the set. */
struct access_rule {
	char *identity; /* the section's name */
	unsigned line;  /* where it begins */
	enum role role;
	char *const *domains;  /* NULL: all */
	char *const *allow;    /* NULL: none */
	char *const *deny;     /* NULL: none */
	bool may[METHODS];     /* what comes of role, allow and deny */
	bool records[METHODS]; /* streams of the method are recorded */
};

/*
 * Reads PATH into a new set with one reference. ERROR_CONFIG with file and line,
 * or those of file_read().
 */
int access_load(struct access **access, const char *path, struct error *err);

/* The same from text; FILE is for messages. */
int access_parse(struct access **access, const char *text, size_t len,
		 const char *file, struct error *err);

struct access *access_ref(struct access *access);
void access_unref(struct access *access); /* NULL-safe */

DEFINE_CLEANUP(access, access_unref);

/* The rule that counts for IDENTITY, or NULL: no access. Borrowed. */
const struct access_rule *access_find(const struct access *access,
				      const char *identity);

/*
 * 0 where RULE permits METHOD, else -1 with ERROR_DENIED; the words name the
 * identity, its role and the role that is needed. RULE may be NULL.
 */
int access_check(const struct access_rule *rule, const char *identity,
		 const struct method *method, struct error *err);

/*
 * 0 where these decoded PARAMS (NEEDS of the table) are permitted too, else -1
 * with ERROR_DENIED. access_check() came before.
 */
int access_check_params(const struct access_rule *rule, const char *identity,
			const struct method *method, const void *params,
			struct error *err);

/* Whether NEW permits at least all that OLD permits. Both may be NULL. */
bool access_covers(const struct access_rule *new_rule,
		   const struct access_rule *old_rule);

/* The options of a section as man(7) source. 0, or -1 without memory. */
int access_describe_roff(struct buf *out);

#endif
