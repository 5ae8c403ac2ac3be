/*
 * The life of a splice: from the request over the host's answer to the end, and
 * the bytes in both directions (splice.h).
 *
 * What always holds: decide() keeps the first reason; the stream's on_closed, or
 * the flush after it, is where everything ends; memory goes when the stream and
 * all handles of the loop are gone.
 */
#include "client/consoles/splice.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/connect/channel.h"
#include "client/consoles/console_domain.h"
#include "client/consoles/splice_fd.h"
#include "wire/limits.h"

#define LEAVE_MS     300        /* for our own end to leave, after the host's */
#define SPLICE_LARGE (8 * 1024) /* bytes of a frame that others may follow */

enum life {
	LIFE_ASKED,    /* the host's answer is awaited */
	LIFE_REFUSED,  /* it was no; its words are gathered */
	LIFE_OPEN,     /* bytes go both ways */
	LIFE_RESET,    /* we have given the stream up; its end is due */
	LIFE_FLUSHING, /* no stream any more; its last bytes go out */
	LIFE_CLOSING,  /* it was told; handles of the loop close */
	LIVES
};

static const bool may_become[LIVES][LIVES] = {
	[LIFE_ASKED] = {[LIFE_REFUSED] = true,
			[LIFE_OPEN] = true,
			[LIFE_RESET] = true,
			[LIFE_CLOSING] = true},
	[LIFE_REFUSED] = {[LIFE_RESET] = true, [LIFE_CLOSING] = true},
	[LIFE_OPEN] = {[LIFE_RESET] = true,
		       [LIFE_FLUSHING] = true,
		       [LIFE_CLOSING] = true},
	[LIFE_RESET] = {[LIFE_CLOSING] = true},
	[LIFE_FLUSHING] = {[LIFE_CLOSING] = true},
};

struct splice {
	struct splice_options options;
	char *path;
	enum life life;
	struct h2_stream *stream; /* NULL after its end */
	uv_timer_t timer;
	uv_idle_t after;  /* writes what one turn of the loop has brought */
	unsigned handles; /* of the loop, open ones */

	struct splice_fd in, out;
	bool attached;
	bool single; /* in and out are one */
	struct buf to_host;
	bool in_ended;        /* nothing more will be read */
	bool end_told;        /* and the host knows */
	bool leaving;         /* then it is over */
	struct buf from_host; /* or the words of a refusal */
	bool far_ended;

	bool decided; /* end.reason is final */
	struct splice_end end;
};

static void set_life(struct splice *s, enum life to)
{
	bool allowed = may_become[s->life][to];

	(void)allowed;
	assert(allowed);
	s->life = to;
}

/* -- the end --------------------------------------------------------------- */

static void decide(struct splice *s, enum splice_reason reason,
		   struct error *why)
{
	if (s->decided) {
		error_clear(why);
		return;
	}
	s->decided = true;
	s->end.reason = reason;
	error_move(&s->end.why, why);
}

static void free_if_over(struct splice *s)
{
	if (s->life != LIFE_CLOSING || s->handles > 0 || s->stream)
		return;
	buf_free(&s->to_host);
	buf_free(&s->from_host);
	error_clear(&s->end.why);
	error_clear(&s->end.said);
	free(s->path);
	free(s);
}

static void on_fd_closed(void *context)
{
	struct splice *s = context;

	s->handles--;
	free_if_over(s);
}

static void on_handle_closed(uv_handle_t *handle)
{
	on_fd_closed(handle->data);
}

static void release(struct splice *s)
{
	set_life(s, LIFE_CLOSING);
	splice_fd_close(&s->in);
	splice_fd_close(&s->out);
	uv_close((uv_handle_t *)&s->timer, on_handle_closed);
	uv_close((uv_handle_t *)&s->after, on_handle_closed);
}

static void finish(struct splice *s)
{
	release(s);
	if (s->options.events->on_done)
		s->options.events->on_done(s->options.context, &s->end);
}

