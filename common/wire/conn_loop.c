/*
 * What the connections of one loop share: scratch buffers, the block pool, the
 * turn in which gathered output is sent before the loop sleeps, and one timer
 * for every time-out. Owned by main() of each program.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "wire/conn_private.h"

const struct conn_limits conn_limits_default = {
	.h2 = {.streams = WIRE_STREAMS,
	       .header_list = WIRE_HEADER_LIST,
	       .window_first = WIRE_WINDOW_FIRST,
	       .window_most = WIRE_WINDOW_MOST,
	       .window_all = WIRE_WINDOW_ALL},
	.grace_ms = WIRE_GRACE_MS,
	.silence_ms = WIRE_SILENCE_MS,
	.pong_ms = WIRE_PONG_MS,
};

/* Rounds of one turn: a turn may make other connections dirty again. */
#define ROUNDS 16

static void on_again(uv_idle_t *handle)
{
	/* Its being active keeps the loop from sleeping. */
}

void conn_loop_wake(struct conn_loop *loop)
{
	if (!uv_is_closing((uv_handle_t *)&loop->again))
		uv_idle_start(&loop->again, on_again);
}

static void turn_all(struct list *dirty)
{
	struct list turn;

	list_init(&turn);
	list_take(&turn, dirty);
	while (!list_empty(&turn)) {
		struct conn *c = list_entry(turn.next, struct conn, dirty);

		list_remove(&c->dirty);
		conn_turn(c);
	}
}

static void on_prepare(uv_prepare_t *handle)
{
	struct conn_loop *loop = handle->data;

	for (int i = 0; i < ROUNDS && !list_empty(&loop->dirty); i++)
		turn_all(&loop->dirty);
	list_take(&loop->dirty, &loop->later);
	if (list_empty(&loop->dirty))
		uv_idle_stop(&loop->again);
	else
		uv_idle_start(&loop->again, on_again);
}

static void on_tick(uv_timer_t *handle)
{
	struct conn_loop *loop = handle->data;
	uint64_t now = clock_monotonic_ns();

	list_for_each_safe (node, &loop->conns)
		conn_on_tick(list_entry(node, struct conn, node), now);
}

int conn_loop_new(struct conn_loop **result, uv_loop_t *uv,
		  const struct conn_limits *limits, struct log *log,
		  struct error *err)
{
	struct conn_loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return error_set_no_memory(err);
	loop->uv = uv;
	loop->log = log;
	loop->limits = *limits;
	list_init(&loop->conns);
	list_init(&loop->dirty);
	list_init(&loop->later);
	uv_prepare_init(uv, &loop->prepare);
	uv_timer_init(uv, &loop->tick);
	uv_idle_init(uv, &loop->again);
	loop->again.data = loop;
	loop->prepare.data = loop;
	loop->tick.data = loop;
	loop->handles = 3;
	uv_prepare_start(&loop->prepare, on_prepare);
	uv_timer_start(&loop->tick, on_tick, WIRE_TICK_MS, WIRE_TICK_MS);
	uv_unref((uv_handle_t *)&loop->prepare);
	uv_unref((uv_handle_t *)&loop->tick);
	*result = loop;
	return 0;
}

void conn_loop_set_limits(struct conn_loop *loop,
			  const struct conn_limits *limits)
{
	loop->limits = *limits;
}

uv_loop_t *conn_loop_uv(struct conn_loop *loop)
{
	return loop->uv;
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct conn_loop *loop = handle->data;

	loop->handles--;
}

/* The loop's own handles go with the last connection. */
void conn_loop_maybe_end(struct conn_loop *loop)
{
	if (!loop->closing || !list_empty(&loop->conns) ||
	    uv_is_closing((uv_handle_t *)&loop->tick))
		return;
	uv_close((uv_handle_t *)&loop->prepare, on_handle_closed);
	uv_close((uv_handle_t *)&loop->tick, on_handle_closed);
	uv_close((uv_handle_t *)&loop->again, on_handle_closed);
}

void conn_loop_close(struct conn_loop *loop)
{
	loop->closing = true;
	list_for_each_safe (node, &loop->conns)
		conn_close(list_entry(node, struct conn, node), NULL);
	conn_loop_maybe_end(loop);
}

void conn_loop_free(struct conn_loop *loop)
{
	if (!loop)
		return;
	block_pool_clear(&loop->blocks);
	free(loop);
}
