/*
 * The pump of serial lines (pump.h). What holds: every byte that one side gave
 * is given to the other in order, or the line ends; a full buffer stops the
 * reading of its source. A pump is freed by a task of its own, never inside a
 * callback of libvirt.
 */
#include "daemon/virt/pump.h"

#include <errno.h>
#include <libvirt/libvirt.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "base/list.h"
#include "daemon/virt/events.h"
#include "daemon/virt/far.h"
#include "daemon/virt/limits.h"
#include "daemon/virt/ring.h"

struct pumps {
	pthread_mutex_t lock;
	struct list list;
	size_t count;
	bool ended;
	struct events *events;
	struct log *log;
	struct events_task end_task;
};

struct pump {
	struct list node;
	struct pumps *pumps;
	struct events_task task; /* begin, then finish */
	bool queued;             /* the task is posted */
	char *name;
	char *key; /* NULL: none, or given up */
	bool force;
	struct far *far;
	int fd;
	int watch; /* of fd; -1: none */
	int timer; /* linger; -1: none */
	struct ring to_guest, from_guest;
	bool far_gone;    /* no event will come from it */
	bool far_ended;   /* it gives nothing more */
	bool near_closed; /* the caller's end is closed, both ways */
	bool near_eof;    /* the caller gives nothing more */
	bool finishing;   /* its task will free it */
};

static void pump_free(struct pump *pump)
{
	if (pump->watch >= 0)
		virEventRemoveHandle(pump->watch);
	if (pump->timer >= 0)
		virEventRemoveTimeout(pump->timer);
	far_free(pump->far);
	if (pump->fd >= 0)
		close(pump->fd);
	free(pump->to_guest.data);
	free(pump->from_guest.data);
	free(pump->name);
	free(pump->key);
	free(pump);
}

static void post(struct pump *pump)
{
	pump->queued = events_post(pump->pumps->events, &pump->task);
}

static void finish_task(struct events_task *task)
{
	struct pump *pump = container_of(task, struct pump, task);
	struct pumps *pumps = pump->pumps;

	pthread_mutex_lock(&pumps->lock);
	list_remove(&pump->node);
	pumps->count--;
	pthread_mutex_unlock(&pumps->lock);
	log_debug(pumps->log,
		  "serial line of domain '%s' ended: %llu bytes to the guest, "
		  "%llu from it",
		  pump->name, (unsigned long long)pump->to_guest.total,
		  (unsigned long long)pump->from_guest.total);
	pump_free(pump);
}

/* Its freeing is left to a task: libvirt may be calling back from it. */
static void finish(struct pump *pump)
{
	if (pump->finishing)
		return;
	pump->finishing = true;
	pump->task.run = finish_task;
	if (!pump->queued)
		post(pump);
}

/* The guest has gone: its line's name may be another's now. */
static void give_up_key(struct pump *pump)
{
	pthread_mutex_lock(&pump->pumps->lock);
	free(steal(&pump->key));
	pthread_mutex_unlock(&pump->pumps->lock);
}

static void read_near(struct pump *pump)
{
	uint8_t *at;
	size_t room;
	ssize_t n;

	while (!pump->near_eof &&
	       (room = ring_room(&pump->to_guest, &at)) > 0) {
		n = recv(pump->fd, at, room, MSG_DONTWAIT);
		if (n > 0)
			ring_added(&pump->to_guest, (size_t)n);
		else if (n == 0)
			pump->near_eof = true;
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
		else if (errno != EINTR)
			pump->near_eof = pump->near_closed = true;
	}
}

static void write_near(struct pump *pump)
{
	uint8_t *at;
	size_t held;
	ssize_t n;

	while ((held = ring_held(&pump->from_guest, &at)) > 0) {
		if (pump->near_closed) {
			ring_taken(&pump->from_guest, held);
			continue;
		}
		n = send(pump->fd, at, held, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n >= 0)
			ring_taken(&pump->from_guest, (size_t)n);
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
		else if (errno != EINTR)
			pump->near_closed = true;
	}
}

static void read_far(struct pump *pump)
{
	uint8_t *at;
	size_t room;
	int n;

	while (!pump->far_ended &&
	       (room = ring_room(&pump->from_guest, &at)) > 0) {
		n = far_recv(pump->far, at, room);
		if (n == FAR_AGAIN && !pump->far_gone)
			return;
		if (n > 0) {
			ring_added(&pump->from_guest, (size_t)n);
		} else {
			pump->far_ended = true;
			give_up_key(pump);
		}
	}
}

