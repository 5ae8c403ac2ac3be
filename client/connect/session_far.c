/*
 * The session's side towards its host (session_private.h): the first connection and
 * each later one, what a lost one means, when it is tried again, and whether the one
 * that stands still does after the network has changed or the machine has slept.
 *
 * What always holds: at most one connection takes new streams (s->far), at most one
 * is being made (s->dialling); others drain: they carry the streams that they had.
 * A connection is given up for another one only where the other one stands, or where
 * nothing is heard of it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/route.h"
#include "client/connect/key.h"
#include "client/connect/profile.h"
#include "client/connect/session_pace.h"
#include "client/connect/session_private.h"
#include "wire/conn_dial.h"
#include "wire/tls.h"

/* A connection to the host, from its first attempt to its end. */
struct link {
	struct session *session;
	struct conn_dial *dial; /* while it is being made */
	struct conn *conn;      /* NULL before it stands */
};

static uint64_t ms_since(uint64_t ns)
{
	return (clock_monotonic_ns() - ns) / CLOCK_NS_PER_MS;
}

/* Somebody waits, or his streams were cut and he will be back. */
static bool is_hurried(const struct session *s)
{
	return clock_monotonic_ns() < s->hurry_until;
}

static void hurry(struct session *s)
{
	s->hurry_until =
		clock_monotonic_ns() + SESSION_HURRY_MS * CLOCK_NS_PER_MS;
}

void far_note_cut(struct session *s)
{
	hurry(s);
}

/* -- attempts -------------------------------------------------------------- */

static void on_open(void *context, struct conn *conn);
static void on_drain(void *context, struct conn *conn);
static void on_closed(void *context, struct conn *conn,
		      const struct error *why);

static const struct conn_events events = {
	.on_open = on_open,
	.on_drain = on_drain,
	.on_closed = on_closed,
};

/* The connection that is being made is not wanted any more. */
static void give_up_dial(struct session *s)
{
	struct link *link = steal(&s->dialling);

	if (!link)
		return;
	conn_dial_cancel(link->dial);
	free(link);
}

static int dial(struct session *s, struct error *err)
{
	const struct profile *p = s->options->profile;
	struct link *link = calloc(1, sizeof(*link));
	struct conn_dial_options options = {
		.host = s->host,
		.port = s->port,
		.server_name = p->server_name,
		.tls = s->tls,
		.timeout_ms = (uint64_t)p->connect_timeout,
		.race_ms = is_hurried(s) ? SESSION_RACE_MS : 0,
		.events = &events,
		.context = link,
	};

	if (!link)
		return error_set_no_memory(err);
	link->session = s;
	s->dialled_at = clock_monotonic_ns();
	if (conn_dial(s->far_loop, &options, &link->dial, err) < 0) {
		free(link);
		return -1;
	}
	s->dialling = link;
	return 0;
}

static void on_retry(uv_timer_t *timer);

/* The next attempt, MS after the last one began; or now, where that has passed. */
static void schedule(struct session *s, uint64_t ms)
{
	uint64_t passed = ms_since(s->dialled_at);

	uv_update_time(&s->uv);
	uv_timer_start(&s->retry, on_retry, ms > passed ? ms - passed : 0, 0);
}

static void schedule_next(struct session *s)
{
	uint64_t random = 0;

	uv_random(NULL, NULL, &random, sizeof(random), 0, NULL);
	schedule(s, pace_next_ms(s->failures, is_hurried(s), random));
}

static void note_failure(struct session *s)
{
	s->failures++;
	log_debug(s->options->log, "attempt %u: %s", s->failures,
		  error_words(&s->why));
	schedule_next(s);
	forward_tell_held(s);
}

static void on_retry(uv_timer_t *timer)
{
	struct session *s = timer->data;
	autoerror why = {0};

	if (s->state != SESSION_AWAY || s->dialling)
		return;
	if (dial(s, &why) == 0)
		return;
	error_clear(&s->why);
	error_move(&s->why, &why);
	note_failure(s);
}

/*
 * Tries at once, though not more often than somebody who waits would; an attempt
 * that is as old as that may have been begun without a network.
 */
