/*
 * The WebSocket (socket.h). A message that came pauses further ones by way of
 * recv_bytes(), which gives the library nothing while reading is paused.
 *
 * What always holds: the library is entered only from the loop's callbacks and from
 * socket_send() when nothing of it is running; the descriptor is closed after its
 * handle has stopped.
 */
#include "client/web/socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <wslay/wslay.h>

#include "base/buf.h"
#include "client/web/http.h"
#include "client/web/limits.h"

struct socket {
	struct http_socket *http;
	int fd;
	wslay_event_context_ptr wslay;
	const struct socket_events *events;
	void *context;
	uv_poll_t poll;
	uv_timer_t timer;
	unsigned handles;
	struct buf extra; /* came before the socket was */
	bool paused;
	bool gone;      /* the connection failed, or the page closed it */
	bool asked;     /* a ping is on its way */
	bool finishing; /* our goodbye waits for what was sent before it … */
	bool goodbye;   /* … and is said */
	uint16_t code;  /* of it */
	bool ended;     /* on_end was called, or must not be */
	bool sending;   /* on_sent is due */
	bool inside;    /* the library is running */
};

static void update(struct socket *s);

/* -- the end --------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
	struct socket *s = handle->data;

	if (--s->handles > 0)
		return;
	wslay_event_context_free(s->wslay);
	buf_free(&s->extra);
	free(s);
}

static void release(struct socket *s)
{
	s->ended = true;
	uv_close((uv_handle_t *)&s->poll, on_closed);
	uv_close((uv_handle_t *)&s->timer, on_closed);
	http_socket_end(s->http);
}

static void end(struct socket *s)
{
	if (s->ended)
		return;
	release(s);
	s->events->on_end(s->context);
}

/* -- bytes ----------------------------------------------------------------- */

