/*
 * Connections and their classes. Called by listener.c for each socket, and by
 * conn for what happens on it. What always holds: a peer is on exactly one of
 * the three lists, the one of its state, and each list is in the order of
 * arrival there.
 */
#include "daemon/core/peer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"
#include "daemon/core/refusal.h"
#include "daemon/core/source.h"

enum peer_state {
	PEER_UNKNOWN,  /* TLS and the first SETTINGS are not over */
	PEER_STRANGER, /* a valid certificate, but no rights */
	PEER_MEMBER,
	PEER_ENDING, /* conn_close() was called */
	PEER_STATES,
};

static const char *const state_names[PEER_STATES] = {
	[PEER_UNKNOWN] = "unknown",
	[PEER_STRANGER] = "stranger",
	[PEER_MEMBER] = "member",
	[PEER_ENDING] = "ending",
};

#define BIT(state) (1u << (state))

static const unsigned transitions[PEER_STATES] = {
	[PEER_UNKNOWN] =
		BIT(PEER_STRANGER) | BIT(PEER_MEMBER) | BIT(PEER_ENDING),
	[PEER_STRANGER] = BIT(PEER_MEMBER) | BIT(PEER_ENDING),
	[PEER_MEMBER] = BIT(PEER_ENDING),
	[PEER_ENDING] = 0,
};

struct peer {
	struct list node;
	struct peers *peers;
	struct conn *conn;
	struct rpc_peer *rpc; /* once its certificate is known */
	enum peer_state state;
	unsigned judged; /* peers->generation of the last judgement */
	uint64_t id;     /* once it is a member */
	bool dismissed;  /* an administrator has ended it */
	bool overdue;    /* a stranger who was here at the last tick already */
	struct address_source source;
};

struct group {
	struct list list;
	unsigned count;
};

struct peers {
	struct peers_config config;
	struct group strangers; /* unknown ones too; oldest first */
	struct group members;
	struct group ending;
	struct refusals refusals;
	struct sources sources;
	uint64_t last_id;
	unsigned generation; /* of config.tls */
	uv_idle_t judging;   /* active while some are to be judged anew */
	uv_timer_t
		tick; /* active while there are strangers with a certificate */
};

static struct group *group_of(struct peers *peers, enum peer_state state)
{
	if (state == PEER_MEMBER)
		return &peers->members;
	return state == PEER_ENDING ? &peers->ending : &peers->strangers;
}

static void leave(struct peer *peer)
{
	group_of(peer->peers, peer->state)->count--;
	list_remove(&peer->node);
}

static void join(struct peer *peer)
{
	struct group *group = group_of(peer->peers, peer->state);

	group->count++;
	list_append(&group->list, &peer->node);
}

static void set_state(struct peer *peer, enum peer_state state)
{
	if (!(transitions[peer->state] & BIT(state))) {
		log_error(peer->peers->config.log,
			  "peer %s: %s cannot follow %s",
			  conn_peer_address(peer->conn), state_names[state],
			  state_names[peer->state]);
		return;
	}
	log_debug(peer->peers->config.log, "peer %s: %s, then %s",
		  conn_peer_address(peer->conn), state_names[peer->state],
		  state_names[state]);
	leave(peer);
	peer->state = state;
	join(peer);
}

unsigned peers_count(const struct peers *peers)
{
	return peers->strangers.count + peers->members.count +
	       peers->ending.count;
}

unsigned peers_members(const struct peers *peers)
{
	return peers->members.count;
}

/* -- refusing ------------------------------------------------------------- */

static void refuse(const struct peer *peer, const struct error *why)
{
	const struct tls_peer *tls = conn_tls_peer(peer->conn);
	const struct refusal refusal = {
		.peer = conn_peer_address(peer->conn),
		.source = peer->source,
		.identity = tls && *tls->identity ? tls->identity : NULL,
		.why = why,
	};

	refusal_log(&peer->peers->refusals, peer->peers->config.log,
		    clock_monotonic_ns(), &refusal);
}

/* A socket that never became a peer. */
static void refuse_socket(struct peers *peers, int fd,
			  const struct address *from, const struct error *why)
{
	char text[ADDRESS_TEXT_SIZE];
	const struct refusal refusal = {
		.peer = text,
		.source = address_source(from),
		.why = why,
	};

	address_format(from, text);
	refusal_log(&peers->refusals, peers->config.log, clock_monotonic_ns(),
		    &refusal);
	if (fd >= 0)
		close(fd);
}

