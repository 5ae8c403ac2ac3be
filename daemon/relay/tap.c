/*
 * Bytes of a stream into a file before they are passed on (tap.h). Each direction is
 * a way of three places: `held` came and is not in the file, `writing` is in the
 * job that writes it, and what was written goes on: to the server at once, to the
 * peer by `ready` as its window allows.
 *
 * What always holds: one job at a time, with the bytes of both directions; the
 * server is asked for more only when nothing of its side is on its way, so that it
 * learns of its own end not before the peer has all. Memory goes when the stream has
 * closed and no job is under way.
 */
#include "daemon/relay/tap.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

struct way {
	struct buf held;
	struct buf writing;
	bool ended; /* nothing follows what is held */
};

struct tap {
	struct tap_options options;
	struct h2_stream *stream; /* NULL before the start and after its end */
	uint64_t begun_ns;
	bool started;
	bool closed; /* the stream is over, or never began */
	bool failed;
	const char *last_words; /* then; the format's */
	struct way out;         /* from the server to the peer */
	struct buf ready;       /* written, for the peer */
	struct way in;          /* from the peer to the server */
	bool in_told;           /* the server knows of the peer's end */
	uv_timer_t timer;       /* for a character that does not become whole */
	bool tail_due;          /* it is written as it is */

	struct lane_job job;
	bool busy;  /* the job is under way */
	bool final; /* and is the last one */
	int fd;
	struct buf text;  /* the job's: what it writes */
	off_t torn;       /* the job's: bytes of it that are written */
	int write_errnum; /* the job's verdict */
	int errnum;       /* to fail with, from the loop's next turn */
};

/* -- the job, in the lane's thread ----------------------------------------- */

/* A part of a line or record is taken off again; a reader bears it all the same. */
static int cut_off(struct tap *t, int errnum)
{
	int rc = ftruncate(t->fd, lseek(t->fd, 0, SEEK_END) - t->torn);

	(void)rc;
	return errnum;
}

static int write_text(struct tap *t)
{
	const uint8_t *data = buf_bytes(&t->text);

	t->torn = 0;
	while ((size_t)t->torn < t->text.len) {
		ssize_t n = write(t->fd, data + t->torn,
				  t->text.len - (size_t)t->torn);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return cut_off(t, n < 0 ? errno : EIO);
		t->torn += n;
	}
	return 0;
}

static void work(struct lane_job *job)
{
	struct tap *t = container_of(job, struct tap, job);

	if (t->write_errnum == 0 && t->text.len > 0)
		t->write_errnum = write_text(t);
	if (!t->final)
		return;
	fdatasync(t->fd);
	close(steal_fd(&t->fd));
}

/* -- the end --------------------------------------------------------------- */

static void on_timer_closed(uv_handle_t *handle)
{
	struct tap *t = handle->data;
	struct lane *lane = t->options.lane;

	if (t->fd >= 0)
		close(t->fd);
	buf_free(&t->out.held);
	buf_free(&t->out.writing);
	buf_free(&t->in.held);
	buf_free(&t->in.writing);
	buf_free(&t->ready);
	buf_free(&t->text);
	t->options.format->free(t->options.format_context);
	free(t);
	lane_release(lane);
}

static void give(struct tap *t);

static void finish(struct tap *t)
{
	buf_reset(&t->text);
	if (!t->failed &&
	    t->options.format->end(t->options.format_context, &t->text,
				   clock_monotonic_ns() - t->begun_ns) < 0)
		buf_reset(&t->text);
	t->final = true;
	give(t);
}

/* The peer has not followed. */
static void on_linger(uv_timer_t *timer)
{
	struct tap *t = timer->data;

	h2_stream_reset(t->stream, H2_INTERNAL_ERROR);
}

