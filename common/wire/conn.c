/*
 * The life of one connection: bytes in through TLS into HTTP/2 events, the
 * states from handshake to linger, time-outs. See conn.h; output stands in
 * conn_output.c, the socket in conn_socket.c.
 */
#include "wire/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "wire/conn_private.h"

#define DRAIN_WORDS "the host is shutting down"

/* -- states ---------------------------------------------------------------------- */

static const char *const state_names[] = {
	[CONN_SECURING] = "securing", [CONN_GREETING] = "greeting",
	[CONN_OPEN] = "open",         [CONN_DRAINING] = "draining",
	[CONN_CLOSING] = "closing",   [CONN_LINGERING] = "lingering",
	[CONN_CLOSED] = "closed",
};

#define TO(state) (1u << (state))

static const unsigned transitions[] = {
	[CONN_SECURING] = TO(CONN_GREETING) | TO(CONN_CLOSING),
	[CONN_GREETING] = TO(CONN_OPEN) | TO(CONN_CLOSING),
	[CONN_OPEN] = TO(CONN_DRAINING) | TO(CONN_CLOSING),
	[CONN_DRAINING] = TO(CONN_CLOSING),
	[CONN_CLOSING] = TO(CONN_LINGERING) | TO(CONN_CLOSED),
	[CONN_LINGERING] = TO(CONN_CLOSED),
	[CONN_CLOSED] = 0,
};

void conn_set_state(struct conn *c, enum conn_state state)
{
	if (!(transitions[c->state] & TO(state))) {
		log_error(c->loop->log, "connection %s: %s cannot follow %s",
			  c->peer, state_names[state], state_names[c->state]);
		return;
	}
	log_debug(c->loop->log, "connection %s: %s", c->peer,
		  state_names[state]);
	c->state = state;
}

static bool is_ending(const struct conn *c)
{
	return c->state >= CONN_CLOSING;
}

void conn_mark_dirty(struct conn *c)
{
	if (c->state < CONN_LINGERING && list_empty(&c->dirty)) {
		list_append(&c->loop->dirty, &c->dirty);
		conn_loop_wake(c->loop);
	}
}

void conn_mark_later(struct conn *c)
{
	if (list_empty(&c->dirty))
		list_append(&c->loop->later, &c->dirty);
}

static void on_wants_write(void *context)
{
	struct conn *c = context;

	if (!c->blocked && !is_ending(c))
		conn_mark_dirty(c);
}

static void set_deadline(struct conn *c, uint64_t ms)
{
	c->deadline_ns = ms ? clock_monotonic_ns() + ms * CLOCK_NS_PER_MS : 0;
}

void conn_close(struct conn *c, const struct error *why)
{
	if (is_ending(c))
		return;
	if (why && why->code && !error_is_set(&c->why)) {
		error_set(&c->why, why->code, "%s", error_words(why));
		if (why->cause)
			error_set_cause(&c->why, "%s", why->cause);
		c->told = c->opened;
	}
	conn_set_state(c, CONN_CLOSING);
	conn_mark_dirty(c);
}

void conn_abort(struct conn *c, const struct error *why)
{
	c->abrupt = true;
	conn_close(c, why);
}

void conn_fail(struct conn *c, struct error *why)
{
	if (is_ending(c)) {
		error_clear(why);
		return;
	}
	if (why != &c->why)
		error_move(&c->why, why);
	conn_close(c, NULL);
}

/* -- events ------------------------------------------------------------------------ */

static void open_up(struct conn *c)
{
	conn_set_state(c, CONN_OPEN);
	set_deadline(c, 0);
	c->opened = true;
	if (!c->local)
		h2_ping(c->h2, clock_monotonic_ns());
	if (c->events->on_open)
		c->events->on_open(c->context, c);
}

/*
 * What a virtmuxd says when it ends a connection: "NAME: WORDS", an error's name
 * and its words. Other hosts say nothing, or what they please.
 */
