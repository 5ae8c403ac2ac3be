/*
 * Reaching a host: resolve, race the addresses (RFC 8305), hand the first
 * connected socket to a connection. Owns the attempts until one has won or all
 * have failed; see conn_dial.h.
 */
#include "wire/conn_dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "wire/conn_private.h"

struct attempt {
	struct conn_dial *dial;
	uv_poll_t poll;
	int fd;
	bool polled; /* the handle is initialised */
	uint64_t begun_ns;
	char address[CONN_DIAL_TEXT];
};

struct conn_dial {
	struct conn_loop *loop;
	char *host;
	char *port;
	char *server_name;
	struct tls_context *tls;
	const struct conn_events *events;
	void *context;
	uint64_t timeout_ms;
	uint64_t race_ms;
	uv_getaddrinfo_t resolve;
	uv_timer_t stagger; /* begins the next attempt */
	uv_timer_t timeout; /* for all of it */
	unsigned handles;   /* uv's, not closed yet; the resolve counts too */
	struct addrinfo *found;
	const struct addrinfo *order[CONN_DIAL_ADDRESSES];
	unsigned addresses;
	unsigned begun;
	unsigned failed;
	struct attempt attempts[CONN_DIAL_ADDRESSES];
	struct buf failures; /* "ADDRESS: reason; …" */
	int last_errno;
	struct conn *conn; /* the winner's, until it is open or ended */
	struct conn_dial_story *story; /* borrowed, or NULL */
	bool done;
};

/* -- the end of a dial ---------------------------------------------------------------- */

static void free_dial(struct conn_dial *d)
{
	uv_freeaddrinfo(d->found);
	tls_context_unref(d->tls);
	buf_free(&d->failures);
	free(d->host);
	free(d->port);
	free(d->server_name);
	free(d);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct conn_dial *d = handle->data;

	if (--d->handles == 0)
		free_dial(d);
}

static void on_poll_closed(uv_handle_t *handle)
{
	struct attempt *a = handle->data;
	struct conn_dial *d = a->dial;

	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
	if (--d->handles == 0)
		free_dial(d);
}

static void end_attempt(struct attempt *a)
{
	if (a->polled && !uv_is_closing((uv_handle_t *)&a->poll))
		uv_close((uv_handle_t *)&a->poll, on_poll_closed);
}

static void end_attempts(struct conn_dial *d)
{
	for (unsigned i = 0; i < d->begun; i++)
		end_attempt(&d->attempts[i]);
	uv_timer_stop(&d->stagger);
	uv_timer_stop(&d->timeout);
}

/* Of a connection that nobody waits for any more. */
static const struct conn_events no_events = {0};

/* Closes everything; memory goes with the last handle. */
static void finish(struct conn_dial *d)
{
	if (d->done)
		return;
	d->done = true;
	end_attempts(d);
	uv_close((uv_handle_t *)&d->stagger, on_handle_closed);
	uv_close((uv_handle_t *)&d->timeout, on_handle_closed);
	uv_cancel((uv_req_t *)&d->resolve);
}

void conn_dial_cancel(struct conn_dial *d)
{
	if (!d)
		return;
	if (d->conn) {
		d->conn->events = &no_events;
		conn_close(d->conn, NULL);
	}
	finish(d);
}

static const char *cure(int errnum)
{
	switch (errnum) {
	case ECONNREFUSED:
		return "nothing listens there: is virtmuxd running, and is the "
		       "port right?";
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
		return "there is no way to it: check this machine's network or "
		       "VPN";
	case ETIMEDOUT:
		return "no answer: is the host up, and does a firewall drop "
		       "the port?";
	default:
		return "check the address and the network";
	}
}

/* CONN: the one that was lost, or NULL where there was none. */
static void fail_with(struct conn_dial *d, struct conn *conn,
		      const struct error *why)
{
	const struct conn_events *events = d->events;
	void *context = d->context;

	finish(d);
	if (events->on_closed)
		events->on_closed(context, conn, why);
}

static void fail(struct conn_dial *d, const struct error *why)
{
	fail_with(d, NULL, why);
}

static void fail_all(struct conn_dial *d, int errnum)
{
	autoerror why = {0};

	error_set(&why, ERROR_CONNECT, "cannot connect to %s: %.*s%s", d->host,
		  (int)d->failures.len, (const char *)buf_bytes(&d->failures),
		  cure(errnum));
	fail(d, &why);
}

