/*
 * Accepting. Called by service.c. What always holds: a listening descriptor is
 * polled unless accepting pauses; `reserve` is an open descriptor that is given
 * up for a moment to take, and close, a connection when there are none left.
 */
#include "daemon/core/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "daemon/core/limits.h"
#include "daemon/core/notify.h"

#define COMPLAINT_NS (10 * CLOCK_NS_PER_S)

struct listening {
	uv_poll_t poll;
	struct listener *listener;
	int fd;
};

struct listener {
	struct peers *peers;
	struct log *log;
	uv_timer_t pause; /* active: nothing is accepted */
	int reserve;
	uint64_t complained; /* clock_monotonic_ns() */
	bool closing;
	size_t count;
	struct listening sockets[CORE_LISTENERS_MAX];
};

static void on_acceptable(uv_poll_t *poll, int status, int events);

static void poll_all(struct listener *l)
{
	for (size_t i = 0; i < l->count; i++)
		uv_poll_start(&l->sockets[i].poll, UV_READABLE, on_acceptable);
}

static void on_pause_over(uv_timer_t *timer)
{
	poll_all(timer->data);
}

static void pause_all(struct listener *l)
{
	for (size_t i = 0; i < l->count; i++)
		uv_poll_stop(&l->sockets[i].poll);
	uv_timer_start(&l->pause, on_pause_over, CORE_ACCEPT_PAUSE_MS, 0);
}

static void complain(struct listener *l, int errnum)
{
	uint64_t now = clock_monotonic_ns();

	if (l->complained && now - l->complained < COMPLAINT_NS)
		return;
	l->complained = now;
	log_error(l->log, "a connection cannot be accepted: %s%s",
		  strerror(errnum),
		  errnum == EMFILE
			  ? "; raise the limit of open files (LimitNOFILE=) or "
			    "lower [limits] connections"
			  : "");
}

static int open_reserve(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* The peer sees an end at once instead of waiting in the backlog. */
static void shed_one(struct listener *l, int fd)
{
	int shed;

	if (l->reserve < 0) {
		pause_all(l);
		return;
	}
	close(l->reserve);
	shed = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	if (shed >= 0)
		close(shed);
	l->reserve = open_reserve();
	if (shed < 0 || l->reserve < 0)
		pause_all(l);
}

/* Whether the next accept() may do better at once. */
static bool accept_failed(struct listener *l, int fd, int errnum)
{
	switch (errnum) {
	case EAGAIN:
		return false;
	case EMFILE:
	case ENFILE:
		complain(l, errnum);
		shed_one(l, fd);
		return !uv_is_active((uv_handle_t *)&l->pause);
	case EINTR:
	case ECONNABORTED:
	case EPROTO:
	case ENETDOWN:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EPERM: /* a firewall's word on this one connection */
		return true;
	default:
		complain(l, errnum);
		pause_all(l);
		return false;
	}
}

static bool accept_one(struct listener *l, int fd)
{
	struct address from = {.len = sizeof(from.storage)};
	int peer = accept4(fd, (struct sockaddr *)&from.storage, &from.len,
			   SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (peer < 0)
		return accept_failed(l, fd, errno);
	peers_accept(l->peers, peer, &from);
	return true;
}

static void on_acceptable(uv_poll_t *poll, int status, int events)
{
	struct listening *socket = poll->data;

	for (int i = 0; i < CORE_ACCEPT_TURN; i++)
		if (!accept_one(socket->listener, socket->fd))
			return;
}

/* -- making it ------------------------------------------------------------ */

/* Takes FD. */
static int add(struct listener *l, uv_loop_t *uv, int fd, struct error *err)
{
	struct listening *socket = &l->sockets[l->count];

	if (l->count == CORE_LISTENERS_MAX) {
		close(fd);
		return error_set(err, ERROR_CONFIG,
				 "more than %d addresses to listen on",
				 CORE_LISTENERS_MAX);
	}
	if (uv_poll_init(uv, &socket->poll, fd) != 0) {
		close(fd);
		return error_set(err, ERROR_SYSTEM,
				 "descriptor %d cannot be polled", fd);
	}
	socket->fd = fd;
	socket->listener = l;
	socket->poll.data = socket;
	l->count++;
	return 0;
}

static int listen_on(struct listener *l, uv_loop_t *uv, const char *text,
		     struct error *err)
{
	struct address address;
	int fd;

	if (address_parse(text, &address, err) < 0)
		return -1;
	fd = address_listen(&address, err);
	if (fd < 0 && err->code == ERROR_UNSUPPORTED) {
		log_warning(l->log, "%s", error_words(err));
		return 0;
	}
	return fd < 0 ? -1 : add(l, uv, fd, err);
}

static int listen_on_all(struct listener *l, uv_loop_t *uv,
			 char *const *addresses, struct error *err)
{
	autoerror last = {0};

	for (; *addresses; addresses++)
		if (listen_on(l, uv, *addresses, &last) < 0)
			return error_move(err, &last);
	return l->count > 0 ? 0 : error_move(err, &last);
}

/* A descriptor that is no listening TCP socket is somebody's mistake. */
static int take_over(struct listener *l, uv_loop_t *uv, int fd,
		     struct error *err)
{
	struct address address;
	int listens = 0;
	socklen_t n = sizeof(listens);

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &n) < 0 ||
	    !listens || address_of_socket(fd, &address) < 0 ||
	    (address.storage.ss_family != AF_INET &&
	     address.storage.ss_family != AF_INET6))
		return error_set(err, ERROR_CONFIG,
				 "descriptor %d of LISTEN_FDS is no listening "
				 "TCP socket; ListenStream= in the socket unit "
				 "makes one",
				 fd);
	file_set_nonblock(fd, true);
	return add(l, uv, fd, err);
}

static int take_over_all(struct listener *l, uv_loop_t *uv, int count,
			 struct error *err)
{
	for (int i = 0; i < count; i++)
		if (take_over(l, uv, NOTIFY_FIRST_FD + i, err) < 0)
			return -1;
	return 0;
}

int listener_new(struct listener **out, uv_loop_t *uv, char *const *addresses,
		 int handed_over, struct log *log, struct error *err)
{
	struct listener *l = calloc(1, sizeof(*l));

	if (!l)
		return error_set_no_memory(err);
	l->log = log;
	uv_timer_init(uv, &l->pause);
	l->pause.data = l;
	l->reserve = open_reserve();
	*out = l;
	if (handed_over > 0)
		return take_over_all(l, uv, handed_over, err);
	return listen_on_all(l, uv, addresses, err);
}

void listener_start(struct listener *l, struct peers *peers)
{
	l->peers = peers;
	poll_all(l);
}

int listener_describe(const struct listener *l, struct buf *out)
{
	for (size_t i = 0; i < l->count; i++) {
		struct address address;
		char text[ADDRESS_TEXT_SIZE];

		if (address_of_socket(l->sockets[i].fd, &address) < 0)
			continue;
		address_format(&address, text);
		buf_appendf(out, "%s%s", out->len ? ", " : "", text);
	}
	return buf_ok(out) ? 0 : -1;
}

void listener_close(struct listener *l)
{
	if (l->closing)
		return;
	l->closing = true;
	for (size_t i = 0; i < l->count; i++) {
		uv_close((uv_handle_t *)&l->sockets[i].poll, NULL);
		close(l->sockets[i].fd);
	}
	uv_close((uv_handle_t *)&l->pause, NULL);
	if (l->reserve >= 0)
		close(l->reserve);
}

void listener_free(struct listener *l)
{
	free(l);
}