static ssize_t recv_bytes(wslay_event_context_ptr w, uint8_t *to, size_t room,
			  int flags, void *user)
{
	struct socket *s = user;
	ssize_t n;

	if (s->paused || s->ended) {
		wslay_event_set_error(w, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	if (s->extra.len > 0) {
		size_t len = s->extra.len < room ? s->extra.len : room;

		memcpy(to, buf_bytes(&s->extra), len);
		buf_consume(&s->extra, len);
		return (ssize_t)len;
	}
	do
		n = recv(s->fd, to, room, 0);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		return n;
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
		wslay_event_set_error(w, WSLAY_ERR_WOULDBLOCK);
	} else {
		s->gone = true;
		wslay_event_set_error(w, WSLAY_ERR_CALLBACK_FAILURE);
	}
	return -1;
}

static ssize_t send_bytes(wslay_event_context_ptr w, const uint8_t *data,
			  size_t len, int flags, void *user)
{
	struct socket *s = user;
	ssize_t n;

	do
		n = send(s->fd, data, len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	if (errno == EAGAIN || errno == EWOULDBLOCK) {
		wslay_event_set_error(w, WSLAY_ERR_WOULDBLOCK);
	} else {
		s->gone = true;
		wslay_event_set_error(w, WSLAY_ERR_CALLBACK_FAILURE);
	}
	return -1;
}

/* -- messages -------------------------------------------------------------- */

static void on_message(wslay_event_context_ptr w,
		       const struct wslay_event_on_msg_recv_arg *arg,
		       void *user)
{
	struct socket *s = user;

	s->asked = false;
	if (s->ended || s->finishing || wslay_is_ctrl_frame(arg->opcode))
		return;
	s->events->on_message(s->context,
			      arg->opcode == WSLAY_TEXT_FRAME ? SOCKET_TEXT
							      : SOCKET_BINARY,
			      arg->msg, arg->msg_length);
}

/* Something came, whole or not: the page lives. */
static void on_frame(wslay_event_context_ptr w,
		     const struct wslay_event_on_frame_recv_start_arg *arg,
		     void *user)
{
	struct socket *s = user;

	s->asked = false;
}

static const struct wslay_event_callbacks callbacks = {
	.recv_callback = recv_bytes,
	.send_callback = send_bytes,
	.on_frame_recv_start_callback = on_frame,
	.on_msg_recv_callback = on_message,
};

/* -- running --------------------------------------------------------------- */

static void run(struct socket *s)
{
	s->inside = true;
	if (wslay_event_want_read(s->wslay) && wslay_event_recv(s->wslay) != 0)
		s->gone = true;
	if (!s->ended && wslay_event_want_write(s->wslay) &&
	    wslay_event_send(s->wslay) != 0)
		s->gone = true;
	s->inside = false;
}

static bool is_over(const struct socket *s)
{
	return s->gone || (!wslay_event_want_read(s->wslay) &&
			   !wslay_event_want_write(s->wslay));
}

/* A close overtakes messages in the library's queues. */
static void say_goodbye(struct socket *s)
{
	if (!s->finishing || s->goodbye || socket_is_sending(s))
		return;
	s->goodbye = true;
	if (wslay_event_queue_close(s->wslay, s->code, NULL, 0) != 0)
		s->gone = true;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct socket *s = poll->data;

	if (status == 0)
		run(s);
	/* What is not read by now stays unread. */
	if (status < 0 || (events & UV_DISCONNECT))
		s->gone = true;
	update(s);
}

/* After anything has happened: what is told, and what is waited for. */
static void update(struct socket *s)
{
	int wanted = 0;

	if (!s->ended && is_over(s))
		end(s);
	if (s->ended)
		return;
	say_goodbye(s);
	if (s->sending && !socket_is_sending(s)) {
		s->sending = false;
		s->events->on_sent(s->context);
	}
	if (s->ended)
		return;
	if (!s->paused && wslay_event_want_read(s->wslay))
		wanted |= UV_READABLE;
	if (wslay_event_want_write(s->wslay))
		wanted |= UV_WRITABLE;
	/* Even while it is paused its end is to be noticed. */
	uv_poll_start(&s->poll, wanted | UV_DISCONNECT, on_poll);
}

/* -- the clock ------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer)
{
	static const struct wslay_event_msg ping = {.opcode = WSLAY_PING};
	struct socket *s = timer->data;

	if (s->finishing || (s->asked && !s->paused)) {
		s->gone = true;
	} else if (!s->paused) {
		s->asked = true;
		wslay_event_queue_msg(s->wslay, &ping);
		uv_timer_start(&s->timer, on_timer, WEB_DEAD_MS - WEB_PING_MS,
			       WEB_PING_MS);
	}
	update(s);
}

/* -- verbs ----------------------------------------------------------------- */

static int watch(struct socket *s, uv_loop_t *uv, struct error *err)
{
	int rc = uv_poll_init(uv, &s->poll, s->fd);

	if (rc < 0)
		return error_set(err, ERROR_SYSTEM,
				 "cannot watch a connection: %s",
				 uv_strerror(rc));
	uv_timer_init(uv, &s->timer);
	s->poll.data = s->timer.data = s;
	s->handles = 2;
	uv_timer_start(&s->timer, on_timer, WEB_PING_MS, WEB_PING_MS);
	return 0;
}

int socket_new(struct socket **socket, uv_loop_t *uv, struct http_socket *http,
	       int fd, const void *extra, size_t n,
	       const struct socket_events *events, void *context,
	       struct error *err)
{
	struct socket *s = calloc(1, sizeof(*s));

	if (!s || buf_append(&s->extra, extra, n) < 0 ||
	    wslay_event_context_server_init(&s->wslay, &callbacks, s) != 0) {
		error_set_no_memory(err);
	} else {
		s->http = http;
		s->fd = fd;
		s->events = events;
		s->context = context;
		wslay_event_config_set_max_recv_msg_length(s->wslay,
							   WEB_MESSAGE_BYTES);
		if (watch(s, uv, err) == 0) {
			/* What came already waits for the next turn. */
			uv_poll_start(&s->poll,
				      UV_READABLE | UV_WRITABLE | UV_DISCONNECT,
				      on_poll);
			*socket = s;
			return 0;
		}
		wslay_event_context_free(s->wslay);
	}
	if (s)
		buf_free(&s->extra);
	free(s);
	http_socket_end(http);
	return -1;
}

/* Ready for the loop to send; it does so at once where the kernel takes it. */
static void kick(struct socket *s)
{
	if (!s->ended && !s->inside)
		uv_poll_start(&s->poll,
			      UV_WRITABLE | UV_DISCONNECT |
				      (s->paused ? 0 : UV_READABLE),
			      on_poll);
}

int socket_send(struct socket *s, enum socket_kind kind, const void *data,
		size_t len)
{
	const struct wslay_event_msg message = {
		.opcode = kind == SOCKET_TEXT ? WSLAY_TEXT_FRAME
					      : WSLAY_BINARY_FRAME,
		.msg = data,
		.msg_length = len,
	};

	if (s->ended || s->finishing)
		return 0;
	if (wslay_event_queue_msg(s->wslay, &message) != 0)
		return -1;
	s->sending = true;
	kick(s);
	return 0;
}

bool socket_is_sending(const struct socket *s)
{
	return wslay_event_get_queued_msg_count(s->wslay) > 0;
}

void socket_pause(struct socket *s, bool paused)
{
	if (s->paused == paused)
		return;
	s->paused = paused;
	kick(s);
}

void socket_finish(struct socket *s, uint16_t code)
{
	if (s->ended || s->finishing)
		return;
	s->finishing = true;
	s->code = code;
	s->paused = false;
	uv_timer_start(&s->timer, on_timer, WEB_CLOSE_MS, 0);
	kick(s);
}

void socket_free(struct socket *s)
{
	if (s && !s->ended)
		release(s);
}