static void write_far(struct pump *pump)
{
	uint8_t *at;
	size_t held;
	int n;

	while (!pump->far_ended &&
	       (held = ring_held(&pump->to_guest, &at)) > 0) {
		n = far_send(pump->far, at, held);
		if (n == FAR_AGAIN && !pump->far_gone)
			return;
		if (n <= 0)
			break;
		ring_taken(&pump->to_guest, (size_t)n);
	}
	if (pump->to_guest.len == 0)
		return;
	/* It takes nothing more, but what it has said is still to be read. */
	pump->far_gone = true;
	pump->to_guest.len = 0;
}

static void on_linger_over(int timer, void *opaque)
{
	finish(opaque);
}

/* True: nothing is left to be done. */
static bool is_over(struct pump *pump)
{
	if (pump->far_ended)
		return pump->from_guest.len == 0 || pump->near_closed;
	if (pump->near_closed && pump->near_eof && pump->to_guest.len == 0)
		return far_finish(pump->far) != FAR_AGAIN;
	if (!far_pushes(pump->far) || !ring_full(&pump->from_guest))
		return false;
	log_warning(pump->pumps->log,
		    "serial line of domain '%s' ended: its reader is %zu bytes "
		    "behind",
		    pump->name, pump->from_guest.len);
	return true;
}

static void update_wishes(struct pump *pump)
{
	int near = VIR_EVENT_HANDLE_ERROR | VIR_EVENT_HANDLE_HANGUP;

	if (!pump->near_eof && !ring_full(&pump->to_guest))
		near |= VIR_EVENT_HANDLE_READABLE;
	if (pump->from_guest.len > 0)
		near |= VIR_EVENT_HANDLE_WRITABLE;
	if (pump->watch >= 0)
		virEventUpdateHandle(pump->watch, near);
	far_want(pump->far, !ring_full(&pump->from_guest),
		 pump->to_guest.len > 0);
	if (pump->near_closed && pump->timer < 0)
		pump->timer = virEventAddTimeout(VIRT_PUMP_LINGER_MS,
						 on_linger_over, pump, NULL);
}

/* Tries all four ways; none blocks. Who cannot go on waits for an event. */
static void run(struct pump *pump)
{
	if (pump->finishing)
		return;
	write_far(pump);
	read_near(pump);
	write_far(pump);
	write_near(pump);
	read_far(pump);
	write_near(pump);
	if (is_over(pump))
		finish(pump);
	else
		update_wishes(pump);
}

static void on_near(int watch, int fd, int events, void *opaque)
{
	struct pump *pump = opaque;

	if (events & (VIR_EVENT_HANDLE_HANGUP | VIR_EVENT_HANDLE_ERROR)) {
		/* It would be told again and again: what is still in the socket
		 * is read when the guest has taken what came before. */
		virEventRemoveHandle(pump->watch);
		pump->watch = -1;
		pump->near_closed = true;
	}
	run(pump);
}

static void on_far(void *context, bool gone)
{
	struct pump *pump = context;

	pump->far_gone |= gone;
	run(pump);
}

/*
 * Ends who held the line before; true: there was someone. Who came later, while
 * this task was on its way, will end us.
 */
static bool displace(struct pump *pump)
{
	struct pumps *pumps = pump->pumps;
	bool found = false;

	pthread_mutex_lock(&pumps->lock);
	list_for_each (node, &pumps->list) {
		struct pump *other = list_entry(node, struct pump, node);

		if (other == pump)
			break;
		if (!other->key || !pump->key ||
		    strcmp(other->key, pump->key) != 0)
			continue;
		finish(other);
		found = true;
	}
	pthread_mutex_unlock(&pumps->lock);
	return found;
}

static void begin_task(struct events_task *task)
{
	struct pump *pump = container_of(task, struct pump, task);

	pump->queued = false;
	if (pump->force && displace(pump)) {
		pump->force = false;
		post(pump); /* behind theirs */
		return;
	}
	pump->watch = virEventAddHandle(
		pump->fd, VIR_EVENT_HANDLE_ERROR | VIR_EVENT_HANDLE_HANGUP,
		on_near, pump, NULL);
	if (pump->watch < 0 || far_watch(pump->far, on_far, pump) < 0) {
		finish(pump);
		return;
	}
	run(pump);
}

