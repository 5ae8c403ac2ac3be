/*
 * The relay between a stream and a descriptor: its life, its handles of the
 * loop, its verbs. Started by daemon/ops; driven by the stream's events and by
 * the readiness of the descriptor.
 *
 * What always holds: each direction (a half) ends for itself, as in OpenSSH's
 * nchan.c; whatever ends the whole goes through finish(), from the loop and
 * outside of h2; the memory goes in the last close callback.
 */
#include "daemon/relay/relay_private.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static const bool half_may_become[HALVES][HALVES] = {
	[HALF_OPEN] = {[HALF_DRAIN] = true, [HALF_CLOSED] = true},
	[HALF_DRAIN] = {[HALF_CLOSED] = true},
};

static const bool life_may_become[LIVES][LIVES] = {
	[LIFE_NEW] = {[LIFE_RUNNING] = true, [LIFE_CLOSING] = true},
	[LIFE_RUNNING] = {[LIFE_RESET] = true,
			  [LIFE_FLUSHING] = true,
			  [LIFE_CLOSING] = true},
	[LIFE_RESET] = {[LIFE_CLOSING] = true},
	[LIFE_FLUSHING] = {[LIFE_CLOSING] = true},
};

void relay_set_half(struct relay *r, enum half *half, enum half to)
{
	static const char names[HALVES][8] = {"open", "drain", "closed"};

	bool allowed = half_may_become[*half][to];

	log_write(r->options.log, allowed ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR,
		  "relay on fd %d: %s %s -> %s", r->fd,
		  half == &r->in ? "in" : "out", names[*half], names[to]);
	assert(allowed);
	*half = to;
}

static void set_life(struct relay *r, enum life to)
{
	static const char names[LIVES][12] = {"new", "running", "reset",
					      "flushing", "closing"};

	bool allowed = life_may_become[r->life][to];

	log_write(r->options.log, allowed ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR,
		  "relay on fd %d: %s -> %s", r->fd, names[r->life], names[to]);
	assert(allowed);
	r->life = to;
}

/* -- the end -------------------------------------------------------------- */

static void on_handle_closed(uv_handle_t *handle)
{
	struct relay *r = handle->data;

	if (--r->handles == 0)
		free(r);
}

/* Releases all but the memory of R itself, which follows from the loop. */
static void release(struct relay *r)
{
	set_life(r, LIFE_CLOSING);
	uv_close((uv_handle_t *)&r->poll, on_handle_closed);
	uv_close((uv_handle_t *)&r->timer, on_handle_closed);
	close(steal_fd(&r->fd));
	relay_out_drop(r);
	buf_free(&r->held);
	r->stream = NULL;
}

static void finish(struct relay *r)
{
	release(r);
	r->options.done(r->options.context, &r->end);
}

/* The first reason is the reason. */
static void decide(struct relay *r, enum relay_reason reason, int errnum)
{
	if (r->ending)
		return;
	r->ending = true;
	r->end.reason = reason;
	r->end.errnum = errnum;
	relay_update_poll(r);
}

static uint32_t reset_code(const struct relay *r)
{
	if (r->end.reason == RELAY_ENDED)
		return H2_NO_ERROR; /* RFC 9113 section 8.1 */
	if (r->end.reason == RELAY_CUT)
		return r->end.code;
	if (r->end.reason == RELAY_SILENT)
		return H2_SETTINGS_TIMEOUT;
	return r->end.errnum == ENOMEM ? H2_INTERNAL_ERROR : H2_CONNECT_ERROR;
}

static void act(struct relay *r)
{
	if (r->life == LIFE_RUNNING) {
		set_life(r, LIFE_RESET);
		h2_stream_reset(r->stream, reset_code(r));
	} else if (r->life == LIFE_FLUSHING) {
		finish(r);
	}
}

static uint64_t bytes_moved(const struct relay *r)
{
	return r->end.bytes_in + r->end.bytes_out;
}

static void on_timer(uv_timer_t *timer)
{
	struct relay *r = timer->data;

	if (!r->ending && r->linger_seen != bytes_moved(r)) {
		relay_linger(r);
		return;
	}
	/* Nothing moves: the end is as proper as it can become. */
	if (r->out == HALF_CLOSED && r->life == LIFE_RUNNING)
		decide(r, RELAY_ENDED, 0);
	else
		decide(r, RELAY_DESCRIPTOR, ETIMEDOUT);
	act(r);
}

/* The linger, where it has begun, has taken the timer over. */
static void on_silence(uv_timer_t *timer)
{
	struct relay *r = timer->data;

	if (r->ending || r->end.bytes_out)
		return;
	decide(r, RELAY_SILENT, 0);
	act(r);
}

void relay_end_soon(struct relay *r, enum relay_reason reason, int errnum)
{
	decide(r, reason, errnum);
	uv_timer_start(&r->timer, on_timer, 0, 0);
}