/* Ends the stream from our side; finish() follows from its on_closed. */
static void give_up(struct splice *s)
{
	if (s->life == LIFE_FLUSHING) {
		finish(s);
	} else if (s->life < LIFE_RESET) {
		set_life(s, LIFE_RESET);
		splice_fd_want(&s->in, false);
		splice_fd_want(&s->out, false);
		h2_stream_reset(s->stream, H2_CANCEL);
	}
}

static void on_timer(uv_timer_t *timer)
{
	struct splice *s = timer->data;

	decide(s, SPLICE_NEAR_END, &(struct error){0});
	give_up(s);
}

/* Something moved, or the input has just ended: the quiet time begins anew. */
static void await_quiet(struct splice *s)
{
	if (s->in_ended && !s->leaving && s->options.quiet_ms)
		uv_timer_start(&s->timer, on_timer, s->options.quiet_ms, 0);
}

static void tell_passed(const struct splice *s, bool to_host,
			const uint8_t *data, size_t n)
{
	if (s->options.events->on_passed)
		s->options.events->on_passed(s->options.context, to_host, data,
					     n);
}

static void fail(struct splice *s, int errnum, const char *what)
{
	autoerror why = {0};

	error_set_errno(&why, ERROR_SYSTEM, errnum, "%s", what);
	decide(s, SPLICE_FAILED, &why);
	give_up(s);
}

/* -- from the descriptor to the host --------------------------------------- */

static void want_input(struct splice *s)
{
	bool open = s->life == LIFE_OPEN && !s->in_ended && s->attached;

	if (s->in.fd >= 0)
		splice_fd_want(&s->in,
			       open && s->to_host.len < s->options.ahead);
}

/* Nothing more comes from the descriptor; what it gave is still sent. */
static void end_input(struct splice *s)
{
	if (s->in_ended)
		return;
	s->in_ended = true;
	want_input(s);
	h2_stream_resume(s->stream);
	if (s->single)
		decide(s, SPLICE_NEAR_END, &(struct error){0});
	await_quiet(s);
}

static void take_input(struct splice *s, const uint8_t *data, size_t n)
{
	void *context = s->options.context;

	if (s->options.events->filter)
		s->options.events->filter(context, data, n, n == 0,
					  &s->to_host);
	else
		buf_append(&s->to_host, data, n);
	if (!buf_ok(&s->to_host))
		fail(s, ENOMEM, "what was read cannot be kept");
}

static bool is_gone(const struct splice *s, ssize_t n)
{
	return n == 0 || n == -EPIPE || (s->single && n == -ECONNRESET);
}

static void on_readable(void *context)
{
	struct splice *s = context;
	uint8_t chunk[SPLICE_READ];
	ssize_t n = splice_fd_read(&s->in, chunk, sizeof(chunk));

	if (n == -EAGAIN)
		return;
	if (n < 0 && !is_gone(s, n)) {
		fail(s, (int)-n, "cannot read the input");
		return;
	}
	take_input(s, chunk, n > 0 ? (size_t)n : 0);
	if (s->life != LIFE_OPEN)
		return;
	if (n <= 0)
		end_input(s);
	else
		h2_stream_resume(s->stream);
	want_input(s);
}

static size_t source_ready(void *context, bool *end)
{
	struct splice *s = context;

	*end = s->in_ended;
	if (s->to_host.len == 0 && s->in_ended && !s->end_told) {
		s->end_told = true;
		if (s->leaving)
			uv_timer_start(&s->timer, on_timer, 0, 0);
	}
	return s->to_host.len;
}

static void source_take(void *context, uint8_t *to, size_t n)
{
	struct splice *s = context;

	memcpy(to, buf_bytes(&s->to_host), n);
	buf_consume(&s->to_host, n);
	s->end.to_host += n;
	tell_passed(s, true, to, n);
	await_quiet(s);
	if (s->to_host.len == 0 && s->in_ended)
		source_ready(s, &(bool){false});
	want_input(s);
}

static const struct h2_source source = {
	.ready = source_ready,
	.take = source_take,
};

/* -- from the host to the descriptor --------------------------------------- */

