/*
 * The worker pool: three lanes of waiting requests, each with threads of its own,
 * and the finished ones on their way back. Submit, take and close belong to the
 * caller's thread; workers call what virt.c gives them.
 *
 * Lock: pool->lock guards all lists and counters, and request->abandoned.
 */
#ifndef VIRTMUX_VIRT_POOL_H
#define VIRTMUX_VIRT_POOL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "daemon/virt/request.h"

struct crew;

/* Fills request->reply; may block. */
typedef void pool_run_fn(void *context, struct request *request);

struct lane_queue {
	struct pool *pool;
	struct list waiting;
	size_t count;
	unsigned share; /* threads that one domain's requests may have */
	pthread_cond_t wake;
};

struct pool {
	pthread_mutex_t lock;
	struct lane_queue lanes[LANES];
	struct list running;
	struct list finished;
	size_t pending; /* accepted, not yet taken by pool_take_*() */
	size_t limit;   /* waiting requests of one lane */
	int fd;         /* eventfd: finished is not empty */
	bool closed;
	pool_run_fn *run;
	void *context;
};

int pool_init(struct pool *pool, size_t limit, pool_run_fn *run, void *context,
	      struct error *err);

/* WORKERS threads for LANE, in CREW's group CREW_WORKERS. */
int pool_start(struct pool *pool, enum lane lane, unsigned workers,
	       struct crew *crew, struct error *err);

/* After the workers have ended. Frees requests that nobody took. */
void pool_destroy(struct pool *pool);

/* Takes REQUEST over where it returns 0. ERROR_BUSY, ERROR_DRAINING. */
int pool_submit(struct pool *pool, struct request *request, struct error *err);

/* Makes the caller's descriptor readable, for another queue's sake. Any thread. */
void pool_wake(struct pool *pool);

/* Moves all finished requests to OUT. */
void pool_take_finished(struct pool *pool, struct list *out);

/* Refuses new ones, answers the waiting ones (DRAINING), ends idle workers. */
void pool_close(struct pool *pool);

/*
 * Gives up a request that a worker still runs: *DONE is to be answered by the
 * caller, the worker frees the rest. False: none is left.
 */
bool pool_abandon(struct pool *pool, struct virt_done *done, bool *changes);

size_t pool_pending(struct pool *pool);

#endif