static void try_now(struct session *s)
{
	if (s->dialling && ms_since(s->dialled_at) < PACE_HURRY_MS)
		return;
	give_up_dial(s);
	s->failures = 1;
	schedule_next(s);
}

void far_want(struct session *s)
{
	bool gentle = !is_hurried(s);

	hurry(s);
	if (s->state != SESSION_AWAY)
		return;
	if (gentle)
		try_now(s);
	else if (!s->dialling && !uv_is_active((uv_handle_t *)&s->retry))
		schedule_next(s);
}

/* -- a connection's life --------------------------------------------------- */

/* Whether the PING of the doubt was answered. */
static bool has_answered(const struct session *s)
{
	return h2_ping_pending_since(conn_h2(s->far)) != s->doubt_since;
}

static void end_doubt(struct session *s)
{
	s->doubt_since = 0;
	uv_timer_stop(&s->doubt);
}

static void lose(struct session *s, const char *words)
{
	autoerror why = {0};

	error_set(&why, ERROR_DISCONNECTED, "%s does not answer any more: %s",
		  conn_peer_address(s->far), words);
	conn_abort(s->far, &why);
}

static void on_open(void *context, struct conn *conn)
{
	struct link *link = context;
	struct session *s = link->session;

	s->dialling = NULL;
	link->dial = NULL;
	link->conn = conn;
	if (s->state == SESSION_DRAINING ||
	    (s->far && s->doubt_since && has_answered(s))) {
		conn_close(conn, NULL); /* it is not needed any more */
		return;
	}
	if (s->far)
		lose(s, "another connection stands");
	end_doubt(s);
	s->far = conn;
	free(s->peer);
	s->peer = strdup(conn_peer_address(conn));
	s->opened_at = clock_monotonic_ns();
	error_clear(&s->why);
	if (s->state != SESSION_AWAY)
		return;
	session_set_state(s, SESSION_SERVING);
	log_info(s->options->log, "the host is back after %" PRIu64 " ms",
		 ms_since(s->away_since));
	forward_release(s);
}

/* S->why tells the reason. */
static void go_away(struct session *s)
{
	s->far = NULL;
	end_doubt(s);
	if (s->state == SESSION_DRAINING) {
		session_stop(s);
		return;
	}
	session_set_state(s, SESSION_AWAY);
	log_info(s->options->log, "the host is away: %s", error_words(&s->why));
	s->away_since = clock_monotonic_ns();
	/* One that is taken and ended at once was no success. */
	s->failures =
		ms_since(s->opened_at) < SESSION_STOOD_MS ? s->failures + 1 : 1;
	if (!s->dialling)
		schedule_next(s);
}

static void on_drain(void *context, struct conn *conn)
{
	struct link *link = context;
	struct session *s = link->session;

	if (s->far != conn || s->state != SESSION_SERVING)
		return;
	error_clear(&s->why);
	error_set(&s->why, ERROR_DRAINING, "the host is shutting down");
	go_away(s);
}

/* No later attempt would have another answer. */
static bool is_final(enum error_code code)
{
	return code == ERROR_TLS || code == ERROR_DENIED || code == ERROR_KEY ||
	       code == ERROR_CONFIG || code == ERROR_UNSUPPORTED;
}

static void take_reason(struct session *s, const struct error *why)
{
	error_clear(&s->why);
	if (error_is_set(why))
		error_copy(&s->why, why);
	else
		error_set(&s->why, ERROR_DISCONNECTED,
			  "the host ended the connection");
}

static void on_closed(void *context, struct conn *conn, const struct error *why)
{
	struct link *link = context;
	struct session *s = link->session;
	bool attempted = s->dialling == link;
	bool served = conn && s->far == conn;

	free(link);
	if (attempted)
		s->dialling = NULL;
	if (served)
		s->far = NULL;
	if (s->state >= SESSION_ENDING || (!attempted && !served))
		return;
	if (attempted && s->far)
		return; /* made in doubt */
	take_reason(s, why);
	if (s->state == SESSION_CONNECTING)
		session_stop(s);
	else if (is_final(s->why.code))
		session_refuse(s);
	else if (served)
		go_away(s);
	else
		note_failure(s);
}

/* -- whether it still stands ----------------------------------------------- */

