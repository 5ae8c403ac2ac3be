/*
 * The room as its callers see it: struct virt with its threads, the way of a
 * request through lookup and verb to its reply, and the bounded end (virt.h).
 *
 * What holds: done() is called once for each request, on the caller's thread.
 * When virt_free() leaves a blocked thread behind, struct virt lives on until
 * that thread has ended; nobody else refers to it then.
 */
#include "daemon/virt/virt.h"

#include <libvirt/libvirt.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/virt/connection.h"
#include "daemon/virt/crew.h"
#include "daemon/virt/error.h"
#include "daemon/virt/events.h"
#include "daemon/virt/hubs.h"
#include "daemon/virt/internal.h"
#include "daemon/virt/inventory.h"
#include "daemon/virt/job.h"
#include "daemon/virt/news.h"
#include "daemon/virt/pool.h"
#include "daemon/virt/titles.h"
#include "daemon/virt/watch.h"
#include "daemon/virt/xml.h"

struct virt {
	struct crew crew;
	struct pool pool;
	struct events *events;
	struct connection *connection;
	struct hubs *hubs;
	struct titles *titles;
	struct inventory *inventory;
	struct news *news;
	struct watch *watch;
	virt_event_fn *on_event; /* NULL: nobody listens */
	void *event_context;
	bool dispatching;
};

static void job_clear(struct job *job)
{
	if (job->domain)
		virDomainFree(job->domain);
	if (job->conn)
		virConnectClose(job->conn);
}

/* On a worker; may block. */
static int run_job(struct job *job, struct error *err)
{
	job->conn = connection_get(job->connection, &job->remote, err);
	if (!job->conn)
		return -1;
	if (job->verb->on_domain) {
		if (lookup_domain(job, err) < 0)
			return -1;
		job->acting = true;
	}
	return job->verb->run(job, err);
}

/*
 * A change that this room has made, or has tried to: the next list shows it, also
 * where libvirt's event comes later.
 */
static void note_change(struct virt *v, const struct job *job)
{
	unsigned char bytes[VIR_UUID_BUFLEN];
	char uuid[VIRT_UUID_SIZE] = "";

	if (!job->verb->changes)
		return;
	if (job->domain && virDomainGetUUID(job->domain, bytes) == 0 &&
	    virDomainGetUUIDString(job->domain, uuid) == 0) {
		titles_drop(v->titles, bytes);
		inventory_touch(v->inventory, uuid);
	}
	/* Not found; or of a network, pool…, which no row of a domain tells of. */
	if (!job->domain && (job->verb->on_domain || job->kind))
		return;
	if (strcmp(uuid, job->reply->domain.uuid) != 0)
		inventory_touch(v->inventory, job->reply->domain.uuid);
}

static void run_request(void *context, struct request *request)
{
	struct virt *v = context;
	cleanup(job_clear) struct job job = {
		.request = request,
		.verb = verb_get(request->id),
		.reply = &request->reply,
		.connection = v->connection,
		.hubs = v->hubs,
		.inventory = v->inventory,
		.titles = v->titles,
	};

	if (run_job(&job, &request->reply.error) < 0)
		reply_clear_value(&request->reply);
	note_change(v, &job);
}

/* The last thread is gone. */
static void virt_release(void *context)
{
	struct virt *v = context;

	watch_free(v->watch);
	news_free(v->news);
	inventory_free(v->inventory);
	titles_free(v->titles);
	hubs_free(v->hubs);
	connection_free(v->connection);
	events_free(v->events);
	pool_destroy(&v->pool);
	crew_destroy(&v->crew);
	free(v);
}

static unsigned or_default(unsigned value, unsigned fallback, unsigned most)
{
	if (value == 0)
		return fallback;
	return value < most ? value : most;
}

static int start_all(struct virt *v, const struct virt_config *config,
		     struct log *log, struct error *err)
{
	unsigned quick = or_default(config->quick_workers, VIRT_QUICK_WORKERS,
				    VIRT_WORKERS_MAX);
	unsigned slow = or_default(config->slow_workers, VIRT_SLOW_WORKERS,
				   VIRT_WORKERS_MAX);
	unsigned longs = or_default(config->long_workers, VIRT_LONG_WORKERS,
				    VIRT_WORKERS_MAX);
	struct hubs_config hubs = {.log = log, .on_use = config->attach_on_use};
	unsigned retry_ms =
		or_default(config->retry_ms, VIRT_RETRY_MS, VIRT_RETRY_MS_MAX);