void relay_linger(struct relay *r)
{
	if (r->ending)
		return;
	r->linger_seen = bytes_moved(r);
	uv_timer_start(&r->timer, on_timer, r->options.linger_ms, 0);
}

bool relay_is_plain_end(const struct relay *r, int errnum)
{
	return errnum == EPIPE ||
	       (r->local && (errnum == ECONNRESET || errnum == EIO));
}

/* -- the descriptor's events ---------------------------------------------- */

/*
 * libuv tells EPOLLERR by a negative status and waits no more. The errno comes
 * with the next read or write; where it does not, the relay is over too.
 */
static void poll_failed(struct relay *r)
{
	size_t held = r->held.len;

	r->events = 0;
	if (held)
		relay_in_flush(r);
	if (held && r->held.len == held)
		relay_end_soon(r, RELAY_DESCRIPTOR, EIO);
	relay_out_failed(r);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct relay *r = poll->data;

	if (status < 0) {
		poll_failed(r);
	} else {
		if ((events & UV_WRITABLE) && r->held.len)
			relay_in_flush(r);
		if (events & UV_READABLE)
			relay_out_readable(r);
	}
	relay_update_poll(r);
}

void relay_update_poll(struct relay *r)
{
	int events = 0;

	if (r->wants_read && r->out == HALF_OPEN)
		events |= UV_READABLE;
	if (r->held.len)
		events |= UV_WRITABLE;
	if (r->ending)
		events = 0;
	if (events == r->events)
		return;
	r->events = events;
	if (events)
		uv_poll_start(&r->poll, events, on_poll);
	else
		uv_poll_stop(&r->poll);
}

/* -- the stream's events -------------------------------------------------- */

static void on_data(void *context, struct h2_stream *s, const uint8_t *data,
		    size_t len)
{
	relay_in_data(context, data, len);
}

static void on_end(void *context, struct h2_stream *s)
{
	relay_in_end(context);
}

/* Both have ended properly, but the descriptor has not taken all of it yet. */
static void flush(struct relay *r)
{
	set_life(r, LIFE_FLUSHING);
	r->stream = NULL;
	relay_linger(r);
}

static void on_closed(void *context, struct h2_stream *s, uint32_t code)
{
	struct relay *r = context;

	r->end.code = code;
	if (!r->ending && r->in == HALF_DRAIN && r->out == HALF_CLOSED &&
	    code == H2_NO_ERROR) {
		flush(r);
		return;
	}
	decide(r, r->out == HALF_CLOSED ? RELAY_ENDED : RELAY_PEER, 0);
	finish(r);
}

const struct h2_handler relay_handler = {
	.on_data = on_data,
	.on_end = on_end,
	.on_closed = on_closed,
};

/* -- verbs ---------------------------------------------------------------- */

/* What kind of descriptor it is; a terminal is no socket, and local. */
static void inspect(struct relay *r)
{
	int domain = AF_UNIX;
	socklen_t size = sizeof(domain);

	r->socket =
		getsockopt(r->fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0;
	r->local = domain == AF_UNIX;
}

int relay_new(struct relay **relay, const struct relay_options *options, int fd,
	      struct error *err)
{
	autoclose int taken = fd;
	autofree struct relay *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return error_set_no_memory(err);
	rc = uv_poll_init(options->uv, &r->poll, fd);
	if (rc < 0)
		return error_set_errno(err, ERROR_SYSTEM, -rc,
				       "cannot wait for the bytes of a stream");
	uv_timer_init(options->uv, &r->timer);
	r->poll.data = r;
	r->timer.data = r;
	r->handles = 2;
	r->fd = steal_fd(&taken);
	r->options = *options;
	if (!r->options.linger_ms)
		r->options.linger_ms = RELAY_LINGER_MS;
	inspect(r);
	*relay = steal(&r);
	return 0;
}

void relay_cancel(struct relay *relay)
{
	release(relay);
}

void relay_start(struct relay *relay, struct h2_stream *stream,
		 const uint8_t *data, size_t len, bool end)
{
	set_life(relay, LIFE_RUNNING);
	relay->stream = stream;
	relay->read_more = true;
	if (relay->options.first_ms)
		uv_timer_start(&relay->timer, on_silence,
			       relay->options.first_ms, 0);
	if (len)
		relay_in_data(relay, data, len);
	if (end)
		relay_in_end(relay);
}

void relay_cut(struct relay *relay, uint32_t code)
{
	if (relay->ending)
		return;
	relay->end.code = code;
	relay_end_soon(relay, RELAY_CUT, 0);
}

uint64_t relay_bytes_in(const struct relay *relay)
{
	return relay->end.bytes_in;
}

uint64_t relay_bytes_out(const struct relay *relay)
{
	return relay->end.bytes_out;
}
