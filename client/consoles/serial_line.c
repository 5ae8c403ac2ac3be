/*
 * One serial line over many streams (serial_line.h): the request, the answer, bytes
 * both ways, the cut and the way back.
 *
 * What always holds: `stream` is the one that counts, NULL while there is none; a
 * stream that was given up may still have its on_closed to come, and is counted in
 * `streams`; whatever ends the line goes through end_with().
 */
#include "client/consoles/serial_line.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "client/connect/channel.h"
#include "client/consoles/console_domain.h"

#define REFUSAL_MAX    (64u * 1024) /* bytes of a refusal's body */
#define SETTLE_MS      50 /* before the host is asked what it has taken; doubled */
#define SETTLE_MOST_MS 1000

enum state {
	LINE_CUT,     /* no stream */
	LINE_ASKED,   /* the host's answer is awaited */
	LINE_REFUSED, /* it was no; its words are gathered */
	LINE_OPEN,    /* bytes go both ways */
	LINE_OVER,
	LINE_STATES
};

static const bool may_become[LINE_STATES][LINE_STATES] = {
	[LINE_CUT] = {[LINE_ASKED] = true, [LINE_OVER] = true},
	[LINE_ASKED] = {[LINE_REFUSED] = true,
			[LINE_OPEN] = true,
			[LINE_CUT] = true,
			[LINE_OVER] = true},
	[LINE_REFUSED] = {[LINE_CUT] = true, [LINE_OVER] = true},
	[LINE_OPEN] = {[LINE_CUT] = true, [LINE_OVER] = true},
};

struct serial_line {
	struct serial_options options;
	char *domain;
	struct serial_book book;
	enum state state;
	struct h2_stream *stream;
	unsigned streams; /* whose on_closed is still to come */
	uv_timer_t timer; /* leaving or settling */
	bool timer_open;
	bool freed;

	struct buf refusal;
	size_t due;   /* bytes of this stream that are not consumed yet */
	size_t stale; /* bytes of former ones */

	bool finishing; /* nothing more will be typed */
	bool end_told;
	bool leaving;
	bool settling;
	uint64_t settle_ms;

	struct error why;     /* of the cut */
	uint64_t deadline_ns; /* to be back; 0: it was not cut */
	uint64_t retry_ms;
	unsigned tries;

	struct serial_end end;
};

static void set_state(struct serial_line *l, enum state to)
{
	bool allowed = may_become[l->state][to];

	(void)allowed;
	assert(allowed);
	l->state = to;
}

static const struct serial_events *events_of(const struct serial_line *l)
{
	return l->options.events;
}

/* -- the end --------------------------------------------------------------- */

static void free_if_over(struct serial_line *l)
{
	if (!l->freed || l->streams > 0 || l->timer_open)
		return;
	serial_book_clear(&l->book);
	buf_free(&l->refusal);
	error_clear(&l->why);
	error_clear(&l->end.why);
	free(l->domain);
	free(l);
}

/* The stream is nothing for us any more; its on_closed is still to come. */
static void drop_stream(struct serial_line *l)
{
	struct h2_stream *s = l->stream;

	l->stale += l->due;
	l->due = 0;
	l->stream = NULL;
	buf_reset(&l->refusal);
	if (s)
		h2_stream_reset(s, H2_CANCEL);
}

static void end_with(struct serial_line *l, enum serial_end_reason reason,
		     struct error *why)
{
	if (l->state == LINE_OVER) {
		error_clear(why);
		return;
	}
	set_state(l, LINE_OVER);
	l->end.reason = reason;
	error_move(&l->end.why, why);
	drop_stream(l);
	if (l->timer_open)
		uv_timer_stop(&l->timer);
	channel_stop(l->options.channel);
}

/* The stream has ended: it is tried again where that can help, or else the end. */
static void cut(struct serial_line *l, enum serial_end_reason reason,
		struct error *why)
{
	bool leaves = l->leaving;

	if (l->state == LINE_OVER)
		return;
	if (leaves || !l->options.return_ms ||
	    !serial_book_can_return(&l->book)) {
		end_with(l, leaves ? SERIAL_STOPPED : reason, why);
		return;
	}
	error_move(&l->why, why);
	drop_stream(l);
	set_state(l, LINE_CUT);
	channel_stop(l->options.channel);
}

/* Whether a later attempt may find it otherwise. */
static bool is_hopeful(enum error_code code)
{
	return code == ERROR_DISCONNECTED || code == ERROR_CONNECT ||
	       code == ERROR_UNAVAILABLE || code == ERROR_DRAINING ||
	       code == ERROR_TIMED_OUT || code == ERROR_NO_MEMORY;
}

