/*
 * Consoles on a hub: who may come, from which byte on, who must go, and why
 * (hub.h). What holds: at most one writes; who is put out knows by whom.
 */
#include "daemon/virt/hub.h"

#include <errno.h>
#include <libvirt/libvirt.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

/* -- why it ended ----------------------------------------------------------- */

struct virt_console {
	pthread_mutex_t lock;
	unsigned owners; /* the hub and the caller */
	struct error why;
};

struct virt_console *virt_console_new(void)
{
	struct virt_console *end = calloc(1, sizeof(*end));

	if (!end)
		return NULL;
	pthread_mutex_init(&end->lock, NULL);
	end->owners = 2;
	return end;
}

void virt_console_set(struct virt_console *end, enum error_code code,
		      const char *words)
{
	pthread_mutex_lock(&end->lock);
	if (!error_is_set(&end->why))
		error_set(&end->why, code, "%s", words);
	pthread_mutex_unlock(&end->lock);
}

bool virt_console_why(struct virt_console *end, struct error *err)
{
	bool known;

	pthread_mutex_lock(&end->lock);
	known = error_is_set(&end->why);
	if (known)
		error_set(err, end->why.code, "%s", error_words(&end->why));
	pthread_mutex_unlock(&end->lock);
	return known;
}

void virt_console_free(struct virt_console *end)
{
	bool last;

	if (!end)
		return;
	pthread_mutex_lock(&end->lock);
	last = --end->owners == 0;
	pthread_mutex_unlock(&end->lock);
	if (!last)
		return;
	pthread_mutex_destroy(&end->lock);
	error_clear(&end->why);
	free(end);
}

/* -- leaving ---------------------------------------------------------------- */

void console_leave(struct console *c, enum error_code code, const char *words)
{
	struct hub *hub = c->hub;

	virt_console_set(c->end, code, words);
	if (c->until == UINT64_MAX)
		c->until = hub->history.end;
	if (hub->writer == c)
		hub->writer = NULL;
}

void console_close(struct console *c)
{
	struct hub *hub = c->hub;

	if (hub->writer == c)
		hub->writer = NULL;
	hub->count--;
	hub->yard->consoles--;
	c->hub = NULL;
	/* The caller is to see it now; the descriptor goes with its watch. */
	shutdown(c->fd, SHUT_RDWR);
	list_remove(&c->node);
	list_append(&hub->yard->dead_consoles, &c->node);
	hub_yard_post(hub->yard);
}

/* -- who writes ------------------------------------------------------------- */

static int refuse(const struct hub *hub, struct error *err)
{
	const struct console *w = hub->writer;
	char since[CLOCK_TEXT_SIZE];

	clock_format_s((time_t)(w->since_us / 1000000), since);
	return error_set(err, ERROR_BUSY,
			 "%s writes on serial line %u of domain '%s', from %s "
			 "since %s: watch it with --read-only, or take it over "
			 "with --force",
			 w->who, hub->index, hub->name, w->from, since);
}

/* Also where the event thread has not heard of it yet. */
static bool has_closed(const struct console *c)
{
	struct pollfd p = {.fd = c->fd};

	return c->closed || (poll(&p, 1, 0) == 1 && (p.revents & POLLHUP));
}

static bool has_token(const struct console *c, const char *token)
{
	return token && c->token[0] && strcmp(c->token, token) == 0;
}

/* The writer's place is to be free for ASK. */
static int make_way(struct hub *hub, const struct virt_serial_ask *ask,
		    struct error *err)
{
	struct console *w = hub->writer;
	autobuf words = {0};
	autofree char *text = NULL;

	if (!w)
		return 0;
	if (has_token(w, ask->token)) {
		/* What it has still sent comes again, behind what was taken. */
		virt_console_set(w->end, ERROR_BUSY,
				 "the same console came back by another way");
		console_close(w);
		return 0;
	}
	if (has_closed(w)) {
		hub_take_input(hub);
		console_close(w);
		return 0;
	}
	if (!ask->force)
		return refuse(hub, err);
	buf_appendf(&words, "%s has taken the line over, from %s", ask->who,
		    ask->from);
	text = buf_steal_str(&words);
	console_leave(w, ERROR_BUSY, text ? text : "the line was taken over");
	log_info(hub->yard->log,
		 "%s at %s has taken serial line %u of domain '%s' from %s at "
		 "%s",
		 ask->who, ask->from, hub->index, hub->name, w->who, w->from);
	return 0;
}

/* The record of TOKEN, in the place of the one that was used longest ago. */
static struct hub_writer *record_of(struct hub *hub, const char *token)
{
	struct hub_writer *oldest = hub->writers;

	for (size_t i = 0; i < array_size(hub->writers); i++) {
		struct hub_writer *w = &hub->writers[i];

		if (strcmp(w->token, token) == 0)
			return w;
		if (w->used < oldest->used)
			oldest = w;
	}
	*oldest = (struct hub_writer){0};
	memcpy(oldest->token, token, strlen(token) + 1);
	return oldest;
}