	if (events_new(&v->events, &v->crew, err) < 0)
		return -1;
	hubs.events = v->events;
	if (hubs_new(&v->hubs, &hubs, err) < 0 ||
	    titles_new(&v->titles, err) < 0 ||
	    inventory_new(&v->inventory, err) < 0 ||
	    news_new(&v->news, &v->pool, err) < 0 ||
	    watch_new(&v->watch, v->inventory, v->titles, v->news, err) < 0)
		return -1;
	watch_tell_hubs(v->watch, v->hubs);
	if (connection_new(&v->connection, config->uri, retry_ms, v->watch,
			   &v->crew, log, err) < 0 ||
	    hubs_start(v->hubs, v->connection, &v->crew, err) < 0)
		return -1;
	if (pool_start(&v->pool, LANE_QUICK, quick, &v->crew, err) < 0 ||
	    pool_start(&v->pool, LANE_SLOW, slow, &v->crew, err) < 0)
		return -1;
	return pool_start(&v->pool, LANE_LONG, longs, &v->crew, err);
}

int virt_new(struct virt **out, const struct virt_config *config,
	     struct log *log, struct error *err)
{
	struct virt *v;
	unsigned limit =
		or_default(config->queue_limit, VIRT_QUEUE_LIMIT, (unsigned)-1);

	if (!config->uri || !*config->uri)
		return error_set(err, ERROR_CONFIG,
				 "the libvirt URI is missing: for example "
				 "qemu:///system");
	xml_init();
	if (failure_initialize() < 0)
		return error_set(err, ERROR_INTERNAL,
				 "libvirt cannot be initialized");
	v = calloc(1, sizeof(*v));
	if (!v)
		return error_set_no_memory(err);
	crew_init(&v->crew, virt_release, v);
	if (pool_init(&v->pool, limit, run_request, v, err) < 0 ||
	    start_all(v, config, log, err) < 0) {
		virt_free(v);
		return -1;
	}
	*out = v;
	return 0;
}

void virt_close(struct virt *v)
{
	pool_close(&v->pool);
}

/* Ends the threads that serve the workers, in the order of their need. */
static bool stop_all(struct virt *v, uint64_t deadline)
{
	if (v->hubs)
		hubs_stop(v->hubs);
	if (v->connection)
		connection_stop(v->connection);
	crew_wait(&v->crew, CREW_SUPERVISOR, deadline);
	if (v->events)
		events_stop(v->events);
	crew_wait(&v->crew, CREW_EVENTS, deadline);
	return crew_disband(&v->crew);
}

static void answer_abandoned(struct virt *v)
{
	struct virt_done done;
	bool changes;

	while (pool_abandon(&v->pool, &done, &changes)) {
		struct virt_reply reply = {0};

		if (changes)
			error_set(&reply.error, ERROR_UNKNOWN_OUTCOME,
				  "virtmuxd ended while libvirt was at work: "
				  "look at the domain before trying again");
		else
			error_set(&reply.error, ERROR_DRAINING,
				  "virtmuxd ended before libvirt answered");
		done.fn(done.context, &reply);
		reply_clear(&reply);
	}
}

void virt_free(struct virt *v)
{
	uint64_t deadline =
		clock_monotonic_ns() + VIRT_FREE_WAIT_MS * CLOCK_NS_PER_MS;

	if (!v)
		return;
	virt_close(v);
	crew_wait(&v->crew, CREW_WORKERS, deadline);
	answer_abandoned(v);
	virt_dispatch(v);
	if (stop_all(v, deadline + VIRT_FREE_REST_MS * CLOCK_NS_PER_MS))
		virt_release(v);
}

int virt_completion_fd(const struct virt *v)
{
	return v->pool.fd;
}

void virt_listen(struct virt *v, virt_event_fn *fn, void *context)
{
	v->on_event = fn;
	v->event_context = context;
}

static void deliver_news(struct virt *v)
{
	struct virt_event event;

	while (news_take(v->news, &event)) {
		if (v->on_event)
			v->on_event(v->event_context, &event);
		news_clear(&event);
	}
}

void virt_dispatch(struct virt *v)
{
	struct list finished;

	if (v->dispatching)
		return;
	v->dispatching = true;
	list_init(&finished);
	pool_take_finished(&v->pool, &finished);
	deliver_news(v);
	while (!list_empty(&finished)) {
		struct request *request =
			list_entry(finished.next, struct request, node);

		list_remove(&request->node);
		request->done.fn(request->done.context, &request->reply);
		request_free(request);
	}
	v->dispatching = false;
}

size_t virt_pending(struct virt *v)
{
	return pool_pending(&v->pool);
}

bool virt_connected(struct virt *v)
{
	return connection_is_up(v->connection);
}

int virt_submit(struct virt *v, struct request *request, struct error *err)
{
	if (!request)
		return -1;
	if (pool_submit(&v->pool, request, err) < 0) {
		request_free(request);
		return -1;
	}
	return 0;
}
