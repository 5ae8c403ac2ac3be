/*
 * What the files of this room share and nobody else may see: the body of struct
 * ops, and the few steps that nearly every handler consists of.
 *
 * The way of a handler: it fills a virt_domain_ref, submits a verb with
 * ops_then(), and hands the verb's verdict to ops_submitted(). The function
 * given to ops_then() gets the call and the reply, and answers.
 */
#ifndef VIRTMUX_OPS_ROOM_H
#define VIRTMUX_OPS_ROOM_H

#include "base/list.h"
#include "daemon/ops/ops.h"
#include "daemon/rpc/event_log.h"
#include "daemon/rpc/handler.h"
#include "wire/block.h"

/*
 * Volumes whose content moves at once, of all users: each takes one of the workers
 * for what is long (VIRT_LONG_WORKERS), which others need too.
 */
#define OPS_TRANSFERS_MAX 8u

struct upload;

struct ops {
	uv_loop_t *uv;
	struct log *log;
	struct ops_core core;
	struct virt *virt;
	uv_poll_t poll;           /* for virt's completions */
	struct block_pool blocks; /* of the relays */
	struct event_log *events;
	struct list followers; /* of the events: event.c */
	bool ends_events;
	struct lane *lane; /* writes recordings */
	char *record_folder;
	char *uri; /* of libvirt, without its query part */
	char hostname[256];
	int64_t started;        /* seconds since 1970 */
	struct upload *uploads; /* that go on */
	unsigned transfers;     /* uploads and downloads that go on */
};

struct virt_event;

/* event.c: one more event, for the journal and those who follow. */
void event_heard(struct ops *ops, const struct virt_event *event);

/*
 * event_line.c: EVENT as an entry of the journal, with its line. -1 without
 * memory; ENTRY owns nothing then.
 */
int event_make_entry(const struct virt_event *event, struct event_entry *entry);

/* A line of the agent's own, at that word, appended to OUT. TEXT: why, or NULL. */
int event_append_line(struct buf *out, enum event_type type, const char *word,
		      const char *text);

static inline struct ops *ops_of(const struct call *call)
{
	return call_context(call);
}

static inline struct virt *ops_virt(const struct call *call)
{
	return ops_of(call)->virt;
}

/* The domain that the caller names, among those that he may know of. */
static inline struct virt_domain_ref ops_ref(const struct call *call,
					     const char *domain)
{
	return (struct virt_domain_ref){.name_or_uuid = domain,
					.scope = call_scope(call)};
}

/* FN is called with CALL as its context, and answers it. */
static inline struct virt_done ops_then(struct call *call, virt_done_fn *fn)
{
	return (struct virt_done){.fn = fn, .context = call};
}

/*
 * After a change of a domain: CALL is answered by a struct domain_ref, with the
 * state that the domain has then.
 */
struct virt_done ops_then_domain(struct call *call);

/* After a verb of virt: RC below 0 fails CALL with ERR, which is taken. */
void ops_submitted(struct call *call, int rc, struct error *err);

/*
 * Tells the audit which domain it was. False where REPLY is an error: then CALL
 * has failed with it, and is dead.
 */
bool ops_succeeded(struct call *call, struct virt_reply *reply);

/* Result structs borrow their strings: they are encoded before call_return()
 * comes back. */
static inline char *ops_borrow(const char *text)
{
	return (char *)text;
}

static inline uint64_t ops_bytes(uint64_t kib)
{
	return kib * 1024;
}

/* As TEXT (CLOCK_TEXT_SIZE bytes); false where SECONDS is 0. */
bool ops_time(int64_t seconds, char *text);

enum {
	OPS_NAME_HEADER_SIZE = 3 * VIRT_NAME_MAX + 1,
	OPS_DOMAIN_HEADERS = 2,
};

/* Headers that name the domain of an answer. */
struct ops_domain_headers {
	char name[OPS_NAME_HEADER_SIZE];
};

/*
 * Fills OPS_DOMAIN_HEADERS headers: virtmux-domain-uuid and virtmux-domain-name,
 * the latter with percent-encoding (RFC 3986 2.1) of all but visible ASCII and of
 * "%" itself. They borrow from STORE and REPLY.
 */
void ops_domain_headers(const struct virt_reply *reply,
			struct ops_domain_headers *store,
			struct h2_header *headers);

/*
 * TEXT with percent-encoding (RFC 3986 2.1) of all but visible ASCII and of "%", as
 * far as it fits into SIZE bytes.
 */
void ops_percent_encode(const char *text, char *to, size_t size);

/* virt's state as the table has it. */
enum domain_state ops_domain_state(enum virt_state state);

#endif
