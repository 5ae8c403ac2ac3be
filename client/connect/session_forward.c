/*
 * Forwarding one stream between a command (near) and the host (far): the request
 * with its headers, bodies both ways, half-close and reset (session_private.h).
 *
 * What always holds: a window is opened on one side only by what the other has
 * taken; an end reaches the other side behind all bytes that came before it; a
 * forward lives until both streams are closed. A request that comes while the host
 * is away is held before one byte of it was passed on, and is passed on when the host
 * is back, or answered with the reason; a stream under way that is cut is reset, so
 * that the command knows that its outcome is not known.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/message.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "client/connect/channel.h"
#include "client/connect/profile.h"
#include "client/connect/session_private.h"
#include "wire/limits.h"

#define HTTP_BAD_GATEWAY 502
#define HELD_WORDS_MAX   512 /* bytes of a reason, in a header */

/* One direction: what came from the giver and the taker has not got yet. */
struct lane {
	struct pieces held;
	size_t taken; /* by the taker, not yet told to the giver */
	bool fresh;   /* the taker is to be told of bytes or the end */
	bool ended;   /* the giver's half is closed */
	bool told;    /* and the taker has its end */
};

struct forward {
	struct list node; /* session->forwards */
	struct list due;  /* session->due */
	struct list held; /* session->held */
	struct session *session;
	const struct client *client;  /* while near is there */
	struct conn *conn;            /* of far */
	struct h2_stream *near, *far; /* NULL before and after */
	struct lane up, down;
	char *last_words;   /* the trailer virtmux-end; NULL: none */
	uint64_t held_till; /* clock_monotonic_ns() */
	bool begun;         /* the host was asked */
	bool responded;     /* the command has the response's headers */
	bool late;          /* near is to be reset behind its last bytes */
	uint32_t late_code;
};

static void on_awake(uv_idle_t *idle)
{
	/* That it is active keeps the loop from sleeping. */
}

static void on_turn(uv_check_t *check)
{
	forward_turn(check->data);
}

static void mark_due(struct forward *f)
{
	struct session *s = f->session;

	if (!list_empty(&f->due))
		return;
	list_append(&s->due, &f->due);
	if (s->state == SESSION_ENDED)
		return; /* the handles close; free_session() sees to it */
	uv_check_start(&s->turn, on_turn);
	uv_idle_start(&s->awake, on_awake);
}

/* -- lanes ----------------------------------------------------------------- */

static size_t lane_ready(struct lane *lane, bool *end)
{
	*end = lane->ended;
	if (lane->ended && lane->held.len == 0)
		lane->told = true;
	return lane->held.len;
}

static void lane_take(struct forward *f, struct lane *lane, uint8_t *to,
		      size_t n)
{
	pieces_take(&lane->held, &f->session->pieces, to, n);
	lane->taken += n;
	if (lane->held.len == 0)
		lane->told = lane->ended;
	/* A giver that has ended needs no window, which its close gives back. */
	if (!lane->ended || lane == &f->down)
		mark_due(f);
}

static size_t up_ready(void *context, bool *end)
{
	struct forward *f = context;

	return lane_ready(&f->up, end);
}

static void up_take(void *context, uint8_t *to, size_t n)
{
	struct forward *f = context;

	lane_take(f, &f->up, to, n);
}

static size_t down_ready(void *context, bool *end)
{
	struct forward *f = context;
	size_t n = lane_ready(&f->down, end);

	if (f->down.told)
		mark_due(f);
	return n;
}

static void down_take(void *context, uint8_t *to, size_t n)
{
	struct forward *f = context;

	lane_take(f, &f->down, to, n);
}

static bool down_trailer(void *context, struct h2_header *field)
{
	struct forward *f = context;

	*field = (struct h2_header){CONSOLE_END, f->last_words};
	return f->last_words;
}

static const struct h2_source up_source = {.ready = up_ready, .take = up_take};
static const struct h2_source down_source = {
	.ready = down_ready, .take = down_take, .trailer = down_trailer};

/* Bytes from GIVER; TAKER is NULL where nobody takes them any more. */
static void lane_give(struct forward *f, struct lane *lane,
		      struct h2_stream *giver, bool wanted, const uint8_t *data,
		      size_t len)
{
	if (!wanted) {
		h2_stream_consume(giver, len);
		return;
	}
	if (pieces_append(&lane->held, &f->session->pieces, data, len) < 0)
		h2_stream_reset(giver, H2_INTERNAL_ERROR);
	lane->fresh = true;
	mark_due(f);
}