static void on_doubt(uv_timer_t *timer)
{
	struct session *s = timer->data;
	autoerror why = {0};

	if (!s->far || !s->doubt_since)
		return;
	if (has_answered(s)) {
		end_doubt(s);
		give_up_dial(s);
		return;
	}
	if (ms_since(s->doubt_since) >= SESSION_LOST_MS) {
		end_doubt(s);
		lose(s, "the network has changed, or this machine has slept");
		return;
	}
	/* The first to answer is the one that is used. */
	if (s->state == SESSION_SERVING && !s->dialling && dial(s, &why) < 0)
		log_debug(s->options->log, "no second connection: %s",
			  error_words(&why));
	uv_timer_start(&s->doubt, on_doubt, SESSION_LOST_MS - SESSION_DOUBT_MS,
		       0);
}

/* A second doubt changes nothing in the first one. */
static void begin_doubt(struct session *s)
{
	if (s->doubt_since)
		return;
	s->doubt_since = clock_monotonic_ns();
	if (h2_ping(conn_h2(s->far), s->doubt_since) < 0) {
		s->doubt_since = 0;
		return;
	}
	uv_update_time(&s->uv);
	uv_timer_start(&s->doubt, on_doubt, SESSION_DOUBT_MS, 0);
}

void far_check(struct session *s)
{
	if (s->state == SESSION_AWAY)
		try_now(s);
	else if (s->far && conn_is_open(s->far))
		begin_doubt(s);
}

static struct pace_clocks read_clocks(void)
{
	return (struct pace_clocks){
		.monotonic_ns = clock_monotonic_ns(),
		.boottime_ns = clock_boottime_ns(),
		.realtime_us = clock_realtime_us(),
	};
}

static void on_watch(uv_timer_t *timer)
{
	struct session *s = timer->data;
	struct pace_clocks now = read_clocks();

	if (pace_slept(&s->clocks, &now, SESSION_WATCH_MS)) {
		log_info(s->options->log, "this machine has slept");
		far_check(s);
	}
	s->clocks = now;
}

static void on_route(uv_poll_t *poll, int status, int what)
{
	struct session *s = poll->data;

	if (route_changed(s->routes_fd)) {
		log_debug(s->options->log, "the network has changed");
		far_check(s);
	}
}

/* -- beginning and end ----------------------------------------------------- */

/* Where nobody tells of changes, PING and sleep's traces are left. */
static void watch_routes(struct session *s)
{
	autoerror why = {0};

	if (route_watch(&s->routes_fd, &why) < 0) {
		log_debug(s->options->log, "%s", error_words(&why));
		return;
	}
	if (uv_poll_init(&s->uv, &s->routes, s->routes_fd) < 0) {
		close(steal_fd(&s->routes_fd));
		return;
	}
	s->routes.data = s;
	uv_poll_start(&s->routes, UV_READABLE, on_route);
}

int far_begin(struct session *s, struct error *err)
{
	const struct profile *p = s->options->profile;

	if (p->via)
		return error_set(err, ERROR_UNSUPPORTED,
				 "via = %s: this virtmux cannot reach a host "
				 "through another one yet",
				 p->via);
	if (conn_split_address(p->address, PROFILE_PORT, &s->host, &s->port,
			       err) < 0 ||
	    key_tls_context(&s->tls, p, s->options->sources, err) < 0)
		return -1;
	return dial(s, err);
}

void far_watch(struct session *s)
{
	s->clocks = read_clocks();
	uv_timer_start(&s->watch, on_watch, SESSION_WATCH_MS, SESSION_WATCH_MS);
	watch_routes(s);
}

void far_end(struct session *s)
{
	give_up_dial(s);
	end_doubt(s);
	uv_timer_stop(&s->retry);
	uv_timer_stop(&s->watch);
	if (s->routes_fd < 0)
		return;
	uv_close((uv_handle_t *)&s->routes, NULL);
	close(steal_fd(&s->routes_fd));
}

uint64_t far_away_ms(const struct session *s)
{
	return ms_since(s->away_since);
}

uint64_t far_next_ms(const struct session *s)
{
	return s->dialling ? 0 : uv_timer_get_due_in(&s->retry);
}

const char *far_words(const struct session *s)
{
	return error_is_set(&s->why) ? error_words(&s->why)
				     : "the first attempt has not ended yet";
}