static void put_out(struct peer *peer, const struct error *why)
{
	if (peer->state == PEER_ENDING)
		return;
	set_state(peer, PEER_ENDING);
	conn_close(peer->conn, why);
}

/* He has not shown who he is, and there is nothing to tell him. */
static void evict(struct peer *peer, const char *limit)
{
	autoerror why = {0};

	error_set(&why, ERROR_BUSY,
		  "too many connections without an authenticated user (%s): "
		  "the oldest makes room",
		  limit);
	refuse(peer, &why);
	if (peer->state == PEER_UNKNOWN)
		conn_abort(peer->conn, &why);
	put_out(peer, &why);
}

/* -- what happens on a connection ----------------------------------------- */

static int look_up_rights(struct peer *peer, struct error *err)
{
	const struct tls_peer *tls = conn_tls_peer(peer->conn);
	char words[128];
	struct rpc_origin origin = {
		.address = conn_peer_address(peer->conn),
		.tls = words,
	};

	if (!tls || !*tls->identity)
		return error_set(err, ERROR_TLS,
				 "the peer has shown no certificate");
	conn_describe_tls(peer->conn, words, sizeof(words));
	origin.identity = tls->identity;
	origin.serial = tls->serial;
	origin.fingerprint = tls->fingerprint;
	origin.not_after = tls->not_after;
	return rpc_peer_new(&peer->rpc, peer->peers->config.rpc, &origin, err);
}

static int check_siblings(const struct peer *peer, struct error *err)
{
	unsigned limit = peer->peers->config.limits.identity;
	const struct tls_peer *tls = conn_tls_peer(peer->conn);

	if (rpc_peer_siblings(peer->rpc) <= limit)
		return 0;
	return error_set(err, ERROR_BUSY,
			 "\"%s\" has %u connections to this host already, "
			 "which is its limit",
			 tls->identity, limit);
}

static void welcome(struct peer *peer)
{
	const struct tls_peer *tls = conn_tls_peer(peer->conn);
	char words[128];

	conn_describe_tls(peer->conn, words, sizeof(words));
	log_info(peer->peers->config.log,
		 "\"%s\" connected from %s (%s, certificate %s)", tls->identity,
		 conn_peer_address(peer->conn), words, tls->serial);
	peer->id = ++peer->peers->last_id;
	set_state(peer, PEER_MEMBER);
}

/*
 * He may ask, and read why he gets nothing; a GOAWAY with the answer would make
 * curl 7.88 lose it. Then he goes.
 */
static void on_tick(uv_timer_t *tick)
{
	struct peers *peers = tick->data;
	bool more = false;

	list_for_each_safe (node, &peers->strangers.list) {
		struct peer *peer = list_entry(node, struct peer, node);

		if (peer->state != PEER_STRANGER)
			continue;
		if (peer->overdue)
			conn_drain(peer->conn, CORE_STRANGER_MS);
		peer->overdue = true;
		more = true;
	}
	if (!more)
		uv_timer_stop(tick);
}

static void keep_waiting(struct peer *peer)
{
	set_state(peer, PEER_STRANGER);
	if (!uv_is_active((uv_handle_t *)&peer->peers->tick))
		uv_timer_start(&peer->peers->tick, on_tick, CORE_STRANGER_MS,
			       CORE_STRANGER_MS);
}

/* False where he would not get in today, and is put out. */
static bool judge(struct peer *peer)
{
	struct peers *peers = peer->peers;
	autoerror err = {0};

	if (peer->dismissed) {
		peer->dismissed = false;
		log_info(
			peers->config.log,
			"\"%s\" at %s: an administrator has ended this session",
			conn_tls_peer(peer->conn)->identity,
			conn_peer_address(peer->conn));
		conn_drain(peer->conn, CORE_DISMISS_MS);
	}
	if (peer->judged == peers->generation)
		return true;
	peer->judged = peers->generation;
	if (conn_judge(peer->conn, peers->config.tls, &err) == 0)
		return true;
	refuse(peer, &err);
	put_out(peer, &err);
	return false;
}

static unsigned judge_some(struct group *group, unsigned most)
{
	unsigned count = 0;

	list_for_each_safe (node, &group->list) {
		struct peer *peer = list_entry(node, struct peer, node);

		if (count == most)
			break;
		if (peer->state == PEER_UNKNOWN ||
		    (peer->judged == peer->peers->generation &&
		     !peer->dismissed))
			continue;
		judge(peer);
		count++;
	}
	return count;
}

