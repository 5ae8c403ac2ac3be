/*
 * The end in good order: no new connections, a GOAWAY to each peer, calls and
 * streams may finish until the drain time-out; then connections are cut, libvirt
 * is let go, and the calls that it still held are answered into the void. Called
 * by service.c for the first SIGTERM or SIGINT.
 */
#include "base/clock.h"
#include "daemon/core/limits.h"
#include "daemon/core/notify.h"
#include "daemon/core/service_private.h"

static void finish(struct service *s)
{
	uv_timer_stop(&s->drain);
	log_info(s->log, "drained");
	service_close(s);
}

static void cut(struct service *s)
{
	s->cut = true;
	log_warning(s->log,
		    "the drain time-out is over: %u connections and %zu calls "
		    "are cut",
		    peers_count(s->peers), rpc_open_calls(s->rpc));
	conn_loop_close(s->conns);
}

/* Looks from time to time: the last one may end by whatever. */
static void on_drain(uv_timer_t *timer)
{
	struct service *s = timer->data;
	bool peers = peers_count(s->peers) > 0;
	bool calls = rpc_open_calls(s->rpc) > 0;

	if (!peers && !calls)
		finish(s);
	else if (!s->cut && clock_monotonic_ns() >= s->drain_until)
		cut(s);
	else if (s->cut && !peers && !s->ops_closed)
		service_close_ops(s);
}

void service_drain(struct service *s)
{
	uint64_t time_out = (uint64_t)s->config->daemon_drain_timeout;

	service_set_state(s, SERVICE_DRAINING);
	log_info(s->log, "ending: %u connections and %zu calls may finish",
		 peers_count(s->peers), rpc_open_calls(s->rpc));
	notify_send(s->log, "STOPPING=1\nSTATUS=%zu calls may finish",
		    rpc_open_calls(s->rpc));
	listener_close(s->listener);
	rpc_drain(s->rpc);
	ops_end_events(s->ops);
	peers_drain(s->peers, time_out);
	s->drain_until = clock_monotonic_ns() +
			 (time_out + CORE_CUT_MS) * CLOCK_NS_PER_MS;
	uv_timer_start(&s->drain, on_drain, 0, CORE_DRAIN_LOOK_MS);
}

static void on_soon(uv_timer_t *timer)
{
	struct service *s = timer->data;

	if (s->state == SERVICE_SERVING)
		service_drain(s);
}

int service_drain_soon(void *context, struct ops_drained *left,
		       struct error *err)
{
	struct service *s = context;

	if (s->state != SERVICE_SERVING)
		return error_set(err, ERROR_DRAINING,
				 "the host's agent is ending already");
	left->connections = peers_count(s->peers);
	left->calls = rpc_open_calls(s->rpc);
	uv_timer_start(&s->drain, on_soon, 0, 0);
	return 0;
}
