/*
 * Threads in groups, with a bounded wait for their end (crew.h). What holds: a
 * thread is joined or detached exactly once, by crew_disband(), and after an
 * abandonment exactly one thread calls release.
 */
#include "daemon/virt/crew.h"

#include <signal.h>
#include <time.h>

#include "base/clock.h"

void crew_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

bool crew_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock,
		     uint64_t deadline)
{
	struct timespec at = {
		.tv_sec = (time_t)(deadline / CLOCK_NS_PER_S),
		.tv_nsec = (long)(deadline % CLOCK_NS_PER_S),
	};

	return pthread_cond_timedwait(cond, lock, &at) == 0;
}

void crew_init(struct crew *crew, crew_fn *release, void *context)
{
	pthread_mutex_init(&crew->lock, NULL);
	crew_cond_init(&crew->changed);
	crew->release = release;
	crew->release_context = context;
}

void crew_destroy(struct crew *crew)
{
	pthread_cond_destroy(&crew->changed);
	pthread_mutex_destroy(&crew->lock);
}

static bool all_ended(const struct crew *crew)
{
	for (size_t i = 0; i < CREW_GROUPS; i++)
		if (crew->alive[i])
			return false;
	return true;
}

static void *thread_main(void *argument)
{
	struct crew_thread *self = argument;
	struct crew *crew = self->crew;
	bool last;

	self->run(self->context);
	pthread_mutex_lock(&crew->lock);
	self->ended = true;
	crew->alive[self->group]--;
	last = crew->abandoned && all_ended(crew);
	pthread_cond_broadcast(&crew->changed);
	pthread_mutex_unlock(&crew->lock);
	if (last)
		crew->release(crew->release_context);
	return NULL;
}

/* Signals belong to the program's main thread. */
static int create_blocked(struct crew_thread *thread)
{
	sigset_t all, old;
	int errnum;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	errnum = pthread_create(&thread->id, NULL, thread_main, thread);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return errnum;
}

int crew_start(struct crew *crew, enum crew_group group, const char *name,
	       crew_fn *run, void *context, struct error *err)
{
	struct crew_thread *thread;
	int errnum;

	pthread_mutex_lock(&crew->lock);
	if (crew->count == CREW_MAX) {
		pthread_mutex_unlock(&crew->lock);
		return error_set(err, ERROR_BUSY, "too many threads");
	}
	thread = &crew->threads[crew->count];
	*thread = (struct crew_thread){
		.crew = crew, .group = group, .run = run, .context = context};
	errnum = create_blocked(thread);
	if (!errnum) {
		crew->count++;
		crew->alive[group]++;
		pthread_setname_np(thread->id, name);
	}
	pthread_mutex_unlock(&crew->lock);
	if (errnum)
		return error_set_errno(err, ERROR_SYSTEM, errnum,
				       "cannot start a thread");
	return 0;
}

bool crew_wait(struct crew *crew, enum crew_group group, uint64_t deadline)
{
	bool in_time = true;

	pthread_mutex_lock(&crew->lock);
	while (crew->alive[group] && in_time)
		in_time =
			crew_wait_until(&crew->changed, &crew->lock, deadline);
	in_time = crew->alive[group] == 0;
	pthread_mutex_unlock(&crew->lock);
	return in_time;
}

bool crew_disband(struct crew *crew)
{
	pthread_t ended[CREW_MAX];
	size_t count = 0;
	bool all;

	pthread_mutex_lock(&crew->lock);
	for (size_t i = 0; i < crew->count; i++) {
		if (crew->threads[i].ended)
			ended[count++] = crew->threads[i].id;
		else
			pthread_detach(crew->threads[i].id);
	}
	all = all_ended(crew);
	crew->abandoned = !all;
	pthread_mutex_unlock(&crew->lock);
	for (size_t i = 0; i < count; i++)
		pthread_join(ended[i], NULL);
	return all;
}