static void on_judging(uv_idle_t *idle)
{
	struct peers *peers = idle->data;
	unsigned count = judge_some(&peers->members, CORE_JUDGE_TURN);

	count += judge_some(&peers->strangers, CORE_JUDGE_TURN - count);
	if (count == 0)
		uv_idle_stop(idle);
}

static void on_open(void *context, struct conn *conn)
{
	struct peer *peer = context;
	autoerror err = {0};

	if (peer->state != PEER_UNKNOWN || !judge(peer))
		return;
	if (look_up_rights(peer, &err) < 0) {
		refuse(peer, &err);
		put_out(peer, &err);
		return;
	}
	if (!rpc_peer_permitted(peer->rpc)) {
		error_set(&err, ERROR_DENIED,
			  "no section of access.conf is for this name");
		refuse(peer, &err);
		keep_waiting(peer);
		return;
	}
	if (check_siblings(peer, &err) < 0) {
		refuse(peer, &err);
		put_out(peer, &err);
		return;
	}
	welcome(peer);
}

static void on_request(void *context, struct conn *conn,
		       struct h2_stream *stream)
{
	struct peer *peer = context;

	if (!peer->rpc || peer->state == PEER_ENDING)
		h2_stream_reset(stream, H2_REFUSED_STREAM);
	else
		rpc_peer_request(peer->rpc, stream);
}

static void say_goodbye(const struct peer *peer, const struct error *why)
{
	const struct tls_peer *tls = conn_tls_peer(peer->conn);
	bool failed = error_is_set(why);

	if (peer->state == PEER_UNKNOWN && failed)
		refuse(peer, why);
	else if (peer->rpc && rpc_peer_permitted(peer->rpc))
		log_info(peer->peers->config.log, "\"%s\" at %s has gone%s%s",
			 tls->identity, conn_peer_address(peer->conn),
			 failed ? ": " : "", failed ? error_words(why) : "");
}

static void on_closed(void *context, struct conn *conn, const struct error *why)
{
	struct peer *peer = context;

	say_goodbye(peer, why);
	leave(peer);
	rpc_peer_free(peer->rpc);
	free(peer);
}

static const struct conn_events events = {
	.on_open = on_open,
	.on_request = on_request,
	.on_closed = on_closed,
};

/* -- new ones ------------------------------------------------------------- */

/* The oldest of a source, and how many there are of it. */
static struct peer *oldest_of(const struct group *group,
			      const struct address_source *source,
			      unsigned *count)
{
	struct peer *oldest = NULL;

	*count = 0;
	list_for_each (node, &group->list) {
		struct peer *peer = list_entry(node, struct peer, node);

		if (!address_source_equal(&peer->source, source))
			continue;
		if (!oldest)
			oldest = peer;
		++*count;
	}
	return oldest;
}

static struct peer *oldest(const struct group *group)
{
	return list_empty(&group->list)
		       ? NULL
		       : list_entry(group->list.next, struct peer, node);
}

/* Before anything is spent on it. */
static int check_rate(struct peers *peers, const struct address_source *source,
		      struct error *err)
{
	if (!sources_spend(&peers->sources, source, clock_monotonic_ns()))
		return error_set(err, ERROR_BUSY,
				 "more than %u connections a second come from "
				 "this source without an authenticated user",
				 CORE_SOURCE_RATE);
	if (peers->ending.count < CORE_ENDING)
		return 0;
	return error_set(err, ERROR_BUSY,
			 "connections come faster than they can be judged");
}

static int make_room(struct peers *peers, const struct address_source *source,
		     struct error *err)
{
	const struct peers_limits *limits = &peers->config.limits;
	unsigned count;
	struct peer *first;

	if (check_rate(peers, source, err) < 0)
		return -1;
	first = oldest_of(&peers->strangers, source, &count);
	if (count >= limits->strangers_source)
		evict(first, "from this source");
	else if (peers->strangers.count >= limits->strangers)
		evict(oldest(&peers->strangers), "in all");
	if (peers->strangers.count + peers->members.count < limits->all)
		return 0;
	first = oldest(&peers->strangers);
	if (!first)
		return error_set(err, ERROR_BUSY,
				 "%u connections are open, which is the "
				 "host's limit",
				 limits->all);
	evict(first, "the host's limit");
	return 0;
}

static struct peer *make(struct peers *peers, const struct address *from)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return NULL;
	peer->peers = peers;
	peer->source = address_source(from);
	peer->judged = peers->generation;
	return peer;
}