static void lane_end(struct forward *f, struct lane *lane)
{
	lane->ended = true;
	lane->fresh = true;
	mark_due(f);
}

/* -- the host's side ------------------------------------------------------- */

static void on_far_response(void *context, struct h2_stream *far)
{
	struct forward *f = context;
	struct h2_header headers[WIRE_HEADERS_MAX];
	struct h2_header h;
	size_t n = 0;

	for (size_t i = 0; h2_stream_header_at(far, i, &h); i++)
		if (h.name[0] != ':' && n < array_size(headers))
			headers[n++] = h;
	f->responded = true;
	if (f->near)
		h2_respond(f->near, h2_stream_status(far), headers, n,
			   &down_source, f);
	/* Not in the loop's input, perhaps: it must not sleep now. */
	mark_due(f);
}

static void on_far_data(void *context, struct h2_stream *far,
			const uint8_t *data, size_t len)
{
	struct forward *f = context;

	lane_give(f, &f->down, far, f->near, data, len);
}

static void on_far_end(void *context, struct h2_stream *far)
{
	struct forward *f = context;
	const char *words = h2_stream_header(far, CONSOLE_END);

	f->last_words = words ? strdup(words) : NULL;
	lane_end(f, &f->down);
}

static void reset_late(struct forward *f, uint32_t code)
{
	f->late = true;
	f->late_code = code;
}

static void on_far_closed(void *context, struct h2_stream *far, uint32_t code)
{
	struct forward *f = context;

	f->far = NULL;
	mark_due(f);
	if (f->down.ended) {
		reset_late(f, H2_NO_ERROR);
	} else if (!conn_is_open(f->conn)) {
		/* Not just this stream: whoever had it may ask again. */
		reset_late(f, H2_CONNECT_ERROR);
		far_note_cut(f->session);
	} else {
		reset_late(f, code == H2_NO_ERROR ? H2_INTERNAL_ERROR : code);
	}
}

static const struct h2_handler far_handler = {
	.on_response = on_far_response,
	.on_data = on_far_data,
	.on_end = on_far_end,
	.on_closed = on_far_closed,
};

/* -- the command's side ---------------------------------------------------- */

static void on_near_data(void *context, struct h2_stream *near,
			 const uint8_t *data, size_t len)
{
	struct forward *f = context;

	lane_give(f, &f->up, near, f->far || !f->begun, data, len);
}

static void on_near_end(void *context, struct h2_stream *near)
{
	struct forward *f = context;

	lane_end(f, &f->up);
}

/* What both have ended ends by itself; else the host is told. */
static void on_near_closed(void *context, struct h2_stream *near, uint32_t code)
{
	struct forward *f = context;

	f->near = NULL;
	mark_due(f);
	if (f->far && !(f->up.told && f->down.ended))
		h2_stream_reset(f->far, code == H2_NO_ERROR ? H2_CANCEL : code);
}

static const struct h2_handler near_handler = {
	.on_data = on_near_data,
	.on_end = on_near_end,
	.on_closed = on_near_closed,
};

/* -- the request ----------------------------------------------------------- */

/* RFC 9218; the wire room has three classes. */
static enum h2_urgency urgency_of(const char *priority)
{
	const char *u = priority ? strstr(priority, "u=") : NULL;

	if (!u || u[2] < '0' || u[2] > '7')
		return H2_URGENCY_CONSOLE;
	if (u[2] < '0' + H2_URGENCY_CONSOLE)
		return H2_URGENCY_CALL;
	return u[2] < '0' + H2_URGENCY_BULK ? H2_URGENCY_CONSOLE
					    : H2_URGENCY_BULK;
}

/* Those of the command, but the scheme: the channel is TLS. */
static size_t copy_headers(const struct h2_stream *near, struct h2_header *to,
			   size_t room)
{
	struct h2_header h;
	size_t n = 0;

	for (size_t i = 0; n < room && h2_stream_header_at(near, i, &h); i++) {
		if (strcmp(h.name, "priority") == 0)
			continue;
		if (strcmp(h.name, ":scheme") == 0)
			h.value = "https";
		to[n++] = h;
	}
	return n;
}