/* ERRNUM 0: it is reached. */
static void tell_story(struct attempt *a, int errnum)
{
	struct conn_dial_story *story = a->dial->story;
	struct conn_dial_address *address;

	if (!story)
		return;
	address = &story->addresses[a - a->dial->attempts];
	address->end = errnum ? CONN_DIAL_FAILED : CONN_DIAL_REACHED;
	address->errnum = errnum;
	address->us = (clock_monotonic_ns() - a->begun_ns) / 1000;
}

static void note_failure(struct attempt *a, int errnum)
{
	struct conn_dial *d = a->dial;

	tell_story(a, errnum);
	d->last_errno = errnum;
	d->failed++;
	buf_appendf(&d->failures, "%s: %s; ", a->address, strerror(errnum));
}

/* -- attempts -------------------------------------------------------------------------- */

static void begin_next(struct conn_dial *d);

/* From here on its owner's. */
static void on_won(void *context, struct conn *conn)
{
	struct conn_dial *d = context;

	conn->events = d->events;
	conn->context = d->context;
	finish(d);
	if (conn->events->on_open)
		conn->events->on_open(conn->context, conn);
}

static void on_lost(void *context, struct conn *conn, const struct error *why)
{
	fail_with(context, conn, why);
}

/* Until it is open, the connection is the dial's. */
static const struct conn_events dial_events = {
	.on_open = on_won,
	.on_closed = on_lost,
};

/* FD is connected. */
static void win(struct conn_dial *d, int fd, const char *address)
{
	struct conn_options options = {
		.role = H2_CLIENT,
		.tls = d->tls,
		.server_name = d->tls ? d->server_name : NULL,
		.events = &dial_events,
		.context = d,
	};
	autofree char *peer = NULL;
	autobuf text = {0};
	autoerror err = {0};

	if (strncmp(address, d->host, strlen(d->host)) == 0 || *address == '[')
		buf_append_str(&text, address);
	else
		buf_appendf(&text, "%s (%s)", d->host, address);
	peer = buf_steal_str(&text);
	options.peer = peer;
	if (conn_new(&d->conn, d->loop, fd, &options, &err))
		fail(d, &err);
	else
		end_attempts(d);
}

static void on_attempt(uv_poll_t *poll, int status, int events)
{
	struct attempt *a = poll->data;
	struct conn_dial *d = a->dial;
	int errnum = 0;
	socklen_t size = sizeof(errnum);
	int fd;

	if (d->done || d->conn)
		return;
	if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &errnum, &size))
		errnum = errno;
	uv_poll_stop(&a->poll);
	if (errnum == 0) {
		/* The handle keeps the number until it is closed: hand over
		 * a duplicate. */
		fd = fcntl(a->fd, F_DUPFD_CLOEXEC, 0);
		if (fd >= 0) {
			tell_story(a, 0);
			win(d, fd, a->address);
			return;
		}
		errnum = errno;
	}
	note_failure(a, errnum);
	end_attempt(a);
	if (d->failed == d->addresses)
		fail_all(d, errnum);
	else
		begin_next(d);
}