static void fail(struct serial_line *l, struct error *why)
{
	end_with(l, SERIAL_FAILED, why);
}

/* -- what is typed --------------------------------------------------------- */

static void start_timer(struct serial_line *l, uint64_t ms);

/* All that was typed was sent: what was waiting for that can go on. */
static void note_all_sent(struct serial_line *l)
{
	if (l->leaving)
		start_timer(l, 0);
	else if (l->settling && serial_book_can_return(&l->book))
		start_timer(l, l->settle_ms);
}

static size_t source_ready(void *context, bool *end)
{
	struct serial_line *l = context;
	size_t n;

	*end = false;
	if (l->state != LINE_OPEN)
		return 0;
	n = serial_book_unsent(&l->book, NULL);
	*end = l->finishing;
	if (n == 0 && l->finishing && !l->end_told) {
		l->end_told = true;
		note_all_sent(l);
	}
	return n;
}

static void source_take(void *context, uint8_t *to, size_t n)
{
	struct serial_line *l = context;
	const uint8_t *at;

	serial_book_unsent(&l->book, &at);
	memcpy(to, at, n);
	serial_book_sent(&l->book, n);
	source_ready(l, &(bool){false});
	if (events_of(l)->on_sent)
		events_of(l)->on_sent(l->options.context);
}

static const struct h2_source source = {
	.ready = source_ready,
	.take = source_take,
};

/* -- the stream's events --------------------------------------------------- */

static void tell_answer(struct serial_line *l, struct h2_stream *s,
			const struct serial_news *news)
{
	const struct serial_events *events = events_of(l);

	if (!news->again)
		events->on_open(l->options.context, s);
	else if (l->deadline_ns || news->anew || news->missed || news->unknown)
		events->on_back(l->options.context, news);
}

/* After an answer: what is held is sent, or all of it was taken. */
static void go_on(struct serial_line *l)
{
	if (l->state != LINE_OPEN)
		return;
	if (l->settling && l->book.typed.len == 0) {
		l->settling = false;
		events_of(l)->on_settled(l->options.context);
	}
	if (l->stream)
		h2_stream_resume(l->stream);
}

static void on_response(void *context, struct h2_stream *s)
{
	struct serial_line *l = context;
	struct serial_news news;
	struct serial_answer answer;
	autoerror why = {0};

	if (s != l->stream || l->state != LINE_ASKED)
		return;
	if (h2_stream_status(s) != 200) {
		set_state(l, LINE_REFUSED);
		return;
	}
	answer = (struct serial_answer){
		.line = h2_stream_header(s, "virtmux-line"),
		.offset = h2_stream_header(s, "virtmux-offset"),
		.taken = h2_stream_header(s, "virtmux-taken"),
	};
	if (serial_book_answer(&l->book, &answer, &news, &why) < 0) {
		fail(l, &why);
		return;
	}
	set_state(l, LINE_OPEN);
	l->end_told = false;
	tell_answer(l, s, &news);
	l->deadline_ns = 0;
	l->retry_ms = SERIAL_RETRY_MS;
	l->tries = 0;
	go_on(l);
}

static void on_data(void *context, struct h2_stream *s, const uint8_t *data,
		    size_t len)
{
	struct serial_line *l = context;
	size_t again;

	if (s == l->stream && l->state == LINE_OPEN) {
		again = serial_book_got(&l->book, len);
		h2_stream_consume(s, again);
		l->due += len - again;
		if (len > again)
			events_of(l)->on_data(l->options.context, data + again,
					      len - again);
		return;
	}
	h2_stream_consume(s, len);
	if (s == l->stream && l->state == LINE_REFUSED &&
	    l->refusal.len + len <= REFUSAL_MAX)
		buf_append(&l->refusal, data, len);
}

static void take_refusal(struct serial_line *l, struct h2_stream *s)
{
	autoerror why = {0};

	channel_read_error(h2_stream_status(s), buf_bytes(&l->refusal),
			   l->refusal.len, &why);
	if (is_hopeful(why.code))
		cut(l, SERIAL_REFUSED, &why);
	else
		end_with(l, SERIAL_REFUSED, &why);
}

/* The host has ended it properly, and perhaps says why. */
static void take_end(struct serial_line *l, struct h2_stream *s)
{
	autoerror why = {0};

	if (console_read_end(s, &why) && is_hopeful(why.code))
		cut(l, SERIAL_BROKEN, &why);
	else
		end_with(l, SERIAL_ENDED, &why);
}

