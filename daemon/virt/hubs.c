/*
 * The registry of serial lines (hubs.h). Two locks: the yard's guards the hubs,
 * `lock` the news; none is held while libvirt is called, and the yard's is never
 * taken within `lock`.
 */
#include "daemon/virt/hubs.h"

#include <libvirt/libvirt.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/virt/connection.h"
#include "daemon/virt/crew.h"
#include "daemon/virt/far.h"
#include "daemon/virt/hub.h"
#include "daemon/virt/job.h"
#include "daemon/virt/serial.h"

/* A guest to be looked at. */
struct news_item {
	char uuid[VIRT_UUID_SIZE];
	const char *why; /* it has stopped; NULL: not that we heard */
};

struct hubs {
	struct hub_yard yard;
	struct list list; /* of hubs */
	bool on_use;
	bool ended;
	struct events_task end_task;
	struct connection *connection;

	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct news_item news[VIRT_HUB_NEWS];
	size_t news_count;
	bool all; /* all guests are to be looked at */
	bool stop;
};

/* -- opening ---------------------------------------------------------------- */

/* The present run's; NULL: none. With the yard's lock. */
static struct hub *find(struct hubs *hubs, const char *uuid, unsigned index)
{
	list_for_each (node, &hubs->list) {
		struct hub *hub = list_entry(node, struct hub, node);

		if (!hub->over && hub->index == index &&
		    strcmp(hub->uuid, uuid) == 0)
			return hub;
	}
	return NULL;
}

/* The hub for the job's run, which nobody else is just opening. */
static struct hub *obtain(struct hubs *hubs, struct job *job, unsigned index,
			  struct error *err)
{
	int run = (int)virDomainGetID(job->domain);
	struct hub *hub;

	for (;;) {
		if (hubs->ended) {
			error_set(err, ERROR_DRAINING,
				  "virtmuxd is shutting down");
			return NULL;
		}
		hub = find(hubs, job->reply->domain.uuid, index);
		if (!hub)
			return hub_new(&hubs->yard, &hubs->list, job->reply,
				       index, run, err);
		if (hub->opening || hub->leaving) {
			pthread_cond_wait(&hubs->yard.changed,
					  &hubs->yard.lock);
			continue;
		}
		if (hub->run == run)
			return hub;
		hub_end(hub, ERROR_STATE, "the domain was started anew");
	}
}

/* Opens its far end; the lock is let go meanwhile. */
static int attach(struct hub *hub, struct job *job, const struct far_line *line,
		  struct error *err)
{
	struct hub_yard *yard = hub->yard;
	struct far *far;

	hub->opening = true;
	pthread_mutex_unlock(&yard->lock);
	far = far_open(job, line, err);
	if (far && serial_check_unchanged(job, line, err) < 0)
		far_free(steal(&far));
	pthread_mutex_lock(&yard->lock);
	hub->opening = false;
	pthread_cond_broadcast(&yard->changed);
	if (!far) {
		/* One that has never been attached is nobody's. */
		hub->over = !hub->known;
		hub_run(hub);
		return -1;
	}
	hub_attach(hub, far);
	return 0;
}

static int join(struct hubs *hubs, struct hub *hub, struct job *job,
		const struct virt_serial_ask *ask, struct error *err)
{
	if (hub->over || hubs->ended)
		return error_set(err, ERROR_STATE,
				 "domain '%s' has just "
				 "stopped",
				 hub->name);
	if (!ask)
		return 0;
	job->reply->value.serial.fd = -1;
	hub->used = true;
	if (hub_join(hub, ask, &job->reply->value.serial, err) < 0) {
		hub_run(hub);
		return -1;
	}
	job->reply->kind = VIRT_VALUE_SERIAL;
	return 0;
}

int hubs_open(struct hubs *hubs, struct job *job, unsigned index,
	      const struct far_line *line, const struct virt_serial_ask *ask,
	      struct error *err)
{
	struct hub *hub;
	int result = -1;

	pthread_mutex_lock(&hubs->yard.lock);
	hub = obtain(hubs, job, index, err);
	if (hub)
		result = hub->far && !hub->far_ended
				 ? 0
				 : attach(hub, job, line, err);
	if (result == 0)
		result = join(hubs, hub, job, ask, err);
	pthread_mutex_unlock(&hubs->yard.lock);
	return result;
}

/* -- looking at guests ------------------------------------------------------- */

/* Whether the guest's first line is to be attached now. */
static bool wants_line(struct hubs *hubs, const char *uuid)
{
	struct hub *hub;
	bool wants;

	pthread_mutex_lock(&hubs->yard.lock);
	hub = find(hubs, uuid, 0);
	if (hub && hub->far && !hub->far_ended)
		wants = false;
	else if (hub && hub->told)
		wants = false; /* another program has it */
	else
		wants = !hubs->on_use || (hub && hub->count > 0);
	pthread_mutex_unlock(&hubs->yard.lock);
	return wants;
}