/* The host has ended, and all that it said is written. */
static void pass_end(struct splice *s)
{
	decide(s, SPLICE_FAR_END, &(struct error){0});
	splice_fd_finish(&s->out);
	if (s->life == LIFE_FLUSHING) {
		finish(s);
		return;
	}
	/* Where the host takes not even our end, it is given up. */
	buf_reset(&s->to_host);
	s->leaving = true;
	uv_timer_start(&s->timer, on_timer, LEAVE_MS, 0);
	end_input(s);
}

/* Bytes that the descriptor took; on an error the splice is being ended. */
static size_t write_some(struct splice *s, const uint8_t *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = splice_fd_write(&s->out, data + done, len - done);

		if (n == -EAGAIN)
			break;
		if (n < 0 && s->single && is_gone(s, n)) {
			decide(s, SPLICE_NEAR_END, &(struct error){0});
			give_up(s);
			break;
		}
		if (n < 0) {
			fail(s, (int)-n, "cannot write the output");
			break;
		}
		done += (size_t)n;
	}
	if (done == 0)
		return 0;
	s->end.from_host += done;
	tell_passed(s, false, data, done);
	await_quiet(s);
	if (s->stream)
		h2_stream_consume(s->stream, done);
	return done;
}

static void on_writable(void *context)
{
	struct splice *s = context;
	size_t n;

	if (s->life != LIFE_OPEN && s->life != LIFE_FLUSHING)
		return;
	n = write_some(s, buf_bytes(&s->from_host), s->from_host.len);
	if (s->life != LIFE_OPEN && s->life != LIFE_FLUSHING)
		return;
	buf_consume(&s->from_host, n);
	splice_fd_want(&s->out, s->from_host.len > 0);
	if (s->from_host.len > 0)
		return;
	buf_free(&s->from_host);
	if (s->far_ended || s->life == LIFE_FLUSHING)
		pass_end(s);
}

static void on_after(uv_idle_t *after)
{
	struct splice *s = after->data;

	uv_idle_stop(after);
	on_writable(s);
}

/*
 * A block from the network brings up to eight frames: they are written together,
 * once the loop has delivered them, since a write costs as much as deciphering.
 */
static void take_output(struct splice *s, const uint8_t *data, size_t len)
{
	bool first = s->from_host.len == 0;

	if ((first && len >= SPLICE_LARGE &&
	     buf_reserve(&s->from_host, WIRE_BLOCK_SIZE) < 0) ||
	    buf_append(&s->from_host, data, len) < 0)
		fail(s, ENOMEM, "what the host sent cannot be kept");
	else if (s->attached && first)
		uv_idle_start(&s->after, on_after);
}

/* -- the stream's events --------------------------------------------------- */

static void on_response(void *context, struct h2_stream *stream)
{
	struct splice *s = context;

	if (s->life != LIFE_ASKED)
		return;
	if (h2_stream_status(stream) != 200) {
		set_life(s, LIFE_REFUSED);
		return;
	}
	set_life(s, LIFE_OPEN);
	if (s->options.events->on_open)
		s->options.events->on_open(s->options.context, stream);
	want_input(s);
}

static void on_data(void *context, struct h2_stream *stream,
		    const uint8_t *data, size_t len)
{
	struct splice *s = context;

	if (s->life == LIFE_OPEN) {
		if (s->options.events->on_bytes)
			s->options.events->on_bytes(s->options.context);
		take_output(s, data, len);
		return;
	}
	h2_stream_consume(stream, len);
	if (s->life == LIFE_REFUSED &&
	    s->from_host.len + len <= SPLICE_ERROR_MAX)
		buf_append(&s->from_host, data, len);
}

/* The host's no is complete. */
static void take_refusal(struct splice *s, struct h2_stream *stream)
{
	autoerror why = {0};

	channel_read_error(h2_stream_status(stream), buf_bytes(&s->from_host),
			   s->from_host.len, &why);
	decide(s, SPLICE_REFUSED, &why);
	give_up(s);
}

static void on_end(void *context, struct h2_stream *stream)
{
	struct splice *s = context;

	s->far_ended = true;
	console_read_end(stream, &s->end.said);
	if (s->life == LIFE_REFUSED)
		take_refusal(s, stream);
	else if (s->life == LIFE_OPEN && s->from_host.len == 0)
		pass_end(s);
}

