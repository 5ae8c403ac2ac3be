/*
 * GET /events: the handler of event.follow, and all who follow. Each has a place in
 * the journal (rpc/event_log.h) and a small buffer, filled as the peer takes it: a
 * slow reader costs no more, and where the journal has gone past his place he is
 * told so.
 *
 * What always holds: a follower is on the list from its answer to the end of its
 * stream; the scope that it was begun with counts for all that it hears, since a
 * loss of rights ends it.
 */
#include "daemon/ops/room.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/glob.h"
#include "daemon/rpc/limits.h"
#include "daemon/virt/event.h"

struct follower {
	struct list node; /* ops->followers */
	struct ops *ops;
	struct call *call;
	struct h2_stream *stream;
	const struct event_follow_params *params; /* the call's */
	char uuid[VIRT_UUID_SIZE];                /* "": of every domain */
	uint64_t place;                           /* of what it hears next */
	uint64_t until;                           /* ends there */
	struct buf out;
	uint64_t sent;
};

/* -- what it hears --------------------------------------------------------- */

static bool wants_type(const struct event_follow_params *p, unsigned type)
{
	if (!p->has_type || type == EVENT_MISSED)
		return true;
	for (size_t i = 0; i < p->type_count; i++)
		if (p->type[i] == type)
			return true;
	return false;
}

static bool may_hear(char *const *scope, const struct event_entry *entry)
{
	if (!scope || entry->audience == EVENT_FOR_ALL)
		return true;
	return entry->audience == EVENT_FOR_DOMAIN &&
	       glob_match_any(scope, entry->name);
}

static bool hears(const struct follower *f, const struct event_entry *entry)
{
	if (!may_hear(call_scope(f->call), entry) ||
	    !wants_type(f->params, entry->type))
		return false;
	return !f->uuid[0] || entry->type == EVENT_MISSED ||
	       (entry->uuid && strcmp(entry->uuid, f->uuid) == 0);
}

static void tell_missed(struct follower *f, const char *why)
{
	event_append_line(&f->out, EVENT_MISSED,
			  event_log_word(f->ops->events, f->place), why);
}

/* The journal has gone past the place of a slow reader. */
static void catch_up(struct follower *f)
{
	if (f->place >= event_log_first(f->ops->events))
		return;
	f->place = event_log_first(f->ops->events);
	tell_missed(f, "the reader was too slow");
}

static void fill(struct follower *f)
{
	catch_up(f);
	while (f->out.len < RPC_EVENTS_CHUNK && f->place < f->until &&
	       f->place < event_log_next(f->ops->events)) {
		const struct event_entry *entry =
			event_log_at(f->ops->events, f->place++);

		if (hears(f, entry))
			buf_append(&f->out, buf_bytes(&entry->line),
				   entry->line.len);
	}
}

static size_t source_ready(void *context, bool *end)
{
	struct follower *f = context;

	if (f->out.len == 0)
		fill(f);
	*end = f->place >= f->until;
	return f->out.len;
}

static void source_take(void *context, uint8_t *to, size_t n)
{
	struct follower *f = context;

	memcpy(to, buf_bytes(&f->out), n);
	buf_consume(&f->out, n);
	f->sent += n;
}

static const struct h2_source source = {.ready = source_ready,
					.take = source_take};

/* -- its stream ------------------------------------------------------------ */

static void on_data(void *context, struct h2_stream *s, const uint8_t *data,
		    size_t len)
{
	h2_stream_consume(s, len);
}

/* However it ends: a stream without end ends by somebody's wish. */
static void on_closed(void *context, struct h2_stream *s, uint32_t code)
{
	struct follower *f = context;

	list_remove(&f->node);
	call_finish(f->call, NULL, 0, f->sent);
	buf_free(&f->out);
	free(f);
}

static const struct h2_handler handler = {
	.on_data = on_data,
	.on_closed = on_closed,
};

static void cut(void *context)
{
	struct follower *f = context;

	h2_stream_reset(f->stream, H2_INADEQUATE_SECURITY);
}