static int begin(struct peer *peer, int fd, const struct address *from,
		 struct error *err)
{
	char text[ADDRESS_TEXT_SIZE];
	struct conn_options options = {
		.role = H2_HOST,
		.tls = peer->peers->config.tls,
		.peer = text,
		.events = &events,
		.context = peer,
	};

	address_format(from, text);
	if (conn_new(&peer->conn, peer->peers->config.conns, fd, &options,
		     err) < 0)
		return -1;
	join(peer);
	return 0;
}

void peers_accept(struct peers *peers, int fd, const struct address *from)
{
	struct address_source source = address_source(from);
	autoerror err = {0};
	struct peer *peer;

	if (make_room(peers, &source, &err) < 0) {
		refuse_socket(peers, fd, from, &err);
		return;
	}
	peer = make(peers, from);
	if (!peer) {
		close(fd);
		return;
	}
	if (begin(peer, fd, from, &err) < 0) {
		free(peer);
		refuse_socket(peers, -1, from, &err);
	}
}

/* -- all of them ---------------------------------------------------------- */

struct peers_ended peers_renew(struct peers *peers)
{
	struct peers_ended ended = {0};
	autoerror why = {0};

	error_set(&why, ERROR_DENIED,
		  "the host's administrator has taken all rights away");
	list_for_each_safe (node, &peers->members.list) {
		struct peer *peer = list_entry(node, struct peer, node);

		if (rpc_peer_renew(peer->rpc, &ended.streams))
			continue;
		put_out(peer, &why);
		ended.connections++;
	}
	list_for_each_safe (node, &peers->strangers.list) {
		struct peer *peer = list_entry(node, struct peer, node);

		if (peer->state != PEER_STRANGER)
			continue;
		rpc_peer_renew(peer->rpc, &ended.streams);
		if (rpc_peer_permitted(peer->rpc))
			welcome(peer);
	}
	return ended;
}

void peers_visit(const struct peers *peers, peers_visit_fn *visit,
		 void *context)
{
	list_for_each (node, &peers->members.list) {
		const struct peer *peer = list_entry(node, struct peer, node);

		visit(context, peer->id, rpc_peer_caller(peer->rpc),
		      rpc_peer_streams(peer->rpc));
	}
}

bool peers_dismiss(struct peers *peers, uint64_t id)
{
	list_for_each (node, &peers->members.list) {
		struct peer *peer = list_entry(node, struct peer, node);

		if (peer->id != id)
			continue;
		peer->dismissed = true;
		uv_idle_start(&peers->judging, on_judging);
		return true;
	}
	return false;
}

void peers_drain(struct peers *peers, uint64_t deadline_ms)
{
	autoerror why = {0};

	error_set(&why, ERROR_DRAINING, "the host is shutting down");
	list_for_each_safe (node, &peers->strangers.list)
		put_out(list_entry(node, struct peer, node), &why);
	list_for_each_safe (node, &peers->members.list)
		conn_drain(list_entry(node, struct peer, node)->conn,
			   deadline_ms);
}

void peers_set_tls(struct peers *peers, struct tls_context *tls)
{
	tls_context_ref(tls);
	tls_context_unref(peers->config.tls);
	peers->config.tls = tls;
	peers->generation++;
	uv_idle_start(&peers->judging, on_judging);
}

void peers_set_limits(struct peers *peers, const struct peers_limits *limits)
{
	peers->config.limits = *limits;
}

static void init_group(struct group *group)
{
	list_init(&group->list);
	group->count = 0;
}

int peers_new(struct peers **out, const struct peers_config *config,
	      struct error *err)
{
	struct peers *peers = calloc(1, sizeof(*peers));

	if (!peers)
		return error_set_no_memory(err);
	peers->config = *config;
	tls_context_ref(config->tls);
	init_group(&peers->strangers);
	init_group(&peers->members);
	init_group(&peers->ending);
	uv_timer_init(conn_loop_uv(config->conns), &peers->tick);
	peers->tick.data = peers;
	uv_idle_init(conn_loop_uv(config->conns), &peers->judging);
	peers->judging.data = peers;
	*out = peers;
	return 0;
}

void peers_close(struct peers *peers)
{
	uv_close((uv_handle_t *)&peers->tick, NULL);
	uv_close((uv_handle_t *)&peers->judging, NULL);
}

void peers_free(struct peers *peers)
{
	if (!peers)
		return;
	assert(peers_count(peers) == 0);
	tls_context_unref(peers->config.tls);
	free(peers);
}
