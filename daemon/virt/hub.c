/*
 * The moving of bytes in a hub (hub.h). What holds: a console gets every byte of
 * the history from its first offset on, in order, or is ended with a reason; a byte
 * of the writer that the line has taken is counted then and goes to the guest.
 */
#include "daemon/virt/hub.h"

#include <errno.h>
#include <inttypes.h>
#include <libvirt/libvirt.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "daemon/virt/far.h"

static uint64_t after_ms(uint64_t now, unsigned ms)
{
	return now + ms * CLOCK_NS_PER_MS;
}

/* -- the yard --------------------------------------------------------------- */

static void free_console(struct console *c)
{
	if (c->watch >= 0)
		virEventRemoveHandle(c->watch);
	if (c->fd >= 0)
		close(c->fd);
	virt_console_free(c->end);
	free(c->who);
	free(c->from);
	free(c);
}

static void free_hub(struct hub *hub)
{
	if (hub->timer >= 0)
		virEventRemoveTimeout(hub->timer);
	history_free(&hub->history);
	free(hub->input.data);
	free(hub->name);
	free(hub);
}

/* Event thread, outside of all callbacks of what is freed; or the last thread. */
static void bury(struct list *consoles, struct list *fars, struct list *hubs)
{
	list_for_each_safe (node, consoles)
		free_console(list_entry(node, struct console, node));
	list_for_each_safe (node, fars)
		far_free(list_entry(node, struct far, node));
	list_for_each_safe (node, hubs)
		free_hub(list_entry(node, struct hub, node));
}

static void bury_all(struct hub_yard *yard)
{
	struct list consoles, fars, hubs;

	list_init(&consoles);
	list_init(&fars);
	list_init(&hubs);
	pthread_mutex_lock(&yard->lock);
	yard->queued = false;
	list_take(&consoles, &yard->dead_consoles);
	list_take(&fars, &yard->dead_fars);
	list_take(&hubs, &yard->dead_hubs);
	pthread_mutex_unlock(&yard->lock);
	bury(&consoles, &fars, &hubs);
}

static void on_task(struct events_task *task)
{
	bury_all(container_of(task, struct hub_yard, task));
}

void hub_yard_post(struct hub_yard *yard)
{
	if (!yard->queued)
		yard->queued = events_post(yard->events, &yard->task);
}

int hub_yard_init(struct hub_yard *yard, struct events *events, struct log *log)
{
	pthread_mutex_init(&yard->lock, NULL);
	pthread_cond_init(&yard->changed, NULL);
	list_init(&yard->dead_consoles);
	list_init(&yard->dead_fars);
	list_init(&yard->dead_hubs);
	list_init(&yard->task.node);
	yard->task.run = on_task;
	yard->events = events;
	yard->log = log;
	return 0;
}

void hub_yard_destroy(struct hub_yard *yard)
{
	bury_all(yard);
	pthread_cond_destroy(&yard->changed);
	pthread_mutex_destroy(&yard->lock);
}

/* -- the far end ------------------------------------------------------------ */

static void drop_far(struct hub *hub)
{
	if (!hub->far)
		return;
	list_append(&hub->yard->dead_fars, &hub->far->node);
	hub->far = NULL;
	hub->far_gone = hub->far_ended = hub->leaving = hub->used = false;
	pthread_cond_broadcast(&hub->yard->changed);
	hub_yard_post(hub->yard);
}

static void on_far(void *context, bool gone)
{
	struct far *far = context;
	struct hub *hub = far->owner;
	struct hub_yard *yard = hub->yard;

	pthread_mutex_lock(&yard->lock);
	if (hub->far == far) {
		hub->far_gone |= gone;
		hub_run(hub);
	}
	pthread_mutex_unlock(&yard->lock);
}

void hub_attach(struct hub *hub, struct far *far)
{
	drop_far(hub);
	hub->far = far;
	hub->reads = hub->writes = false;
	hub->settle_ns = 0;
	hub->known = true;
	hub->told = false;
	hub->history.most =
		far_pushes(far) ? VIRT_HISTORY_PUSHED : VIRT_HISTORY;
	far->owner = hub;
	if (far_watch(far, on_far, far) < 0)
		hub->far_gone = true;
	hub_run(hub);
}

static void ended(struct hub *hub, uint64_t now)
{
	hub->far_ended = true;
	if (!hub->settle_ns)
		hub->settle_ns = after_ms(now, VIRT_HUB_SETTLE_MS);
}

