/*
 * Sessions: the caller's own, and all connections. Handlers that rpc calls for
 * session.*; answered at once, without libvirt; texts are borrowed from the call and
 * the connections.
 */
#include "daemon/ops/room.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

static size_t count(char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

/* Methods that the caller may use; LIST has METHODS places. */
static size_t list_methods(const struct call *call, char **list)
{
	size_t n = 0;

	for (unsigned i = 0; i < METHODS; i++)
		if (call_may(call, (enum method_id)i))
			list[n++] = ops_borrow(
				method_by_id((enum method_id)i)->name);
	return n;
}

void op_session_whoami(struct call *call,
		       const struct session_whoami_params *params)
{
	const struct caller *caller = call_caller(call);
	char *every_domain[] = {ops_borrow("*"), NULL};
	char *const *scope = caller->scope ? caller->scope : every_domain;
	char *methods[METHODS];
	char not_after[CLOCK_TEXT_SIZE];
	char now[CLOCK_TEXT_SIZE];
	struct session_info info = {
		.identity = ops_borrow(caller->identity),
		.role = caller->role,
		.domains = (char **)scope,
		.domains_count = count(scope),
		.allow = (char **)caller->allow,
		.allow_count = count(caller->allow),
		.deny = (char **)caller->deny,
		.deny_count = count(caller->deny),
		.methods = methods,
		.methods_count =
			params->methods ? list_methods(call, methods) : 0,
		.serial = ops_borrow(caller->serial),
		.fingerprint = ops_borrow(caller->fingerprint),
		.not_after = not_after,
		.has_not_after = caller->not_after != 0,
		.address = ops_borrow(caller->address),
		.tls = ops_borrow(caller->tls),
		.has_tls = caller->tls != NULL,
		.host = ops_of(call)->hostname,
		.agent = ops_borrow(VIRTMUX_VERSION),
		.time = now,
		.has_time = true,
	};

	clock_format_us(clock_realtime_us(), now);
	clock_format_us(caller->not_after * 1000000, not_after);
	call_return(call, &info);
}

/* -- all connections ------------------------------------------------------- */

struct gathered {
	const struct caller *caller; /* who asks */
	uint64_t only;               /* a number, or 0: all that he may see */
	struct session_entry *rows;
	char (*times)[CLOCK_TEXT_SIZE];
	size_t count;
	size_t room;
	bool failed;
};

static void gathered_clear(struct gathered *g)
{
	free(g->rows);
	free(g->times);
}

static bool make_room(struct gathered *g)
{
	size_t room = g->room ? 2 * g->room : 64;
	void *rows, *times;

	if (g->count < g->room)
		return true;
	rows = realloc(g->rows, room * sizeof(*g->rows));
	if (rows)
		g->rows = rows;
	times = realloc(g->times, room * sizeof(*g->times));
	if (times)
		g->times = times;
	g->failed = !rows || !times;
	if (!g->failed)
		g->room = room;
	return !g->failed;
}

static void gather(void *context, uint64_t id, const struct caller *peer,
		   size_t streams)
{
	struct gathered *g = context;
	const struct caller *caller = g->caller;

	if (g->failed || (g->only && g->only != id) ||
	    (caller->role < ROLE_ADMIN &&
	     strcmp(caller->identity, peer->identity) != 0) ||
	    !make_room(g))
		return;
	clock_format_us(peer->connected_us, g->times[g->count]);
	g->rows[g->count++] = (struct session_entry){
		.session = id,
		.identity = ops_borrow(peer->identity),
		.address = ops_borrow(peer->address),
		.streams = streams,
		.tls = ops_borrow(peer->tls),
		.has_tls = peer->tls != NULL,
		.own = strcmp(caller->address, peer->address) == 0,
	};
}

/* What CALL may see of all, or of the one; false: CALL has failed. */
static bool gather_all(struct gathered *g, struct call *call, uint64_t only)
{
	const struct ops_core *core = &ops_of(call)->core;
	autoerror err = {0};

	g->caller = call_caller(call);
	g->only = only;
	core->sessions(core->context, gather, g);
	if (g->failed) {
		error_set_no_memory(&err);
		call_fail(call, &err);
		return false;
	}
	for (size_t i = 0; i < g->count; i++)
		g->rows[i].since = g->times[i];
	return true;
}

void op_session_list(struct call *call,
		     const struct session_list_params *params)
{
	cleanup(gathered_clear) struct gathered g = {0};

	if (gather_all(&g, call, 0))
		call_return(call, &(const struct session_list){
					  .sessions = g.rows,
					  .sessions_count = g.count});
}

void op_session_end(struct call *call, const struct session_end_params *params)
{
	const struct ops_core *core = &ops_of(call)->core;
	cleanup(gathered_clear) struct gathered g = {0};
	autoerror err = {0};

	if (params->session && !gather_all(&g, call, params->session))
		return;
	if (g.count == 1 && core->end_session(core->context, params->session)) {
		call_return(call, &g.rows[0]);
		return;
	}
	error_set(&err, ERROR_NOT_FOUND, "there is no session %llu",
		  (unsigned long long)params->session);
	call_fail(call, &err);
}