static void tell_failure(struct hubs *hubs, const struct job *job,
			 const struct error *err)
{
	const char *name = job->reply->domain.name;

	/* A guest without such a line is no news. */
	if (err->code == ERROR_NOT_FOUND || err->code == ERROR_UNSUPPORTED ||
	    err->code == ERROR_STATE || err->code == ERROR_DRAINING)
		log_debug(hubs->yard.log,
			  "domain '%s' has no line to attach: "
			  "%s",
			  name ? name : "?", error_words(err));
	else
		log_info(hubs->yard.log,
			 "the serial line of domain '%s' is not attached at "
			 "its start: %s",
			 name ? name : "?", error_words(err));
}

/* As a console without rights or streams would. */
static void open_first(struct hubs *hubs, virConnectPtr conn,
		       virDomainPtr domain, bool remote)
{
	struct request request = {.id = VERB_SERIAL};
	struct virt_reply reply = {0};
	struct job job = {
		.request = &request,
		.verb = verb_get(VERB_SERIAL),
		.reply = &reply,
		.conn = conn,
		.domain = domain,
		.remote = remote,
		.connection = hubs->connection,
		.hubs = hubs,
		.acting = true,
	};
	autoerror err = {0};

	if (lookup_identify(&job, domain, &err) < 0 ||
	    serial_open(&job, NULL, &err) < 0)
		tell_failure(hubs, &job, &err);
	reply_clear(&reply);
}

/* Ends what belongs to another run than RUN; -1: it does not run. */
static void judge(struct hubs *hubs, const char *uuid, int run, const char *why)
{
	pthread_mutex_lock(&hubs->yard.lock);
	list_for_each_safe (node, &hubs->list) {
		struct hub *hub = list_entry(node, struct hub, node);

		if (hub->run != run && strcmp(hub->uuid, uuid) == 0)
			hub_stopped(hub, why ? why : "nobody saw why");
	}
	pthread_mutex_unlock(&hubs->yard.lock);
}

static void look_at(struct hubs *hubs, virConnectPtr conn, bool remote,
		    const char *uuid, virDomainPtr domain, const char *why)
{
	int run = domain ? (int)virDomainGetID(domain) : -1;

	judge(hubs, uuid, run, why);
	if (run >= 0 && wants_line(hubs, uuid))
		open_first(hubs, conn, domain, remote);
}

static void look_at_one(struct hubs *hubs, virConnectPtr conn, bool remote,
			const struct news_item *item)
{
	autodomain domain = virDomainLookupByUUIDString(conn, item->uuid);

	look_at(hubs, conn, remote, item->uuid, domain, item->why);
}

/* The hub's guest is none of those that run. */
static bool is_missing(const struct hub *hub, char (*uuids)[VIRT_UUID_SIZE],
		       size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(uuids[i], hub->uuid) == 0)
			return false;
	return true;
}

static void end_missing(struct hubs *hubs, char (*uuids)[VIRT_UUID_SIZE],
			size_t n)
{
	pthread_mutex_lock(&hubs->yard.lock);
	list_for_each_safe (node, &hubs->list) {
		struct hub *hub = list_entry(node, struct hub, node);

		if (is_missing(hub, uuids, n))
			hub_stopped(hub, "nobody saw why");
	}
	pthread_mutex_unlock(&hubs->yard.lock);
}

static bool is_stopping(struct hubs *hubs)
{
	bool stop;

	pthread_mutex_lock(&hubs->lock);
	stop = hubs->stop;
	pthread_mutex_unlock(&hubs->lock);
	return stop;
}

static void look_at_all(struct hubs *hubs, virConnectPtr conn, bool remote)
{
	virDomainPtr *domains = NULL;
	int n = virConnectListAllDomains(conn, &domains,
					 VIR_CONNECT_LIST_DOMAINS_ACTIVE);
	char(*uuids)[VIRT_UUID_SIZE];

	if (n < 0)
		return;
	uuids = calloc((size_t)n + 1, sizeof(*uuids));
	for (int i = 0; uuids && i < n; i++)
		virDomainGetUUIDString(domains[i], uuids[i]);
	if (uuids)
		end_missing(hubs, uuids, (size_t)n);
	for (int i = 0; i < n; i++) {
		if (uuids && !is_stopping(hubs))
			look_at(hubs, conn, remote, uuids[i], domains[i], NULL);
		virDomainFree(domains[i]);
	}
	free(uuids);
	free(domains);
}

/* -- the thread -------------------------------------------------------------- */