static void describe(const struct addrinfo *info, char *text, size_t size)
{
	char host[INET6_ADDRSTRLEN] = "?";
	char port[8] = "?";

	getnameinfo(info->ai_addr, info->ai_addrlen, host, sizeof(host), port,
		    sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(text, size, info->ai_family == AF_INET6 ? "[%s]:%s" : "%s:%s",
		 host, port);
}

/* 0 where the attempt runs, else the errno of its failure. */
static int begin_attempt(struct attempt *a, const struct addrinfo *info)
{
	a->begun_ns = clock_monotonic_ns();
	describe(info, a->address, sizeof(a->address));
	a->fd = socket(info->ai_family, SOCK_STREAM, 0);
	if (a->fd < 0)
		return errno;
	if (file_set_cloexec(a->fd, true) || file_set_nonblock(a->fd, true) ||
	    uv_poll_init(a->dial->loop->uv, &a->poll, a->fd) < 0) {
		close(a->fd);
		a->fd = -1;
		return EIO;
	}
	a->poll.data = a;
	a->polled = true;
	a->dial->handles++;
	if (connect(a->fd, info->ai_addr, info->ai_addrlen) == 0 ||
	    errno == EINPROGRESS) {
		uv_poll_start(&a->poll, UV_WRITABLE, on_attempt);
		return 0;
	}
	return errno;
}

static void on_stagger(uv_timer_t *timer)
{
	begin_next(timer->data);
}

static void begin_next(struct conn_dial *d)
{
	while (!d->done && d->begun < d->addresses) {
		struct attempt *a = &d->attempts[d->begun];
		int errnum;

		a->dial = d;
		errnum = begin_attempt(a, d->order[d->begun++]);
		if (errnum == 0) {
			uv_timer_start(&d->stagger, on_stagger,
				       WIRE_ATTEMPT_DELAY_MS, 0);
			return;
		}
		note_failure(a, errnum);
		end_attempt(a);
	}
	if (!d->done && d->failed == d->addresses)
		fail_all(d, d->last_errno);
}

/* RFC 8305 section 4: the resolver's order, families in turn. */
static void order_addresses(struct conn_dial *d)
{
	const struct addrinfo *first = d->found;
	const struct addrinfo *same = d->found;
	const struct addrinfo *other = d->found;
	bool take_other = false;

	while (d->addresses < CONN_DIAL_ADDRESSES) {
		while (same && same->ai_family != first->ai_family)
			same = same->ai_next;
		while (other && other->ai_family == first->ai_family)
			other = other->ai_next;
		if (!same && !other)
			return;
		if ((take_other && other) || !same) {
			d->order[d->addresses++] = other;
			other = other->ai_next;
		} else {
			d->order[d->addresses++] = same;
			same = same->ai_next;
		}
		take_other = !take_other;
	}
}

static void begin_story(struct conn_dial *d)
{
	struct conn_dial_story *story = d->story;

	story->resolved = true;
	story->count = d->addresses;
	for (unsigned i = 0; i < d->addresses; i++)
		describe(d->order[i], story->addresses[i].text,
			 sizeof(story->addresses[i].text));
}

static void on_timeout(uv_timer_t *timer);

/*
 * From now on no longer than race_ms, and as long for an address whose turn comes
 * late. A SYN that was lost while there was no network is sent again by the kernel
 * after 1, 3, 7 s: who tries often asks for a new one sooner.
 */
static void hasten(struct conn_dial *d)
{
	uint64_t turns = d->addresses > 0 ? d->addresses - 1 : 0;
	uint64_t ms = d->race_ms + turns * WIRE_ATTEMPT_DELAY_MS;

	if (d->race_ms && ms < uv_timer_get_due_in(&d->timeout))
		uv_timer_start(&d->timeout, on_timeout, ms, 0);
}

static void on_resolved(uv_getaddrinfo_t *request, int status,
			struct addrinfo *found)
{
	struct conn_dial *d = request->data;
	autoerror why = {0};

	d->found = found;
	if (--d->handles == 0) {
		free_dial(d);
		return;
	}
	if (d->done)
		return;
	if (status < 0) {
		error_set(&why, ERROR_CONNECT,
			  "cannot connect to %s: the name cannot be resolved "
			  "(%s); check the address and the name server",
			  d->host, uv_strerror(status));
		fail(d, &why);
		return;
	}
	order_addresses(d);
	if (d->story)
		begin_story(d);
	hasten(d);
	begin_next(d);
}

static void on_timeout(uv_timer_t *timer)
{
	struct conn_dial *d = timer->data;
	autoerror why = {0};

	if (d->addresses == 0) {
		error_set(
			&why, ERROR_CONNECT,
			"cannot connect to %s: the name server did not answer "
			"within %u s",
			d->host, (unsigned)(d->timeout_ms / 1000));
		fail(d, &why);
		return;
	}
	for (unsigned i = 0; i < d->begun; i++)
		if (d->attempts[i].polled &&
		    !uv_is_closing((uv_handle_t *)&d->attempts[i].poll))
			note_failure(&d->attempts[i], ETIMEDOUT);
	fail_all(d, ETIMEDOUT);
}

/* -- beginning -------------------------------------------------------------------------- */

static int copy_strings(struct conn_dial *d, const struct conn_dial_options *o,
			struct error *err)
{
	const char *name = o->server_name ? o->server_name : o->host;

	d->host = strdup(o->host);
	d->port = strdup(o->port);
	d->server_name = strdup(name);
	if (!d->host || !d->port || !d->server_name)
		return error_set_no_memory(err);
	return 0;
}

static int resolve(struct conn_dial *d, struct error *err)
{
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
	};
	int rc;

	d->resolve.data = d;
	rc = uv_getaddrinfo(d->loop->uv, &d->resolve, on_resolved, d->host,
			    d->port, &hints);
	if (rc < 0)
		return error_set(err, ERROR_CONNECT,
				 "the name %s cannot be resolved: %s", d->host,
				 uv_strerror(rc));
	d->handles++;
	return 0;
}

