/*
 * The guest's end of a line, as a hub sees it: a few non-blocking verbs. Three
 * kinds stand behind it, since libvirt's own streams cannot hold back a guest
 * that nobody reads (they queue without limit in this process), and let a guest
 * that reads nothing block the whole connection:
 *
 * pty     the driver is in this process: its pseudo-terminal itself
 * rpc     libvirtd at a Unix socket: a socket of the line's own
 * stream  any other transport: libvirt's stream, ended when it holds too much
 *
 * Thread: opened by a worker; from far_watch() on it belongs to the event thread.
 */
#ifndef VIRTMUX_VIRT_FAR_H
#define VIRTMUX_VIRT_FAR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/list.h"

struct job;
struct far;
struct hub;

#define FAR_AGAIN  (-2) /* nothing now: wait for ready() */
#define FAR_FAILED (-1)

/* Something may have changed: try again. GONE: nothing more will come. */
typedef void far_ready_fn(void *context, bool gone);

/* What a kind does; the verbs below say what each means. */
struct far_ops {
	bool pushes; /* it queues what is not received: never stop receiving */
	int (*recv)(struct far *far, void *data, size_t n);
	int (*send)(struct far *far, const void *data, size_t n);
	int (*finish)(struct far *far);
	int (*watch)(struct far *far);
	void (*want)(struct far *far, bool readable, bool writable);
	void (*free)(struct far *far);
};

/* The head of each kind's struct. */
struct far {
	const struct far_ops *ops;
	far_ready_fn *ready;
	void *context;
	struct hub *owner; /* hub.c's */
	struct list node;  /* hub.c's */
};

/* A serial line as the live XML tells of it. */
struct far_line {
	const char *alias; /* NULL: libvirt takes the first one */
	const char *path;  /* of its pseudo-terminal, or NULL */
};

/* virDomainOpenConsole by the kind that fits. NULL with ERR. */
struct far *far_open(struct job *job, const struct far_line *line,
		     struct error *err);

/* The kinds. *TRIED of rpc: false where another kind is to be used. */
struct far *far_open_pty(struct job *job, const struct far_line *line,
			 struct error *err);
struct far *far_open_rpc(struct job *job, const struct far_line *line,
			 bool *tried, struct error *err);
struct far *far_open_stream(struct job *job, const struct far_line *line,
			    struct error *err);

/* Ends the line. On the event thread, not from within ready(). NULL-safe. */
void far_free(struct far *far);

DEFINE_CLEANUP(far, far_free);

/* Bytes, 0 at the end, FAR_AGAIN or FAR_FAILED. */
int far_recv(struct far *far, void *data, size_t n);

/* The same bytes must be given again after FAR_AGAIN. */
int far_send(struct far *far, const void *data, size_t n);

/* All was sent: 0 when the guest's side has it, FAR_AGAIN, FAR_FAILED. */
int far_finish(struct far *far);

/* READY will be called on the event thread. -1: the line is dead already. */
int far_watch(struct far *far, far_ready_fn *ready, void *context);

/* What ready() is to be called for. */
void far_want(struct far *far, bool readable, bool writable);

static inline bool far_pushes(const struct far *far)
{
	return far->ops->pushes;
}

#endif
