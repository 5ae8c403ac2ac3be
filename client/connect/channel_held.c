/*
 * What a session says of the requests that it holds while its host is away (session.h),
 * and the way to have them back: a person is told, and a request that nobody waits for
 * any longer is known not to have been sent.
 *
 * What always holds: for a channel whose session holds nothing there is no timer and no
 * request; who was told of a wait is told of its end, before anything else is printed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client/connect/channel_private.h"
#include "client/connect/session.h"

/* -- being told ------------------------------------------------------------ */

/* In a console or a window that fills the screen there is no place for a line. */
static bool may_tell(const struct channel *c)
{
	return c->options.on_held &&
	       (c->waits || (c->streamed && !c->restreamed));
}

static void tell(struct channel *c)
{
	c->told = true;
	c->options.on_held(c->options.away_context, &c->held);
}

static void on_tell(uv_timer_t *timer)
{
	struct channel *c = timer->data;

	if (c->holds && may_tell(c))
		tell(c);
}

void channel_end_held(struct channel *c)
{
	c->holds = false;
	free(steal(&c->held.words));
	if (c->detached || !c->tell.data)
		return;
	if (!c->withdraws)
		uv_timer_stop(&c->tell);
	if (c->told)
		c->options.on_held(c->options.away_context, NULL);
	c->told = false;
}

void channel_on_informed(void *context, struct conn *conn, struct h2_stream *s)
{
	struct channel *c = context;
	const char *text = h2_stream_informed(s, SESSION_HELD);
	uint64_t now = clock_monotonic_ns();
	uint64_t away_ms = 0;
	uint64_t next_ms = 0;
	int words = 0;

	if (!c->session || !text ||
	    sscanf(text, "%" SCNu64 " %" SCNu64 " %n", &away_ms, &next_ms,
		   &words) < 2) {
		channel_end_held(c);
		return;
	}
	free(c->held.words);
	c->held = (struct channel_held){
		.since_ns = now - away_ms * CLOCK_NS_PER_MS,
		.next_ns = now + next_ms * CLOCK_NS_PER_MS,
		.words = strdup(text + words),
	};
	if (!c->holds && !c->withdraws && may_tell(c)) {
		uv_update_time(c->uv);
		uv_timer_start(&c->tell, on_tell, CHANNEL_NOTICE_MS,
			       CHANNEL_NOTICE_MS);
	}
	c->holds = true;
	if (c->told)
		tell(c);
}

/* -- having it back -------------------------------------------------------- */

static void on_withdrawal_closed(void *context, struct h2_stream *s,
				 uint32_t code)
{
	struct channel *c = context;

	c->withdrawal = NULL;
	uv_stop(c->uv);
}

static const struct h2_handler handler = {.on_closed = on_withdrawal_closed};

bool channel_begin_withdrawal(struct channel *c)
{
	const struct h2_header headers[] = {
		{":method", "PUT"},
		{":scheme", "https"},
		{":authority", SESSION_AUTHORITY},
		{":path", SESSION_WITHDRAW},
	};

	if (!c->holds || !c->conn)
		return false;
	return c->withdrawal ||
	       h2_request(conn_h2(c->conn), headers, array_size(headers), NULL,
			  NULL, H2_URGENCY_CALL, &handler, c, &c->withdrawal,
			  NULL) == 0;
}

static void on_too_late(uv_timer_t *timer)
{
	struct channel *c = timer->data;

	uv_stop(c->uv);
}

void channel_withdraw(struct channel *c, const bool *done)
{
	if (!channel_begin_withdrawal(c))
		return;
	uv_update_time(c->uv);
	uv_timer_start(&c->tell, on_too_late, CHANNEL_WITHDRAW_MS, 0);
	c->withdraws = true;
	/* What is given back is no longer held; its answer may be on its way. */
	while (!*done && (c->withdrawal || !c->holds) &&
	       uv_is_active((uv_handle_t *)&c->tell))
		uv_run(c->uv, UV_RUN_ONCE);
	c->withdraws = false;
	uv_timer_stop(&c->tell);
}