static void write_far(struct hub *hub)
{
	uint8_t *at;
	size_t held;
	int n;

	while (hub->far && !hub->far_ended && hub->input.len > 0) {
		held = ring_held(&hub->input, &at);
		n = far_send(hub->far, at, held);
		if (n == FAR_AGAIN && !hub->far_gone)
			return;
		if (n <= 0) {
			/* What it has said is still to be read. */
			hub->far_gone = true;
			return;
		}
		ring_taken(&hub->input, (size_t)n);
	}
}

static bool is_stuck(const struct console *c, uint64_t now)
{
	return c->stuck_ns && now >= after_ms(c->stuck_ns, VIRT_HUB_STALL_MS);
}

/* One that is let go, or that nobody reads any more, holds nothing back. */
static bool counts(const struct console *c)
{
	return c->until == UINT64_MAX && !c->closed &&
	       c->at >= history_first(&c->hub->history);
}

/* What must still be there for the slowest that counts. */
static uint64_t keep_from(const struct hub *hub, uint64_t now)
{
	uint64_t keep = hub->history.end;
	bool others = false;

	if (hub->far && far_pushes(hub->far))
		return keep;
	list_for_each (node, &hub->consoles) {
		struct console *c = list_entry(node, struct console, node);

		others |= counts(c) && !is_stuck(c, now);
	}
	list_for_each (node, &hub->consoles) {
		struct console *c = list_entry(node, struct console, node);

		if (counts(c) && !(others && is_stuck(c, now)) && c->at < keep)
			keep = c->at;
	}
	return keep;
}

static bool may_read(const struct hub *hub, uint64_t now)
{
	return hub->far && !hub->far_ended && now >= hub->rest_ns &&
	       hub->history.end - keep_from(hub, now) < hub->history.most;
}

static void read_far(struct hub *hub, uint64_t now)
{
	size_t left = VIRT_HUB_TURN;

	while (left > 0 && may_read(hub, now)) {
		uint8_t *at;
		size_t room =
			history_room(&hub->history, keep_from(hub, now), &at);
		int n;

		if (room == 0) {
			hub->rest_ns = after_ms(now, VIRT_HUB_REST_MS);
			return; /* no memory */
		}
		n = far_recv(hub->far, at, room < left ? room : left);
		if (n == FAR_AGAIN && !hub->far_gone)
			break;
		if (n <= 0) {
			ended(hub, now);
			return;
		}
		history_added(&hub->history, (size_t)n);
		left -= (size_t)n;
	}
	/* Nobody waits for these bytes: they may come in larger pieces. */
	if (hub->count == 0 && left < VIRT_HUB_TURN)
		hub->rest_ns = after_ms(now, VIRT_HUB_REST_MS);
}

/* -- consoles --------------------------------------------------------------- */

static void read_near(struct hub *hub, struct console *c)
{
	uint8_t *at;
	size_t room;
	ssize_t n;

	while (!c->eof && (room = ring_room(&hub->input, &at)) > 0) {
		n = recv(c->fd, at, room, MSG_DONTWAIT);
		if (n > 0) {
			ring_added(&hub->input, (size_t)n);
			if (hub->record)
				hub->record->taken += (uint64_t)n;
		} else if (n == 0) {
			c->eof = true;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			return;
		} else if (errno != EINTR) {
			c->eof = c->closed = true;
		}
	}
}

void hub_take_input(struct hub *hub)
{
	write_far(hub);
	if (!hub->writer || !hub->input.data)
		return;
	read_near(hub, hub->writer);
	write_far(hub);
}

static void write_near(struct console *c, uint64_t now)
{
	struct history *h = &c->hub->history;
	const uint8_t *at;
	size_t n;

	while (!c->closed && c->at >= history_first(h) && c->at < c->until &&
	       (n = history_from(h, c->at, &at)) > 0) {
		ssize_t sent;

		if (n > c->until - c->at)
			n = (size_t)(c->until - c->at);
		sent = send(c->fd, at, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent > 0) {
			c->at += (uint64_t)sent;
			c->stuck_ns = 0;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			if (!c->stuck_ns)
				c->stuck_ns = now;
			return;
		} else if (errno != EINTR) {
			c->closed = true;
		}
	}
}

static void write_all(struct hub *hub, uint64_t now)
{
	list_for_each (node, &hub->consoles)
		write_near(list_entry(node, struct console, node), now);
}