static void ask_host(struct forward *f)
{
	struct conn *conn = f->session->far;
	struct h2_header headers[WIRE_HEADERS_MAX];
	size_t n = copy_headers(f->near, headers, array_size(headers));
	bool empty = f->up.ended && f->up.held.len == 0;
	autoerror why = {0};

	f->begun = true;
	f->up.told = empty;
	f->conn = conn;
	/* Refused: nothing was done, and the command may try again. */
	if (!conn || !conn_is_open(conn) ||
	    h2_request(conn_h2(conn), headers, n, empty ? NULL : &up_source, f,
		       urgency_of(h2_stream_header(f->near, "priority")),
		       &far_handler, f, &f->far, &why) < 0)
		reset_late(f, H2_REFUSED_STREAM);
}

/* -- while the host is away ------------------------------------------------ */

static void unhold(struct forward *f)
{
	if (list_empty(&f->held))
		return;
	list_remove(&f->held);
	f->session->held_count--;
}

/* One line, which a header can carry. */
static char *held_text(const struct session *s)
{
	autobuf text = {0};
	char *line;

	buf_appendf(&text, "%" PRIu64 " %" PRIu64 " %.*s", far_away_ms(s),
		    far_next_ms(s), HELD_WORDS_MAX, far_words(s));
	line = buf_steal_str(&text);
	if (!line)
		return NULL;
	line[utf8_valid_prefix((const uint8_t *)line, strlen(line))] = '\0';
	for (char *c = line; *c; c++)
		if (iscntrl((unsigned char)*c))
			*c = ' ';
	return line;
}

static void tell_held(const struct forward *f)
{
	autofree char *text = held_text(f->session);
	const struct h2_header held = {SESSION_HELD, text};

	if (text && f->near)
		h2_inform(f->near, SESSION_HELD_STATUS, &held, 1);
}

/* It is held no more: what comes next is an answer. */
static void tell_over(const struct forward *f)
{
	if (f->near)
		h2_inform(f->near, SESSION_HELD_STATUS, NULL, 0);
}

/*
 * Instead of the host, and as it would: the command shows the words. Near may have gone
 * in this turn of the loop.
 */
static void answer_error(struct forward *f, const struct error *why)
{
	const struct h2_header type = {"content-type", "application/json"};
	autobuf body = {0};

	if (!list_empty(&f->held))
		tell_over(f);
	unhold(f);
	f->begun = true;
	f->responded = true;
	f->down.ended = true;
	f->down.told = true;
	if (!f->near)
		return;
	message_append_error(&body, NULL, why, NULL);
	if (!buf_ok(&body) ||
	    h2_respond_body(f->near, HTTP_BAD_GATEWAY, &type, 1, &body) < 0)
		h2_stream_reset(f->near, H2_REFUSED_STREAM);
}

static void on_held_too_long(uv_timer_t *timer);

static void arm_held_timer(struct session *s)
{
	struct forward *oldest;
	uint64_t now = clock_monotonic_ns();
	uint64_t ms = 0;

	if (list_empty(&s->held)) {
		uv_timer_stop(&s->held_timer);
		return;
	}
	oldest = list_entry(s->held.next, struct forward, held);
	if (oldest->held_till > now)
		ms = (oldest->held_till - now) / CLOCK_NS_PER_MS + 1;
	uv_update_time(&s->uv);
	uv_timer_start(&s->held_timer, on_held_too_long, ms, 0);
}

static void on_held_too_long(uv_timer_t *timer)
{
	struct session *s = timer->data;
	uint64_t now = clock_monotonic_ns();

	list_for_each_safe (node, &s->held) {
		struct forward *f = list_entry(node, struct forward, held);
		autoerror why = {0};

		if (f->held_till > now)
			break;
		error_set(&why, ERROR_CONNECT,
			  "host '%s' has been away for %" PRIu64
			  " s, and did not come back within %g s "
			  "(connect-timeout), so nothing was done: %s",
			  s->options->profile->name, far_away_ms(s) / 1000,
			  (double)s->options->profile->connect_timeout / 1000,
			  far_words(s));
		answer_error(f, &why);
	}
	arm_held_timer(s);
}

static void hold(struct forward *f)
{
	struct session *s = f->session;
	autoerror why = {0};

	if (!list_empty(&f->held))
		return;
	far_want(s);
	if (s->held_count == SESSION_HELD_MAX) {
		error_set(&why, ERROR_BUSY,
			  "host '%s' is away, and %d requests wait for it "
			  "already",
			  s->options->profile->name, SESSION_HELD_MAX);
		answer_error(f, &why);
		return;
	}
	f->held_till = clock_monotonic_ns() +
		       (uint64_t)s->options->profile->connect_timeout *
			       CLOCK_NS_PER_MS;
	list_append(&s->held, &f->held);
	s->held_count++;
	arm_held_timer(s);
	tell_held(f);
}

