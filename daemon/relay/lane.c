/*
 * The thread for what may wait for a disk (lane.h). What always holds: `waiting`,
 * `finished` and `stop` are under the lock; everything else is the loop's. A lane
 * that was left behind is never freed, since its thread still looks at it.
 */
#include "daemon/relay/lane.h"

#include <signal.h>
#include <stdlib.h>

#include "daemon/relay/limits.h"

struct lane {
	uv_loop_t *uv;
	struct log *log;
	uv_mutex_t lock;
	uv_cond_t changed;
	struct list waiting;  /* to be done */
	struct list finished; /* to be told */
	bool stop;            /* the thread is to end */
	bool silent;          /* the loop is not to be woken any more */

	uv_thread_t thread;
	bool started;
	uv_async_t wake;
	uv_timer_t timer;
	size_t jobs;  /* given and not told */
	size_t holds; /* lane_hold() */
	bool closing;
	bool closed;
	bool left; /* behind, with its thread */
};

/* -- the thread ------------------------------------------------------------ */

static struct lane_job *next_job(struct lane *lane)
{
	struct list *node = lane->waiting.next;

	while (list_empty(&lane->waiting)) {
		if (lane->stop)
			return NULL;
		uv_cond_wait(&lane->changed, &lane->lock);
		node = lane->waiting.next;
	}
	list_remove(node);
	return list_entry(node, struct lane_job, node);
}

static void run(void *context)
{
	struct lane *lane = context;
	struct lane_job *job;

	uv_mutex_lock(&lane->lock);
	while ((job = next_job(lane))) {
		uv_mutex_unlock(&lane->lock);
		job->work(job);
		uv_mutex_lock(&lane->lock);
		list_append(&lane->finished, &job->node);
		if (!lane->silent)
			uv_async_send(&lane->wake);
	}
	uv_mutex_unlock(&lane->lock);
}

/* Signals belong to the program's main thread. */
static int start(struct lane *lane, struct error *err)
{
	sigset_t all, old;
	int rc;

	if (lane->started)
		return 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = uv_thread_create(&lane->thread, run, lane);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc < 0)
		return error_set_errno(err, ERROR_SYSTEM, -rc,
				       "cannot start the thread that writes "
				       "recordings");
	lane->started = true;
	return 0;
}

/* -- the loop -------------------------------------------------------------- */

static void close_handles(struct lane *lane)
{
	lane->closed = true;
	uv_close((uv_handle_t *)&lane->wake, NULL);
	uv_close((uv_handle_t *)&lane->timer, NULL);
}

static void end_thread(struct lane *lane)
{
	uv_mutex_lock(&lane->lock);
	lane->stop = true;
	uv_cond_signal(&lane->changed);
	uv_mutex_unlock(&lane->lock);
	if (lane->started)
		uv_thread_join(&lane->thread);
	lane->started = false;
}

static void close_if_idle(struct lane *lane)
{
	if (!lane->closing || lane->closed || lane->jobs || lane->holds)
		return;
	end_thread(lane);
	close_handles(lane);
}

static void on_wake(uv_async_t *wake)
{
	struct lane *lane = wake->data;
	struct list finished;

	uv_mutex_lock(&lane->lock);
	list_init(&finished);
	list_take(&finished, &lane->finished);
	uv_mutex_unlock(&lane->lock);
	while (!list_empty(&finished)) {
		struct lane_job *job =
			list_entry(finished.next, struct lane_job, node);

		list_remove(&job->node);
		lane->jobs--;
		job->done(job);
	}
	close_if_idle(lane);
}

/* Nobody can make a thread return from a disk that does not answer. */
static void on_end(uv_timer_t *timer)
{
	struct lane *lane = timer->data;

	log_error(lane->log,
		  "%zu writes of recordings are left undone: their disk does "
		  "not answer",
		  lane->jobs);
	uv_mutex_lock(&lane->lock);
	lane->silent = true;
	lane->stop = true;
	uv_mutex_unlock(&lane->lock);
	lane->left = true;
	close_handles(lane);
}

int lane_new(struct lane **out, uv_loop_t *uv, struct log *log,
	     struct error *err)
{
	struct lane *lane = calloc(1, sizeof(*lane));
	int rc;

	if (!lane)
		return error_set_no_memory(err);
	rc = uv_async_init(uv, &lane->wake, on_wake);
	if (rc < 0) {
		free(lane);
		return error_set_errno(err, ERROR_SYSTEM, -rc,
				       "cannot wait for the writing of "
				       "recordings");
	}
	uv_timer_init(uv, &lane->timer);
	lane->wake.data = lane;
	lane->timer.data = lane;
	uv_mutex_init(&lane->lock);
	uv_cond_init(&lane->changed);
	list_init(&lane->waiting);
	list_init(&lane->finished);
	lane->uv = uv;
	lane->log = log;
	*out = lane;
	return 0;
}

int lane_give(struct lane *lane, struct lane_job *job, struct error *err)
{
	if (start(lane, err) < 0)
		return -1;
	lane->jobs++;
	uv_mutex_lock(&lane->lock);
	list_init(&job->node);
	list_append(&lane->waiting, &job->node);
	uv_cond_signal(&lane->changed);
	uv_mutex_unlock(&lane->lock);
	return 0;
}

void lane_hold(struct lane *lane)
{
	lane->holds++;
}

void lane_release(struct lane *lane)
{
	lane->holds--;
	close_if_idle(lane);
}

void lane_close(struct lane *lane)
{
	if (lane->closing)
		return;
	lane->closing = true;
	uv_timer_start(&lane->timer, on_end, RELAY_LANE_END_MS, 0);
	close_if_idle(lane);
}

void lane_free(struct lane *lane)
{
	if (!lane || lane->left)
		return;
	end_thread(lane);
	uv_cond_destroy(&lane->changed);
	uv_mutex_destroy(&lane->lock);
	free(lane);
}