static int read_farewell(const struct h2_event *event, struct error *why)
{
	size_t n = event->len < WIRE_FAREWELL ? event->len : WIRE_FAREWELL;
	autofree char *text = strndup((const char *)event->data, n);
	char *words = text ? strstr(text, ": ") : NULL;
	enum error_code code;

	if (!words)
		return -1;
	*words = '\0';
	words += 2;
	code = error_code_from_name(text);
	for (char *p = words; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	error_set(why, code, "%s", words);
	return 0;
}

static void on_goaway_error(struct conn *c, const struct h2_event *event)
{
	autoerror why = {0};

	if (event->data && read_farewell(event, &why) == 0)
		error_prefix(&why, "%s ended the connection", c->peer);
	else
		error_set(&why, ERROR_DISCONNECTED,
			  event->code == H2_ENHANCE_YOUR_CALM
				  ? "%s ended the connection: too many frames "
				    "that do no work"
				  : "%s ended the connection",
			  c->peer);
	conn_fail(c, &why);
}

static void on_goaway(struct conn *c, const struct h2_event *event)
{
	if (event->code != H2_NO_ERROR) {
		on_goaway_error(c, event);
		return;
	}
	if (c->state == CONN_OPEN)
		conn_set_state(c, CONN_DRAINING);
	if (c->events->on_drain)
		c->events->on_drain(c->context, c);
}

static void on_event(struct conn *c, const struct h2_event *event)
{
	if (event->type == H2_EVENT_SETTINGS) {
		if (c->state == CONN_GREETING)
			open_up(c);
	} else if (event->type == H2_EVENT_GOAWAY) {
		on_goaway(c, event);
	} else if (event->type == H2_EVENT_INFORMED) {
		if (c->events->on_informed)
			c->events->on_informed(c->context, c, event->stream);
	} else if (!h2_deliver(event) && event->type == H2_EVENT_REQUEST) {
		if (c->events->on_request)
			c->events->on_request(c->context, c, event->stream);
		else
			h2_stream_reset(event->stream, H2_REFUSED_STREAM);
	}
}

static void drain_events(struct conn *c)
{
	struct h2_event event;

	while (h2_next_event(c->h2, &event))
		on_event(c, &event);
}

/* -- bytes in ------------------------------------------------------------------------ */

static int start_h2(struct conn *c)
{
	struct h2_limits limits = c->loop->limits.h2;

	limits.local = c->local;
	conn_set_state(c, CONN_GREETING);
	if (h2_new(&c->h2, c->role, &limits, on_wants_write, c, &c->why))
		return -1;
	conn_mark_dirty(c);
	return 0;
}

static int feed_plain(struct conn *c, const uint8_t *data, size_t n)
{
	autoerror err = {0};
	int rc = h2_feed(c->h2, data, n, c->heard_ns, &err);

	drain_events(c);
	if (rc && !is_ending(c))
		error_move(&c->why, &err);
	return rc;
}

static int on_tls_end(struct conn *c, enum tls_status status)
{
	if (status == TLS_CLOSED) {
		if (!c->opened || h2_stream_count(c->h2) > 0)
			error_set(&c->why, ERROR_DISCONNECTED,
				  "%s closed the connection", c->peer);
	} else if (c->role == H2_CLIENT) {
		error_prefix(&c->why, "TLS with %s", c->peer);
	}
	return -1;
}

static int advance_handshake(struct conn *c)
{
	enum tls_status status;

	if (conn_hold_block(c, &c->why))
		return -1;
	status = tls_handshake(c->tls, &c->why);
	if (!c->blocked)
		conn_mark_dirty(c);
	if (status == TLS_AGAIN)
		return 0;
	return status == TLS_OK ? start_h2(c) : on_tls_end(c, status);
}

/* Reads and processes records until the lent bytes are used up. */
static int read_records(struct conn *c)
{
	while (c->state != CONN_SECURING && !is_ending(c)) {
		size_t got = 0;
		enum tls_status status;

		status = tls_read(c->tls, c->loop->read_plain,
				  WIRE_RECORD_PLAIN, &got, &c->why);
		if (status == TLS_AGAIN && tls_input_left(c->tls) > 0)
			return error_set(&c->why, ERROR_TLS,
					 "%s sends TLS control messages "
					 "without end",
					 c->peer);
		if (status == TLS_AGAIN)
			return 0;
		if (status != TLS_OK)
			return on_tls_end(c, status);
		if (feed_plain(c, c->loop->read_plain, got))
			return -1;
	}
	return 0;
}

/*
 * N cipher bytes stand in loop->input. TLS may have to answer (alerts, key
 * updates), so that it holds an output block meanwhile.
 */
static int feed_cipher(struct conn *c, size_t n)
{
	int rc = 0;

	if (conn_hold_block(c, &c->why))
		return -1;
	tls_lend_input(c->tls, c->loop->input, n);
	if (c->state == CONN_SECURING)
		rc = advance_handshake(c);
	if (!rc)
		rc = read_records(c);
	if (c->out->len > 0 && !c->blocked)
		conn_mark_dirty(c);
	conn_release_block(c);
	return rc;
}

static int feed(struct conn *c, size_t n)
{
	int rc;

	c->heard_ns = clock_monotonic_ns();
	rc = c->tls ? feed_cipher(c, n) : feed_plain(c, c->loop->input, n);
	if (c->state == CONN_DRAINING && c->role == H2_HOST && !c->last_named &&
	    !h2_ping_pending_since(c->h2)) {
		c->last_named = true;
		h2_drain_end(c->h2, H2_NO_ERROR, DRAIN_WORDS);
	}
	return rc;
}

static int on_end_of_bytes(struct conn *c, ssize_t n)
{
	if (n < 0)
		return error_set_errno(&c->why, ERROR_DISCONNECTED, (int)-n,
				       "the connection to %s broke", c->peer);
	if (c->state == CONN_SECURING || c->state == CONN_GREETING)
		return error_set(
			&c->why, ERROR_DISCONNECTED,
			"%s closed the connection before it was set "
			"up (%s)",
			c->peer,
			c->state == CONN_SECURING
				? "no TLS answer; is it virtmuxd's port?"
				: "after the TLS handshake");
	if (h2_stream_count(c->h2) > 0)
		return error_set(&c->why, ERROR_DISCONNECTED,
				 "%s closed the connection", c->peer);
	return -1;
}

/*
 * One block a turn: what else has come waits until the others, and the answers
 * to this, had theirs.
 */
static int read_turn(struct conn *c)
{
	ssize_t n = c->transport->recv(c->transport_context, c->loop->input,
				       sizeof(c->loop->input));

	if (n == -EAGAIN)
		return 0;
	return n > 0 ? feed(c, (size_t)n) : on_end_of_bytes(c, n);
}

static void close_transport(struct conn *c)
{
	conn_set_state(c, CONN_CLOSED);
	c->transport->close(c->transport_context);
}

static void throw_away_input(struct conn *c)
{
	ssize_t n;

	do
		n = c->transport->recv(c->transport_context, c->loop->input,
				       sizeof(c->loop->input));
	while (n > 0);
	if (n != -EAGAIN)
		close_transport(c);
}

void conn_on_readable(struct conn *c)
{
	if (c->state == CONN_LINGERING) {
		throw_away_input(c);
		return;
	}
	if (is_ending(c))
		return;
	if (read_turn(c))
		conn_fail(c, &c->why);
}

void conn_on_writable(struct conn *c)
{
	c->blocked = false;
	conn_mark_dirty(c);
}

void conn_transport_ready(struct conn *c, bool readable, bool writable)
{
	if (readable)
		conn_on_readable(c);
	if (writable && c->state < CONN_LINGERING)
		conn_on_writable(c);
}

/* -- a turn, and the end --------------------------------------------------------------- */

static uint32_t farewell_code(const struct error *why)
{
	switch (why->code) {
	case ERROR_TLS:
	case ERROR_DENIED:
		return H2_INADEQUATE_SECURITY;
	case ERROR_BUSY:
		return H2_ENHANCE_YOUR_CALM;
	default:
		return H2_CANCEL;
	}
}

static void say_farewell(struct conn *c)
{
	autobuf text = {0};
	autofree char *words = NULL;

	if (!error_is_set(&c->why)) {
		if (c->opened)
			h2_drain_end(c->h2, H2_NO_ERROR, NULL);
		return;
	}
	if (!c->told)
		return;
	buf_appendf(&text, "%s: %s", error_code_name(c->why.code),
		    error_words(&c->why));
	if (text.len > WIRE_FAREWELL)
		text.len = WIRE_FAREWELL;
	words = buf_steal_str(&text);
	h2_drain_end(c->h2, farewell_code(&c->why), words);
}

/*
 * A host that closes with unread input would reset the connection and lose its
 * own last words, an alert or GOAWAY: it lingers.
 */
static void carry_out_close(struct conn *c)
{
	bool heard;

	if (c->abrupt) {
		close_transport(c);
		return;
	}
	say_farewell(c);
	heard = conn_say_goodbye(c);
	if (!heard || c->role == H2_CLIENT || c->loop->closing) {
		close_transport(c);
		return;
	}
	conn_set_state(c, CONN_LINGERING);
	set_deadline(c, WIRE_LINGER_MS);
	c->transport->finish(c->transport_context);
	c->transport->want(c->transport_context, true, false);
}

static bool is_drained(const struct conn *c)
{
	if (!c->h2 || c->out)
		return false;
	if (!h2_alive(c->h2))
		return true;
	return c->state == CONN_DRAINING && h2_stream_count(c->h2) == 0 &&
	       (c->role == H2_CLIENT || c->last_named);
}

void conn_turn(struct conn *c)
{
	if (c->state == CONN_CLOSING) {
		carry_out_close(c);
		return;
	}
	if (conn_flush(c, &c->why)) {
		conn_fail(c, &c->why);
		return;
	}
	/* nghttp2 closes streams also when their last frame is sent. */
	if (c->h2)
		drain_events(c);
	if (!is_ending(c) && is_drained(c))
		conn_close(c, NULL);
	if (c->state < CONN_CLOSING)
		c->transport->want(c->transport_context, true, c->blocked);
}

static const char *grace_words(const struct conn *c)
{
	if (c->role == H2_HOST)
		return "the client did not finish the TLS handshake and the "
		       "HTTP/2 preface in time";
	if (c->state == CONN_SECURING)
		return "the TCP connection stands, but no TLS answer came: is "
		       "it virtmuxd's port, and is a firewall in between?";
	return "TLS stands, but the host's first HTTP/2 frame did not come: "
	       "its log may tell why, or try again";
}

static void on_deadline(struct conn *c)
{
	autoerror why = {0};

	set_deadline(c, 0);
	switch (c->state) {
	case CONN_SECURING:
	case CONN_GREETING:
		error_set(&why,
			  c->role == H2_HOST ? ERROR_TIMED_OUT : ERROR_CONNECT,
			  "%s: time-out after %u s: %s", c->peer,
			  (unsigned)(c->loop->limits.grace_ms / 1000),
			  grace_words(c));
		conn_close(c, &why);
		break;
	case CONN_DRAINING:
		error_set(&why, ERROR_DISCONNECTED,
			  "the connection was ended: the host shuts down");
		conn_close(c, &why);
		break;
	case CONN_LINGERING:
		close_transport(c);
		break;
	default:
		break;
	}
}

void conn_on_tick(struct conn *c, uint64_t now)
{
	const struct conn_limits *limits = &c->loop->limits;
	uint64_t silence = limits->silence_ms * CLOCK_NS_PER_MS;
	uint64_t pong = limits->pong_ms * CLOCK_NS_PER_MS;
	uint64_t pinged;

	if (c->deadline_ns && now >= c->deadline_ns)
		on_deadline(c);
	if (c->state != CONN_OPEN && c->state != CONN_DRAINING)
		return;
	if (now < c->heard_ns + silence)
		return;
	pinged = h2_ping_pending_since(c->h2);
	if (pinged < c->heard_ns) {
		h2_ping(c->h2, now);
	} else if (now >= pinged + pong) {
		autoerror why = {0};

		error_set(&why, ERROR_DISCONNECTED,
			  "%s does not answer any more (no sign of life for "
			  "%u s)",
			  c->peer,
			  (unsigned)((now - c->heard_ns) / CLOCK_NS_PER_S));
		conn_close(c, &why);
	}
}

void conn_drain(struct conn *c, uint64_t deadline_ms)
{
	if (c->state != CONN_OPEN) {
		if (c->state < CONN_OPEN)
			conn_close(c, NULL);
		return;
	}
	conn_set_state(c, CONN_DRAINING);
	set_deadline(c, deadline_ms);
	h2_drain_begin(c->h2);
	h2_ping(c->h2, clock_monotonic_ns());
}

static void free_conn(struct conn *c)
{
	list_remove(&c->node);
	list_remove(&c->dirty);
	block_put(&c->loop->blocks, c->out);
	h2_free(c->h2);
	tls_free(c->tls);
	error_clear(&c->why);
	free(c->peer);
	free(c);
}

void conn_transport_closed(struct conn *c)
{
	struct conn_loop *loop = c->loop;

	if (c->h2) {
		h2_abort(c->h2, H2_CANCEL);
		drain_events(c);
	}
	if (c->events->on_closed)
		c->events->on_closed(c->context, c, &c->why);
	loop->count--;
	free_conn(c);
	conn_loop_maybe_end(loop);
}

/* -- making one ------------------------------------------------------------------------- */

static struct conn *make(struct conn_loop *loop,
			 const struct conn_options *options, struct error *err)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c) {
		error_set_no_memory(err);
		return NULL;
	}
	c->loop = loop;
	c->role = options->role;
	c->events = options->events;
	c->context = options->context;
	c->socket.fd = -1;
	list_init(&c->node);
	list_init(&c->dirty);
	c->peer = strdup(options->peer ? options->peer : "the peer");
	if (!c->peer) {
		error_set_no_memory(err);
		free_conn(c);
		return NULL;
	}
	if (options->tls &&
	    tls_new(&c->tls, options->tls, options->server_name, err)) {
		free_conn(c);
		return NULL;
	}
	return c;
}

