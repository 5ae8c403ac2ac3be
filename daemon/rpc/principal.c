/*
 * Users and principals. Called by rpc.c for each connection and each reload, and
 * by call.c for each call. What always holds: a user with references, or with
 * remembered keys, stays in the list, so that a retry over a new connection
 * finds its key.
 */
#include "daemon/rpc/principal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/rpc/audit.h"

void users_init(struct users *users, struct idem_store *keys)
{
	list_init(&users->all);
	users->keys = keys;
}

struct user *users_get(struct users *users, const char *identity)
{
	size_t n = strlen(identity) + 1;
	struct user *user;

	list_for_each (node, &users->all) {
		user = list_entry(node, struct user, node);
		if (strcmp(user->identity, identity) == 0)
			return user_ref(user);
	}
	users_sweep(users);
	user = calloc(1, sizeof(*user) + n);
	if (!user)
		return NULL;
	memcpy(user->identity, identity, n);
	user->refs = 1;
	list_init(&user->waiting);
	idem_owner_init(&user->keys, user->identity);
	list_append(&users->all, &user->node);
	return user;
}

struct user *user_ref(struct user *user)
{
	user->refs++;
	return user;
}

static void user_free(struct user *user)
{
	assert(user->refs == 0 && list_empty(&user->waiting));
	list_remove(&user->node);
	free(user);
}

void user_unref(struct user *user)
{
	if (user && --user->refs == 0 && user->keys.count == 0)
		user_free(user);
}

void users_sweep(struct users *users)
{
	list_for_each_safe (node, &users->all) {
		struct user *user = list_entry(node, struct user, node);

		if (user->refs == 0 && user->keys.count == 0)
			user_free(user);
	}
}

void users_clear(struct users *users)
{
	list_for_each_safe (node, &users->all) {
		struct user *user = list_entry(node, struct user, node);

		idem_forget_owner(users->keys, &user->keys);
		user_free(user);
	}
}

static void principal_free(struct principal *p)
{
	access_unref(p->access);
	user_unref(p->user);
	free((char *)p->caller.serial);
	free((char *)p->caller.fingerprint);
	free((char *)p->caller.address);
	free((char *)p->caller.tls);
	free(p->audit);
	free(p);
}

static void set_rights(struct principal *p, struct access *access)
{
	static char *const no_domain[] = {NULL};

	p->access = access_ref(access);
	p->rule = access_find(access, p->caller.identity);
	p->caller.role = p->rule ? p->rule->role : ROLE_NONE;
	p->caller.scope = p->rule ? p->rule->domains : no_domain;
	p->caller.allow = p->rule ? p->rule->allow : NULL;
	p->caller.deny = p->rule ? p->rule->deny : NULL;
}

static char *make_audit(const struct caller *caller)
{
	autobuf text = {0};

	if (audit_caller(&text, caller->identity, caller->serial,
			 caller->address) < 0)
		return NULL;
	return buf_steal_str(&text);
}

/* Takes the reference on USER, also on failure. */
static int make(struct principal **out, struct user *user,
		struct access *access, const struct principal_origin *origin,
		struct error *err)
{
	struct principal *p = calloc(1, sizeof(*p));

	if (!p) {
		user_unref(user);
		return error_set_no_memory(err);
	}
	p->refs = 1;
	p->user = user;
	p->caller.identity = user->identity;
	p->caller.serial = strdup(origin->serial);
	p->caller.fingerprint = strdup(origin->fingerprint);
	p->caller.address = strdup(origin->address);
	p->caller.tls = strdup(origin->tls);
	p->caller.not_after = origin->not_after;
	p->caller.connected_us = origin->connected_us;
	set_rights(p, access);
	if (p->caller.serial && p->caller.fingerprint && p->caller.address &&
	    p->caller.tls)
		p->audit = make_audit(&p->caller);
	if (!p->audit) {
		principal_free(p);
		return error_set_no_memory(err);
	}
	*out = p;
	return 0;
}

int principal_new(struct principal **out, struct users *users,
		  struct access *access, const struct principal_origin *origin,
		  struct error *err)
{
	struct user *user = users_get(users, origin->identity);

	if (!user)
		return error_set_no_memory(err);
	return make(out, user, access, origin, err);
}

int principal_renew(struct principal **out, struct access *access,
		    const struct principal *old, struct error *err)
{
	const struct principal_origin origin = {
		.identity = old->caller.identity,
		.serial = old->caller.serial,
		.fingerprint = old->caller.fingerprint,
		.address = old->caller.address,
		.tls = old->caller.tls,
		.not_after = old->caller.not_after,
		.connected_us = old->caller.connected_us,
	};

	return make(out, user_ref(old->user), access, &origin, err);
}

struct principal *principal_ref(struct principal *p)
{
	p->refs++;
	return p;
}

void principal_unref(struct principal *p)
{
	if (p && --p->refs == 0)
		principal_free(p);
}
