/*
 * A request while this room has it: copies of the caller's arguments, the reply
 * that a worker fills, and its place in the queues. Made by verbs.c, moved by
 * pool.c, answered by virt.c.
 *
 * Thread: owned by one thread at a time; handed over through the pool's lock.
 */
#ifndef VIRTMUX_VIRT_REQUEST_H
#define VIRTMUX_VIRT_REQUEST_H

#include <stdbool.h>

#include "base/list.h"
#include "daemon/virt/virt.h"

struct job;

enum lane { LANE_QUICK, LANE_SLOW, LANE_LONG, LANES };

enum { REQUEST_NAMES = 4, REQUEST_NUMBERS = 4, REQUEST_FDS = 2 };

enum verb_id {
#define VERB(id, lane, change, subject, run, deed) VERB_##id,
#include "daemon/virt/verbs.def"
#undef VERB
	VERBS
};

struct verb {
	enum lane lane;
	bool changes;
	bool on_domain;
	const char *deed; /* "started": words for errors */
	int (*run)(struct job *job, struct error *err);
};

/* The table of verbs.def. */
const struct verb *verb_get(enum verb_id id);

struct request {
	struct list node;
	enum verb_id id;
	char *domain; /* name or UUID, as given; or NULL */
	char **scope; /* NULL: everything */
	char *text;   /* XML or device; or NULL */
	char *names
		[REQUEST_NAMES]; /* of what a noun's verb is about; or NULL */
	uint64_t numbers[REQUEST_NUMBERS]; /* the verb's */
	void *data; /* what else a noun's verb has been told; or NULL */
	void (*data_free)(void *data);
	int fds[REQUEST_FDS]; /* -1: none; closed with the request */
	unsigned flags;
	unsigned number; /* screen or display */
	bool force;
	struct virt_done done;
	struct virt_reply reply;
	bool abandoned; /* done was called; guarded by the pool's lock */
};

/* Copies what it is given. NULL with ERROR_NO_MEMORY or _INVALID_PARAMS. */
struct request *request_new(enum verb_id id, const char *domain,
			    char *const *scope, struct virt_done done,
			    struct error *err);

/* Copies TEXT into it; LIMIT bytes at most. -1 with ERR. */
int request_set_text(struct request *request, const char *text, size_t limit,
		     const char *what, struct error *err);

/*
 * Copies NAME (VIRT_NAME_MAX bytes at most, not empty; NULL: none) as names[I].
 * WHAT: "the name of a network". -1 with ERR.
 */
int request_set_name(struct request *request, unsigned i, const char *name,
		     const char *what, struct error *err);

/* With its reply. NULL-safe. */
void request_free(struct request *request);

DEFINE_CLEANUP(request, request_free);

/* What a reply owns. Makes it all zero. */
void reply_clear(struct virt_reply *reply);

/* Its value alone: a request that failed half-way has none. */
void reply_clear_value(struct virt_reply *reply);

/* Makes DATA, or SIZE zeros (NULL without memory), the value: of VIRT_VALUE_NOUN. */
void reply_own(struct virt_reply *reply, void *data,
	       void (*free_data)(void *data));
void *reply_make(struct virt_reply *reply, size_t size,
		 void (*free_data)(void *data), struct error *err);

/* What a row owns. */
void domain_clear(struct virt_domain *domain);

#endif
