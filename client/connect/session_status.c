/*
 * Requests for the session itself, told by their :authority: "GET /status", "PUT /lock",
 * "PUT /end", and "PUT /withdraw" of a command that does not wait any longer for what is
 * held (forward_withdraw()). The answer is what the session is and does, as JSON:
 *
 * host, address: of the profile; pid; peer: the address that was reached last; tls;
 * opened: RFC 3339; clients: commands that are attached, the asking one left out;
 * streams: that are forwarded; bytes_in, bytes_out: from and to the host;
 * persist_ms: 0 for ever; state: "serving", "away" or "draining"; away: why the host
 * is not reached, away_ms: for how long, retry_in_ms: until it is tried again, 0 while
 * it is, where it is not; version: of virtmux; idle_ms: since it was used, left
 * out while it is; ends_in_ms: when nobody uses it, left out where it does not end by
 * time.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/json.h"
#include "api/message.h"
#include "base/clock.h"
#include "client/connect/profile.h"
#include "client/connect/session_private.h"

#define TLS_TEXT 128

#define WORDS_REFUSED                                                          \
	"the session takes GET /status, PUT /lock, PUT /withdraw and PUT /end"

static void append_member(struct buf *out, const char *name, const char *value)
{
	json_append_string(out, name);
	buf_append_char(out, ':');
	json_append_string(out, value);
	buf_append_char(out, ',');
}

/* Nothing where MS is less than 0. */
static void append_ms(struct buf *out, const char *name, int64_t ms)
{
	if (ms >= 0)
		buf_appendf(out, "\"%s\":%" PRId64 ",", name, ms);
}

/* Until it ends by time; -1: it does not. */
static int64_t remaining_ms(const struct session *s)
{
	int64_t persist = s->options->profile->persist;
	int64_t idle = session_idle_ms(s);

	if (idle < 0 || persist == 0 || s->state >= SESSION_DRAINING)
		return -1;
	return persist > idle ? persist - idle : 0;
}

/* Until the next attempt; 0: it is under way. */
static int64_t retry_ms(const struct session *s)
{
	return s->dialling ? 0 : (int64_t)uv_timer_get_due_in(&s->retry);
}

static void append_away(struct buf *out, const struct session *s)
{
	uint64_t away_ns = clock_monotonic_ns() - s->away_since;

	append_member(out, "away", error_words(&s->why));
	append_ms(out, "away_ms", (int64_t)(away_ns / CLOCK_NS_PER_MS));
	append_ms(out, "retry_in_ms", retry_ms(s));
}

static void append_status(struct buf *out, const struct session *s)
{
	const struct profile *p = s->options->profile;
	struct h2 *h2 = s->far ? conn_h2(s->far) : NULL;
	char tls[TLS_TEXT] = "";
	char opened[CLOCK_TEXT_SIZE];

	if (s->far)
		conn_describe_tls(s->far, tls, sizeof(tls));
	clock_format_us(s->opened_us, opened);
	buf_append_char(out, '{');
	append_member(out, "host", p->name);
	append_member(out, "address", p->address);
	append_member(out, "peer", s->peer ? s->peer : "");
	append_member(out, "tls", tls);
	append_member(out, "opened", opened);
	append_member(out, "state",
		      s->state == SESSION_SERVING ? "serving"
		      : s->state == SESSION_AWAY  ? "away"
						  : "draining");
	if (s->state == SESSION_AWAY)
		append_away(out, s);
	append_member(out, "version", VIRTMUX_VERSION);
	append_ms(out, "idle_ms", session_idle_ms(s));
	append_ms(out, "ends_in_ms", remaining_ms(s));
	buf_appendf(out,
		    "\"pid\":%ld,\"clients\":%u,\"streams\":%u,"
		    "\"bytes_in\":%llu,\"bytes_out\":%llu,"
		    "\"persist_ms\":%lld}",
		    (long)getpid(), s->clients_count - 1, forward_count(s),
		    h2 ? (unsigned long long)h2_bytes_in(h2) : 0ull,
		    h2 ? (unsigned long long)h2_bytes_out(h2) : 0ull,
		    (long long)p->persist);
}

static void answer(struct h2_stream *near, unsigned status, struct buf *body)
{
	const struct h2_header type = {"content-type", "application/json"};

	if (!buf_ok(body) || h2_respond_body(near, status, &type, 1, body) < 0)
		h2_stream_reset(near, H2_INTERNAL_ERROR);
}

static void refuse(struct h2_stream *near)
{
	autoerror why = {0};
	autobuf body = {0};

	error_set(&why, ERROR_NOT_FOUND, WORDS_REFUSED);
	message_append_error(&body, NULL, &why, NULL);
	answer(near, 404, &body);
}

static bool is_asked(struct h2_stream *near, const char *method,
		     const char *path)
{
	const char *m = h2_stream_header(near, ":method");
	const char *p = h2_stream_header(near, ":path");

	return m && p && strcmp(m, method) == 0 && strcmp(p, path) == 0;
}

bool status_request(struct client *client, struct h2_stream *near)
{
	const char *authority = h2_stream_header(near, ":authority");
	bool end = is_asked(near, "PUT", "/end");
	bool lock = is_asked(near, "PUT", "/lock");
	bool withdraw = is_asked(near, "PUT", SESSION_WITHDRAW);
	autobuf body = {0};

	if (!authority || strcmp(authority, SESSION_AUTHORITY) != 0)
		return false;
	if (!end && !lock && !withdraw && !is_asked(near, "GET", "/status")) {
		refuse(near);
		return true;
	}
	if (withdraw)
		forward_withdraw(client);
	append_status(&body, client->session);
	answer(near, 200, &body);
	if (lock)
		session_lock(client->session);
	if (end)
		session_stop(client->session);
	return true;
}