static bool ring_init(struct ring *ring, size_t size)
{
	ring->size = size;
	ring->data = malloc(size);
	return ring->data;
}

static struct pump *make_pump(struct pumps *pumps, const struct far *far,
			      const struct pump_line *line)
{
	struct pump *pump = calloc(1, sizeof(*pump));
	size_t backlog = far_pushes(far) ? VIRT_PUMP_BACKLOG : VIRT_PUMP_BUFFER;

	if (!pump)
		return NULL;
	list_init(&pump->node);
	list_init(&pump->task.node);
	pump->pumps = pumps;
	pump->fd = pump->watch = pump->timer = -1;
	pump->task.run = begin_task;
	pump->force = line->force;
	pump->name = strdup(line->name);
	pump->key = line->key ? strdup(line->key) : NULL;
	if (!pump->name || (line->key && !pump->key) ||
	    !ring_init(&pump->to_guest, VIRT_PUMP_BUFFER) ||
	    !ring_init(&pump->from_guest, backlog)) {
		pump_free(pump);
		return NULL;
	}
	return pump;
}

/* With the lock held. */
static bool is_held(struct pumps *pumps, const struct pump *pump)
{
	list_for_each (node, &pumps->list) {
		struct pump *other = list_entry(node, struct pump, node);

		if (other->key && pump->key &&
		    strcmp(other->key, pump->key) == 0)
			return true;
	}
	return false;
}

/* Takes the pump into the list, so that pumps_end_all() finds it. */
static int enlist(struct pumps *pumps, struct pump *pump, struct error *err)
{
	int result = 0;

	pthread_mutex_lock(&pumps->lock);
	pump->queued = true;
	if (!pump->force && is_held(pumps, pump))
		result = error_set(err, ERROR_BUSY,
				   "someone else holds that serial line of "
				   "domain '%s': ask for it with force",
				   pump->name);
	else if (pumps->count == VIRT_PUMPS_MAX)
		result = error_set(err, ERROR_BUSY,
				   "%d serial lines are open already",
				   VIRT_PUMPS_MAX);
	else if (pumps->ended || !events_post(pumps->events, &pump->task))
		result = error_set(err, ERROR_DRAINING,
				   "virtmuxd is shutting down");
	if (result == 0) {
		list_append(&pumps->list, &pump->node);
		pumps->count++;
	}
	pthread_mutex_unlock(&pumps->lock);
	return result;
}

int pump_start(struct pumps *pumps, struct far **far,
	       const struct pump_line *line, int *fd, struct error *err)
{
	struct pump *pump;
	int fds[2];

	pump = make_pump(pumps, *far, line);
	if (!pump)
		return error_set_no_memory(err);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		       fds) < 0) {
		pump_free(pump);
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot make a socket pair");
	}
	pump->fd = fds[0];
	pump->far = *far;
	if (enlist(pumps, pump, err) < 0) {
		pump->far = NULL;
		pump_free(pump);
		close(fds[1]);
		return -1;
	}
	*far = NULL;
	*fd = fds[1];
	return 0;
}

static void end_task(struct events_task *task)
{
	struct pumps *pumps = container_of(task, struct pumps, end_task);

	pthread_mutex_lock(&pumps->lock);
	list_for_each (node, &pumps->list)
		finish(list_entry(node, struct pump, node));
	pthread_mutex_unlock(&pumps->lock);
}

void pumps_end_all(struct pumps *pumps)
{
	pthread_mutex_lock(&pumps->lock);
	pumps->ended = true;
	pthread_mutex_unlock(&pumps->lock);
	events_post(pumps->events, &pumps->end_task);
}

int pumps_new(struct pumps **out, struct events *events, struct log *log,
	      struct error *err)
{
	struct pumps *pumps = calloc(1, sizeof(*pumps));

	if (!pumps)
		return error_set_no_memory(err);
	pthread_mutex_init(&pumps->lock, NULL);
	list_init(&pumps->list);
	pumps->events = events;
	pumps->log = log;
	pumps->end_task.run = end_task;
	*out = pumps;
	return 0;
}

void pumps_free(struct pumps *pumps)
{
	if (!pumps)
		return;
	pthread_mutex_destroy(&pumps->lock);
	free(pumps);
}