static void begin(struct conn *c)
{
	c->heard_ns = clock_monotonic_ns();
	c->loop->count++;
	list_append(&c->loop->conns, &c->node);
	set_deadline(c, c->loop->limits.grace_ms);
	c->transport->want(c->transport_context, true, false);
	if (c->tls ? c->role == H2_CLIENT && advance_handshake(c) : start_h2(c))
		conn_fail(c, &c->why);
}

int conn_new(struct conn **result, struct conn_loop *loop, int fd,
	     const struct conn_options *options, struct error *err)
{
	struct conn *c = make(loop, options, err);

	if (!c) {
		close(fd);
		return -1;
	}
	if (conn_socket_init(c, fd, err)) {
		close(fd);
		free_conn(c);
		return -1;
	}
	c->transport = &conn_socket_transport;
	c->transport_context = c;
	*result = c;
	begin(c);
	return 0;
}

int conn_new_over(struct conn **result, struct conn_loop *loop,
		  const struct conn_transport *transport, void *transport_ctx,
		  const struct conn_options *options, struct error *err)
{
	struct conn *c = make(loop, options, err);

	if (!c)
		return -1;
	c->transport = transport;
	c->transport_context = transport_ctx;
	*result = c;
	begin(c);
	return 0;
}

/* -- plain reads -------------------------------------------------------------------------- */

struct h2 *conn_h2(struct conn *c)
{
	return c->h2;
}

void *conn_context(const struct conn *c)
{
	return c->context;
}

void conn_set_context(struct conn *c, void *context)
{
	c->context = context;
}

const char *conn_peer_address(const struct conn *c)
{
	return c->peer;
}

const struct tls_peer *conn_tls_peer(const struct conn *c)
{
	return c->tls ? tls_peer(c->tls) : NULL;
}

int conn_judge(const struct conn *c, struct tls_context *by, struct error *err)
{
	return c->tls ? tls_judge(c->tls, by, err) : 0;
}

bool conn_is_open(const struct conn *c)
{
	return c->state == CONN_OPEN || c->state == CONN_DRAINING;
}

const struct error *conn_why(const struct conn *c)
{
	return &c->why;
}

bool conn_look_tls(const struct conn *c, struct tls_report *report)
{
	if (c->tls)
		tls_look(c->tls, report);
	return c->tls != NULL;
}

void conn_describe_tls(const struct conn *c, char *text, size_t size)
{
	if (c->tls)
		tls_describe(c->tls, text, size);
	else
		snprintf(text, size, "clear text");
}