void forward_tell_held(struct session *s)
{
	list_for_each (node, &s->held)
		tell_held(list_entry(node, struct forward, held));
}

void forward_withdraw(const struct client *client)
{
	struct session *s = client->session;
	autoerror why = {0};

	error_set(&why, ERROR_CONNECT,
		  "host '%s' has been away for %" PRIu64
		  " s, and nothing was done: %s",
		  s->options->profile->name, far_away_ms(s) / 1000,
		  far_words(s));
	list_for_each_safe (node, &s->held) {
		struct forward *f = list_entry(node, struct forward, held);

		if (f->near && f->client == client)
			answer_error(f, &why);
	}
	arm_held_timer(s);
}

void forward_release(struct session *s)
{
	while (!list_empty(&s->held)) {
		struct forward *f =
			list_entry(s->held.next, struct forward, held);

		tell_over(f);
		unhold(f);
		mark_due(f);
	}
	arm_held_timer(s);
}

void forward_refuse_held(struct session *s, const struct error *why)
{
	list_for_each_safe (node, &s->held)
		answer_error(list_entry(node, struct forward, held), why);
	arm_held_timer(s);
}

/* -- its beginning --------------------------------------------------------- */

void forward_begin(struct client *client, struct h2_stream *near)
{
	struct forward *f = calloc(1, sizeof(*f));

	if (!f) {
		h2_stream_reset(near, H2_REFUSED_STREAM);
		return;
	}
	f->session = client->session;
	f->client = client;
	f->near = near;
	list_init(&f->due);
	list_init(&f->held);
	list_append(&f->session->forwards, &f->node);
	h2_stream_set_handler(near, &near_handler, f);
	/* In the turn it is known whether a body follows. */
	mark_due(f);
}

/* -- the turn -------------------------------------------------------------- */

static void lane_turn(struct lane *lane, struct h2_stream *giver,
		      struct h2_stream *taker)
{
	if (giver && lane->taken)
		h2_stream_consume(giver, lane->taken);
	lane->taken = 0;
	if (taker && lane->fresh)
		h2_stream_resume(taker);
	lane->fresh = false;
}

static void free_forward(struct forward *f)
{
	unhold(f);
	list_remove(&f->node);
	list_remove(&f->due);
	pieces_clear(&f->up.held, &f->session->pieces);
	pieces_clear(&f->down.held, &f->session->pieces);
	free(f->last_words);
	free(f);
}

/* Whether the command has got all that the host had sent. */
static bool is_delivered(const struct forward *f)
{
	if (!f->responded || !f->down.ended)
		return f->down.held.len == 0;
	return f->down.told;
}

static void forward_act(struct forward *f)
{
	if (f->near && !f->begun) {
		if (f->session->state == SESSION_AWAY)
			hold(f);
		else
			ask_host(f);
	}
	lane_turn(&f->up, f->near, f->far);
	lane_turn(&f->down, f->far, f->near);
	if (f->late && f->near && is_delivered(f)) {
		f->late = false;
		h2_stream_reset(f->near, f->late_code);
	}
	if (!f->near && !f->far)
		free_forward(f);
}

void forward_turn(struct session *s)
{
	struct list due;

	list_init(&due);
	list_take(&due, &s->due);
	uv_check_stop(&s->turn);
	uv_idle_stop(&s->awake);
	while (!list_empty(&due)) {
		struct forward *f = list_entry(due.next, struct forward, due);

		list_remove(&f->due);
		forward_act(f);
	}
}

void forward_end_all(struct session *s)
{
	list_for_each (node, &s->forwards) {
		struct forward *f = list_entry(node, struct forward, node);

		if (f->far)
			h2_stream_reset(f->far, H2_CANCEL);
		unhold(f);
		if (!f->down.ended)
			reset_late(f, f->begun ? H2_CONNECT_ERROR
					       : H2_REFUSED_STREAM);
		f->begun = true;
		mark_due(f);
	}
}

unsigned forward_count(const struct session *s)
{
	unsigned n = 0;

	list_for_each (node, &s->forwards)
		n++;
	return n;
}