static int dial_host(struct conn_loop *loop, const struct conn_dial_options *o,
		     struct conn_dial **dial, struct error *err)
{
	struct conn_dial *d = calloc(1, sizeof(*d));

	if (!d)
		return error_set_no_memory(err);
	d->loop = loop;
	d->events = o->events;
	d->context = o->context;
	d->story = o->story;
	if (d->story)
		memset(d->story, 0, sizeof(*d->story));
	d->timeout_ms = o->timeout_ms ? o->timeout_ms : WIRE_CONNECT_MS;
	d->race_ms = o->race_ms;
	d->tls = o->tls ? tls_context_ref(o->tls) : NULL;
	if (copy_strings(d, o, err) || resolve(d, err)) {
		free_dial(d);
		return -1;
	}
	uv_timer_init(loop->uv, &d->stagger);
	uv_timer_init(loop->uv, &d->timeout);
	d->stagger.data = d;
	d->timeout.data = d;
	d->handles += 2;
	/* A passphrase may have been asked for since the loop looked at the clock. */
	uv_update_time(loop->uv);
	uv_timer_start(&d->timeout, on_timeout, d->timeout_ms, 0);
	*dial = d;
	return 0;
}

/* A Unix socket answers at once: no race, no dial object. */
static int dial_unix(struct conn_loop *loop, const struct conn_dial_options *o,
		     struct error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct conn_options options = {
		.role = H2_CLIENT,
		.peer = o->unix_path,
		.events = o->events,
		.context = o->context,
	};
	struct conn *conn;
	autoclose int fd = -1;

	if (strlen(o->unix_path) >= sizeof(address.sun_path))
		return error_set(err, ERROR_CONNECT,
				 "the socket path %s is too long",
				 o->unix_path);
	strcpy(address.sun_path, o->unix_path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0 || file_set_cloexec(fd, true) ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return error_set_errno(err, ERROR_CONNECT, errno,
				       "cannot connect to %s", o->unix_path);
	return conn_new(&conn, loop, steal_fd(&fd), &options, err);
}

int conn_dial(struct conn_loop *loop, const struct conn_dial_options *options,
	      struct conn_dial **dial, struct error *err)
{
	*dial = NULL;
	if (options->unix_path)
		return dial_unix(loop, options, err);
	return dial_host(loop, options, dial, err);
}

static int bad_address(const char *text, struct error *err)
{
	return error_set(err, ERROR_USAGE,
			 "'%s' is no address: write HOST, HOST:PORT, "
			 "[IPV6]:PORT or an IPv6 address",
			 text);
}

int conn_split_address(const char *text, const char *default_port, char **host,
		       char **port, struct error *err)
{
	const char *colon = strrchr(text, ':');
	const char *close = *text == '[' ? strchr(text, ']') : NULL;
	const char *port_text = default_port;
	size_t host_len = strlen(text);
	const char *begin = text;

	if (close) {
		begin = text + 1;
		host_len = (size_t)(close - begin);
		if (close[1] == ':')
			port_text = close + 2;
		else if (close[1])
			return bad_address(text, err);
	} else if (*text == '[') {
		return bad_address(text, err);
	} else if (colon && strchr(text, ':') == colon) {
		host_len = (size_t)(colon - text);
		port_text = colon + 1;
	}
	if (host_len == 0 || !*port_text)
		return bad_address(text, err);
	*host = strndup(begin, host_len);
	*port = strdup(port_text);
	if (*host && *port)
		return 0;
	free(steal(host));
	free(steal(port));
	return error_set_no_memory(err);
}