/* True: C has nothing to do here any more. */
static bool is_done(struct console *c, uint64_t now)
{
	if (c->closed)
		return c != c->hub->writer || c->eof || now >= c->close_ns;
	if (c->at < history_first(&c->hub->history)) {
		char words[160];

		snprintf(
			words, sizeof(words),
			"this console took nothing for %d s, and the line went "
			"on without it",
			VIRT_HUB_STALL_MS / 1000);
		virt_console_set(c->end, ERROR_TIMED_OUT, words);
		return true;
	}
	return c->at >= c->until;
}

static void sweep(struct hub *hub, uint64_t now)
{
	list_for_each_safe (node, &hub->consoles) {
		struct console *c = list_entry(node, struct console, node);

		if (c->closed && !c->close_ns)
			c->close_ns = after_ms(now, VIRT_HUB_LINGER_MS);
		if (is_done(c, now))
			console_close(c);
	}
}

/* -- ends ------------------------------------------------------------------- */

static void leave_all(struct hub *hub, enum error_code code, const char *words)
{
	hub->writer = NULL;
	list_for_each (node, &hub->consoles)
		console_leave(list_entry(node, struct console, node), code,
			      words);
}

/* The line has ended, but its guest has not. */
static void lost(struct hub *hub)
{
	struct hub_yard *yard = hub->yard;
	bool down = yard->down_ns &&
		    after_ms(yard->down_ns, 2 * VIRT_HUB_SETTLE_MS) >
			    hub->settle_ns;

	if (down)
		leave_all(hub, ERROR_UNAVAILABLE,
			  "libvirt went away on the host: open the console "
			  "again when it is back");
	else
		leave_all(hub, ERROR_BUSY,
			  "another program of the host has taken the line, as "
			  "virsh console --force does");
	if (!down && !hub->told)
		log_info(yard->log,
			 "serial line %u of domain '%s' was taken by another "
			 "program; it is attached anew when a console asks for "
			 "it, or with the domain's next start",
			 hub->index, hub->name);
	hub->told = true;
	hub->settle_ns = 0;
	drop_far(hub);
}

/* The run has ended: what the history has is still given. */
static void finish(struct hub *hub, enum error_code code, const char *words)
{
	hub->over = true;
	drop_far(hub);
	leave_all(hub, code, words);
}

static void settle(struct hub *hub, uint64_t now)
{
	char words[VIRT_NAME_MAX + 64];
	bool due = now >= hub->settle_ns;

	if (hub->over || hub->opening)
		return;
	if (hub->leaving && (hub->far_ended || due)) {
		hub->settle_ns = 0;
		drop_far(hub);
	} else if (hub->stopped && (!hub->far || hub->far_ended || due)) {
		snprintf(words, sizeof(words), "domain '%s' has stopped (%s)",
			 hub->name, hub->stopped);
		finish(hub, ERROR_STATE, words);
	} else if (hub->far_ended && due) {
		lost(hub);
	}
}

void hub_stopped(struct hub *hub, const char *why)
{
	if (hub->over || hub->stopped)
		return;
	hub->stopped = why;
	if (!hub->settle_ns)
		hub->settle_ns =
			after_ms(clock_monotonic_ns(), VIRT_HUB_SETTLE_MS);
	hub_run(hub);
}

/* Nobody uses the line: whoever asks libvirt for it next shall have it. */
static void let_go(struct hub *hub, uint64_t now)
{
	if (!hub->yard->detaches || !hub->used || !hub->far || hub->far_ended ||
	    hub->over || hub->count > 0 || hub->opening || hub->input.len > 0)
		return;
	if (!hub->leaving)
		hub->settle_ns = after_ms(now, VIRT_HUB_LINGER_MS);
	hub->leaving = true;
	if (far_finish(hub->far) == FAR_AGAIN)
		return;
	hub->settle_ns = 0;
	drop_far(hub);
}

void hub_end(struct hub *hub, enum error_code code, const char *words)
{
	if (hub->over)
		return;
	finish(hub, code, words);
	hub_run(hub);
}

/* -- running ---------------------------------------------------------------- */

static void want_near(struct console *c)
{
	struct hub *hub = c->hub;
	int events = VIR_EVENT_HANDLE_ERROR | VIR_EVENT_HANDLE_HANGUP;

	if (c == hub->writer && !c->eof && !ring_full(&hub->input))
		events |= VIR_EVENT_HANDLE_READABLE;
	if (c->at < hub->history.end && c->at < c->until)
		events |= VIR_EVENT_HANDLE_WRITABLE;
	if (c->watch >= 0 && events != c->events)
		virEventUpdateHandle(c->watch, events);
	c->events = events;
}

