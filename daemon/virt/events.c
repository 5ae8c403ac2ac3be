/*
 * libvirt's event loop in a thread of its own (events.h). libvirt's loop is the
 * process's: it cannot be unregistered, but it rests while nobody runs it, and
 * another struct virt may run it later.
 */
#include "daemon/virt/events.h"

#include <errno.h>
#include <libvirt/libvirt.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/eventfd.h>

#include "daemon/virt/crew.h"

/* libvirt frees removed handles when its loop is idle: give it that time. */
#define SETTLE_MS 5

struct events {
	pthread_mutex_t lock;
	struct list tasks;
	bool stop;
	bool closed; /* takes no more tasks */
	int fd;      /* eventfd: tasks or stop */
	int watch;
	int timer; /* event thread: ends the loop */
	bool done; /* event thread: the loop ends */
};

static void wake(struct events *events)
{
	uint64_t one = 1;

	while (write(events->fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

/* Also those that the tasks post. */
static void run_tasks(struct events *events)
{
	pthread_mutex_lock(&events->lock);
	while (!list_empty(&events->tasks)) {
		struct events_task *task = list_entry(events->tasks.next,
						      struct events_task, node);

		list_remove(&task->node);
		pthread_mutex_unlock(&events->lock);
		task->run(task);
		pthread_mutex_lock(&events->lock);
	}
	pthread_mutex_unlock(&events->lock);
}

static void on_settled(int timer, void *opaque)
{
	struct events *events = opaque;

	virEventRemoveTimeout(timer);
	pthread_mutex_lock(&events->lock);
	events->closed = true;
	pthread_mutex_unlock(&events->lock);
	run_tasks(events);
	events->done = true;
}

static void on_wake(int watch, int fd, int happened, void *opaque)
{
	struct events *events = opaque;
	uint64_t count;
	bool stop;

	while (read(fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
	run_tasks(events);
	pthread_mutex_lock(&events->lock);
	stop = events->stop;
	pthread_mutex_unlock(&events->lock);
	if (!stop || events->timer >= 0)
		return;
	virEventRemoveHandle(watch);
	events->timer = virEventAddTimeout(SETTLE_MS, on_settled, events, NULL);
	events->done = events->timer < 0;
}

static void events_main(void *context)
{
	struct events *events = context;

	while (!events->done)
		virEventRunDefaultImpl();
}

int events_new(struct events **out, struct crew *crew, struct error *err)
{
	struct events *events = calloc(1, sizeof(*events));

	if (!events)
		return error_set_no_memory(err);
	pthread_mutex_init(&events->lock, NULL);
	list_init(&events->tasks);
	events->timer = -1;
	events->watch = -1;
	events->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (events->fd < 0) {
		error_set_errno(err, ERROR_SYSTEM, errno,
				"cannot make an event descriptor");
		goto fail;
	}
	if (virEventRegisterDefaultImpl() == 0)
		events->watch =
			virEventAddHandle(events->fd, VIR_EVENT_HANDLE_READABLE,
					  on_wake, events, NULL);
	if (events->watch < 0) {
		error_set(err, ERROR_INTERNAL,
			  "libvirt's event loop cannot be started");
		goto fail;
	}
	if (crew_start(crew, CREW_EVENTS, "virt-events", events_main, events,
		       err) < 0)
		goto fail;
	*out = events;
	return 0;
fail:
	if (events->watch >= 0)
		virEventRemoveHandle(events->watch);
	events_free(events);
	return -1;
}

void events_free(struct events *events)
{
	if (!events)
		return;
	if (events->fd >= 0)
		close(events->fd);
	pthread_mutex_destroy(&events->lock);
	free(events);
}

bool events_post(struct events *events, struct events_task *task)
{
	bool closed;

	pthread_mutex_lock(&events->lock);
	closed = events->closed;
	if (!closed)
		list_append(&events->tasks, &task->node);
	pthread_mutex_unlock(&events->lock);
	if (!closed)
		wake(events);
	return !closed;
}

void events_stop(struct events *events)
{
	pthread_mutex_lock(&events->lock);
	events->stop = true;
	pthread_mutex_unlock(&events->lock);
	wake(events);
}