static void on_end(void *context, struct h2_stream *s)
{
	struct serial_line *l = context;

	if (s != l->stream)
		return;
	if (l->state == LINE_REFUSED)
		take_refusal(l, s);
	else if (l->state == LINE_OPEN)
		take_end(l, s);
}

static void on_closed(void *context, struct h2_stream *s, uint32_t code)
{
	struct serial_line *l = context;
	bool stood = l->state == LINE_OPEN;
	autoerror why = {0};

	l->streams--;
	if (s != l->stream) {
		free_if_over(l);
		return;
	}
	l->stream = NULL;
	l->stale += l->due;
	l->due = 0;
	console_explain_break(l->options.channel, code, &why);
	if (is_hopeful(why.code) || why.code == ERROR_BUSY)
		cut(l, stood ? SERIAL_BROKEN : SERIAL_REFUSED, &why);
	else
		end_with(l, stood ? SERIAL_BROKEN : SERIAL_REFUSED, &why);
}

static const struct h2_handler handler = {
	.on_response = on_response,
	.on_data = on_data,
	.on_end = on_end,
	.on_closed = on_closed,
};

/* -- opening --------------------------------------------------------------- */

static int open_stream(struct serial_line *l, struct error *err)
{
	autofree char *path = serial_book_path(&l->book, &l->options.ask);

	if (!path)
		return error_set_no_memory(err);
	if (channel_connect(l->options.channel, path, &source, l, &handler, l,
			    &l->stream, err) < 0)
		return -1;
	l->streams++;
	set_state(l, LINE_ASKED);
	return 0;
}

/* The stream is asked for once more, to hear what was taken. */
static void settle(struct serial_line *l)
{
	autoerror why = {0};

	if (l->state != LINE_OPEN)
		return;
	l->settle_ms *= 2;
	if (l->settle_ms > SETTLE_MOST_MS)
		l->settle_ms = SETTLE_MOST_MS;
	drop_stream(l);
	set_state(l, LINE_CUT);
	if (open_stream(l, &why) < 0)
		cut(l, SERIAL_BROKEN, &why);
}

static void on_timer(uv_timer_t *timer)
{
	struct serial_line *l = timer->data;

	if (l->leaving)
		end_with(l, SERIAL_STOPPED, &(struct error){0});
	else if (l->settling)
		settle(l);
}

static void start_timer(struct serial_line *l, uint64_t ms)
{
	if (l->state != LINE_OVER)
		uv_timer_start(&l->timer, on_timer, ms, 0);
}

/* -- coming back ----------------------------------------------------------- */

static uint64_t with_jitter(uint64_t ms)
{
	uint64_t half = ms / 2, random = 0;

	if (uv_random(NULL, NULL, &random, sizeof(random), 0, NULL) < 0)
		return ms;
	return half + random % (half + 1);
}

/* A connection that stands is tried once; then a new one is made. */
static int try_again(struct serial_line *l, struct error *err)
{
	struct channel *channel = l->options.channel;
	struct conn *conn = channel_conn(channel);
	bool asks;
	int rc;

	if (l->tries++ == 0 && conn && conn_is_open(conn) &&
	    open_stream(l, NULL) == 0)
		return 0;
	asks = channel_may_ask(channel) && events_of(l)->on_asking;
	if (asks)
		events_of(l)->on_asking(l->options.context, true);
	rc = channel_reopen(channel, err);
	if (asks)
		events_of(l)->on_asking(l->options.context, false);
	if (rc < 0 || l->state == LINE_OVER)
		return rc;
	return open_stream(l, err);
}

static void give_up(struct serial_line *l, struct error *why)
{
	end_with(l, SERIAL_BROKEN, why);
}

/* A signal, or the end of --timeout. */
static bool ends_all(const struct serial_line *l, const struct error *why)
{
	return why->code == ERROR_INTERRUPTED ||
	       channel_is_late(l->options.channel);
}

/* 0 with a stream that is asked for, or at the end; -1: a signal. */
static int come_back(struct serial_line *l, struct error *err)
{
	if (!l->deadline_ns) {
		l->deadline_ns = clock_monotonic_ns() +
				 l->options.return_ms * CLOCK_NS_PER_MS;
		events_of(l)->on_cut(l->options.context, &l->why);
	}
	while (l->state == LINE_CUT) {
		uint64_t ms = with_jitter(l->retry_ms);
		autoerror why = {0};
		int rc = channel_pause(l->options.channel, ms, &why);

		if (l->state != LINE_CUT)
			return 0;
		if (rc == 0)
			rc = try_again(l, &why);
		if (rc == 0 || l->state != LINE_CUT)
			return 0;
		if (ends_all(l, &why))
			return error_move(err, &why);
		l->retry_ms *= 2;
		if (l->retry_ms > SERIAL_RETRY_MOST_MS)
			l->retry_ms = SERIAL_RETRY_MOST_MS;
		if (!is_hopeful(why.code) ||
		    clock_monotonic_ns() > l->deadline_ns)
			give_up(l, &why);
	}
	return 0;
}