static void want_far(struct hub *hub, uint64_t now)
{
	bool reads = may_read(hub, now);
	bool writes = hub->input.len > 0;

	if (!hub->far)
		return;
	if (reads != hub->reads || writes != hub->writes)
		far_want(hub->far, reads, writes);
	hub->reads = reads;
	hub->writes = writes;
}

static void earlier(uint64_t *deadline, uint64_t at)
{
	if (at && (!*deadline || at < *deadline))
		*deadline = at;
}

/* When something is due that no descriptor tells; 0: nothing. */
static uint64_t next_deadline(const struct hub *hub, uint64_t now)
{
	uint64_t deadline = 0;

	if (hub->over)
		return 0;
	if (!hub->opening)
		earlier(&deadline, hub->settle_ns);
	if (hub->far && !hub->far_ended && now < hub->rest_ns)
		earlier(&deadline, hub->rest_ns);
	else if (hub->far_gone && may_read(hub, now))
		earlier(&deadline, now);
	list_for_each (node, &hub->consoles) {
		struct console *c = list_entry(node, struct console, node);

		if (c->closed)
			earlier(&deadline, c->close_ns);
		if (c->stuck_ns && !is_stuck(c, now) && hub->count > 1)
			earlier(&deadline,
				after_ms(c->stuck_ns, VIRT_HUB_STALL_MS));
	}
	return deadline;
}

static void on_timer(int timer, void *opaque)
{
	struct hub *hub = opaque;
	struct hub_yard *yard = hub->yard;

	pthread_mutex_lock(&yard->lock);
	virEventUpdateTimeout(timer, -1);
	hub->timer_ns = 0;
	hub_run(hub);
	pthread_mutex_unlock(&yard->lock);
}

static void set_timer(struct hub *hub, uint64_t now)
{
	uint64_t deadline = next_deadline(hub, now);
	int ms = -1;

	if (deadline == hub->timer_ns)
		return;
	hub->timer_ns = deadline;
	if (deadline)
		ms = deadline > now
			     ? (int)((deadline - now) / CLOCK_NS_PER_MS) + 1
			     : 0;
	if (hub->timer < 0)
		hub->timer = virEventAddTimeout(ms, on_timer, hub, NULL);
	else
		virEventUpdateTimeout(hub->timer, ms);
}

/* Over, and nobody takes of it any more. */
static void retire(struct hub *hub)
{
	struct hub_yard *yard = hub->yard;

	log_debug(yard->log,
		  "serial line %u of domain '%s' ended: %" PRIu64
		  " bytes to the guest, %" PRIu64 " from it",
		  hub->index, hub->name, hub->input.total, hub->history.end);
	list_remove(&hub->node);
	list_append(&yard->dead_hubs, &hub->node);
	yard->hubs--;
	hub_yard_post(yard);
}

void hub_run(struct hub *hub)
{
	uint64_t now = clock_monotonic_ns();

	hub_take_input(hub);
	write_all(hub, now);
	read_far(hub, now);
	settle(hub, now);
	write_all(hub, now);
	sweep(hub, now);
	let_go(hub, now);
	if (hub->over && hub->count == 0 && !hub->opening) {
		retire(hub);
		return;
	}
	list_for_each (node, &hub->consoles)
		want_near(list_entry(node, struct console, node));
	want_far(hub, now);
	set_timer(hub, now);
}

/* -- the beginning ---------------------------------------------------------- */

struct hub *hub_new(struct hub_yard *yard, struct list *list,
		    const struct virt_reply *domain, unsigned index, int run,
		    struct error *err)
{
	struct hub *hub;

	if (yard->hubs == VIRT_HUBS_MAX) {
		error_set(err, ERROR_BUSY,
			  "%d serial lines are attached already",
			  VIRT_HUBS_MAX);
		return NULL;
	}
	hub = calloc(1, sizeof(*hub));
	if (!hub || !(hub->name = strdup(domain->domain.name))) {
		free(hub);
		error_set_no_memory(err);
		return NULL;
	}
	snprintf(hub->uuid, sizeof(hub->uuid), "%s", domain->domain.uuid);
	hub->yard = yard;
	hub->index = index;
	hub->run = run;
	hub->timer = -1;
	hub->history.most = VIRT_HISTORY;
	list_init(&hub->consoles);
	random_name(hub->id, sizeof(hub->id));
	list_append(list, &hub->node);
	yard->hubs++;
	return hub;
}
