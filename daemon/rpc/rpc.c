/*
 * The service itself and its connections. core makes it and hands streams over.
 * What always holds: calls that may go on are taken from the list `ready` by the
 * loop, not by whoever put them there; audit lines wait no longer than
 * RPC_AUDIT_DELAY_MS.
 */
#include "daemon/rpc/room.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"

const struct rpc_limits rpc_limits_default = {
	.body = RPC_BODY_MAX,
	.depth = JSON_DEPTH_MAX,
	.calls = RPC_CALLS_RUNNING,
	.waiting = RPC_CALLS_WAITING,
	.held = RPC_HELD_MAX,
	.jobs = RPC_JOBS,
	.keys = {.keys = RPC_KEYS_ALL,
		 .keys_identity = RPC_KEYS_IDENTITY,
		 .bytes = RPC_KEYS_BYTES,
		 .age_ms = RPC_KEYS_AGE_MS},
};

static void on_turn(uv_idle_t *idle)
{
	struct rpc *rpc = idle->data;
	struct list now;

	list_init(&now);
	list_take(&now, &rpc->ready);
	uv_idle_stop(idle);
	while (!list_empty(&now)) {
		struct call *c = list_entry(now.next, struct call, node);

		list_remove(&c->node);
		call_run(c);
	}
}

static void on_flush(uv_timer_t *timer)
{
	struct rpc *rpc = timer->data;

	if (audit_flush(rpc->config.audit, NULL) < 0)
		uv_timer_start(timer, on_flush, RPC_AUDIT_DELAY_MS, 0);
}

/* So that the ids of two runs of the daemon differ in the log. */
static void make_prefix(char *prefix, size_t size)
{
	static const char digits[] = "0123456789bcdfghjklmnpqrstvwxyz_";
	uint8_t random[8] = {0};

	if (random_bytes(random, sizeof(random), NULL) < 0) {
		uint64_t now = clock_monotonic_ns();

		memcpy(random, &now, sizeof(random));
	}
	for (size_t i = 0; i + 1 < size; i++)
		prefix[i] = digits[random[i] & 31];
}

struct restoring {
	struct rpc *rpc;
	uint64_t now;
};

static int restore(void *context, const struct journal_record *record,
		   struct error *err)
{
	const struct restoring *r = context;
	struct user *user = users_get(&r->rpc->users, record->identity);
	int result;

	if (!user)
		return error_set_no_memory(err);
	result = idem_restore(r->rpc->keys, &user->keys, record, r->now, err);
	user_unref(user);
	return result;
}

/* What an earlier daemon has written down. */
static int load_journal(struct rpc *rpc, struct error *err)
{
	struct restoring r = {rpc, clock_monotonic_ns()};

	if (!rpc->config.journal)
		return 0;
	if (journal_load(rpc->config.journal, restore, &r, err) < 0)
		return -1;
	idem_set_journal(rpc->keys, rpc->config.journal);
	idem_restored(rpc->keys, r.now);
	users_sweep(&rpc->users);
	return 0;
}

int rpc_new(struct rpc **out, const struct rpc_config *config,
	    struct error *err)
{
	struct rpc *rpc = calloc(1, sizeof(*rpc));

	if (!rpc)
		return error_set_no_memory(err);
	rpc->config = *config;
	rpc->log = config->log;
	if (idem_new(&rpc->keys, &config->limits.keys, err) < 0) {
		free(rpc);
		return -1;
	}
	users_init(&rpc->users, rpc->keys);
	if (load_journal(rpc, err) < 0) {
		users_clear(&rpc->users);
		idem_free(rpc->keys);
		free(rpc);
		return -1;
	}
	access_ref(config->access);
	list_init(&rpc->ready);
	make_prefix(rpc->id_prefix, sizeof(rpc->id_prefix));
	uv_idle_init(config->uv, &rpc->turn);
	uv_timer_init(config->uv, &rpc->flush);
	jobs_init(&rpc->jobs, config->uv);
	rpc->turn.data = rpc;
	rpc->turn.idle_cb = on_turn;
	rpc->flush.data = rpc;
	rpc->flush.timer_cb = on_flush;
	*out = rpc;
	return 0;
}

