/*
 * Who calls: the user behind an identity (shared by all his connections), and
 * the principal: one connection's identity, certificate and rights at one
 * moment. A reload of the rights gives a connection a new principal; calls that
 * began under the old one keep it, also after their connection has gone.
 *
 * What always holds: a principal never changes. Loop thread only.
 */
#ifndef VIRTMUX_DAEMON_RPC_PRINCIPAL_H
#define VIRTMUX_DAEMON_RPC_PRINCIPAL_H

#include "base/error.h"
#include "base/list.h"
#include "daemon/rpc/access.h"
#include "daemon/rpc/call.h"
#include "daemon/rpc/idempotency.h"

/* One for each identity that has connections, calls or remembered keys. */
struct user {
	struct list node; /* in struct users */
	unsigned refs;
	unsigned connections;
	unsigned running;    /* calls that have a turn */
	struct list waiting; /* calls that have none yet, in order */
	unsigned waiting_count;
	unsigned jobs; /* calls of LONG methods that run */
	size_t held;   /* bytes of bodies of calls that are not answered */
	struct idem_owner keys;
	char identity[]; /* NUL-terminated */
};

struct users {
	struct list all;
	struct idem_store *keys; /* borrowed */
};

struct principal {
	struct caller caller; /* its strings are owned here, or by the rule */
	unsigned refs;
	struct access *access;
	const struct access_rule *rule; /* NULL: no rights */
	struct user *user;
	char *audit; /* audit_caller() of it */
};

/* What a connection knows of its peer; strings are copied. */
struct principal_origin {
	const char *identity;
	const char *serial;
	const char *fingerprint;
	const char *address;
	const char *tls;
	int64_t not_after;
	int64_t connected_us;
};

void users_init(struct users *users, struct idem_store *keys);

/* The user of that identity, made where there is none; NULL without memory. */
struct user *users_get(struct users *users, const char *identity);
struct user *user_ref(struct user *user);
/* Frees it with the last reference, unless keys are remembered for it. */
void user_unref(struct user *user); /* NULL-safe */
/* Frees those that nobody refers to and nothing is remembered for. */
void users_sweep(struct users *users);
/* Frees all; nobody may refer to any. */
void users_clear(struct users *users);

/* With the rights that ACCESS gives to its identity now. */
int principal_new(struct principal **principal, struct users *users,
		  struct access *access, const struct principal_origin *origin,
		  struct error *err);
/* The same connection under another set of rights. */
int principal_renew(struct principal **principal, struct access *access,
		    const struct principal *old, struct error *err);
struct principal *principal_ref(struct principal *principal);
void principal_unref(struct principal *principal); /* NULL-safe */

DEFINE_CLEANUP(principal, principal_unref);

#endif