/* What was received is written out before the end is told. */
static void flush(struct splice *s)
{
	set_life(s, LIFE_FLUSHING);
	splice_fd_want(&s->in, false);
	s->leaving = true;
	if (s->single && s->options.quiet_ms)
		uv_timer_start(&s->timer, on_timer, s->options.quiet_ms, 0);
}

static void on_closed(void *context, struct h2_stream *stream, uint32_t code)
{
	struct splice *s = context;
	autoerror why = {0};

	s->stream = NULL;
	if (s->life == LIFE_CLOSING) {
		free_if_over(s);
		return;
	}
	if (!s->far_ended) {
		console_explain_break(s->options.channel, code, &why);
		decide(s, s->life == LIFE_OPEN ? SPLICE_BROKEN : SPLICE_REFUSED,
		       &why);
	}
	if (s->life == LIFE_OPEN && s->attached && s->from_host.len > 0)
		flush(s);
	else
		finish(s);
}

static const struct h2_handler handler = {
	.on_response = on_response,
	.on_data = on_data,
	.on_end = on_end,
	.on_closed = on_closed,
};

/* -- verbs ----------------------------------------------------------------- */

int splice_new(struct splice **splice, const struct splice_options *options,
	       struct error *err)
{
	struct splice *s = calloc(1, sizeof(*s));

	if (!s)
		return error_set_no_memory(err);
	s->path = strdup(options->path);
	if (!s->path) {
		free(s);
		return error_set_no_memory(err);
	}
	s->options = *options;
	s->options.path = s->path;
	if (!s->options.ahead)
		s->options.ahead = SPLICE_AHEAD;
	s->in.fd = -1;
	s->out.fd = -1;
	if (channel_connect(options->channel, s->path, &source, s, &handler, s,
			    &s->stream, err) < 0) {
		free(s->path);
		free(s);
		return -1;
	}
	uv_timer_init(channel_loop(options->channel), &s->timer);
	s->timer.data = s;
	uv_idle_init(channel_loop(options->channel), &s->after);
	s->after.data = s;
	s->handles = 2;
	*splice = s;
	return 0;
}

static int open_fd(struct splice *s, struct splice_fd *f, int fd, bool owned,
		   struct error *err)
{
	bool input = f == &s->in;
	struct splice_fd_options options = {
		.fd = fd,
		.owned = owned,
		.events = input ? UV_READABLE : UV_WRITABLE,
		.on_ready = input ? on_readable : on_writable,
		.on_closed = on_fd_closed,
		.context = s,
	};

	if (splice_fd_open(f, channel_loop(s->options.channel), &options, err) <
	    0)
		return -1;
	s->handles++;
	return 0;
}

int splice_attach(struct splice *s, int in, int out, bool owned,
		  struct error *err)
{
	/* The loop wants a descriptor once: a socket is used by two. */
	int second = in == out ? dup(in) : out;

	assert(!s->attached);
	s->single = in == out;
	if (open_fd(s, &s->in, in, owned, err) < 0)
		return -1;
	if (open_fd(s, &s->out, second, owned || in == out, err) < 0)
		return -1;
	s->attached = true;
	if (s->life == LIFE_OPEN && s->from_host.len > 0)
		splice_fd_want(&s->out, true);
	want_input(s);
	return 0;
}

bool splice_is_attached(const struct splice *s)
{
	return s->attached;
}

void splice_leave(struct splice *s, uint64_t ms)
{
	if (s->leaving || s->life > LIFE_OPEN)
		return;
	decide(s, SPLICE_NEAR_END, &(struct error){0});
	s->leaving = true;
	uv_timer_start(&s->timer, on_timer, ms, 0);
	if (s->life == LIFE_OPEN)
		end_input(s);
}

void splice_free(struct splice *s)
{
	static const struct splice_events nobody = {0};

	if (!s || s->life == LIFE_CLOSING)
		return;
	s->options.events = &nobody;
	if (s->life < LIFE_RESET && s->stream)
		h2_stream_reset(s->stream, H2_CANCEL);
	release(s);
	free_if_over(s);
}
