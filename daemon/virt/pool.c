/*
 * The worker pool (pool.h). Quick and slow requests never share a thread, so
 * that a list does not wait behind a start; and one domain never has all threads
 * of a lane, so that a guest that does not answer holds up nobody else's. What
 * holds: a request is on exactly one list (waiting, running, finished) or belongs
 * to the caller.
 */
#include "daemon/virt/pool.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>

#include "daemon/virt/crew.h"

int pool_init(struct pool *pool, size_t limit, pool_run_fn *run, void *context,
	      struct error *err)
{
	pthread_mutex_init(&pool->lock, NULL);
	list_init(&pool->running);
	list_init(&pool->finished);
	for (size_t i = 0; i < LANES; i++) {
		pool->lanes[i].pool = pool;
		list_init(&pool->lanes[i].waiting);
		pthread_cond_init(&pool->lanes[i].wake, NULL);
	}
	pool->limit = limit;
	pool->run = run;
	pool->context = context;
	pool->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (pool->fd < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot make an event descriptor");
	return 0;
}

static void free_all(struct list *list)
{
	list_for_each_safe (node, list) {
		list_remove(node);
		request_free(list_entry(node, struct request, node));
	}
}

void pool_destroy(struct pool *pool)
{
	for (size_t i = 0; i < LANES; i++) {
		free_all(&pool->lanes[i].waiting);
		pthread_cond_destroy(&pool->lanes[i].wake);
	}
	free_all(&pool->finished);
	if (pool->fd >= 0)
		close(pool->fd);
	pthread_mutex_destroy(&pool->lock);
}

void pool_wake(struct pool *pool)
{
	uint64_t one = 1;

	while (write(pool->fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

/* With the lock held. */
static void finish(struct pool *pool, struct request *request)
{
	if (list_empty(&pool->finished))
		pool_wake(pool);
	list_append(&pool->finished, &request->node);
}

static enum lane lane_of(const struct request *request)
{
	return verb_get(request->id)->lane;
}

/*
 * Whether its domain has as many of the lane's threads as one may have. Who names
 * a domain by its UUID too has twice as many.
 */
static bool has_its_share(const struct lane_queue *lane,
			  const struct request *request)
{
	unsigned running = 0;

	if (!request->domain)
		return false;
	list_for_each (node, &lane->pool->running) {
		const struct request *other =
			list_entry(node, struct request, node);

		if (other->domain && lane_of(other) == lane_of(request) &&
		    strcmp(other->domain, request->domain) == 0)
			running++;
	}
	return running >= lane->share;
}

/* The first one that may run; NULL: there is none. */
static struct request *find_request(struct lane_queue *lane)
{
	list_for_each (node, &lane->waiting) {
		struct request *request =
			list_entry(node, struct request, node);

		if (!has_its_share(lane, request))
			return request;
	}
	return NULL;
}

/* With the lock held. NULL: the pool is closed. */
static struct request *next_request(struct lane_queue *lane)
{
	struct request *request;

	while (!(request = find_request(lane))) {
		if (lane->pool->closed)
			return NULL;
		pthread_cond_wait(&lane->wake, &lane->pool->lock);
	}
	list_remove(&request->node);
	lane->count--;
	return request;
}

static void work(void *context)
{
	struct lane_queue *lane = context;
	struct pool *pool = lane->pool;
	struct request *request;

	pthread_mutex_lock(&pool->lock);
	while ((request = next_request(lane))) {
		list_append(&pool->running, &request->node);
		pthread_mutex_unlock(&pool->lock);
		pool->run(pool->context, request);
		pthread_mutex_lock(&pool->lock);
		list_remove(&request->node);
		if (request->abandoned)
			request_free(request);
		else
			finish(pool, request);
	}
	pthread_mutex_unlock(&pool->lock);
}

int pool_start(struct pool *pool, enum lane lane, unsigned workers,
	       struct crew *crew, struct error *err)
{
	static const char *const names[] = {
		[LANE_QUICK] = "virt-quick",
		[LANE_SLOW] = "virt-slow",
		[LANE_LONG] = "virt-long",
	};

	pool->lanes[lane].share = workers / VIRT_DOMAIN_SHARE;
	if (!pool->lanes[lane].share)
		pool->lanes[lane].share = 1;
	for (unsigned i = 0; i < workers; i++)
		if (crew_start(crew, CREW_WORKERS, names[lane], work,
			       &pool->lanes[lane], err) < 0)
			return -1;
	return 0;
}

int pool_submit(struct pool *pool, struct request *request, struct error *err)
{
	struct lane_queue *lane = &pool->lanes[lane_of(request)];
	int result = 0;

	pthread_mutex_lock(&pool->lock);
	if (pool->closed) {
		result = error_set(err, ERROR_DRAINING,
				   "virtmuxd is shutting down");
	} else if (lane->count >= pool->limit) {
		result = error_set(err, ERROR_BUSY,
				   "%zu requests wait for libvirt already: try "
				   "again later",
				   lane->count);
	} else {
		list_append(&lane->waiting, &request->node);
		lane->count++;
		pool->pending++;
		pthread_cond_signal(&lane->wake);
	}
	pthread_mutex_unlock(&pool->lock);
	return result;
}

void pool_take_finished(struct pool *pool, struct list *out)
{
	uint64_t count;

	pthread_mutex_lock(&pool->lock);
	while (read(pool->fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
	list_for_each (node, &pool->finished)
		pool->pending--;
	list_take(out, &pool->finished);
	pthread_mutex_unlock(&pool->lock);
}

void pool_close(struct pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->closed = true;
	for (size_t i = 0; i < LANES; i++) {
		struct lane_queue *lane = &pool->lanes[i];

		list_for_each_safe (node, &lane->waiting) {
			struct request *request =
				list_entry(node, struct request, node);

			list_remove(node);
			error_set(&request->reply.error, ERROR_DRAINING,
				  "virtmuxd is shutting down");
			finish(pool, request);
		}
		lane->count = 0;
		pthread_cond_broadcast(&lane->wake);
	}
	pthread_mutex_unlock(&pool->lock);
}

bool pool_abandon(struct pool *pool, struct virt_done *done, bool *changes)
{
	bool found = false;

	pthread_mutex_lock(&pool->lock);
	if (!list_empty(&pool->running)) {
		struct request *request =
			list_entry(pool->running.next, struct request, node);

		list_remove(&request->node);
		request->abandoned = true;
		*done = request->done;
		*changes = verb_get(request->id)->changes;
		pool->pending--;
		found = true;
	}
	pthread_mutex_unlock(&pool->lock);
	return found;
}

size_t pool_pending(struct pool *pool)
{
	size_t pending;

	pthread_mutex_lock(&pool->lock);
	pending = pool->pending;
	pthread_mutex_unlock(&pool->lock);
	return pending;
}