static void seat_writer(struct hub *hub, struct console *c,
			struct virt_serial *out)
{
	hub->writer = c;
	hub->record = NULL;
	if (!c->token[0])
		return;
	hub->record = record_of(hub, c->token);
	hub->record->used = ++hub->uses;
	out->taken = hub->record->taken;
	out->counted = true;
}

/* -- coming ----------------------------------------------------------------- */

static void on_near(int watch, int fd, int events, void *opaque)
{
	struct console *c = opaque;
	struct hub_yard *yard = c->yard;

	pthread_mutex_lock(&yard->lock);
	if (events & (VIR_EVENT_HANDLE_HANGUP | VIR_EVENT_HANDLE_ERROR)) {
		/* It would be told again and again: what is still in the socket
		 * is read when the guest has taken what came before. */
		virEventRemoveHandle(watch);
		c->watch = -1;
		c->closed = true;
	}
	if (c->hub)
		hub_run(c->hub);
	pthread_mutex_unlock(&yard->lock);
}

static void drop_console(struct console *c)
{
	if (c->fd >= 0)
		close(c->fd);
	virt_console_free(c->end);
	virt_console_free(c->end);
	free(c->who);
	free(c->from);
	free(c);
}

static struct console *make_console(const struct virt_serial_ask *ask)
{
	struct console *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	list_init(&c->node);
	c->fd = c->watch = -1;
	c->until = UINT64_MAX;
	c->since_us = clock_realtime_us();
	c->who = strdup(ask->who);
	c->from = strdup(ask->from);
	c->end = virt_console_new();
	if (ask->token && !ask->watch)
		memcpy(c->token, ask->token, strlen(ask->token) + 1);
	if (c->who && c->from && c->end)
		return c;
	drop_console(c);
	return NULL;
}

/* Both ends; the caller's is returned. -1 with ERR. */
static int open_console(struct console *c, struct error *err)
{
	const int most = VIRT_HUB_SOCKET;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		       fds) < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot make a socket pair");
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &most, sizeof(most));
	setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &most, sizeof(most));
	c->fd = fds[0];
	c->events = VIR_EVENT_HANDLE_ERROR | VIR_EVENT_HANDLE_HANGUP;
	c->watch = virEventAddHandle(c->fd, c->events, on_near, c, NULL);
	if (c->watch >= 0)
		return fds[1];
	close(fds[1]);
	return error_set_no_memory(err);
}

/* From which byte on it gets the line. */
static void place(const struct hub *hub, struct console *c,
		  const struct virt_serial_ask *ask, struct virt_serial *out)
{
	const struct history *h = &hub->history;
	uint64_t kept = h->len < VIRT_HISTORY ? h->len : VIRT_HISTORY;
	uint64_t first = history_first(h);

	if (ask->line && strcmp(ask->line, hub->id) == 0) {
		c->at = ask->after < h->end ? ask->after : h->end;
		if (c->at < first) {
			out->missed = first - c->at;
			c->at = first;
		}
	} else {
		if (ask->has_history && ask->history < kept)
			kept = ask->history;
		c->at = h->end - kept;
	}
	out->offset = c->at;
	memcpy(out->line, hub->id, sizeof(hub->id));
}

static int admit(struct hub *hub, const struct virt_serial_ask *ask,
		 struct error *err)
{
	if (hub->count >= VIRT_HUB_CONSOLES)
		return error_set(err, ERROR_BUSY,
				 "%d consoles are open on serial line %u of "
				 "domain '%s' already",
				 VIRT_HUB_CONSOLES, hub->index, hub->name);
	if (hub->yard->consoles >= VIRT_CONSOLES_MAX)
		return error_set(err, ERROR_BUSY,
				 "%d consoles are open on this host already",
				 VIRT_CONSOLES_MAX);
	if (ask->watch || hub->input.data)
		return 0;
	hub->input.data = malloc(VIRT_HUB_INPUT);
	hub->input.size = VIRT_HUB_INPUT;
	return hub->input.data ? 0 : error_set_no_memory(err);
}

int hub_join(struct hub *hub, const struct virt_serial_ask *ask,
	     struct virt_serial *out, struct error *err)
{
	struct console *c;
	int fd;

	if (admit(hub, ask, err) < 0)
		return -1;
	if (!ask->watch && make_way(hub, ask, err) < 0)
		return -1;
	c = make_console(ask);
	if (!c)
		return error_set_no_memory(err);
	c->yard = hub->yard;
	fd = open_console(c, err);
	if (fd < 0) {
		drop_console(c);
		return -1;
	}
	c->hub = hub;
	list_append(&hub->consoles, &c->node);
	hub->count++;
	hub->yard->consoles++;
	out->fd = fd;
	out->console = c->end;
	out->watches = ask->watch;
	place(hub, c, ask, out);
	if (!ask->watch)
		seat_writer(hub, c, out);
	hub_run(hub);
	return 0;
}