/* Where it begins: its first line, and perhaps that something is missing. */
static void begin_at(struct follower *f)
{
	struct event_log *log = f->ops->events;
	bool known = true;

	f->place = event_log_next(log);
	if (f->params->has_after)
		known = event_log_find(log, f->params->after, &f->place);
	if (!known)
		f->place = event_log_first(log);
	f->until = UINT64_MAX;
	if (f->params->has_follow && !f->params->follow)
		f->until = event_log_next(log);
	event_append_line(&f->out, EVENT_BEGIN, event_log_word(log, f->place),
			  NULL);
	if (!known)
		tell_missed(f, "that place is not known here any more");
}

static void fail(struct call *call, enum error_code code, const char *words)
{
	autoerror err = {0};

	error_set(&err, code, "%s", words);
	call_fail(call, &err);
}

/* UUID: of the only domain; NULL: of all. */
static void begin(struct call *call, const struct event_follow_params *params,
		  const char *uuid)
{
	static const struct h2_header headers[] = {
		{"content-type", "application/jsonl"},
		{"cache-control", "no-store"},
	};
	struct ops *ops = ops_of(call);
	struct follower *f = calloc(1, sizeof(*f));
	struct call_early early;

	if (ops->ends_events || !f) {
		free(f);
		fail(call, ops->ends_events ? ERROR_DRAINING : ERROR_NO_MEMORY,
		     ops->ends_events ? "virtmuxd is shutting down"
				      : "memory ran out");
		return;
	}
	f->stream = call_take_stream(call, &handler, f, &early);
	buf_free(&early.data);
	if (!f->stream) {
		free(f);
		fail(call, ERROR_DISCONNECTED, "the peer has gone");
		return;
	}
	f->ops = ops;
	f->call = call;
	f->params = params;
	if (uuid)
		memcpy(f->uuid, uuid, sizeof(f->uuid));
	list_append(&ops->followers, &f->node);
	call_set_cut(call, cut, f);
	begin_at(f);
	h2_respond(f->stream, 200, headers, array_size(headers), &source, f);
}

/* -- the handler ----------------------------------------------------------- */

/* What on_domain() needs beside the reply. */
struct looking {
	struct call *call;
	const struct event_follow_params *params;
};

static void on_domain(void *context, struct virt_reply *reply)
{
	autofree struct looking *l = context;

	if (ops_succeeded(l->call, reply))
		begin(l->call, l->params, reply->domain.uuid);
}

static int look_up(struct call *call, const struct event_follow_params *params,
		   struct error *err)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autofree struct looking *l = malloc(sizeof(*l));
	struct virt_done done = {.fn = on_domain, .context = l};

	if (!l)
		return error_set_no_memory(err);
	*l = (struct looking){.call = call, .params = params};
	if (virt_domain_info(ops_virt(call), &ref, done, err) < 0)
		return -1;
	steal(&l);
	return 0;
}

void op_event_follow(struct call *call,
		     const struct event_follow_params *params)
{
	autoerror err = {0};

	if (params->has_domain)
		ops_submitted(call, look_up(call, params, &err), &err);
	else
		begin(call, params, NULL);
}

/* -- what virt tells ------------------------------------------------------- */

static void wake_all(struct ops *ops)
{
	list_for_each (node, &ops->followers)
		h2_stream_resume(
			list_entry(node, struct follower, node)->stream);
}

void event_heard(struct ops *ops, const struct virt_event *event)
{
	struct event_entry entry;

	if (event_make_entry(event, &entry) < 0) {
		log_error(ops->log, "an event was lost: memory ran out");
		return;
	}
	event_log_add(ops->events, &entry);
	wake_all(ops);
}

void ops_end_events(struct ops *ops)
{
	ops->ends_events = true;
	list_for_each (node, &ops->followers) {
		struct follower *f = list_entry(node, struct follower, node);

		f->until = event_log_next(ops->events);
		h2_stream_resume(f->stream);
	}
}
