/*
 * The wait of shutdown and reboot (await_end.h). What happens to the domain is heard of
 * by the host's events; a look once in a while makes up for one that was lost.
 *
 * What always holds: the events are listened to before the guest is asked, and for that
 * a domain is looked at by its UUID, so that another one of its name is none of ours.
 */
#include "client/await_end.h"

#include <string.h>

#include "api/codec.h"
#include "api/json.h"
#include "client/connect/channel.h"
#include "client/connect/deadline.h"

#define LOOK_MS   1000u /* between two looks, where nothing is heard */
#define EVENT_MAX 65536 /* bytes of an event; a longer one is passed over */

struct waiting {
	struct command_call *call;
	struct channel *channel;
	struct h2_stream *stream; /* NULL: it was closed */
	struct buf line;          /* of an event, up to now */
	char *uuid;
	enum await_goal goal;
	bool rebooted;
};

/* -- its events ------------------------------------------------------------ */

static bool is_reboot(struct buf *line)
{
	autojson event = NULL;
	struct json_object *type = NULL;

	return json_parse((const char *)buf_bytes(line), line->len,
			  &json_response_limits, &event, NULL) == 0 &&
	       json_object_object_get_ex(event, "type", &type) &&
	       strcmp(json_object_get_string(type),
		      enum_text(&api_type_event_type, EVENT_REBOOT)) == 0;
}

static void on_data(void *context, struct h2_stream *s, const uint8_t *data,
		    size_t len)
{
	struct waiting *w = context;

	for (size_t i = 0; i < len; i++) {
		if (data[i] == '\n') {
			w->rebooted = w->rebooted || is_reboot(&w->line);
			buf_reset(&w->line);
		} else if (w->line.len < EVENT_MAX) {
			buf_append_char(&w->line, (char)data[i]);
		}
	}
	h2_stream_consume(s, len);
	channel_stop(w->channel);
}

static void on_closed(void *context, struct h2_stream *s, uint32_t code)
{
	struct waiting *w = context;

	(void)s;
	(void)code;
	w->stream = NULL;
	channel_stop(w->channel);
}

static int listen_for(struct waiting *w, struct error *err)
{
	static const struct h2_handler handler = {
		.on_data = on_data,
		.on_closed = on_closed,
	};
	enum event_type types[] = {EVENT_LIFECYCLE, EVENT_REBOOT};
	struct event_follow_params params = {
		.domain = w->uuid,
		.has_domain = true,
		.type = types,
		.type_count = array_size(types),
		.has_type = true,
	};
	autobuf text = {0};
	autofree char *path = NULL;

	if (params_encode_path(method_by_id(METHOD_event_follow), &params,
			       &text) < 0 ||
	    !(path = buf_steal_str(&text)))
		return error_set_no_memory(err);
	return channel_follow(w->channel, path, &handler, w, &w->stream, err);
}

static void end_listening(struct waiting *w)
{
	static const struct h2_handler nobody = {0};

	if (!w->stream)
		return;
	h2_stream_set_handler(w->stream, &nobody, NULL);
	h2_stream_reset(w->stream, H2_CANCEL);
}

/* -- the domain ------------------------------------------------------------ */

static int find(struct waiting *w, const char *domain, struct error *err)
{
	struct domain_info_params params = {.domain = (char *)domain};
	struct domain_info info = {0};

	if (channel_call_typed(w->channel, METHOD_domain_info, &params, &info,
			       err) < 0)
		return -1;
	w->uuid = strdup(info.uuid);
	result_free(method_by_id(METHOD_domain_info), &info);
	return w->uuid ? 0 : error_set_no_memory(err);
}

/* 1: it is off, or gone; 0: not yet. */
static int is_off(struct waiting *w, struct error *err)
{
	struct domain_info_params params = {.domain = w->uuid};
	struct domain_info info = {0};
	autoerror why = {0};
	bool off;

	if (channel_call_typed(w->channel, METHOD_domain_info, &params, &info,
			       &why) < 0)
		return why.code == ERROR_NOT_FOUND ? 1 : error_move(err, &why);
	off = info.state == DOMAIN_STATE_SHUTOFF ||
	      info.state == DOMAIN_STATE_CRASHED;
	result_free(method_by_id(METHOD_domain_info), &info);
	return off;
}

static int is_reached(struct waiting *w, struct error *err)
{
	int off = w->rebooted ? 0 : is_off(w, err);

	if (w->goal == AWAIT_STOPPED || off < 0)
		return off;
	if (off > 0)
		return error_set(err, ERROR_FAILED,
				 "domain '%s' is off: it has not started anew",
				 call_argument(w->call, 0));
	return w->rebooted;
}

static int wait_for_it(struct waiting *w, struct error *err)
{
	for (;;) {
		int rc = is_reached(w, err);

		if (rc != 0)
			return rc < 0 ? -1 : 0;
		if (channel_pause(w->channel, LOOK_MS, err) < 0)
			return -1;
	}
}

/* It was asked: that is known, whatever was under way when time was up. */
static int wait_in_time(struct waiting *w, struct error *err)
{
	autoerror why = {0};

	if (wait_for_it(w, &why) == 0)
		return 0;
	if (call_is_late(w->call)) {
		error_clear(&why);
		deadline_late(call_deadline(w->call), &why);
		error_prefix(&why,
			     "domain '%s' was asked to %s, and has not done so "
			     "yet; it may still do it",
			     call_argument(w->call, 0),
			     w->goal == AWAIT_REBOOT ? "reboot" : "shut down");
	}
	return error_move(err, &why);
}

int await_end(struct command_call *call, const char *domain,
	      enum await_goal goal, const char *method, const char *params,
	      struct json_object **result, struct error *err)
{
	struct waiting w = {.call = call, .goal = goal};
	int rc = -1;

	if (call_channel(call, &w.channel, err) == 0 &&
	    find(&w, domain, err) == 0 && listen_for(&w, err) == 0 &&
	    call_method(call, method, params, result, err) == 0)
		rc = wait_in_time(&w, err);
	end_listening(&w);
	buf_free(&w.line);
	free(w.uuid);
	return rc;
}