/* -- verbs ----------------------------------------------------------------- */

int serial_line_new(struct serial_line **line,
		    const struct serial_options *options, struct error *err)
{
	struct serial_line *l = calloc(1, sizeof(*l));

	if (!l)
		return error_set_no_memory(err);
	l->options = *options;
	l->domain = strdup(options->ask.domain);
	if (!l->domain) {
		free(l);
		return error_set_no_memory(err);
	}
	l->options.ask.domain = l->domain;
	if (!options->ask.watch &&
	    random_hex(l->book.token, SERIAL_TOKEN_SIZE, err) < 0) {
		free(l->domain);
		free(l);
		return -1;
	}
	l->retry_ms = SERIAL_RETRY_MS;
	l->settle_ms = SETTLE_MS;
	uv_timer_init(channel_loop(options->channel), &l->timer);
	l->timer.data = l;
	l->timer_open = true;
	*line = l;
	return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct serial_line *l = handle->data;

	l->timer_open = false;
	free_if_over(l);
}

void serial_line_free(struct serial_line *l)
{
	if (!l || l->freed)
		return;
	end_with(l, SERIAL_STOPPED, &(struct error){0});
	l->freed = true;
	uv_close((uv_handle_t *)&l->timer, on_timer_closed);
}

/* One connection's life. -1: a signal. */
static int run_once(struct serial_line *l, struct error *err)
{
	autoerror why = {0};

	if (channel_run(l->options.channel, &why) == 0)
		return 0;
	if (ends_all(l, &why) && l->state != LINE_OVER)
		return error_move(err, &why);
	/* The connection has ended; that of the stream is told next. */
	if (l->state != LINE_OVER && l->stream)
		uv_run(channel_loop(l->options.channel), UV_RUN_ONCE);
	return 0;
}

int serial_line_run(struct serial_line *l, const struct serial_end **end,
		    struct error *err)
{
	if (open_stream(l, err) < 0)
		return -1;
	while (l->state != LINE_OVER) {
		int rc = l->state == LINE_CUT ? come_back(l, err)
					      : run_once(l, err);

		if (rc < 0)
			return -1;
	}
	*end = &l->end;
	return 0;
}

int serial_line_type(struct serial_line *l, const uint8_t *data, size_t n)
{
	if (n == 0)
		return 0;
	if (serial_book_type(&l->book, data, n) < 0)
		return -1;
	if (l->stream && l->state == LINE_OPEN)
		h2_stream_resume(l->stream);
	return 0;
}

size_t serial_line_room(const struct serial_line *l)
{
	size_t waits = serial_book_unsent(&l->book, NULL);

	return waits < SERIAL_AHEAD ? SERIAL_AHEAD - waits : 0;
}

void serial_line_finish(struct serial_line *l)
{
	l->finishing = true;
	if (l->stream && l->state == LINE_OPEN)
		h2_stream_resume(l->stream);
}

void serial_line_settle(struct serial_line *l)
{
	l->settling = true;
	l->settle_ms = SETTLE_MS;
	if (l->end_told && l->state == LINE_OPEN)
		start_timer(l, 0);
	else
		serial_line_finish(l);
}

uint64_t serial_line_unsettled(const struct serial_line *l)
{
	return l->book.typed.len;
}

void serial_line_consumed(struct serial_line *l, size_t n)
{
	size_t former = n < l->stale ? n : l->stale;

	l->stale -= former;
	n -= former;
	l->due -= n;
	if (l->stream && n)
		h2_stream_consume(l->stream, n);
}

bool serial_line_stands(const struct serial_line *l)
{
	return l->state == LINE_OPEN;
}

void serial_line_stop(struct serial_line *l, uint64_t ms)
{
	if (l->state != LINE_OPEN || ms == 0) {
		end_with(l, SERIAL_STOPPED, &(struct error){0});
		return;
	}
	if (l->leaving)
		return;
	l->leaving = true;
	start_timer(l, l->end_told ? 0 : ms);
	serial_line_finish(l);
}

void serial_line_fail(struct serial_line *l, struct error *why)
{
	fail(l, why);
}