void rpc_close(struct rpc *rpc)
{
	audit_flush(rpc->config.audit, NULL);
	uv_close((uv_handle_t *)&rpc->turn, NULL);
	uv_close((uv_handle_t *)&rpc->flush, NULL);
	jobs_close(&rpc->jobs);
}

void rpc_drain(struct rpc *rpc)
{
	jobs_drain(&rpc->jobs);
}

void rpc_free(struct rpc *rpc)
{
	if (!rpc)
		return;
	assert(rpc->open_calls == 0);
	jobs_clear(&rpc->jobs);
	users_clear(&rpc->users);
	idem_free(rpc->keys);
	access_unref(rpc->config.access);
	buf_free(&rpc->openrpc);
	free(rpc);
}

void rpc_set_limits(struct rpc *rpc, const struct rpc_limits *limits)
{
	rpc->config.limits = *limits;
	idem_set_limits(rpc->keys, &limits->keys);
}

void rpc_set_access(struct rpc *rpc, struct access *access)
{
	access_ref(access);
	access_unref(rpc->config.access);
	rpc->config.access = access;
}

size_t rpc_open_calls(const struct rpc *rpc)
{
	return rpc->open_calls;
}

/* -- connections ---------------------------------------------------------- */

int rpc_peer_new(struct rpc_peer **out, struct rpc *rpc,
		 const struct rpc_origin *origin, struct error *err)
{
	const struct principal_origin copy = {
		.identity = origin->identity,
		.serial = origin->serial,
		.fingerprint = origin->fingerprint,
		.address = origin->address,
		.tls = origin->tls,
		.not_after = origin->not_after,
		.connected_us = clock_realtime_us(),
	};
	struct rpc_peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return error_set_no_memory(err);
	peer->rpc = rpc;
	list_init(&peer->calls);
	if (principal_new(&peer->principal, &rpc->users, rpc->config.access,
			  &copy, err) < 0) {
		free(peer);
		return -1;
	}
	peer->principal->user->connections++;
	*out = peer;
	return 0;
}

void rpc_peer_free(struct rpc_peer *peer)
{
	if (!peer)
		return;
	list_for_each_safe (node, &peer->calls)
		call_forget_peer(list_entry(node, struct call, sibling));
	peer->principal->user->connections--;
	principal_unref(peer->principal);
	free(peer);
}

const struct caller *rpc_peer_caller(const struct rpc_peer *peer)
{
	return &peer->principal->caller;
}

size_t rpc_peer_streams(const struct rpc_peer *peer)
{
	size_t n = 0;

	list_for_each (node, &peer->calls)
		n++;
	return n;
}

bool rpc_peer_permitted(const struct rpc_peer *peer)
{
	return peer->principal->rule != NULL;
}

unsigned rpc_peer_siblings(const struct rpc_peer *peer)
{
	return peer->principal->user->connections;
}

static void refuse_stranger(struct rpc_peer *peer, struct h2_stream *stream)
{
	autoerror err = {0};

	access_check(NULL, peer->principal->caller.identity,
		     method_by_id(METHOD_session_whoami), &err);
	http_refuse(peer, stream, 0, NULL, &err);
}

static bool is_call(const struct h2_stream *stream)
{
	const char *method = h2_stream_header(stream, ":method");
	const char *path = h2_stream_header(stream, ":path");

	return method && path && strcmp(method, "POST") == 0 &&
	       strcmp(path, "/rpc") == 0;
}

void rpc_peer_request(struct rpc_peer *peer, struct h2_stream *stream)
{
	if (!rpc_peer_permitted(peer))
		refuse_stranger(peer, stream);
	else if (is_call(stream))
		exchange_begin(peer, stream);
	else
		resource_begin(peer, stream);
}
