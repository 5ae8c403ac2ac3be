/*
 * What all handlers share: virt with its completions on the loop, and the steps
 * between a verb of virt and the answer of a call. Made by daemon/core.
 *
 * What always holds: virt's replies are taken from the loop alone, and at the
 * end by ops_close(), which leaves no call unanswered.
 */
#include "daemon/ops/room.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/relay/lane.h"
#include "daemon/virt/event.h"

static void on_completion(uv_poll_t *poll, int status, int events)
{
	struct ops *ops = poll->data;

	virt_dispatch(ops->virt);
}

/*
 * The query of a URI can hold paths of the host (qemu:///embed?root=DIR), which
 * are no business of a peer.
 */
static char *public_uri(const char *uri)
{
	return strndup(uri ? uri : "", uri ? strcspn(uri, "?") : 0);
}

static int watch_completions(struct ops *ops, struct error *err)
{
	int rc = uv_poll_init(ops->uv, &ops->poll,
			      virt_completion_fd(ops->virt));

	if (rc < 0)
		return error_set_errno(err, ERROR_SYSTEM, -rc,
				       "cannot wait for libvirt's answers");
	ops->poll.data = ops;
	uv_poll_start(&ops->poll, UV_READABLE, on_completion);
	return 0;
}

static void on_event(void *context, const struct virt_event *event)
{
	event_heard(context, event);
}

int ops_new(struct ops **ops, const struct ops_config *config,
	    struct error *err)
{
	autoptr(ops) o = calloc(1, sizeof(*o));

	if (!o)
		return error_set_no_memory(err);
	o->uv = config->uv;
	o->log = config->log;
	o->core = config->core;
	list_init(&o->followers);
	o->started = clock_realtime_us() / 1000000;
	o->uri = public_uri(config->virt.uri);
	o->record_folder =
		strdup(config->record_folder ? config->record_folder : "");
	if (!o->uri || !o->record_folder)
		return error_set_no_memory(err);
	gethostname(o->hostname, sizeof(o->hostname) - 1);
	if (event_log_new(&o->events, err) < 0 ||
	    virt_new(&o->virt, &config->virt, config->log, err) < 0)
		return -1;
	virt_listen(o->virt, on_event, o);
	if (lane_new(&o->lane, o->uv, o->log, err) < 0 ||
	    watch_completions(o, err) < 0)
		return -1;
	*ops = steal(&o);
	return 0;
}

void ops_drain(struct ops *ops)
{
	virt_close(ops->virt);
}

size_t ops_pending(struct ops *ops)
{
	return ops->virt ? virt_pending(ops->virt) : 0;
}

bool ops_connected(struct ops *ops)
{
	return ops->virt && virt_connected(ops->virt);
}

void ops_close(struct ops *ops)
{
	/* The descriptor must outlive its poll handle. */
	uv_close((uv_handle_t *)&ops->poll, NULL);
	virt_free(steal(&ops->virt));
	lane_close(ops->lane);
}

void ops_free(struct ops *ops)
{
	if (!ops)
		return;
	virt_free(ops->virt);
	event_log_free(ops->events);
	block_pool_clear(&ops->blocks);
	lane_free(ops->lane);
	free(ops->record_folder);
	free(ops->uri);
	free(ops);
}

/* -- steps of a handler --------------------------------------------------- */

void ops_submitted(struct call *call, int rc, struct error *err)
{
	if (rc < 0)
		call_fail(call, err);
}

bool ops_succeeded(struct call *call, struct virt_reply *reply)
{
	if (reply->domain.name)
		call_set_target(call, reply->domain.uuid, reply->domain.name);
	if (!error_is_set(&reply->error))
		return true;
	call_fail(call, &reply->error);
	return false;
}

bool ops_time(int64_t seconds, char *text)
{
	clock_format_us(seconds * 1000000, text);
	return seconds != 0;
}

void ops_percent_encode(const char *text, char *to, size_t size)
{
	size_t n = 0;

	for (; *text && n + 4 <= size; text++) {
		unsigned char c = (unsigned char)*text;

		if (c > ' ' && c < 0x7f && c != '%')
			to[n++] = *text;
		else
			n += (size_t)snprintf(to + n, size - n, "%%%02X", c);
	}
	to[n] = '\0';
}

void ops_domain_headers(const struct virt_reply *reply,
			struct ops_domain_headers *store,
			struct h2_header *headers)
{
	ops_percent_encode(reply->domain.name, store->name,
			   sizeof(store->name));
	headers[0] =
		(struct h2_header){"virtmux-domain-uuid", reply->domain.uuid};
	headers[1] = (struct h2_header){"virtmux-domain-name", store->name};
}

enum domain_state ops_domain_state(enum virt_state state)
{
	static const enum domain_state states[] = {
		[VIRT_STATE_NONE] = DOMAIN_STATE_NONE,
		[VIRT_STATE_RUNNING] = DOMAIN_STATE_RUNNING,
		[VIRT_STATE_BLOCKED] = DOMAIN_STATE_BLOCKED,
		[VIRT_STATE_PAUSED] = DOMAIN_STATE_PAUSED,
		[VIRT_STATE_IN_SHUTDOWN] = DOMAIN_STATE_SHUTDOWN,
		[VIRT_STATE_SHUT_OFF] = DOMAIN_STATE_SHUTOFF,
		[VIRT_STATE_CRASHED] = DOMAIN_STATE_CRASHED,
		[VIRT_STATE_SUSPENDED] = DOMAIN_STATE_PMSUSPENDED,
	};

	return (size_t)state < array_size(states) ? states[state]
						  : DOMAIN_STATE_NONE;
}