static void fail(struct tap *t, int errnum)
{
	if (t->failed)
		return;
	t->failed = true;
	if (t->closed)
		return;
	t->last_words =
		t->options.format->failed(t->options.format_context, errnum);
	uv_timer_start(&t->timer, on_linger, t->options.linger_ms, 0);
	h2_stream_resume(t->stream);
}

static void on_timer(uv_timer_t *timer);

/* Also from within a source, where no verb of h2 may be called. */
static void fail_soon(struct tap *t, int errnum)
{
	t->errnum = errnum;
	uv_timer_start(&t->timer, on_timer, 0, 0);
}

static void give(struct tap *t)
{
	t->busy = true;
	if (lane_give(t->options.lane, &t->job, NULL) == 0)
		return;
	t->busy = false;
	if (t->final)
		uv_close((uv_handle_t *)&t->timer, on_timer_closed);
	else
		fail_soon(t, EAGAIN);
}

/* -- into the file --------------------------------------------------------- */

/* Moves what can be written of W from `held` to `writing`. */
static int encode(struct tap *t, struct way *w, uint64_t ns)
{
	const struct tap_format *format = t->options.format;
	bool last = w->ended || t->tail_due;
	size_t used = 1;

	while (w->held.len > 0 && used > 0) {
		size_t n = w->held.len;
		bool all = n <= RELAY_TAP_CHUNK;

		n = all ? n : RELAY_TAP_CHUNK;
		if (format->data(t->options.format_context, &t->text, ns,
				 w == &t->out, buf_bytes(&w->held), n,
				 last && all, &used) < 0 ||
		    buf_append(&w->writing, buf_bytes(&w->held), used) < 0)
			return -1;
		buf_consume(&w->held, used);
	}
	return 0;
}

static void write_more(struct tap *t)
{
	uint64_t ns = clock_monotonic_ns() - t->begun_ns;

	if (t->busy || t->failed || t->errnum || t->closed ||
	    (t->out.held.len == 0 && t->in.held.len == 0))
		return;
	uv_timer_stop(&t->timer);
	buf_reset(&t->text);
	if (encode(t, &t->out, ns) < 0 || encode(t, &t->in, ns) < 0) {
		fail_soon(t, ENOMEM);
		return;
	}
	t->tail_due = false;
	if (t->text.len > 0)
		give(t);
	else
		uv_timer_start(&t->timer, on_timer, RELAY_TAP_TAIL_MS, 0);
}

static void on_timer(uv_timer_t *timer)
{
	struct tap *t = timer->data;

	if (t->errnum) {
		fail(t, t->errnum);
		return;
	}
	t->tail_due = !t->busy;
	write_more(t);
}

/* -- what was written goes on ---------------------------------------------- */

static void pass_in(struct tap *t)
{
	const struct h2_handler *handler = t->options.handler;

	if (t->in.writing.len > 0)
		handler->on_data(t->options.context, t->stream,
				 buf_bytes(&t->in.writing), t->in.writing.len);
	buf_free(&t->in.writing);
	if (!t->in.ended || t->in.held.len > 0 || t->in_told)
		return;
	t->in_told = true;
	handler->on_end(t->options.context, t->stream);
}

static void pass_out(struct tap *t)
{
	bool failed = buf_append(&t->ready, buf_bytes(&t->out.writing),
				 t->out.writing.len) < 0;

	buf_free(&t->out.writing);
	if (failed)
		fail(t, ENOMEM);
	else
		h2_stream_resume(t->stream);
}

static void done(struct lane_job *job)
{
	struct tap *t = container_of(job, struct tap, job);

	t->busy = false;
	if (t->final) {
		uv_close((uv_handle_t *)&t->timer, on_timer_closed);
		return;
	}
	if (t->write_errnum)
		fail(t, t->write_errnum);
	if (t->closed) {
		finish(t);
		return;
	}
	if (t->failed)
		return;
	pass_out(t);
	pass_in(t);
	write_more(t);
}

/* -- the peer's side ------------------------------------------------------- */

