/*
 * Rights that change under open calls: a reload of access.conf gives a connection a
 * new principal. Called by core through rpc.h, and by call.c and admit.c. What
 * always holds: what runs is finished under the rights it began with; what waits,
 * and each further item of a batch, is judged by the new ones; a stream that they no
 * longer cover is ended.
 */
#include "daemon/rpc/room.h"

#include "base/glob.h"

void call_renew(struct call *c)
{
	struct principal *old = c->principal;

	if (!c->peer || c->peer->principal == old)
		return;
	c->principal = principal_ref(c->peer->principal);
	principal_unref(old);
}

static bool sees(const struct principal *p, const char *domain)
{
	return !p->caller.scope || glob_match_any(p->caller.scope, domain);
}

void call_forget_peer(struct call *c)
{
	list_remove(&c->sibling);
	c->peer = NULL;
}

static bool may_use(const struct call *c, const struct principal *p)
{
	const char *identity = p->caller.identity;

	return access_check(p->rule, identity, c->method, NULL) == 0 &&
	       access_check_params(p->rule, identity, c->method, &c->params,
				   NULL) == 0;
}

/* Whether a stream that is to be recorded from now on always was. */
static bool is_recorded_as(const struct call *c,
			   const struct principal *renewed)
{
	const struct access_rule *old = c->principal->rule;

	return !renewed->rule || !renewed->rule->records[c->method->id] ||
	       (old && old->records[c->method->id]);
}

/*
 * Whether what C streams, or is about to, is covered by RENEWED; true for a call
 * that streams nothing. What is about no one thing (events) shows whatever the
 * rights let one see: it ends where these are not all there any more.
 */
static bool is_covered(const struct call *c, const struct principal *renewed)
{
	if (c->state == CALL_TAKEN && !c->withdrawn && c->cut)
		return may_use(c, renewed) && is_recorded_as(c, renewed) &&
		       (c->name ? sees(renewed, c->name)
				: access_covers(renewed->rule,
						c->principal->rule));
	if (c->state == CALL_RUNNING && c->resource && c->stream)
		return access_covers(renewed->rule, c->principal->rule) &&
		       is_recorded_as(c, renewed);
	return true;
}

/* While the handler works on it the stream is still ours. */
static void withdraw(struct call *c)
{
	c->withdrawn = true;
	if (c->state == CALL_TAKEN)
		c->cut(c->cut_context);
	else
		h2_stream_reset(c->stream, H2_INADEQUATE_SECURITY);
}

bool rpc_peer_renew(struct rpc_peer *peer, unsigned *ended)
{
	struct principal *old = peer->principal;
	struct principal *renewed;

	if (principal_renew(&renewed, peer->rpc->config.access, old, NULL) < 0)
		return false;
	list_for_each_safe (node, &peer->calls) {
		struct call *c = list_entry(node, struct call, sibling);

		if (is_covered(c, renewed))
			continue;
		withdraw(c);
		++*ended;
	}
	peer->principal = renewed;
	principal_unref(old);
	return renewed->rule != NULL;
}
