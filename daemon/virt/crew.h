/*
 * The room's threads, in groups, with a bounded wait for their end. libvirt
 * calls cannot be interrupted: a thread that still blocks in one when the bound
 * is reached is left behind, and the last such thread releases what all of them
 * share. Called by virt.c and by whoever starts a thread.
 *
 * Lock: crew->lock guards all fields; nothing is called while it is held.
 */
#ifndef VIRTMUX_VIRT_CREW_H
#define VIRTMUX_VIRT_CREW_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "daemon/virt/limits.h"

enum crew_group { CREW_WORKERS, CREW_SUPERVISOR, CREW_EVENTS, CREW_GROUPS };

#define CREW_MAX (3 * VIRT_WORKERS_MAX + 3) /* three lanes, three threads */

typedef void crew_fn(void *context);

struct crew_thread {
	struct crew *crew;
	pthread_t id;
	enum crew_group group;
	crew_fn *run;
	void *context;
	bool ended;
};

struct crew {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* a thread has ended */
	struct crew_thread threads[CREW_MAX];
	size_t count;
	size_t alive[CREW_GROUPS];
	bool abandoned;
	crew_fn *release; /* by the last thread after an abandonment */
	void *release_context;
};

void crew_init(struct crew *crew, crew_fn *release, void *context);

/* Once no thread is left. */
void crew_destroy(struct crew *crew);

/* One more thread, with every signal blocked. ERROR_SYSTEM. */
int crew_start(struct crew *crew, enum crew_group group, const char *name,
	       crew_fn *run, void *context, struct error *err);

/* Waits for the end of a group; false when DEADLINE (monotonic ns) came. */
bool crew_wait(struct crew *crew, enum crew_group group, uint64_t deadline);

/*
 * Joins the threads that have ended and lets the others go. True: none was
 * left. False: the last one will call release; touch nothing any more.
 */
bool crew_disband(struct crew *crew);

/* A condition that crew_wait_until() can wait for (monotonic clock). */
void crew_cond_init(pthread_cond_t *cond);

/* One timed wait; false when DEADLINE (monotonic ns) has come. */
bool crew_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock,
		     uint64_t deadline);

#endif