static void take_in(struct tap *t, const uint8_t *data, size_t len)
{
	if (t->failed)
		h2_stream_consume(t->stream, len);
	else if (buf_append(&t->in.held, data, len) < 0)
		fail(t, ENOMEM);
	else
		write_more(t);
}

static void end_in(struct tap *t)
{
	t->in.ended = true;
	if (t->failed)
		return;
	write_more(t);
	if (!t->busy)
		pass_in(t);
}

static void on_data(void *context, struct h2_stream *s, const uint8_t *data,
		    size_t len)
{
	take_in(context, data, len);
}

static void on_end(void *context, struct h2_stream *s)
{
	end_in(context);
}

static void on_closed(void *context, struct h2_stream *s, uint32_t code)
{
	struct tap *t = context;

	t->closed = true;
	t->stream = NULL;
	uv_timer_stop(&t->timer);
	t->options.handler->on_closed(t->options.context, s, code);
	if (!t->busy)
		finish(t);
}

const struct h2_handler tap_handler = {
	.on_data = on_data,
	.on_end = on_end,
	.on_closed = on_closed,
};

/* -- the server's side ----------------------------------------------------- */

/* One portion of the server's, where nothing of it is on its way. */
static void draw(struct tap *t)
{
	const struct h2_source *source = t->options.source;
	size_t n = source->ready(t->options.context, &t->out.ended);

	if (n > 0 && buf_reserve(&t->out.held, n) < 0) {
		fail_soon(t, ENOMEM);
		return;
	}
	if (n > 0) {
		source->take(t->options.context, buf_end(&t->out.held), n);
		buf_added(&t->out.held, n);
	}
	write_more(t);
}

static size_t source_ready(void *context, bool *end)
{
	struct tap *t = context;

	*end = t->failed;
	if (t->failed || t->ready.len > 0)
		return t->ready.len;
	if (!t->busy && !t->out.ended)
		draw(t);
	*end = t->out.ended && t->out.held.len == 0 && t->out.writing.len == 0;
	return 0;
}

static void source_take(void *context, uint8_t *to, size_t n)
{
	struct tap *t = context;

	memcpy(to, buf_bytes(&t->ready), n);
	buf_consume(&t->ready, n);
}

static bool source_trailer(void *context, struct h2_header *field)
{
	const struct tap *t = context;
	const struct tap_options *options = &t->options;

	if (t->failed) {
		*field = (struct h2_header){"virtmux-end", t->last_words};
		return t->last_words;
	}
	return options->source->trailer &&
	       options->source->trailer(options->context, field);
}

const struct h2_source tap_source = {
	.ready = source_ready,
	.take = source_take,
	.trailer = source_trailer,
};

/* -- verbs ----------------------------------------------------------------- */

int tap_new(struct tap **tap, uv_loop_t *uv, const struct tap_options *options,
	    int fd, struct error *err)
{
	struct tap *t = calloc(1, sizeof(*t));

	if (!t) {
		close(fd);
		options->format->free(options->format_context);
		return error_set_no_memory(err);
	}
	t->options = *options;
	t->fd = fd;
	if (!t->options.linger_ms)
		t->options.linger_ms = RELAY_LINGER_MS;
	t->begun_ns = clock_monotonic_ns();
	t->job.work = work;
	t->job.done = done;
	uv_timer_init(uv, &t->timer);
	t->timer.data = t;
	lane_hold(options->lane);
	*tap = t;
	return 0;
}

void tap_cancel(struct tap *t)
{
	assert(!t->started);
	t->closed = true;
	uv_close((uv_handle_t *)&t->timer, on_timer_closed);
}

void tap_start(struct tap *t, struct h2_stream *stream, const uint8_t *data,
	       size_t len, bool end)
{
	t->started = true;
	t->stream = stream;
	if (len > 0)
		take_in(t, data, len);
	if (end)
		end_in(t);
}