/* Waits for news; false: it is to end. */
static bool take_news(struct hubs *hubs, struct news_item *item, bool *all)
{
	bool stop;

	pthread_mutex_lock(&hubs->lock);
	while (!hubs->stop && !hubs->all && hubs->news_count == 0)
		pthread_cond_wait(&hubs->wake, &hubs->lock);
	stop = hubs->stop;
	*all = hubs->all;
	if (hubs->all) {
		hubs->all = false;
	} else if (!stop) {
		*item = hubs->news[0];
		hubs->news_count--;
		memmove(hubs->news, hubs->news + 1,
			hubs->news_count * sizeof(*item));
	}
	pthread_mutex_unlock(&hubs->lock);
	return !stop;
}

static void look(void *context)
{
	struct hubs *hubs = context;
	struct news_item item;
	bool all, remote;

	while (take_news(hubs, &item, &all)) {
		autoerror err = {0};
		virConnectPtr conn =
			connection_get(hubs->connection, &remote, &err);

		/* Where it is gone, all are looked at when it is back. */
		if (!conn)
			continue;
		if (all)
			look_at_all(hubs, conn, remote);
		else
			look_at_one(hubs, conn, remote, &item);
		virConnectClose(conn);
	}
}

static struct news_item *item_of(struct hubs *hubs, const char *uuid)
{
	for (size_t i = 0; i < hubs->news_count; i++)
		if (strcmp(hubs->news[i].uuid, uuid) == 0)
			return &hubs->news[i];
	return NULL;
}

void hubs_heard(struct hubs *hubs, const char *uuid, const char *why)
{
	struct news_item *item;

	pthread_mutex_lock(&hubs->lock);
	item = item_of(hubs, uuid);
	if (!item && hubs->news_count < VIRT_HUB_NEWS) {
		item = &hubs->news[hubs->news_count++];
		*item = (struct news_item){0};
		memcpy(item->uuid, uuid, sizeof(item->uuid));
	}
	if (!item)
		hubs->all = true;
	else if (why)
		item->why = why;
	pthread_cond_signal(&hubs->wake);
	pthread_mutex_unlock(&hubs->lock);
}

void hubs_up(struct hubs *hubs)
{
	pthread_mutex_lock(&hubs->lock);
	hubs->all = true;
	pthread_cond_signal(&hubs->wake);
	pthread_mutex_unlock(&hubs->lock);
}

void hubs_down(struct hubs *hubs)
{
	pthread_mutex_lock(&hubs->yard.lock);
	hubs->yard.down_ns = clock_monotonic_ns();
	pthread_mutex_unlock(&hubs->yard.lock);
}

/* -- life -------------------------------------------------------------------- */

int hubs_new(struct hubs **out, const struct hubs_config *config,
	     struct error *err)
{
	struct hubs *hubs = calloc(1, sizeof(*hubs));

	if (!hubs)
		return error_set_no_memory(err);
	hub_yard_init(&hubs->yard, config->events, config->log);
	hubs->yard.detaches = hubs->on_use = config->on_use;
	list_init(&hubs->list);
	list_init(&hubs->end_task.node);
	pthread_mutex_init(&hubs->lock, NULL);
	pthread_cond_init(&hubs->wake, NULL);
	*out = hubs;
	return 0;
}

int hubs_start(struct hubs *hubs, struct connection *connection,
	       struct crew *crew, struct error *err)
{
	hubs->connection = connection;
	return crew_start(crew, CREW_SUPERVISOR, "virt-lines", look, hubs, err);
}

static void end_all(struct hubs *hubs)
{
	pthread_mutex_lock(&hubs->yard.lock);
	list_for_each_safe (node, &hubs->list)
		hub_end(list_entry(node, struct hub, node), ERROR_DRAINING,
			"virtmuxd is shutting down");
	pthread_mutex_unlock(&hubs->yard.lock);
}

static void on_end(struct events_task *task)
{
	end_all(container_of(task, struct hubs, end_task));
}

void hubs_stop(struct hubs *hubs)
{
	pthread_mutex_lock(&hubs->lock);
	hubs->stop = true;
	pthread_cond_broadcast(&hubs->wake);
	pthread_mutex_unlock(&hubs->lock);
	pthread_mutex_lock(&hubs->yard.lock);
	hubs->ended = true;
	pthread_cond_broadcast(&hubs->yard.changed);
	pthread_mutex_unlock(&hubs->yard.lock);
	hubs->end_task.run = on_end;
	events_post(hubs->yard.events, &hubs->end_task);
}

void hubs_free(struct hubs *hubs)
{
	if (!hubs)
		return;
	end_all(hubs);
	hub_yard_destroy(&hubs->yard);
	pthread_cond_destroy(&hubs->wake);
	pthread_mutex_destroy(&hubs->lock);
	free(hubs);
}
